"""The picture of a registered forecast: its interval, and what was measured where it is scored."""

from __future__ import annotations

from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view, forecast_label, measured_label
from froude.drawing.names import input_name
from froude.drawing.views import Mark, View
from froude.fitting import Registration


def panels_of_registration(registration: Registration) -> tuple[Panel, ...]:
    """The forecast with its interval, over the last of its inputs, and beside it what was measured."""
    view = _view(registration)
    return (lambda axes, look: draw_view(axes, view, look),)


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
