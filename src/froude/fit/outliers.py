"""Runs that lie far off a law."""

import numpy as np

_OUTLYING = 6.0  # robust standard deviations; normal residuals are never that far off
_OUTLYING_AT_LEAST = 0.01  # nobody wants to hear of a run that is off by less than 1%


def far_off(residuals: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """Which residuals (n,) are outliers: off by six robust standard deviations, and by 1% in `relative` (n,)."""
    deviation = np.abs(residuals - np.median(residuals))
    scale = 1.4826 * np.median(deviation)
    return (deviation > _OUTLYING * scale) & (np.abs(relative) > _OUTLYING_AT_LEAST)
