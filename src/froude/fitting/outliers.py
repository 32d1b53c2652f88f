"""Runs that lie far off a law."""

import numpy as np

from froude.laws import Law

_OUTLYING = 6.0  # robust standard deviations; normal residuals are never that far off
_OUTLYING_AT_LEAST = 0.01  # nobody wants to hear of a run that is off by less than 1%


def far_off(law: Law, residuals: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which residuals (n,) of outcomes y (n,) are outliers: six robust standard deviations off, and 1% of y."""
    with np.errstate(divide="ignore", invalid="ignore"):  # where y is 0 any residual is more than 1% of it
        relative = residuals if law.is_relative else residuals / y
    deviation = np.abs(residuals - np.median(residuals))
    scale = 1.4826 * np.median(deviation)
    return (deviation > _OUTLYING * scale) & (np.abs(relative) > _OUTLYING_AT_LEAST)
