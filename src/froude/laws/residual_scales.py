"""The scale on which an outcome is compared with a law: that of its logarithm, its own, or of what it lacks to 1."""

from typing import Any, Literal

import numpy as np

ResidualScale = Literal["log", "plain", "log error"]
"""`log`: ln y, for what is positive. `plain`: y. `log error`: −ln(1 − y), for a share that comes near 1, as an accuracy
does: two of them are compared by their error rates."""


def to_scale(scale: ResidualScale, y: Any) -> Any:
    """Outcomes on a scale, which rises with them; infinite or NaN for what the scale cannot hold."""
    if scale == "plain":
        return np.asarray(y, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(y) if scale == "log" else -np.log1p(-np.asarray(y, dtype=float))


def from_scale(scale: ResidualScale, values: Any) -> Any:
    """The reverse of `to_scale`."""
    if scale == "plain":
        return np.asarray(values, dtype=float)
    return np.exp(values) if scale == "log" else -np.expm1(-np.asarray(values, dtype=float))


def magnitude(scale: ResidualScale, values: Any) -> Any:
    """How large outcomes are whose values on a scale these are, without their sign; an accuracy by its error rate."""
    return np.abs(values) if scale == "plain" else np.exp(values if scale == "log" else np.negative(values))


def relative_error(scale: ResidualScale, residuals: Any) -> Any:
    """Residuals, predicted − measured on a scale, as shares of what was measured, or of the error rate that was.

    They are as they are on the plain scale.
    """
    if scale == "plain":
        return residuals
    with np.errstate(over="ignore"):
        return np.expm1(residuals if scale == "log" else -residuals)


def holds(scale: ResidualScale, y: Any) -> Any:
    """Which outcomes the scale can hold."""
    values = np.asarray(y, dtype=float)
    return {"log": values > 0, "plain": np.isfinite(values), "log error": values < 1}[scale]
