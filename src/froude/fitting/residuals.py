"""How far one run lies off a law: from the residuals of the fitted runs, and how that changes with size."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.fitting.fitted_law import FittedLaw
from froude.fitting.identification import TYPICAL_NOISE
from froude.fitting.measured import log_size
from froude.fitting.small_samples import deviations_at, stretch

_CHANGES = 3.84  # twice the gain in log likelihood that one in twenty tables of even noise would show
_STEPS = 50


def residual_deviation(fit: FittedLaw, at: Mapping[str, Any]) -> np.ndarray:
    """The standard deviation of a run about the law at inputs, in the units of the residuals.

    It is that of a normal which holds as many residuals at the fit's level as there are, enlarged as fitted runs lie
    closer to the law than others will. Runs far off are left out of it, as a run forecast is taken to be none, unless
    they are part of a pattern. Where the residuals clearly change with size, it does so too, as a power of size among
    the runs, and stays beyond them as it is at their end. Where the law goes through all runs, it is what runs of
    published studies show.
    """
    if fit.interpolates:
        return np.asarray(TYPICAL_NOISE * (1.0 if fit.law.is_relative else np.abs(fit.law(**at, **fit.params))))
    sizes, there = log_size(fit.law, fit.inputs), log_size(fit.law, at)
    power, middle = _growth(sizes, np.abs(fit.residuals)), np.mean(sizes)
    even = np.abs(fit.residuals) * np.exp(-power * (sizes - middle))
    even = even[~fit.far_off] if fit.misfit is None else even
    n, p = even.size, fit.n_parameters
    bound = np.quantile(even, fit.level) * np.sqrt(n / max(n - p, 1)) * stretch(fit.level, n, p)
    deviation = bound / deviations_at(fit.level)
    return deviation * np.exp(power * (np.clip(there, sizes.min(), sizes.max()) - middle))


def _growth(sizes: np.ndarray, errors: np.ndarray) -> float:
    """The power b with which errors (n,) without signs grow with size, exp(b·sizes); 0 unless they clearly do.

    The most likely for errors of Laplace's distribution, and then drawn towards 0 as if a change by a factor e over all
    runs were usual: what looks clear is often less so.
    """
    if np.ptp(sizes) == 0 or not errors.any():
        return 0.0
    u = sizes - sizes.mean()
    b = _likeliest(u, errors)
    gain = errors.size * np.log(errors.mean() / np.mean(errors * np.exp(-b * u)))
    known = u @ u / np.ptp(u) ** 2
    return b * known / (known + 1) if 2 * gain > _CHANGES else 0.0


def _likeliest(u: np.ndarray, errors: np.ndarray) -> float:
    """The b of the least mean of errors·exp(−b·u), by Newton's method for its logarithm; Σu is 0."""
    b = 0.0
    for _ in range(_STEPS):
        weights = errors * np.exp(-b * u)
        middle = float(np.average(u, weights=weights))
        step = middle / max(float(np.average((u - middle) ** 2, weights=weights)), 1e-12)
        b += float(np.clip(step, -0.5, 0.5))
        if abs(step) < 1e-9:
            break
    return b
