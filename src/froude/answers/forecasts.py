"""What is said of forecasts by a fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import number_and_interval
from froude.fitting import Fit, Forecast
from froude.quantity import format_quantity

_RUNS: Mapping[str, str] = {"run": "one run", "mean": "the mean of many runs"}


def answer_of_forecast(forecast: Forecast) -> Answer:
    """One forecast, which may be of several places."""
    return Answer(
        headline=f"{forecast.y} of {_RUNS[forecast.of]}" + (f", by {forecast.by}" if forecast.by else ""),
        tables=(_table(forecast.level, tuple(forecast.at), [forecast]),),
        data=forecast.to_dict(),
    )


def answer_of_forecasts(fit: Fit, forecasts: Sequence[Forecast], of: str = "run") -> Answer:
    """Forecasts of `fit`, each at one place: of one run, or of the mean of many as `of` says."""
    return Answer(
        headline=f"{fit.y} of {_RUNS[of]}, by {fit.law.name}",
        tables=(_table(fit.level, fit.law.inputs, forecasts),),
        warnings=() if fit.converged else fit.warnings[:1],
        data=[each.to_dict() for each in forecasts],
    )


def _table(level: float, inputs: Sequence[str], forecasts: Sequence[Forecast]) -> Table:
    return Table(
        title="",
        columns=(*inputs, "forecast", f"{level:.0%} interval"),
        rows=tuple(row for each in forecasts for row in _rows(each)),
    )


def _rows(forecast: Forecast) -> Iterator[tuple[str, ...]]:
    """A row for each place of a forecast."""
    values = (*forecast.at.values(), forecast.mean, forecast.lo, forecast.hi)
    for *at, mean, lo, hi in zip(*(each.ravel().tolist() for each in np.broadcast_arrays(*values)), strict=True):
        yield (*map(format_quantity, at), *number_and_interval(mean, lo, hi))
