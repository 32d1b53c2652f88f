"""The picture of methods side by side: their laws and runs up to the size compared at, and where two of them cross."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Look, Panel, put_text
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, MARKERS
from froude.drawing.fits import STEPS, law_name, measured_of
from froude.drawing.names import input_name
from froude.drawing.views import Line, Points, View
from froude.fitting import Comparison, Fit, Ranking
from froude.fitting.comparing.routes import Route

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES = ("first", "second")
_FARTHEST = 100.0  # times the farthest run and the place compared at, up to which a crossing is drawn
_NEAR = 1.5  # times the D/N compared at, up to which runs stand beside a line of that D/N
_MOST = 5  # methods, the best, that have colours of their own
_X_LABELS = {
    "ratio": "training FLOPs, 6·N·D, at the same D/N",
    "frontier": "training FLOPs, 6·N·D, at the best N and D",
}


def panels_of_comparison(comparison: Comparison, names: tuple[str, str] = _SIDES) -> tuple[Panel, ...]:
    """Both curves, dots of the one and squares of the other, and their crossing; `names` are theirs."""
    view = view_of_comparison(comparison, names)
    return (lambda axes, look: _draw(axes, comparison, view, look),)


def panels_of_ranking(ranking: Ranking) -> tuple[Panel, ...]:
    """The curves and runs of the best methods, five at most."""
    one = ranking.comparisons[0]
    fits, low, far = ranking.fits[:_MOST], *_range(ranking.fits, one.route, one.at)
    view = _view(fits, ranking.names[:_MOST], one.route, (low, far))
    return (lambda axes, look: draw_view(axes, view, look),)


def view_of_comparison(comparison: Comparison, names: tuple[str, str] = _SIDES) -> View:
    """Both laws from the smallest run to the place that they are compared at, or to their crossing."""
    fits = comparison.first, comparison.second
    low, far = _range(fits, comparison.route, comparison.at)
    crossing = comparison.crossing.value
    if crossing is not None and crossing <= _FARTHEST * far:
        far = max(far, 1.5 * crossing)
    return _view(fits, names, comparison.route, (low, far))


def _range(fits: Sequence[Fit], route: Route, at: float) -> tuple[float, float]:
    sizes = [route.sizes_of(each) for each in fits]
    return float(min(each.min() for each in sizes)), float(max(at, *(each.max() for each in sizes)))


def _view(fits: Sequence[Fit], names: Sequence[str], route: Route, ends: tuple[float, float]) -> View:
    points, lines, sizes = [], [], np.geomspace(*ends, STEPS)
    for k, (fit, name) in enumerate(zip(fits, names, strict=True)):
        colour = COLOURS[f"c{k}"]
        forecast = fit.predict(of="run", **route.inputs(fit, sizes))
        lines.append(
            Line(
                x=sizes, y=np.asarray(forecast.mean), lo=np.asarray(forecast.lo), hi=np.asarray(forecast.hi),
                role="path", colour=colour, order=k, name=f"{name}: {law_name(fit)}",
            )
        )  # fmt: skip
        beside = _is_beside(fit, route)
        x, y = route.sizes_of(fit)[beside], measured_of(fit)[beside]
        points.append(Points(x=x, y=y, colours=(colour,) * x.size, marker=MARKERS[k]))
    return View(
        points=tuple(points),
        lines=tuple(lines),
        x_label=_X_LABELS.get(route.along) or input_name(route.x, fits[0].law),
        y_label=fits[0].y,
        compute=route.x == "C",
        log_y=fits[0].residual == "log",
    )


def _is_beside(fit: Fit, route: Route) -> np.ndarray:
    """Which of the fitted runs stand beside the line of a route (n,): at a D/N, those of nearly that."""
    if route.along != "ratio":
        return np.ones(fit.n, dtype=bool)
    off = np.log(fit.inputs["D"] / fit.inputs["N"] / route.tokens_per_param)
    return np.abs(off) <= np.log(_NEAR)


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
