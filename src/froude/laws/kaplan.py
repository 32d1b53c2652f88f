"""Kaplan's joint law of parameters and tokens."""

from froude.laws.kinds import Exponent, NatsPerToken, Params, Pivot, Tokens
from froude.laws.law import law


@law(
    source="Kaplan et al. 2020, arXiv:2001.08361, eq. 1.5",
    published={
        "kaplan-2020-joint": {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
        "kaplan-2020-limits": {"Nc": 8.8e13, "alpha_N": 0.076, "Dc": 5.4e13, "alpha_D": 0.095},
    },
    trust={
        "kaplan-2020-joint": "constants of the joint fit, as remembered: not checked against the paper",
        "kaplan-2020-limits": "the constants of L(N) and L(D), fitted each alone: right in either limit only",
    },
    domain={"N": (1e5, 1.5e9), "D": (2e7, 2.3e10)},
    carries={"Nc": {"N": 1.0}, "Dc": {"D": 1.0}},
    falls_in=("N", "D"),
    wrong_when="the loss nears its floor, of which it has none: far extrapolations come out too low.",
)
def kaplan_joint(N: Params, D: Tokens, *, Nc: Pivot, alpha_N: Exponent, Dc: Pivot, alpha_D: Exponent) -> NatsPerToken:
    """Loss is limited by parameters and by tokens together, and falls without a floor."""
    return ((Nc / N) ** (alpha_N / alpha_D) + Dc / D) ** alpha_D
