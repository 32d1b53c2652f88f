"""The picture of two methods: both laws with their bands and runs, and where they cross."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Look, Panel, put_text
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, MARKERS
from froude.drawing.fits import STEPS, Placement, law_name, line_of, measured_of
from froude.drawing.names import input_name
from froude.drawing.views import Points, View
from froude.fitting import Comparison, Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES = ("first", "second")
_FARTHEST = 100.0  # times the farthest run and the place compared at, up to which a crossing is drawn


def panels_of_comparison(comparison: Comparison, names: tuple[str, str] = _SIDES) -> tuple[Panel, ...]:
    """Both curves with bands, dots of the one and squares of the other, and their crossing; `names` are theirs."""
    view = view_of_comparison(comparison, names)
    return (lambda axes, look: _draw(axes, comparison, view, look),)


def view_of_comparison(comparison: Comparison, names: tuple[str, str] = _SIDES) -> View:
    """Both laws from the smallest run to the place that they are compared at, or to their crossing."""
    x, sides = comparison.x, (0, 1)
    placement = Placement(x=x, by=None)
    low, far = _range(comparison)
    points, lines = [], []
    for k, fit, name in zip(sides, (comparison.first, comparison.second), names, strict=True):
        colour = COLOURS[f"c{k}"]
        line = line_of(fit, placement, {x: np.geomspace(low, far, STEPS)}, colour, named=True)
        lines.append(replace(line, order=k, name=f"{name}: {law_name(fit)}", band=None))
        points.append(Points(x=fit.inputs[x], y=measured_of(fit), colours=(colour,) * fit.n, marker=MARKERS[k]))
    first: Fit = comparison.first
    return View(
        points=tuple(points),
        lines=tuple(lines),
        x_label=input_name(x, first.law),
        y_label=first.y,
        compute=x == "C",
        log_y=first.residual == "log",
    )


def _range(comparison: Comparison) -> tuple[float, float]:
    inputs = [each.inputs[comparison.x] for each in (comparison.first, comparison.second)]
    low, far = min(each.min() for each in inputs), max(comparison.at, *(each.max() for each in inputs))
    crossing = comparison.crossing.value
    near = crossing is not None and crossing <= _FARTHEST * far
    return float(low), float(max(far, 1.5 * crossing)) if near and crossing is not None else float(far)


def _draw(axes: Axes, comparison: Comparison, view: View, look: Look) -> Axes:
    draw_view(axes, view, look)
    crossing, (left, right) = comparison.crossing, axes.get_xlim()
    if crossing.value is not None and crossing.value <= right:
        if crossing.lo is not None and crossing.hi is not None:
            ends = max(crossing.lo, left), min(crossing.hi, right)
            axes.axvspan(*ends, color=COLOURS["soft"], alpha=0.12, linewidth=0, zorder=0)
        axes.axvline(crossing.value, color=COLOURS["soft"], linewidth=look.px(1), zorder=1)
        late = crossing.value > np.sqrt(left * right)
        bottom = axes.get_ylim()
        place = bottom[0] * (bottom[1] / bottom[0]) ** 0.05 if view.log_y else bottom[0] + 0.05 * np.ptp(bottom)
        text = f"equal at {comparison.x} = {amount(crossing.value, 'FLOP' if view.compute else '')}"
        anchor, shift = ("right", -5) if late else ("left", 5)
        put_text(axes, crossing.value, float(place), text, "ink", shift=shift, anchor=anchor, look=look)
    return axes
