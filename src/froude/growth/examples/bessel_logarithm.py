"""The logarithm of the modified Bessel function of large order: scaled values of a library against an expansion.

Distributions on spheres of many dimensions need log I_v at orders of half the dimension. "Accurate Computation of the
Logarithm of Modified Bessel Functions on GPUs" computes it on the scale of logarithms, where exponentially scaled
values (SciPy's `ive`) underflow. The expansion here is Debye's, uniform in the argument (Abramowitz and Stegun 9.7.7),
with the terms up to u₃.

The size is the order, up to half of 32,768 features; arguments are 0.5 to 2 times the order. The quality is the largest
relative error of the logarithm against mpmath with 40 digits; 1 stands for values that are not finite. Needs SciPy and
mpmath.

Expected: errors of rounding for SciPy until it underflows, at about a thousand; below 1e-8 for the expansion, falling
with the order to rounding. Which of them is faster depends on the order: the ratio is reported, not judged.
"""

import functools

import numpy as np
from scipy import special

from froude import growth

ARGUMENTS = np.linspace(0.5, 2.0, 200)
CHECKED = slice(None, None, 40)


@functools.cache
def exact(order: float) -> np.ndarray:
    """By mpmath, at the arguments that are checked."""
    import mpmath

    with mpmath.workdps(40):
        return np.array(
            [float(mpmath.log(mpmath.besseli(order, z * order, maxterms=10**6))) for z in ARGUMENTS[CHECKED].tolist()]
        )


def prepare(size: float, rng: np.random.Generator) -> float:
    """The order."""
    return size


def scaled(order: float) -> np.ndarray:
    """The library's scaled value, its logarithm, and the scale."""
    with np.errstate(divide="ignore"):
        return np.log(special.ive(order, ARGUMENTS * order)) + ARGUMENTS * order


def expansion(order: float) -> np.ndarray:
    """Debye's expansion in the order."""
    root = np.sqrt(1 + ARGUMENTS**2)
    t = 1 / root
    eta = root + np.log(ARGUMENTS / (1 + root))
    u1 = (3 * t - 5 * t**3) / 24
    u2 = (81 * t**2 - 462 * t**4 + 385 * t**6) / 1152
    u3 = (30375 * t**3 - 369603 * t**5 + 765765 * t**7 - 425425 * t**9) / 414720
    series = np.log1p(u1 / order + u2 / order**2 + u3 / order**3)
    return order * eta - np.log(2 * np.pi * order) / 2 - np.log(root) / 2 + series


def error(order: float, logs: np.ndarray) -> float:
    """The largest relative error, not below 1e-17; 1 where one is not finite."""
    found = logs[CHECKED]
    if not np.isfinite(found).all():
        return 1.0
    return max(1e-17, float(np.max(np.abs(found / exact(order) - 1))))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Where the library underflows, errors, and times."""
    sizes = result.experiment.sizes
    library = [result.median("SciPy", order, "quality") for order in sizes]
    ours = [result.median("expansion", order, "quality") for order in sizes]
    ratios = [result.median("SciPy", o, "cpu_seconds") / result.median("expansion", o, "cpu_seconds") for o in sizes]
    lost = [order for order, wrong in zip(sizes, library, strict=True) if wrong == 1]
    before = max((wrong for wrong in library if wrong < 1), default=1.0)
    return {
        f"SciPy is not finite from order {min(lost, default=0):g} on": bool(lost) and lost == list(sizes[-len(lost) :]),
        f"before, SciPy errs by {before:.1g} at most, below 1e-12": before < 1e-12,
        f"the expansion errs by {max(ours):.1g} at most up to order {sizes[-1]:g}, below 1e-8": max(ours) < 1e-8,
        f"at order {sizes[-1]:g} by {ours[-1]:.1g}, below ten roundings": ours[-1] < 10 * np.finfo(float).eps,
        f"SciPy takes {np.median(ratios):.2g} ({min(ratios):.2g} to {max(ratios):.2g}) times as long": all(
            0 < ratio < np.inf for ratio in ratios
        ),
    }


EXPERIMENT = growth.Experiment(
    title="The logarithm of a modified Bessel function by order",
    source="Accurate Computation of the Logarithm of Modified Bessel Functions on GPUs",
    sizes=(64, 256, 1024, 4096, 16384),
    methods={"SciPy": scaled, "expansion": expansion},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="order",
    expected="SciPy underflows at about a thousand, the expansion is exact to rounding there",
    claims=(growth.RowClaim(row="log-bessel-gpu", holds=holds),),
)
