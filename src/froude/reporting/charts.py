"""The pictures: data in, a matplotlib Figure out. Nothing here reads a file or knows of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from froude.answers.numbers import loss_text, percent
from froude.reporting.style import COLOURS, NARROW_PX, TEXT_PX, log_x, new_figure, plain_y, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Role = Literal["curve", "law", "beyond", "path", "frontier", "level"]

_PEN: Mapping[str, dict[str, Any]] = {
    "curve": {"linewidth": 1.1, "alpha": 0.8},
    "law": {"linewidth": 1.5},
    "beyond": {"linewidth": 1.2, "alpha": 0.8, "dashes": (1.5, 3)},
    "path": {"linewidth": 2},
    "frontier": {"linewidth": 9, "alpha": 0.16},
    "level": {"linewidth": 1},
}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Measured runs at places x, y (n,), each in its colour."""

    x: np.ndarray
    y: np.ndarray
    colours: tuple[str, ...]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A line through x, y (n,); `label` stands at its right end, a band fills from lo to hi if given."""

    x: np.ndarray
    y: np.ndarray
    role: Role
    colour: str
    label: str | None = None
    lo: np.ndarray | None = None
    hi: np.ndarray | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Mark:
    """One outcome worth a word: what was forecast, with its interval, or what was measured (lo = hi = y).

    `side` says where its label stands; on a phone only the number of a label is written.
    """

    x: float
    y: float
    lo: float
    hi: float
    role: Literal["forecast", "measured"]
    label: str
    side: Literal["right", "left", "above"] = "right"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture of points, lines and marks over a logarithmic x; `compute` writes x as powers of ten."""

    points: Points
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    x_label: str
    y_label: str
    compute: bool = False


def chart(view: View, width: int) -> Figure:
    """Draw a view, `width` CSS pixels wide: what was measured as dots, laws as lines."""
    narrow = width < NARROW_PX
    labelled = any(line.label for line in view.lines) or any(mark.side == "right" for mark in view.marks)
    right = 14 if not labelled else 52 if narrow else 116
    figure, axes = new_figure(width, 300 if narrow else 400, left=36 if narrow else 46, right=right)
    low, high = _x_range(view)
    log_x(axes, low, high, view.x_label, view.compute, 4 if narrow else 7 if view.compute else 9)
    plain_y(axes, *_y_range(view), view.y_label)
    for line in view.lines:
        _draw_line(axes, line)
    axes.scatter(
        view.points.x, view.points.y, s=30 if narrow else 46, c=view.points.colours,
        edgecolors=COLOURS["paper"], linewidths=1, zorder=4,
    )  # fmt: skip
    for mark in view.marks:
        _draw_mark(axes, mark)
    _label_sides(axes, view, narrow)
    for mark in view.marks:
        if mark.side == "above":
            axes.annotate(
                mark.label, (mark.x, mark.hi), xytext=(0, 7), textcoords="offset pixels", ha="center",
                fontsize=TEXT_PX, color=_colour(mark), weight="bold", zorder=7,
            )  # fmt: skip
    return figure


def number_line(marks: Sequence[Mark], baselines: Mapping[str, float], label: str, width: int) -> Figure:
    """One axis of loss: the forecast's interval as a bar, the measured loss as a diamond, baselines faintly.

    The forecast is the first of `marks`; the measured loss the second, where there is one.
    """
    figure, axes = new_figure(width, 226, left=12, right=12)
    forecast = marks[0]
    everything = [forecast.lo, forecast.hi, *(m.y for m in marks), *baselines.values()]
    pad = 0.1 * (max(everything) - min(everything))
    axes.set_xlim(min(everything) - pad, max(everything) + pad)
    axes.set_ylim(0, 100)
    axes.set_yticks([])
    axes.set_xlabel(label, fontsize=TEXT_PX, color=COLOURS["soft"], labelpad=6, loc="right")
    for (name, value), height in zip(baselines.items(), (26, 8), strict=False):
        axes.plot([value, value], [0, height + 5], color=COLOURS["faint"], linewidth=1)
        _beside(axes, f"{name} {loss_text(value)}", value, height)
    accent, bar = COLOURS["forecast"], 70
    axes.plot([forecast.lo, forecast.hi], [bar, bar], color=accent, alpha=0.28, linewidth=24, solid_capstyle="butt")
    axes.plot([forecast.y, forecast.y], [bar - 8.2, bar + 8.2], color=accent, linewidth=3, solid_capstyle="butt")
    between = f"{forecast.label}, {loss_text(forecast.lo)} to {loss_text(forecast.hi)}"
    _above(axes, between, forecast.y, bar - 19, accent)
    for mark in marks[1:]:
        axes.plot(
            [mark.y], [bar], marker="D", markersize=12, color=COLOURS["ink"],
            markeredgecolor=COLOURS["paper"], markeredgewidth=1.5, zorder=5,
        )  # fmt: skip
        _above(axes, mark.label, mark.y, bar + 20, COLOURS["ink"])
    return figure


def part_bars(parts: Mapping[str, float], width: int) -> Figure:
    """Bars of relative standard deviations, in percent; the last of `parts` is what the others come to."""
    narrow = width < NARROW_PX
    figure, axes = new_figure(width, 40 + 34 * len(parts), left=140 if narrow else 190, right=64, bottom=10)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    places = np.arange(len(parts))[::-1]
    shades = [COLOURS["n3"]] * (len(parts) - 1) + [COLOURS["forecast"]]
    shares = list(parts.values())
    axes.barh(places, shares, height=0.46, color=shades)
    axes.set_xlim(0, max([*shares, 1e-11]))
    axes.set_ylim(-0.6, len(parts) - 0.4)
    axes.set_yticks(places, list(parts), fontsize=TEXT_PX, color=COLOURS["ink"])
    for place, share in zip(places, shares, strict=True):
        axes.annotate(
            percent(share), (share, place), xytext=(7, 0), textcoords="offset pixels", va="center",
            fontsize=TEXT_PX, color=COLOURS["ink"],
        )  # fmt: skip
    return figure


def forecast_label(value: float) -> str:
    """How a forecast is named in a picture."""
    return f"forecast {loss_text(value)}"


def measured_label(value: float) -> str:
    """How a measured target is named in a picture."""
    return f"measured {loss_text(value)}"


def _x_range(view: View) -> tuple[float, float]:
    ends = [line.x if line.role in ("curve", "path") else line.x[-1:] for line in view.lines]
    values = np.concatenate([view.points.x, *ends, [m.x for m in view.marks]])
    room = 1.04 + 0.03 * math.log10(values.max() / values.min())
    target_at_the_edge = any(mark.side == "right" for mark in view.marks)
    return values.min() / room, values.max() * (1.0 if target_at_the_edge else room)


def _y_range(view: View) -> tuple[float, float]:
    """The range of what was measured and forecast; bands and lines of one size may leave it."""
    whole = [line.y for line in view.lines if line.role in ("curve", "path", "level")]
    ends = [line.y[-1:] for line in view.lines if line.label]
    marks = [[m.lo, m.hi, m.y] for m in view.marks]
    values = np.concatenate([view.points.y, *whole, *ends, *marks])
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    room = 0.07 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _draw_line(axes: Axes, line: Line) -> None:
    axes.plot(line.x, line.y, color=line.colour, zorder=2, solid_capstyle="round", **_PEN[line.role])
    if line.lo is not None and line.hi is not None:
        axes.fill_between(line.x, line.lo, line.hi, color=line.colour, alpha=0.14, linewidth=0, zorder=1)


def _draw_mark(axes: Axes, mark: Mark) -> None:
    """A forecast is a bar with a dash across, as on the number line; what was measured is a diamond."""
    if mark.role == "forecast":
        bar = {"color": _colour(mark), "solid_capstyle": "butt", "clip_on": False, "zorder": 5}
        axes.plot([mark.x, mark.x], [mark.lo, mark.hi], linewidth=9, alpha=0.38, **bar)
        axes.plot([mark.x], [mark.y], marker="_", markersize=13, markeredgewidth=3, **bar)
        return
    axes.plot(
        [mark.x], [mark.y], marker="D", markersize=8, color=_colour(mark), markeredgecolor=COLOURS["paper"],
        markeredgewidth=1.2, zorder=6, clip_on=False,
    )  # fmt: skip


def _label_sides(axes: Axes, view: View, narrow: bool) -> None:
    """Write the labels of lines and marks beside their ends, on either side none over another."""
    ends = [("right", line.x[-1], line.y[-1], line.label, line.colour, "normal") for line in view.lines if line.label]
    ends += [(m.side, m.x, m.y, _short(m.label, narrow), _colour(m), "bold") for m in view.marks if m.label]
    gap = 14.5 / _pixels_per_unit(axes)
    for side, offset, anchor in (("right", 11, "left"), ("left", -11, "right")):
        here = [end for end in ends if end[0] == side]
        places = spread([end[2] for end in here], gap)
        for (_, x, _, label, colour, weight), place in zip(here, places, strict=True):
            axes.annotate(
                label, (x, place), xytext=(offset, 0), textcoords="offset pixels", ha=anchor, va="center",
                fontsize=TEXT_PX - 0.5 - 0.5 * narrow, color=colour, weight=weight,
                annotation_clip=False, zorder=7,
            )  # fmt: skip


def _short(label: str, narrow: bool) -> str:
    return label.split()[-1] if narrow and label else label


def _colour(mark: Mark) -> str:
    return COLOURS["forecast" if mark.role == "forecast" else "ink"]


def _above(axes: Axes, text: str, x: float, y: float, colour: str) -> None:
    """Write bold text centred at x, or as near as keeps it inside the picture."""
    low, high = axes.get_xlim()
    half = 4.2 * len(text) * (high - low) / axes.get_window_extent().width
    inside = min(max(x, low + half), high - half)
    axes.annotate(text, (inside, y), ha="center", va="center", fontsize=TEXT_PX + 1, color=colour, weight="bold")


def _beside(axes: Axes, text: str, x: float, y: float) -> None:
    """Write text beside x, on the side where there is more room."""
    low, high = axes.get_xlim()
    left = x > (low + high) / 2
    axes.annotate(
        text, (x, y), xytext=(-6 if left else 6, 0), textcoords="offset pixels", va="center",
        ha="right" if left else "left", fontsize=TEXT_PX - 0.5, color=COLOURS["soft"],
    )  # fmt: skip


def _pixels_per_unit(axes: Axes) -> float:
    low, high = axes.get_ylim()
    return axes.get_window_extent().height / (high - low)
