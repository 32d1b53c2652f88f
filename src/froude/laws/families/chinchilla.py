"""The additive law of parameters and tokens."""

from collections.abc import Mapping
from typing import Any

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Exponent, Floor, NatsPerToken, Params, Scale, Tokens
from froude.laws.origin import Origin

# The 240 runs of the refit, read off figure 4 of Hoffmann et al. (table chinchilla_epoch, D > 8.15e8).
_FIGURE_4: Mapping[str, Any] = {
    "source": "the points of figure 4 of Hoffmann et al. as Besiroglu et al. read them off (table chinchilla_epoch)",
    "data": "MassiveText",
    "tokenizer": "SentencePiece of 32,000",
    "n": 240,
    "ranges": {"N": (5.73e7, 1.62e10), "D": (8.19e8, 3.18e11), "C": (1.40e18, 1.30e22)},
}

# As printed by Hu et al., whose N and D are in billions: C_N, alpha, C_D, beta and L_0.
_MINICPM = {
    "code": (3.32e-2, 0.37, 2.17e-1, 0.34, 0.17),
    "english-wikihow": (8.08e-2, 0.26, 2.97e-1, 0.18, 0.27),
    "chinese-wikihow": (5.14e-2, 0.35, 3.90e-1, 0.18, 0.40),
    "ultratext": (7.54e-2, 0.30, 2.92e-1, 0.30, 0.25),
    "chinese-yayi": (1.53e-1, 0.19, 3.76e-1, 0.17, 0.35),
    "average": (7.15e-2, 0.29, 3.00e-1, 0.23, 0.31),
}


def _in_billions(A: float, alpha: float, B: float, beta: float, E: float) -> dict[str, float]:
    """The constants for plain N and D of a law printed for N and D in billions."""
    return {"E": E, "A": A * 1e9**alpha, "alpha": alpha, "B": B * 1e9**beta, "beta": beta}


@law(
    source=(
        "Hoffmann et al. 2022, arXiv:2203.15556, eq. 2; refit: Besiroglu et al. 2024, arXiv:2404.10102; "
        "Hu et al. 2024 (MiniCPM), arXiv:2404.06395"
    ),
    published={
        "hoffmann-2022": {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
        "hoffmann-2022-tex": {"E": 1.6934, "A": 406.4, "alpha": 0.3392, "B": 410.7, "beta": 0.2849},
        "besiroglu-2024": {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658},
        **{f"minicpm-2024-{data}": _in_billions(*printed) for data, printed in _MINICPM.items()},
    },
    trust={
        "hoffmann-2022": "rounded in the paper: this alone moves the best tokens per parameter from 59 to 93",
        "hoffmann-2022-tex": "exponents and floor unrounded, from the paper's TeX source",
        **{
            f"minicpm-2024-{data}": "rounded to two or three digits; its loss is, as remembered, per byte"
            for data in _MINICPM
        },
    },
    origins={
        "besiroglu-2024": Origin(**_FIGURE_4, deviation=0.0059),
        "hoffmann-2022-tex": Origin(**_FIGURE_4, deviation=0.0072),
        "hoffmann-2022": Origin(**_FIGURE_4, deviation=0.0167),
        **{
            f"minicpm-2024-{data}": Origin(source="Hu et al. 2024, arXiv:2404.06395", data=data, tokenizer="MiniCPM's")
            for data in _MINICPM
        },
    },
    domain={"N": (4e7, 2e10), "D": (2e8, 5e11)},
    carries={"A": {"N": "alpha"}, "B": {"D": "beta"}},
    falls_in=("N", "D"),
    examples=[
        Example(constants="hoffmann-2022", at={"N": 70e9, "D": 1.4e12}, gives="1.93665"),
        Example(constants="hoffmann-2022-tex", at={"N": 70e9, "D": 1.4e12}, gives="1.92084"),
        Example(constants="besiroglu-2024", at={"N": 70e9, "D": 1.4e12}, gives="1.97388"),
    ],
    wrong_when="models see few tokens for their size: larger models gain more from data than it says.",
)
def chinchilla(N: Params, D: Tokens, *, E: Floor, A: Scale, alpha: Exponent, B: Scale, beta: Exponent) -> NatsPerToken:
    """Loss falls to a floor as parameters and tokens grow."""
    return E + A * N**-alpha + B * D**-beta


@law(
    source="Muennighoff et al. 2023, arXiv:2305.16264, eq. 4 at one epoch",
    published={
        "muennighoff-2023": {
            "E": 1.86914368,
            "A": 520.82495,
            "alpha": 0.3526596,
            "B": 1487.71609,
        },
    },
    trust={"muennighoff-2023": "the authors say that its absolute values are not meant to be used"},
    origins={"muennighoff-2023": Origin(source="Muennighoff et al. 2023", data="C4", tokenizer="GPT-2's of 50,257")},
    domain={"N": (7e6, 9e9), "D": (1e8, 9e11)},
    carries={"A": {"N": "alpha"}, "B": {"D": "alpha"}},
    falls_in=("N", "D"),
    wrong_when="parameters and tokens pay at different rates.",
)
def chinchilla_tied(N: Params, D: Tokens, *, E: Floor, A: Scale, alpha: Exponent, B: Scale) -> NatsPerToken:
    """Loss falls to a floor as parameters and tokens grow, both at one rate: fewer runs determine it."""
    return E + A * N**-alpha + B * D**-alpha
