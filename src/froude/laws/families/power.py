"""Power laws of one input, parameters, tokens or compute, with and without a floor."""

from collections.abc import Mapping

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Exponent, Floor, Positive, Scale, Size

PF_DAY_FLOP = 8.64e19
"""A petaflop/s-day in floating-point operations: the unit of compute of Kaplan et al. and Henighan et al."""

# As printed in table 1 of Henighan et al.: the floor, then x0 and alpha of (x/x0)^-alpha.
_HENIGHAN_N = {
    "image-8x8": (3.12, 8.0e1, 0.24),
    "image-16x16": (2.64, 2.8e2, 0.22),
    "image-32x32": (2.20, 6.3e1, 0.13),
    "image-vq-16x16": (3.99, 2.7e4, 0.13),
    "image-vq-32x32": (3.07, 1.9e4, 0.14),
    "text-to-image": (2.0, 5.1e3, 0.16),
    "image-to-text": (2.0, 5.5e3, 0.15),
    "video-vq-16x16x16": (1.01, 3.7e4, 0.24),
    "math-extrapolate": (0.28, 1.1e4, 0.16),
}
_HENIGHAN_C = {
    "image-8x8": (3.13, 1.8e-8, 0.19),
    "image-16x16": (2.64, 1.6e-8, 0.16),
    "image-32x32": (2.21, 3.6e-9, 0.1),
    "image-vq-16x16": (4.09, 6.1e-7, 0.11),
    "image-vq-32x32": (3.17, 2.6e-6, 0.12),
    "text-to-image": (1.93, 1.5e-6, 0.15),
    "image-to-text": (1.97, 1.5e-6, 0.16),
    "video-vq-16x16x16": (0.95, 2.2e-5, 0.14),
    "math-extrapolate": (0.14, 1.4e-5, 0.17),
}


def _scale(x0: float, alpha: float, unit: float = 1.0) -> dict[str, float]:
    """A and alpha of A·x^-alpha for a law printed as (x/x0)^-alpha, x0 in a unit of so much."""
    return {"A": (x0 * unit) ** alpha, "alpha": alpha}


def _henighan(rows: Mapping[str, tuple[float, float, float]], unit: float) -> dict[str, dict[str, float]]:
    return {f"henighan-2020-{name}": {"E": E, **_scale(x0, alpha, unit)} for name, (E, x0, alpha) in rows.items()}


@law(
    source=(
        "Kaplan et al. 2020, arXiv:2001.08361, eq. 1.1-1.3; Hestness et al. 2017, arXiv:1712.00409; "
        "Henighan et al. 2020, arXiv:2010.14701, table 1; M1 of Alabdulmohsin et al. 2022, arXiv:2209.06640"
    ),
    over={
        "C": {
            "kaplan-2020": _scale(1.6e7, 0.057, PF_DAY_FLOP),
            "kaplan-2020-min": _scale(3.1e8, 0.050, PF_DAY_FLOP),
            "henighan-2020-language": _scale(3.47e8, 0.048, PF_DAY_FLOP),
        },
        "N": {
            "kaplan-2020": _scale(8.8e13, 0.076),
            "henighan-2020-language": _scale(1.47e14, 0.070),
            "henighan-2020-text-to-image-text": _scale(5.6e8, 0.037),
            "henighan-2020-image-to-text-text": _scale(7.0e8, 0.039),
        },
        "D": {
            "kaplan-2020": _scale(5.4e13, 0.095),
            "hestness-2017-word-lm": {"A": 11.9, "alpha": 0.066},
        },
    },
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
    source=(
        "Hestness et al. 2017, arXiv:1712.00409; Henighan et al. 2020, arXiv:2010.14701, eq. 1.1 and table 1; "
        "M2 of Alabdulmohsin et al. 2022, arXiv:2209.06640"
    ),
    over={"C": _henighan(_HENIGHAN_C, PF_DAY_FLOP), "N": _henighan(_HENIGHAN_N, 1.0), "D": {}},
    domain={"C": (1e17, 1e23), "N": (1e6, 1e11), "D": (1e8, 1e12)},
    carries={"A": {"x": "alpha"}},
    falls_in=("x",),
    examples=[
        Example(constants="henighan-2020-image-32x32", at={"N": 1e9}, gives="2.3159"),
        Example(constants="henighan-2020-image-8x8", at={"N": 1e9}, gives="3.1398"),
    ],
    wrong_when="the runs span too little range to tell floor from exponent, which then trade off freely.",
)
def power_floor(x: Size, *, E: Floor, A: Scale, alpha: Exponent) -> Positive:
    """Loss falls to a floor as a power of one input."""
    return E + A * x**-alpha
