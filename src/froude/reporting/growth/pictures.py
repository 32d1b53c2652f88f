"""The picture of growth: measured repetitions over size, both logarithmic, with fitted curves and crossings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from froude.reporting.style import COLOURS, NARROW_PX, TEXT_PX, log_ticks, log_x, new_figure, plain_y

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NOTHING = np.empty(0)
_MARKERS = "osD^vP"
_LOG_FROM = 2.0  # values that differ by a larger factor are drawn on a logarithmic axis, even where `plain` is asked
_LEAST_SPAN = 4.0  # times the lower end, that the upper end of a logarithmic axis is: noise is not to look like growth
_LOW = 0.25  # of the height, below which the foot of a crossing has no room for its size
_LABEL_PX = 15  # that labels of crossings stand above one another
_LETTER_PX = 6.2
_FEW = 3  # powers of two on an axis


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One method: repetitions at sizes x with values y (n,), and its fitted `curve` over `along` (k,) with a band.

    `beyond` is the size from which the curve is extrapolated. Without a fit the arrays of the curve are empty.
    """

    name: str
    colour: str
    x: np.ndarray
    y: np.ndarray
    along: np.ndarray = field(default_factory=lambda: _NOTHING)
    curve: np.ndarray = field(default_factory=lambda: _NOTHING)
    lo: np.ndarray = field(default_factory=lambda: _NOTHING)
    hi: np.ndarray = field(default_factory=lambda: _NOTHING)
    beyond: float = math.inf


@final
@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where two methods cross: a size with its interval, and the value there."""

    size: float
    lo: float
    hi: float
    value: float
    label: str


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthView:
    """One picture: methods over sizes, how a value is written, and the ticks of a logarithmic axis between two ends.

    Values of a `plain` one have an axis that is not logarithmic where they differ by little.
    """

    series: tuple[Series, ...]
    meetings: tuple[Meeting, ...] = ()
    x_label: str
    y_label: str
    show: Callable[[float], str]
    ticks: Callable[[float, float, int], np.ndarray] = log_ticks
    plain: bool = False


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
    """Draw a view, `width` CSS pixels wide."""
    narrow = width < NARROW_PX
    figure, axes = new_figure(width, 300 if narrow else 400, left=56 if narrow else 66, right=14)
    x = np.concatenate([each.x for each in view.series] + [each.along for each in view.series])
    room = max(1.02, (x.max() / x.min()) ** 0.025)
    log_x(axes, x.min() / room, x.max() * room, view.x_label, False, 5 if narrow else 9)
    _y_axis(axes, view, 5 if narrow else 7)
    for order, each in enumerate(view.series):
        _draw(axes, each, _MARKERS[order % len(_MARKERS)], narrow)
    for order, meeting in enumerate(sorted(view.meetings, key=lambda m: m.size)):
        _meet(axes, meeting, order)
    return figure


def _y_axis(axes: Axes, view: GrowthView, most: int) -> None:
    """From the least to the largest measured value; a curve may leave it, an extrapolated one may not."""
    ends = [each.curve[-1:] for each in view.series if each.beyond < math.inf]
    values = np.concatenate([each.y for each in view.series] + ends)
    low, high = values.min(), values.max()
    if low <= 0 or (view.plain and high <= _LOG_FROM * low):
        room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
        plain_y(axes, low - room, high + room, view.y_label)
        return
    room = max((high / low) ** 0.06, (_LEAST_SPAN * low / high) ** 0.5)
    plain_y(axes, low / room, high * room, view.y_label)
    axes.set_yscale("log")
    ticks = view.ticks(low / room, high * room, most)
    axes.set_yticks(ticks, [view.show(tick) for tick in ticks])
    axes.set_yticks([], minor=True)


def _draw(axes: Axes, each: Series, marker: str, narrow: bool) -> None:
    sizes = np.unique(each.x)
    middles = np.array([np.median(each.y[each.x == size]) for size in sizes])
    if each.curve.size:
        inside = each.along <= each.beyond * 1.0001
        axes.fill_between(
            each.along[inside], each.lo[inside], each.hi[inside], color=each.colour, alpha=0.16, linewidth=0, zorder=1
        )
        axes.plot(each.along[inside], each.curve[inside], color=each.colour, linewidth=1.8, zorder=3)
        outside = each.along >= each.beyond * 0.9999
        axes.plot(each.along[outside], each.curve[outside], color=each.colour, linewidth=1.4, dashes=(1.5, 3), zorder=3)
    else:
        axes.plot(sizes, middles, color=each.colour, linewidth=1, alpha=0.6, zorder=2)
    axes.scatter(each.x, each.y, s=9, color=each.colour, alpha=0.45, linewidths=0, zorder=4)
    axes.scatter(
        sizes, middles, s=26 if narrow else 40, marker=marker, color=each.colour, edgecolors=COLOURS["paper"],
        linewidths=1, zorder=5,
    )  # fmt: skip


def _meet(axes: Axes, meeting: Meeting, order: int) -> None:
    """A line across all heights with the interval beside it, and the size written at its foot or its head."""
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    height = math.log(meeting.value / bottom) / math.log(top / bottom)
    end, shift = (1, -10 - _LABEL_PX * order) if height < _LOW else (0, 10 + _LABEL_PX * order)
    axes.axvspan(max(meeting.lo, low), min(meeting.hi, high), color=COLOURS["soft"], alpha=0.13, linewidth=0, zorder=0)
    axes.axvline(meeting.size, color=COLOURS["soft"], linewidth=1, zorder=2)
    axes.plot(
        [meeting.size], [meeting.value], color=COLOURS["ink"], marker="o", markersize=12, markerfacecolor="none",
        markeredgecolor=COLOURS["ink"], markeredgewidth=1.6, zorder=6,
    )  # fmt: skip
    place = math.log(meeting.size / low) / math.log(high / low)
    fits = (1 - place) * axes.get_window_extent().width > _LETTER_PX * len(meeting.label) + 12
    axes.annotate(
        meeting.label, (meeting.size, end), xycoords=("data", "axes fraction"),
        xytext=(6 if fits else -6, shift), textcoords="offset pixels",
        ha="left" if fits else "right", va="center", fontsize=TEXT_PX, color=COLOURS["ink"], weight="bold", zorder=7,
    )  # fmt: skip
