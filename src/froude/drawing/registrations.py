"""The picture of a registered forecast: its interval, and what was measured where it is scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view, forecast_label, measured_label
from froude.drawing.colours import COLOURS
from froude.drawing.names import input_name
from froude.drawing.views import Line, Mark, View
from froude.errors import InputError
from froude.fitting import Registration


def panels_of_registration(registration: Registration) -> tuple[Panel, ...]:
    """The forecast with its interval, over the last of its inputs, and beside it what was measured."""
    view = _view(registration)
    return (lambda axes, look: draw_view(axes, view, look),)


def panels_of_registrations(registrations: Sequence[Registration]) -> tuple[Panel, ...]:
    """What was measured of each forecast against what was forecast. InputError where none is scored."""
    scored = [each for each in registrations if each.measured is not None]
    if not scored:
        raise InputError("no forecast of these is scored yet, so there is nothing to draw")
    view = _view_of_scored(scored)
    return (lambda axes, look: draw_view(axes, view, look),)


def _view_of_scored(scored: Sequence[Registration]) -> View:
    """Forecasts with their intervals over what was measured, and the line on which both are equal."""
    marks = []
    for each in scored:
        (lo, hi), y = each.forecast.interval, each.forecast.predicted
        marks.append(Mark(x=float(each.measured or 0.0), y=y, lo=lo, hi=hi, role="forecast", label=""))
    ends = np.array([min(mark.x for mark in marks) / 1.05, max(mark.x for mark in marks) * 1.05])
    equal = Line(x=ends, y=ends, role="level", colour=COLOURS["soft"], name="as measured")
    return View(points=(), lines=(equal,), marks=tuple(marks), x_label="measured", y_label="forecast")


def _view(registration: Registration) -> View:
    told = registration.forecast
    x, place = list(told.at.items())[-1]
    low, high = told.interval
    marks = [
        Mark(x=place, y=told.predicted, lo=low, hi=high, role="forecast", label=forecast_label(told.predicted)),
    ]
    if registration.measured is not None:
        y = registration.measured
        marks.append(Mark(x=place, y=y, lo=y, hi=y, role="measured", label=measured_label(y), side="left"))
    return View(points=(), marks=tuple(marks), x_label=input_name(x), y_label=told.y, compute=x == "C")
