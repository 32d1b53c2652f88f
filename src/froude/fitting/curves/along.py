"""Whole loss curves: what a fit to some says of another, under another schedule."""

from dataclasses import replace
from typing import Literal

import numpy as np

from froude.errors import InputError
from froude.fitting.curves.points import ALONG
from froude.fitting.curves.schedules import Schedule
from froude.fitting.estimation import Fit
from froude.fitting.forecasting import Forecast
from froude.laws.lr_history import LearningRates

_POINTS = 200


def along(
    fit: Fit, schedule: Schedule | LearningRates, at: np.ndarray | None = None, of: Literal["run", "mean"] = "run"
) -> Forecast:
    """The loss curve that a fit foretells under a schedule, (n,) for each number of the forecast; see `Fit.along`."""
    rates = schedule if isinstance(schedule, LearningRates) else schedule.rates
    missing = [x for x in fit.law.inputs if x not in ALONG]
    if missing:
        raise InputError(f"{fit.law.name} needs {' and '.join(missing)}, which no schedule tells: give it to predict")
    first, last = rates.peak_step, rates.steps[-1]
    steps = np.unique(np.linspace(first, last, _POINTS).round()) if at is None else np.atleast_1d(np.asarray(at, float))
    if np.any((steps < max(first, 1)) | (steps > last) | (steps % 1 != 0)):
        raise InputError(f"at = {at}: give whole steps from the end of warm-up, {first:g}, to the last, {last:g}")
    forecast = fit.predict(of=of, **{x: ALONG[x](rates, steps) for x in fit.law.inputs})
    return replace(forecast, at={"S": steps})
