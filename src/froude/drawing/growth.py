"""The picture of growth: measured repetitions over size, both logarithmic, with fitted curves and crossings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from froude.answers.growth_views import CrossingMark, GrowthCurve, GrowthSeries, GrowthView, view_of
from froude.drawing.axes import (
    NARROW_PX,
    PAGE,
    Look,
    Panel,
    hairlines,
    log_ticks,
    log_x,
    new_figure,
    plain_y,
    text_width,
    write_key,
)
from froude.drawing.colours import COLOURS, MARKERS
from froude.growth import GrowthResult
from froude.growth.results import Measure
from froude.quantity import format_bytes, format_quantity, format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = ("c0", "c1", "c2", "c3", "c4", "c5")
"""Colours of methods, in their order."""

MEASURES: tuple[Measure, ...] = ("time", "memory", "quality")

_LOG_FROM = 2.0  # qualities that differ by a larger factor are drawn on a logarithmic axis, as all else is
_LEAST_SPAN = 4.0  # times the lower end, that the upper end of a logarithmic axis is: noise is not to look like growth
_LOW = 0.25  # of the height, below which the foot of a crossing has no room for its size
_LABEL_PX = 15  # that labels of crossings stand above one another
_FEW = 3  # powers of two on an axis


def binary_ticks(low: float, high: float, most: int) -> np.ndarray:
    """At most so many powers of two between low and high, halves between them where they are few: places of bytes."""
    powers = np.arange(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    if len(powers) < _FEW:
        between = 2.0 ** np.arange(math.floor(math.log2(low)) - 1, math.ceil(math.log2(high)) + 1)
        ticks = np.sort(np.concatenate([between, 1.5 * between]))
        return ticks[(ticks >= low) & (ticks <= high)]
    step = next(s for s in (1, 2, 5, 10, 20, 40) if np.sum(powers % s == 0) <= most)
    return 2.0 ** powers[powers % step == 0]


def growth_chart(view: GrowthView, width: int) -> Figure:
    """A view as the figure of a page, `width` CSS pixels wide; the page has the key."""
    narrow = width < NARROW_PX
    figure, axes = new_figure(width, 300 if narrow else 400, left=56 if narrow else 66, right=4)
    draw_growth(axes, view, PAGE)
    return figure


def panels_of_growth(result: GrowthResult) -> tuple[Panel, ...]:
    """CPU seconds against size and, where they were measured, memory and quality, each with the names of methods."""
    views = [view_of(result, measure) for measure in MEASURES if result.fits(measure)]
    views = [view for view in views if view.series]
    return tuple(lambda axes, look, view=view: _with_key(axes, view, look) for view in views)


def draw_growth(axes: Axes, view: GrowthView, look: Look) -> Axes:
    """Draw a view into bare axes, without a key."""
    narrow = look.is_narrow(axes)
    x = np.concatenate([each.x for each in view.series] + [each.curve.x for each in view.series if each.curve])
    log_x(axes, float(x.min()), float(x.max()), view.x_label, False, 5 if narrow else 9, look=look)
    _y_axis(axes, view, 5 if narrow else 7, look)
    for each in view.series:
        _draw(axes, each, narrow, look)
    for order, crossing in enumerate(sorted(view.crossings, key=lambda one: one.size)):
        _draw_crossing(axes, crossing, order, look)
    return axes


def _with_key(axes: Axes, view: GrowthView, look: Look) -> Axes:
    draw_growth(axes, view, look)
    write_key(axes, look, *axes.get_legend_handles_labels())
    return axes


def _y_axis(axes: Axes, view: GrowthView, most: int, look: Look) -> None:
    """From the least to the largest measured value; a curve may leave it, an extrapolated one may not."""
    ends = [each.curve.y[-1:] for each in view.series if each.curve and each.curve.is_extrapolated]
    values = np.concatenate([each.y for each in view.series] + ends)
    low, high = values.min(), values.max()
    if low <= 0 or (view.measure == "quality" and high <= _LOG_FROM * low):
        room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
        plain_y(axes, low - room, high + room, view.y_label, look=look)
        return
    room = max((high / low) ** 0.06, (_LEAST_SPAN * low / high) ** 0.5)
    plain_y(axes, low / room, high * room, view.y_label, look=look)
    axes.set_yscale("log")
    ticks = (binary_ticks if view.measure == "memory" else log_ticks)(low / room, high * room, most)
    axes.set_yticks(ticks, [_tick_label(view, tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    hairlines(axes, look)


def _tick_label(view: GrowthView, value: float) -> str:
    if view.measure == "memory":
        return format_bytes(value, 4)
    if view.measure == "quality":
        return format_quantity(value)
    return format_seconds(value) if value < 60 else f"{value:g} s"  # 100 s are no round number of minutes


def _draw(axes: Axes, each: GrowthSeries, narrow: bool, look: Look) -> None:
    sizes, colour = np.unique(each.x), COLOURS[SHADES[each.order % len(SHADES)]]
    middles = np.array([np.median(each.y[each.x == size]) for size in sizes])
    if each.curve is None:
        axes.plot(sizes, middles, color=colour, linewidth=look.px(1), alpha=0.6, zorder=2)
    else:
        _draw_curve(axes, each.curve, colour, look)
    axes.scatter(each.x, each.y, s=look.area(9), color=colour, alpha=0.45, linewidths=0, zorder=4)
    axes.scatter(
        sizes, middles, s=look.area(26 if narrow else 40), marker=MARKERS[each.order % len(MARKERS)], color=colour,
        edgecolors=COLOURS["paper"], linewidths=look.px(1), zorder=5, label=each.name,
    )  # fmt: skip


def _draw_curve(axes: Axes, curve: GrowthCurve, colour: str, look: Look) -> None:
    """The curve with its band inside what was measured, dotted past it."""
    inside, outside = curve.x <= curve.measured_to * 1.0001, curve.x >= curve.measured_to * 0.9999
    band = (curve.x[inside], curve.lo[inside], curve.hi[inside])
    axes.fill_between(*band, color=colour, alpha=0.16, linewidth=0, zorder=1)
    axes.plot(curve.x[inside], curve.y[inside], color=colour, linewidth=look.px(1.8), zorder=3)
    if curve.is_extrapolated:
        axes.plot(curve.x[outside], curve.y[outside], color=colour, linewidth=look.px(1.4), dashes=(1.5, 3), zorder=3)


def _draw_crossing(axes: Axes, crossing: CrossingMark, order: int, look: Look) -> None:
    """A line across all heights with the interval beside it, and the size written at its foot or its head."""
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    height = math.log(crossing.seconds / bottom) / math.log(top / bottom)
    end, shift = (1, -10 - _LABEL_PX * order) if height < _LOW else (0, 10 + _LABEL_PX * order)
    if crossing.interval is not None:
        ends = max(crossing.interval[0], low), min(crossing.interval[1], high)
        axes.axvspan(*ends, color=COLOURS["soft"], alpha=0.13, linewidth=0, zorder=0)
    axes.axvline(crossing.size, color=COLOURS["soft"], linewidth=look.px(1), zorder=2)
    axes.plot(
        [crossing.size], [crossing.seconds], color=COLOURS["ink"], marker="o", markersize=look.px(12),
        markerfacecolor="none", markeredgecolor=COLOURS["ink"], markeredgewidth=look.px(1.6), zorder=6,
    )  # fmt: skip
    place = math.log(crossing.size / low) / math.log(high / low)
    fits = (1 - place) * look.width(axes) > text_width(crossing.label, bold=True) + 6
    axes.annotate(
        crossing.label, (crossing.size, end), xycoords=("data", "axes fraction"),
        xytext=(look.px(6 if fits else -6), look.px(shift)), textcoords="offset points",
        ha="left" if fits else "right", va="center", fontsize=look.text, color=COLOURS["ink"], weight="bold", zorder=7,
    )  # fmt: skip
