"""Power laws of one input that saturate: where it is small, where it is large, or both."""

from collections.abc import Sequence

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import Amount, Exponent, Floor, Offset, Positive, Ratio, Scale, Size
from froude.laws.smooth import Smooth, softplus_and_sigmoid

_SMALL, _MOST_STEPS = 1e-8, 60
_ALABDULMOHSIN = "Alabdulmohsin et al. 2022, arXiv:2209.06640"


@law(
    source="Nezhurina et al. 2025, arXiv:2506.04598, eq. 1; no coefficients are published",
    over={"C": {}, "N": {}, "D": {}},
    domain={"C": (1e15, 1e21), "N": (1e6, 1e10), "D": (1e7, 1e10)},
    carries={"A": {"x": "alpha"}, "B": {"x": 1.0}},
    falls_in=("x",),
    wrong_when="no run is small enough to show where the curve begins to fall: B then trades off with alpha.",
)
def saturating(x: Size, *, E: Floor, A: Scale, B: Offset, alpha: Exponent) -> Positive:
    """Loss falls from a plateau, which an input much smaller than B does not leave, to a floor."""
    return E + A * (x + B) ** -alpha


@law(
    source=f"M3 of {_ALABDULMOHSIN}; fitted to each learning curve anew: no constants are published",
    over={"D": {}, "N": {}, "C": {}},
    domain={"D": (1e5, 1e9), "N": (1e6, 1e10), "C": (1e17, 1e23)},
    carries={"A": {"x": "alpha"}, "gamma": {"x": -1.0}},
    falls_in=("x",),
    wrong_when="the error saturates for small inputs, or its approach to the floor is no power law of slope 1.",
)
def m3(x: Size, *, A: Scale, alpha: Exponent, gamma: Offset) -> Positive:
    """Loss falls as a power and flattens out at A·gamma^alpha."""
    return A * (1 / x + gamma) ** alpha


def _settled(r: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    # log σ(t) − γ·log σ(−t) = r is solved for t: its slope lies between 1 and γ and is monotone, so that Newton's
    # steps close in from one side after the first, and square a small error at least.
    t = np.where(r < 0, r, r / gamma)
    for _ in range(_MOST_STEPS):
        soft, upper = softplus_and_sigmoid(t)
        step = (gamma * soft + t - soft - r) / (1 - upper + gamma * upper)
        t = t - step
        if not np.any(np.abs(step) > _SMALL * (1 + np.abs(t))):
            break
    return t


def _settled_partials(t: np.ndarray, r: np.ndarray, gamma: np.ndarray) -> Sequence[np.ndarray]:
    soft, upper = softplus_and_sigmoid(t)
    slope = 1 - upper + gamma * upper
    return 1 / slope, -soft / slope


_SETTLED = Smooth(name="settled", value=_settled, partials=_settled_partials)


@law(
    source=f"M4 of {_ALABDULMOHSIN}; fitted to each learning curve anew: no constants are published",
    over={"D": {}, "N": {}, "C": {}},
    domain={"D": (1e5, 1e9), "N": (1e6, 1e10), "C": (1e17, 1e23)},
    carries={"A": {"x": "alpha"}},
    falls_in=("x",),
    notation=(
        "E + R·y, where y/(1 - y)^gamma = A·x^-alpha",
        r"E + R y, \quad \frac{y}{(1 - y)^{\gamma}} = A x^{-\alpha}",
    ),
    wrong_when="the curve has more than one bend between chance and floor.",
)
def m4(x: Size, *, E: Floor, R: Amount, A: Scale, alpha: Exponent, gamma: Ratio) -> Positive:
    """Loss falls from chance, E + R, to a floor E, as a power in between; gamma is how slowly it leaves chance.

    In the paper's letters, whose law is (loss − e_inf)/(e_0 − loss)^a = beta·x^c: e_inf = E, e_0 = E + R, a = gamma,
    beta = A·R^(1 − gamma) and c = −alpha.
    """
    return E + R / (1 + np.exp(-_SETTLED(np.log(A) - alpha * np.log(x), gamma)))
