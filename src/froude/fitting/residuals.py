"""How far one run lies off a law: from the residuals of the fitted runs, and how that changes with size."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from froude.fitting.identification import TYPICAL_NOISE
from froude.fitting.measured import log_size
from froude.fitting.misfit import Misfit
from froude.fitting.small_samples import normal, stretch
from froude.laws import Law

_CHANGES = 3.84  # twice the gain in log likelihood that one in twenty tables of even noise would show
_STEPS = 50


class FittedResiduals(Protocol):
    """What is asked of a fit; see `Fit`, which is one."""

    @property
    def law(self) -> Law:
        """The law that was fitted."""
        ...

    @property
    def inputs(self) -> Mapping[str, np.ndarray]:
        """The inputs of the fitted runs, each (n,)."""
        ...

    @property
    def residuals(self) -> np.ndarray:
        """How far the fitted runs lie off, (n,)."""
        ...

    @property
    def misfit(self) -> Misfit | None:
        """The pattern in the residuals, None for noise."""
        ...

    @property
    def far_off(self) -> np.ndarray:
        """Which of the fitted runs lie far off, (n,)."""
        ...

    @property
    def n_parameters(self) -> int:
        """How many parameters were fitted at once."""
        ...

    @property
    def interpolates(self) -> bool:
        """Whether the law goes through all runs, so that they do not tell their noise."""
        ...

    @property
    def level(self) -> float:
        """The level of intervals."""
        ...


def residual_deviation(fit: FittedResiduals, at: Mapping[str, Any]) -> np.ndarray:
    """The standard deviation of a run about the law at inputs, in the units of the residuals.

    It is that of a normal which holds as many residuals at the fit's level as there are, enlarged as fitted runs lie
    closer to the law than others will. Runs far off are left out of it, as a run forecast is taken to be none, unless
    they are part of a pattern. Where the
    residuals clearly change with size, it does so too, as a power of size among the runs, and stays beyond them as it
    is at their end. Where the law goes through all runs, it is what runs of published studies show.
    """
    if fit.interpolates:
        return np.asarray(TYPICAL_NOISE)
    sizes, there = log_size(fit.law, fit.inputs), log_size(fit.law, at)
    power = _growth(sizes, fit.residuals)
    middle = sizes.mean() if sizes.ndim else 0.0
    even = np.abs(fit.residuals) * np.exp(-power * (sizes - middle))
    even = even[~fit.far_off] if fit.misfit is None else even
    n, p = even.size, fit.n_parameters
    bound = np.quantile(even, fit.level) * np.sqrt(n / max(n - p, 1)) * stretch(fit.level, n, p)
    deviation = bound / normal((1 + fit.level) / 2)
    return deviation * np.exp(power * (np.clip(there, sizes.min(), sizes.max()) - middle))


def _growth(sizes: np.ndarray, residuals: np.ndarray) -> float:
    """The power b with which the scale of residuals (n,) grows with size, exp(b·sizes); 0 unless it clearly does.

    The most likely for residuals of Laplace's distribution, Σ ln s_i + |r_i|/s_i at its least, by Newton's method, and
    then drawn towards 0 as if a change by a factor e over all runs were usual: what looks clear is often less so.
    """
    if sizes.ndim == 0 or np.ptp(sizes) == 0:
        return 0.0
    u, size = sizes - sizes.mean(), np.abs(residuals)
    if not size.any():
        return 0.0

    def level(b: float) -> tuple[float, np.ndarray]:
        weights = size * np.exp(-b * u)
        return float(np.log(weights.mean())), weights / weights.sum()

    b = 0.0
    for _ in range(_STEPS):
        _, weights = level(b)
        mean = float(weights @ u)
        spread = float(weights @ (u - mean) ** 2)
        step = mean / max(spread, 1e-12)  # the derivative of the log of the mean is −mean, and Σu is 0
        b += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-9:
            break
    gain = size.size * (level(0.0)[0] - level(b)[0])
    known = u @ u / np.ptp(u) ** 2
    return b * known / (known + 1) if 2 * gain > _CHANGES else 0.0
