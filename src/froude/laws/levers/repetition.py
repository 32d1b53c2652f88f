"""What tokens are worth when they are seen again, and parameters when they outgrow the unique tokens."""

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import EffectiveParams, EffectiveTokens, Exponent, Params, Ratio, Scale, Tokens

_MUENNIGHOFF = "Muennighoff et al. 2023, arXiv:2305.16264"


@law(
    source=f"{_MUENNIGHOFF}, eq. 5",
    published={"muennighoff-2023": {"R_D": 15.387756}},
    domain={"D": (1e8, 9e11), "U": (1e8, 1.8e11)},
    carries={},
    rises_in=("D", "U"),
    wrong_when="data are noisy or near-duplicates, which wear out sooner, or epochs number far above 40.",
)
def repeated_tokens(D: Tokens, U: Tokens, *, R_D: Ratio) -> EffectiveTokens:
    """Tokens seen again are worth less with every epoch: of D tokens seen, U are unique."""
    unique = np.minimum(D, U)
    return unique + unique * R_D * (1 - np.exp((1 - D / unique) / R_D))


@law(
    source=f"{_MUENNIGHOFF}, eq. 6, with N_opt of Hoffmann et al. 2022, arXiv:2203.15556, eq. 4",
    published={
        "muennighoff-2023": {
            "R_N": 5.309743,
            "A": 520.82495,
            "alpha": 0.3526596,
            "B": 1487.71609,
            "beta": 0.3526596,
        },
    },
    domain={"N": (7e6, 9e9), "U": (1e8, 1.8e11)},
    carries={"A": {"N": "alpha"}, "B": {"U": "beta"}},
    rises_in=("N",),
    notation=(
        "N' + N'·R_N·(1 - exp((1 - N/N')/R_N)), N' = min(N, G·(G·U)^(beta/alpha)), "
        "G = (alpha·A/(beta·B))^(1/(alpha + beta))",
        r"N' + N' R_N \left(1 - e^{(1 - N/N')/R_N}\right),\; N' = \min\left(N, G (G U)^{\beta/\alpha}\right),"
        r"\; G = \left(\frac{\alpha A}{\beta B}\right)^{1/(\alpha + \beta)}",
    ),
    wrong_when="the base law's constants are not those of single-epoch training: they say what is in excess.",
)
def excess_params(
    N: Params, U: Tokens, *, R_N: Ratio, A: Scale, alpha: Exponent, B: Scale, beta: Exponent
) -> EffectiveParams:
    """Parameters beyond the best number for U unique tokens are worth less and less."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    useful = np.minimum(N, G * (G * U) ** (beta / alpha))
    return useful + useful * R_N * (1 - np.exp((1 - N / useful) / R_N))
