"""Whole loss curves: what a fit to some says of another, under another schedule."""

from dataclasses import replace
from typing import Literal

import numpy as np

from froude.errors import InputError
from froude.fitting.curves.points import ALONG
from froude.fitting.fitted_law import FittedLaw
from froude.fitting.forecasting import Forecast, forecast
from froude.laws.lr_history import LearningRates

_POINTS = 200


def forecast_along(
    fit: FittedLaw, rates: LearningRates, at: np.ndarray | None = None, of: Literal["run", "mean"] = "run"
) -> Forecast:
    """The loss curve that a fit forecasts under learning rates, each number of it (n,); see `Fit.along`."""
    missing = [x for x in fit.law.inputs if x not in ALONG]
    if missing:
        raise InputError(f"{fit.law.name} needs {' and '.join(missing)}, which no schedule tells: give it to predict")
    first, last = rates.peak_step, rates.steps[-1]
    steps = np.unique(np.linspace(first, last, _POINTS).round()) if at is None else np.atleast_1d(np.asarray(at, float))
    if np.any((steps < max(first, 1)) | (steps > last) | (steps % 1 != 0)):
        raise InputError(f"at = {at}: give whole steps from the end of warm-up, {first:g}, to the last, {last:g}")
    curve = forecast(fit, of, {x: ALONG[x](rates, steps) for x in fit.law.inputs})
    return replace(curve, at={"S": steps})
