"""The picture of forecasts: runs, law and band, and beyond them what is forecast with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from froude.answers.numbers import amount, count, percent
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view, forecast_label
from froude.drawing.colours import COLOURS
from froude.drawing.fits import STEPS, Placement, band_name, law_lines, line_of, measured_of, placement_of, run_points
from froude.drawing.names import input_name
from froude.drawing.views import Line, Mark, Points, View
from froude.errors import InputError
from froude.fitting import Fit, Forecast, PublishedFit

_MARKS = 12  # forecasts that have a mark each; more of them are a line
_PATHS = 3  # values of the second input that have a line out to the forecast


def panels_of_forecast(forecast: Forecast) -> tuple[Panel, ...]:
    """A forecast, or as many as its inputs have values, with the runs and the law that it was made by."""
    return panels_of_forecasts([forecast])


def panels_of_forecasts(forecasts: Sequence[Forecast]) -> tuple[Panel, ...]:
    """Several forecasts in one picture, with the runs and the law of the first. InputError where there is none."""
    view = view_of_forecasts(forecasts)
    return (lambda axes, look: draw_view(axes, view, look),)


def view_of_forecasts(forecasts: Sequence[Forecast]) -> View:
    """Runs, law and forecasts. InputError where there is none."""
    single = [one for each in forecasts for one in _singly(each)]
    if not single:
        raise InputError("no forecast is given: give at least one")
    fit = forecasts[0].fit
    if isinstance(fit, PublishedFit):
        return _by_constants(fit, single)
    return _with_runs(fit, single) if isinstance(fit, Fit) else _alone(single)


def _singly(forecast: Forecast) -> Iterator[Forecast]:
    """A forecast of arrays as forecasts of one place each."""
    shape = np.shape(forecast.mean)
    at = {x: np.broadcast_to(values, shape).ravel() for x, values in forecast.at.items()}
    bounds = (forecast.mean if end is None else end for end in (forecast.mean, forecast.lo, forecast.hi))
    ends = (np.broadcast_to(values, shape).ravel() for values in bounds)
    for k, (mean, lo, hi) in enumerate(zip(*ends, strict=True)):
        place = {x: float(values[k]) for x, values in at.items()}
        yield replace(forecast, at=place, mean=float(mean), lo=float(lo), hi=float(hi), parts={})


def _with_runs(fit: Fit, forecasts: Sequence[Forecast]) -> View:
    placement = placement_of(fit)
    if placement is None:
        return _alone(forecasts)
    beyond, law = [*_paths(fit, placement, forecasts)], law_lines(fit, placement)
    # Labels of the runs' lines would stand in the midst of those to the forecasts.
    lines = [replace(line, label=None if beyond and placement.column is None else line.label) for line in law]
    return View(
        points=tuple(run_points(fit, placement)),
        lines=(*lines, *beyond),
        marks=_marks([(float(placement.place(each.at)), each) for each in forecasts]),
        x_label=placement.label(fit),
        y_label=fit.y,
        compute=placement.is_compute,
        log_y=fit.residual == "log",
        column=placement.column,
    )


def _paths(fit: Fit, placement: Placement, forecasts: Sequence[Forecast]) -> Iterator[Line]:
    """From the runs to each forecast: the law at its own second input, or on from the largest run."""
    by, along = placement.by, placement.x
    inside = fit.inputs[along]
    values = [0.0] if by is None else sorted({each.at[by] for each in forecasts})
    if len(values) > _PATHS:
        return
    for order, value in enumerate(values):
        mine = [each.at[along] for each in forecasts if by is None or each.at[by] == value]
        low, high = min(float(inside.min()), *mine), max(mine)
        start = float(inside.max()) if by is None and high > inside.max() else low
        if high <= start:
            continue
        grid = np.geomspace(start, high, STEPS)
        at = {along: grid} if by is None else {by: value, along: grid}
        line = line_of(fit, placement, at, COLOURS["forecast"])
        yield replace(line, order=order + 2, name="law beyond the runs" if order == 0 else None)


def _alone(forecasts: Sequence[Forecast]) -> View:
    """Forecasts without a law to draw, over the first input that varies."""
    x, fit = _over(forecasts), forecasts[0].fit
    return View(
        points=tuple(_runs_over(fit, x)),
        lines=tuple(_curve(x, forecasts)) if len(forecasts) > _MARKS else (),
        marks=_marks([(each.at[x], each) for each in forecasts]),
        x_label=input_name(x, fit.law if fit is not None else None),
        y_label=_outcome(fit),
        compute=x == "C",
    )


def _over(forecasts: Sequence[Forecast]) -> str:
    """The first input that varies, or the first. InputError where it is not above 0."""
    inputs = [*forecasts[0].at]
    varying = [x for x in inputs if len({each.at[x] for each in forecasts}) > 1] or inputs
    if not varying or any(each.at[varying[0]] <= 0 for each in forecasts):
        raise InputError("this forecast has no picture: it has no input above 0 to draw it over")
    return varying[0]


def _by_constants(fit: PublishedFit, forecasts: Sequence[Forecast]) -> View:
    """Forecasts by published constants, and the law from the range of their runs out to each."""
    x, view = _over(forecasts), _alone(forecasts)
    others = [{name: value for name, value in each.at.items() if name != x} for each in forecasts]
    distinct = [place for k, place in enumerate(others) if place not in others[:k]]
    if x not in fit.inputs or len(distinct) > _PATHS:
        return view
    ends = [each.at[x] for each in forecasts]
    grid = np.geomspace(min(float(fit.inputs[x].min()), *ends), max(float(fit.inputs[x].max()), *ends), STEPS)
    lines = []
    for order, place in enumerate(distinct):
        law = fit.predict(of="run", **place, **{x: grid})
        where = ", ".join(f"{name} = {amount(value)}" for name, value in place.items())
        name = f"{fit.name}, {where}" if where else fit.name
        lo, hi = (None, None) if law.lo is None else (np.asarray(law.lo), np.asarray(law.hi))
        lines.append(
            Line(
                x=grid, y=np.asarray(law.mean), lo=lo, hi=hi, role="path", colour=COLOURS["forecast"], order=order,
                name=name, band=None if lo is None or order else band_name(law.level),
            )
        )  # fmt: skip
    return replace(view, lines=tuple(lines))


def _runs_over(fit: Any, x: str) -> Iterator[Points]:
    """The fitted runs over one input, whatever their others, where fit and inputs are there."""
    if isinstance(fit, Fit) and {*fit.inputs} == {*fit.law.inputs}:
        n = count(fit.n, "run")
        yield Points(
            x=fit.inputs[x], y=measured_of(fit), colours=(COLOURS["n3"],) * fit.n, name=f"{n}, other inputs vary"
        )


def _curve(x: str, forecasts: Sequence[Forecast]) -> Iterator[Line]:
    ordered = sorted(forecasts, key=lambda each: each.at[x])
    columns: list[tuple[float, Any, Any, Any]] = [(each.at[x], each.mean, each.lo, each.hi) for each in ordered]
    places, mean, lo, hi = np.array(columns, dtype=float).T
    band = f"{percent(forecasts[0].level, 0)} interval"
    yield Line(x=places, y=mean, lo=lo, hi=hi, role="path", colour=COLOURS["forecast"], name="forecast", band=band)


def _outcome(fit: Any) -> str:
    return fit.y if isinstance(fit, Fit | PublishedFit) else "forecast"


def _marks(placed: Sequence[tuple[float, Forecast]]) -> tuple[Mark, ...]:
    """Each forecast with its interval; where several are shown, with its number above."""
    if len(placed) > _MARKS:
        return ()
    alone = len(placed) == 1
    return tuple(
        Mark(
            x=x, y=each.mean, lo=each.lo, hi=each.hi, role="forecast",
            label=forecast_label(each.mean) if alone else forecast_label(each.mean).split()[-1],
            side="right" if alone else "above",
        )
        for x, each in placed
    )  # fmt: skip
