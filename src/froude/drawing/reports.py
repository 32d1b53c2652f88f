"""The pictures of a report: the law over each input, isoFLOP curves, residuals, hold-outs, how far forecasts reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from froude.answers.forecasts import times_text
from froude.answers.numbers import percent
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, log_colours
from froude.drawing.fits import Placement, band_name, placement_of, residuals_view, view_of_fit
from froude.drawing.forecasts import view_of_forecasts
from froude.drawing.optima import parabolas_view
from froude.drawing.sweeps import view_of_sweep
from froude.drawing.views import Line, Mark, Points, View
from froude.fitting import Choice, Fit, FitReport, Forecast
from froude.fitting.extrapolation import shipped
from froude.runs import Runs

_FARTHEST = 1000.0  # times the largest run, that the picture of the reach goes to
_STEPS = 80


def panels_of_fit_report(report: FitReport) -> tuple[Panel, ...]:
    """Every picture of the page, a panel each."""
    views = views_of_report(report).values()
    return tuple(lambda axes, look, view=view: draw_view(axes, view, look) for view in views)


def views_of_report(report: FitReport) -> Mapping[str, View]:
    """What there is to see, by name, in the order of the page."""
    return dict(_views(report))


def _views(report: FitReport) -> Iterator[tuple[str, View]]:
    fit, runs, choice = report.fit, report.runs, report.choice
    if report.forecasts:
        yield "forecast", view_of_forecasts(report.forecasts)
    if choice is not None and choice.optima is not None:
        for name in choice.optima.over:
            yield f"sweep-{name}", view_of_sweep(choice.optima, name)
    placements = _placements(fit)
    for name, placement in placements.items():
        yield f"over-{name}", view_of_fit(fit, runs, placement)
    if report.minima and (equal := parabolas_view(_fitted_runs(fit, runs), fit.y)).lines:
        yield "isoflop", equal
    yield "residuals", residuals_view(fit, placements.get("C"))
    if choice is not None and choice.held_out:
        yield "held-out", held_out_view(choice)
    if (reach := reach_view(fit, report.forecasts)) is not None:
        yield "reach", reach


def _placements(fit: Fit) -> dict[str, Placement]:
    """The law over each of its inputs, and over the compute that N and D make; none for a law of three."""
    if placement_of(fit) is None:
        return {}
    if len(fit.law.inputs) == 1:
        (x,) = fit.law.inputs
        return {x: Placement(x=x, by=None)}
    first, second = fit.law.inputs
    both = {first: Placement(x=first, by=second), second: Placement(x=second, by=first)}
    if {first, second} != {"N", "D"}:
        return both
    return {**both, "C": Placement(x="D", by="N", over_compute=True)}


def _fitted_runs(fit: Fit, runs: Runs | None) -> Runs:
    """The fitted runs with the compute of their table, or 6·N·D."""
    if runs is not None:
        return runs.take(fit.rows)
    return Runs.from_columns({**fit.inputs, fit.y: np.asarray(fit.measured)})


def held_out_view(choice: Choice) -> View:
    """How far off the average's forecasts of held-out larger runs were, against how far these lay beyond the others."""
    cuts, fit = choice.held_out, choice.fit
    shades = log_colours(np.array([float(cut.n) for cut in cuts]))
    points = tuple(
        Points(
            x=np.exp(cut.reaches), y=100 * np.expm1(cut.errors), colours=(shade,) * len(cut.errors),
            name=f"from the {cut.n} smaller runs",
        )
        for cut, shade in zip(cuts, shades, strict=True)
    )  # fmt: skip
    reaches = np.concatenate([cut.reaches for cut in cuts])
    x = np.exp(np.linspace(min(0.0, float(reaches.min())), max(float(reaches.max()), 0.1), _STEPS))
    typical = 100 * fit.drift * np.maximum(np.log(x), 0.0)
    band = f"±{percent(fit.drift, 1)} for each factor e"
    line = Line(
        x=x, y=np.zeros(_STEPS), lo=-typical, hi=typical, role="level", colour=COLOURS["soft"], band=band
    )  # fmt: skip
    return View(
        points=points, lines=(line,), x_label="times the largest run fitted, by the product of inputs",
        y_label=f"forecast {fit.y} less measured, %",
    )  # fmt: skip


def reach_view(fit: Fit, forecasts: Sequence[Forecast] = ()) -> View | None:
    """The interval of one run around its forecast, in percent, as all inputs grow together from the largest run on.

    It changes its look where no forecast was ever checked. Forecasts stand at their own distance. None for a law
    without sizes to grow.
    """
    grown = [x for x in fit.inputs if fit.law.marks[x].is_size]
    if not grown or {*fit.inputs} != {*fit.law.inputs}:
        return None
    factor = np.geomspace(1.0, _FARTHEST, _STEPS)
    largest = int(np.argmax(np.sum([np.log(fit.inputs[x]) for x in grown], axis=0)))
    at: dict[str, Any] = {x: float(values[largest]) for x, values in fit.inputs.items()}
    at |= {x: at[x] * factor ** (1 / len(grown)) for x in grown}
    off = _relative(fit.predict(of="run", **at))
    if not np.isfinite(off).all():
        return None
    return View(
        points=(),
        lines=tuple(_reach_lines(factor, off, fit.level)),
        marks=tuple(_reach_marks(forecasts)),
        x_label="times the largest run, by the product of inputs",
        y_label=f"interval of {fit.y}, % of the forecast",
    )


def _relative(forecast: Forecast) -> np.ndarray:
    """How far the ends of an interval lie from the forecast, in percent, (2, …)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100 * (np.array([forecast.lo, forecast.hi], dtype=float) - forecast.mean) / np.abs(forecast.mean)


def _reach_lines(factor: np.ndarray, off: np.ndarray, level: float) -> Iterator[Line]:
    """The band and its ends, as far as forecasts were checked and beyond."""
    checked = factor <= float(np.exp(shipped().farthest))
    beyond = ~checked | (np.cumsum(checked) == checked.sum())  # from where the other ends
    for which, colour, name in (
        (checked, "n5", f"{band_name(level)}, as far as was checked"),
        (beyond, "forecast", "beyond: nobody has checked"),
    ):
        if which.sum() > 1:
            x, lo, hi = factor[which], off[0][which], off[1][which]
            paint = COLOURS[colour]
            yield Line(x=x, y=np.zeros(len(x)), lo=lo, hi=hi, role="path", colour=paint, band=name)
            yield from (Line(x=x, y=end, role="level", colour=paint) for end in (lo, hi))


def _reach_marks(forecasts: Sequence[Forecast]) -> Iterator[Mark]:
    for each in forecasts:
        if each.distance is not None and np.ndim(each.distance) == 0 and each.distance <= _FARTHEST:
            lo, hi = (float(end) for end in _relative(each))
            far = f"{times_text(max(each.distance, 1.0))}×"
            yield Mark(x=max(each.distance, 1.0), y=0.0, lo=lo, hi=hi, role="forecast", label=far, side="above")
