"""The best size and length of a training for a budget of compute, as power laws of the budget."""

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.families.power import PF_DAY_FLOP
from froude.laws.kinds import Amount, BestParams, BestSteps, BestTokens, Exponent, Flop, FlopPerToken

_KAPLAN = "Kaplan et al. 2020, arXiv:2001.08361, section 6"
_PORIAN = "Porian et al. 2024, arXiv:2406.19146, table of fits in the authors' repository (RefinedWeb)"
_DEEPSEEK = "DeepSeek-AI 2024, arXiv:2401.02954, eq. 4"

# As printed in table 1 of Henighan et al.: C0, in petaflop-days, and the exponent of (C/C0)^a.
_HENIGHAN = {
    "language": (3.3e-13, 0.73),
    "image-8x8": (5.3e-14, 0.64),
    "image-16x16": (4.8e-12, 0.75),
    "image-32x32": (1.6e-13, 0.65),
    "image-vq-16x16": (6.2e-14, 0.64),
    "image-vq-32x32": (9.4e-13, 0.7),
    "text-to-image": (9.4e-13, 0.7),
    "image-to-text": (3.3e-12, 0.72),
    "video-vq-16x16x16": (1.13e-12, 0.71),
    "math-extrapolate": (2.3e-12, 0.69),
}


def _per_pf_day(factor: float, exponent: float) -> float:
    """k of k·C^exponent in FLOP, for a law printed as factor·C^exponent in petaflop-days."""
    return factor * PF_DAY_FLOP**-exponent


@law(
    source=f"{_KAPLAN}; Henighan et al. 2020, arXiv:2010.14701, table 1; {_PORIAN}",
    published={
        "kaplan-2020": {"k": _per_pf_day(1.3e9, 0.73), "a": 0.73},
        **{f"henighan-2020-{name}": {"k": (C0 * PF_DAY_FLOP) ** -a, "a": a} for name, (C0, a) in _HENIGHAN.items()},
        "porian-2024-as-kaplan": {"k": 4.509820786815405e-08, "a": 0.8337679322841748},
        "porian-2024-head-counted": {"k": 1.61058462465226e-05, "a": 0.7008992037256913},
        "porian-2024-short-warmup": {"k": 0.00134215784099468, "a": 0.6035277580839369},
        "porian-2024-cosine-decay": {"k": 0.004781425268667283, "a": 0.5714248897446623},
        "porian-2024-tuned": {"k": 0.11819903781389161, "a": 0.49702879549161855},
    },
    trust={
        "henighan-2020-text-to-image": "suspect: the table prints the same numbers for images of 32x32 VQ codes",
        "henighan-2020-image-vq-32x32": "suspect: the table prints the same numbers for text to image",
    },
    domain={"C": (1e16, 1e23)},
    carries={"k": {"C": "-a"}},
    rises_in=("C",),
    examples=[Example(constants="henighan-2020-image-32x32", at={"C": PF_DAY_FLOP}, gives="2.08e8")],
    wrong_when="learning rate or batch are tuned at one size only: the exponent then shows the tuning.",
)
def optimal_params(C: Flop, *, k: Amount, a: Exponent) -> BestParams:
    """The number of parameters that makes the most of a budget of compute grows as a power of it."""
    return k * C**a


@law(
    source=f"{_KAPLAN}; {_DEEPSEEK}; {_PORIAN}",
    published={
        "kaplan-2020": {"k": _per_pf_day(2e10, 0.27), "b": 0.27},
        "deepseek-2024": {"k": 5.8316, "b": 0.4757},
        "porian-2024-tuned": {"k": 1.4100509593748898, "b": 0.5029712045083815},
    },
    trust={
        "kaplan-2020": "as remembered: not checked against the paper",
        "deepseek-2024": "its C is tokens times the non-embedding FLOPs a token, attention counted",
    },
    domain={"C": (1e16, 1e23)},
    carries={"k": {"C": "-b"}},
    rises_in=("C",),
    wrong_when="data run out before compute does, or their quality changes with the amount.",
)
def optimal_tokens(C: Flop, *, k: Amount, b: Exponent) -> BestTokens:
    """The number of tokens that makes the most of a budget of compute grows as a power of it."""
    return k * C**b


@law(
    source=_DEEPSEEK,
    published={"deepseek-2024": {"k": 0.1715, "a": 0.5243}},
    domain={"C": (1e17, 2e20)},
    carries={"k": {"C": "-a"}},
    rises_in=("C",),
    wrong_when="the data change: cleaner data asks for larger models (exponents 0.450, 0.524 and 0.578 were found).",
)
def optimal_flop_per_token(C: Flop, *, k: Amount, a: Exponent) -> FlopPerToken:
    """The non-embedding FLOPs a token, a size that counts attention, that make the most of a budget of compute."""
    return k * C**a


@law(
    source=_KAPLAN,
    published={"kaplan-2020": {"k": _per_pf_day(5.4e3, 0.03), "a": 0.03}},
    domain={"C": (1e16, 1e23)},
    carries={"k": {"C": "-a"}},
    rises_in=("C",),
    wrong_when="the batch is far from the critical one, for which these are the fewest steps that will do.",
)
def optimal_steps(C: Flop, *, k: Amount, a: Exponent) -> BestSteps:
    """The number of optimizer steps at a very large batch that makes the most of a budget of compute."""
    return k * C**a
