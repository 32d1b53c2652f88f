"""What runs tell of a law's parameters: the rank and the size of the Jacobian at the optimum.

Everything is in scaled coordinates: logarithms of parameters, and floors as shares of the outcome. In these a direction
that the runs leave open by more than one, a factor e, is hardly known, and one along which no residual changes is not
known at all.
"""

import math

import numpy as np

from froude.errors import InputError
from froude.fitting.measured import Measured
from froude.fitting.problem import FitProblem
from froude.laws import Law, get_law

FEWEST_TO_SPARE = 2
"""Runs beyond the parameters from which on residuals tell noise: with fewer the law goes through them all."""
TYPICAL_NOISE = 0.011
"""What is taken for the relative noise of runs whose residuals cannot tell it.

It is the root mean square over eight published studies (benchmarks/calibration_cases.toml) of the robust standard
deviation by which runs lie off the fitted law, 0.1% to 2.4%.
"""

_NOTHING = 1e-9  # of the largest derivative: a parameter that changes no outcome, such as the exponent of a term of 0
_NO_DIRECTION = 1e-8  # singular values of normalised derivatives this small beside the largest are rounding
_TAKES_PART = 0.03  # of a direction of length one
_FEW_VALUES = 3
_ELSEWHERE = 8
_SIMPLER = {
    frozenset(("N", "D")): ("chinchilla-tied", "power-floor --x C", "power --x C"),
    frozenset("N"): ("power --x N",),
    frozenset("D"): ("power --x D",),
    frozenset("C"): ("power --x C",),
}


class UndeterminedError(InputError):
    """The runs leave parameters of a law open, whatever their noise."""


def scaled_slopes(problem: FitProblem, point: np.ndarray) -> np.ndarray:
    """The derivatives (P, n) of the residuals at a point (P,) by the scaled coordinates."""
    (slopes,) = problem.residuals(point[None])[1]
    return slopes * problem.scales[:, None]


def undetermined(problem: FitProblem, point: np.ndarray) -> tuple[str, ...]:
    """The parameters that no residual depends on, at a point (P,), along some direction of theirs.

    Those at a bound, and those that change no outcome at all, such as the exponent of a term that is 0, are left out.
    """
    slopes, space = scaled_slopes(problem, point), problem.space()
    sizes = np.linalg.norm(slopes, axis=1)
    free = (point > space.lower) & (point < space.upper) & (sizes > _NOTHING * sizes.max(initial=0.0))
    if not free.any() or not np.isfinite(sizes).all():
        return ()
    directions, values, _ = np.linalg.svd(slopes[free] / sizes[free, None], full_matrices=False)
    open_ = directions[:, values <= _NO_DIRECTION * values.max()]
    takes_part = np.linalg.norm(open_, axis=1) > _TAKES_PART
    names = np.array(problem.law.parameters)[free]
    return tuple(names[takes_part].tolist())


def check_determined(problem: FitProblem, point: np.ndarray, measured: Measured) -> None:
    """InputError where the runs leave parameters of the law open whatever the noise: at the optimum and all over.

    At the optimum alone, where two terms of one law may have become alike, it is a flat valley, and not refused.
    """
    if problem.law.members:
        return  # an average of laws has several floors and scales, which nobody means to tell apart
    names = undetermined(problem, point)
    elsewhere = problem.scatter(_ELSEWHERE, np.random.default_rng(0)) if names else ()
    if not names or not all(undetermined(problem, other) for other in elsewhere):
        return
    law = problem.law
    few = {x: np.unique(values) for x, values in measured.inputs.items()}
    few = {x: values for x, values in few.items() if values.size <= _FEW_VALUES}
    why = " and ".join(f"{x} has only {values.size} values" for x, values in few.items())
    why = why or "other values of them give the same outcomes at all these runs"
    simpler = _simpler(law)
    remedy = f"add runs of other {' and '.join(few)}" if few else "add runs that differ otherwise"
    raise UndeterminedError(
        f"these runs do not determine {_listed(names)} of {law.name}: {why}; {remedy}"
        + (f", or take a law of fewer parameters (--law {simpler})" if simpler else "")
    )


def _simpler(law: Law) -> str | None:
    for name in _SIMPLER.get(frozenset(law.inputs), ()):
        if len(get_law(name.split()[0]).parameters) < len(law.parameters):
            return name
    return None


def _listed(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def noise_of(problem: FitProblem, point: np.ndarray) -> float:
    """The standard deviation of the residuals, from their median size, as far as the runs exceed the parameters."""
    (residuals,) = problem.residuals(point[None])[0]
    n, p = residuals.size, point.size
    return 1.4826 * float(np.median(np.abs(residuals))) * math.sqrt(n / max(n - p, 1))


def is_flat(problem: FitProblem, point: np.ndarray) -> bool:
    """Whether noise leaves some direction open by more than one: refits must then start all over the valley."""
    slopes, space = scaled_slopes(problem, point), problem.space()
    logs = np.array([kind.coordinate == "log" for kind in problem.law.kinds.values()])
    free = logs | ((point > space.lower) & (point < space.upper))
    return bool(np.linalg.svd(slopes[free], compute_uv=False).min() < noise_of(problem, point))


def is_interpolated(n: int, n_parameters: int) -> bool:
    """Whether a law of so many parameters goes through n runs, so that nothing is known of their noise."""
    return n < n_parameters + FEWEST_TO_SPARE
