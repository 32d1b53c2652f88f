"""Power laws of one input: parameters, tokens or compute."""

from froude.laws.kinds import Exponent, Floor, Positive, Scale, Size
from froude.laws.law import Example, law

PF_DAY_FLOP = 8.64e19

# Kaplan writes (Nc/N)^alpha, so the scale is Nc^alpha; his C is in petaflop-days.
_KAPLAN_C = {
    "kaplan-2020": {"A": (1.6e7 * PF_DAY_FLOP) ** 0.057, "alpha": 0.057},
    "kaplan-2020-min": {"A": (3.1e8 * PF_DAY_FLOP) ** 0.050, "alpha": 0.050},
}
_KAPLAN_N = {"kaplan-2020": {"A": 8.8e13**0.076, "alpha": 0.076}}
_TOKENS = {
    "kaplan-2020": {"A": 5.4e13**0.095, "alpha": 0.095},
    "hestness-2017-word-lm": {"A": 11.9, "alpha": 0.066},
}


@law(
    source="Kaplan et al. 2020, arXiv:2001.08361, eq. 1.1-1.3; Hestness et al. 2017, arXiv:1712.00409",
    over={"C": _KAPLAN_C, "N": _KAPLAN_N, "D": _TOKENS},
    trust={"kaplan-2020-min": "figure 1 of the paper prints 2.3e8 petaflop-days where the text has 3.1e8"},
    domain={"C": (1e17, 1e23), "N": (1e6, 1e11), "D": (1e8, 1e12)},
    carries={"A": {"x": "alpha"}},
    falls_in=("x",),
    examples=[
        Example(constants="kaplan-2020", at={"N": 1e8}, gives="2.830"),
        Example(constants="kaplan-2020", at={"N": 1e9}, gives="2.376"),
        Example(constants="kaplan-2020", at={"N": 1e10}, gives="1.994"),
    ],
    wrong_when="the loss has a floor, or an input that is not in the law also changes: it then bends.",
)
def power(x: Size, *, A: Scale, alpha: Exponent) -> Positive:
    """Loss falls as a power of one input, without a floor."""
    return A * x**-alpha


@law(
    source="Henighan et al. 2020, arXiv:2010.14701, eq. 1.1",
    over={"C": {}, "N": {}, "D": {}},
    domain={"C": (1e17, 1e23), "N": (1e6, 1e11), "D": (1e8, 1e12)},
    carries={"A": {"x": "alpha"}},
    falls_in=("x",),
    wrong_when="the runs span too little range to tell floor from exponent, which then trade off freely.",
)
def power_floor(x: Size, *, E: Floor, A: Scale, alpha: Exponent) -> Positive:
    """Loss falls to a floor as a power of one input."""
    return E + A * x**-alpha
