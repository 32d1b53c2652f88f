"""The picture of a view: what was measured as dots, laws as lines, what was forecast with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.answers.numbers import loss_text, percent
from froude.drawing.axes import (
    CORNERS,
    NARROW_PX,
    PAGE,
    TEXT_PX,
    Corner,
    Look,
    Panel,
    data_share,
    log_x,
    log_y,
    new_figure,
    plain_y,
    spread,
    text_width,
    write_key,
)
from froude.drawing.colours import COLOURS, dashes_of
from froude.drawing.views import Line, Mark, Points, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PEN: Mapping[str, dict[str, Any]] = {
    "curve": {"linewidth": 1.1, "alpha": 0.8},
    "law": {"linewidth": 1.5},
    "beyond": {"linewidth": 1.2, "alpha": 0.8, "dashes": (1.5, 3)},
    "path": {"linewidth": 2},
    "frontier": {"linewidth": 9, "alpha": 0.16},
    "level": {"linewidth": 1},
}
_MANY = 60  # dots, of more each is smaller
_CROWD, _SPOT_PX = 500, 0.5  # dots, of more those on one spot are drawn once
_LABEL_PX = 14.5  # that labels stand above one another
_OFFSET_PX = 11  # of a label from the end of its line
_KEY_LINE_PX = 16.5
_STROKE_PX = 14  # of a line in a column of labels


def chart(view: View, width: int) -> Figure:
    """A view as the figure of a page, `width` CSS pixels wide."""
    return panel_chart(lambda axes, look: draw_view(axes, view, look), width)


def panel_chart(panel: Panel, width: int) -> Figure:
    """One panel as the figure of a page, `width` CSS pixels wide. InputError without matplotlib."""
    narrow = width < NARROW_PX
    return figure_of_panel(panel, width, 300 if narrow else 400, left=36 if narrow else 46)


def figure_of_view(view: View, width: int, height: int, left: int) -> Figure:
    """A view as a figure, as `figure_of_panel` makes it."""
    return figure_of_panel(lambda axes, look: draw_view(axes, view, look), width, height, left)


def figure_of_panel(panel: Panel, width: int, height: int, left: int) -> Figure:
    """A panel as a figure of these sizes in CSS pixels, `left` of them for the numbers of y, or as many as need be.

    InputError without matplotlib.
    """
    figure, axes = new_figure(width, height, left=left, right=4)
    panel(axes, PAGE)
    outside = -min((label.get_window_extent().x0 for label in axes.get_yticklabels() if label.get_text()), default=0)
    return figure if outside <= 0 else figure_of_panel(panel, width, height, left + int(outside) + 2)


def draw_view(axes: Axes, view: View, look: Look) -> Axes:
    """Draw a view into bare axes."""
    narrow = look.is_narrow(axes)
    low, high = _x_range(view)
    room = _room(view, narrow)
    log_x(axes, low, high, view.x_label, view.compute, _most(look.width(axes) - room, view), room=room, look=look)
    bottom, top = _y_range(view)
    make_y = log_y if view.log_y else plain_y
    make_y(axes, bottom, top, view.y_label, look=look)
    corner = free_corner(axes, view, look) if view.is_keyed else None
    if view.is_keyed and corner is None:  # then there is room above all else
        share = key_size(view)[1] / look.height(axes)
        top = bottom * (top / bottom) ** (1 / (1 - share)) if view.log_y else bottom + (top - bottom) / (1 - share)
        make_y(axes, bottom, top, view.y_label, look=look)
    for line in view.lines:
        _draw_line(axes, line, look)
    for points in view.points:
        draw_points(axes, points, look, narrow)
    for mark in view.marks:
        _draw_mark(axes, mark, look)
    _label_ends(axes, view, look, narrow)
    if view.column is not None:
        _label_column(axes, view, look, narrow)
    for mark in view.marks:
        if mark.side == "above":
            axes.annotate(
                mark.label, (mark.x, mark.hi), xytext=(0, look.px(7)), textcoords="offset points", ha="center",
                fontsize=look.text, color=_colour(mark), weight="bold", zorder=7,
            )  # fmt: skip
        elif mark.side == "below":
            axes.annotate(
                mark.label, (mark.x, mark.lo), xytext=(look.px(-7), look.px(-6)), textcoords="offset points",
                ha="right", va="top", fontsize=look.text, color=_colour(mark), weight="bold", zorder=7,
            )  # fmt: skip
    if view.is_keyed:
        write_key(axes, look, *axes.get_legend_handles_labels(), corner=corner or "upper right")
    return axes


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
            percent(share), (share, place), xytext=(7, 0), textcoords="offset points", va="center",
            fontsize=TEXT_PX, color=COLOURS["ink"],
        )  # fmt: skip
    return figure


def forecast_label(value: float) -> str:
    """How a forecast is named in a picture."""
    return f"forecast {loss_text(value)}"


def measured_label(value: float) -> str:
    """How a measured target is named in a picture."""
    return f"measured {loss_text(value)}"


def draw_points(axes: Axes, points: Points, look: Look, narrow: bool) -> None:
    """Dots; rings where they lie far off, crosses at the upper edge where they diverged."""
    crowd = min(1.0, _MANY / max(len(points.x), 1))
    points = _apart(axes, points, look)
    size = look.area(24 if points.is_small else 30 if narrow else 46) * crowd**0.5
    if points.kind == "run":
        axes.scatter(
            points.x, points.y, s=size, c=points.colours, marker=points.marker, label=points.name,
            edgecolors=COLOURS["paper"], linewidths=look.px(1) * crowd, zorder=4,
        )  # fmt: skip
    elif points.kind == "outlier":
        axes.scatter(
            points.x, points.y, s=2.2 * size, facecolors="none", edgecolors=COLOURS["forecast"], label=points.name,
            linewidths=look.px(1.6), zorder=5,
        )  # fmt: skip
    else:
        top = np.full(len(points.x), 0.97)
        axes.scatter(
            points.x, top, s=size, marker="x", c=COLOURS["soft"], linewidths=look.px(1.6), label=points.name,
            transform=axes.get_xaxis_transform(), zorder=5,
        )  # fmt: skip


def _apart(axes: Axes, points: Points, look: Look) -> Points:
    """Points of which, where they are a crowd, only one is left of those of one colour on one spot."""
    if len(points.x) <= _CROWD or points.kind == "diverged":
        return points
    inches = axes.transData.transform(np.column_stack([points.x, points.y])) / axes.figure.dpi
    _, colour = np.unique(points.colours, return_inverse=True)
    spots = np.column_stack([np.round(72 * inches / look.px(_SPOT_PX)), colour])
    first = np.sort(np.unique(spots, axis=0, return_index=True)[1])
    return replace(points, x=points.x[first], y=points.y[first], colours=tuple(points.colours[i] for i in first))


def key_size(view: View) -> tuple[float, float]:
    """How wide and high the key of a view is, in pixels."""
    names = [name for line in view.lines for name in (line.name, line.band) if name]
    names += [points.name for points in view.points if points.name]
    return _STROKE_PX + 22 + max(map(text_width, names)), _KEY_LINE_PX * len(names) + 6


def free_corner(axes: Axes, view: View, look: Look) -> Corner | None:
    """The first corner left of the labels where a key covers nothing that is drawn; None where it would everywhere."""
    drawn = [(line.x, line.y) for line in view.lines] + [(p.x, p.y) for p in view.points if p.kind != "diverged"]
    drawn += [(np.full(3, m.x), np.array([m.lo, m.y, m.hi])) for m in view.marks]
    x, y = (np.concatenate(each) for each in zip(*drawn, strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        across, up = axes.transAxes.inverted().transform(axes.transData.transform(np.column_stack([x, y]))).T
    wide, high = (
        size / whole for size, whole in zip(key_size(view), (look.width(axes), look.height(axes)), strict=True)
    )
    end = data_share(axes)
    for corner in CORNERS:
        beside = across > end - wide if corner.endswith("right") else across < wide
        level = up > 1 - high if corner.startswith("upper") else up < high
        if not np.any(beside & level & (up < 1.05)):
            return corner
    return None


def _most(width: float, view: View) -> int:
    """Ticks of x that there is room for."""
    return max(2, min(9, int(width / (88 if view.compute else 62))))


def _x_range(view: View) -> tuple[float, float]:
    ends = [line.x if line.role in ("curve", "path") else line.x[-1:] for line in view.lines]
    values = np.concatenate([*(points.x for points in view.points), *ends, [m.x for m in view.marks]])
    return float(values.min()), float(values.max())


def _y_range(view: View) -> tuple[float, float]:
    """The range of what was measured and forecast; bands and lines of one size may leave it."""
    whole = [line.y for line in view.lines if line.role in ("curve", "path", "level")]
    ends = [line.y[-1:] for line in view.lines if line.label]
    marks = [[m.lo, m.hi, m.y] for m in view.marks]
    runs = [points.y for points in view.points if points.kind != "diverged"]
    values = np.concatenate([*runs, *whole, *ends, *marks])
    values = values[np.isfinite(values) & ((values > 0) | (not view.log_y))]
    low, high = float(values.min()), float(values.max())
    room = 0.12 if any(points.kind == "diverged" for points in view.points) else 0.07
    if view.log_y:
        factor = max((high / low) ** 0.07, 1.02)
        return low / factor, high * factor ** (room / 0.07)
    unit = high - low or 0.7 * abs(high) or 1.0
    floor = 0.16 if any(mark.side == "below" for mark in view.marks) else 0.07
    return low - floor * unit, high + room * unit


def _room(view: View, narrow: bool) -> float:
    """Pixels that labels take right of the lines; no more than leaves room for the picture."""
    marks = [_short(m.label, narrow) for m in view.marks if m.side == "right" and m.label]
    lines = [_line_label(line, narrow) for line in view.lines if line.label]
    widths = [text_width(text, bold=True) for text in marks]
    widths += [text_width(text) + (_STROKE_PX if view.column else 0) for text in lines]
    widths += [text_width(view.column)] if view.column and lines else []
    room = max(widths) + _OFFSET_PX - 4 if widths else 0.0
    last = max((mark.x for mark in view.marks), default=0.0)
    above = [text_width(mark.label, bold=True) for mark in view.marks if mark.side == "above" and mark.x == last]
    return max([room, *(width / 2 - _OFFSET_PX + 2 for width in above)])


def _draw_line(axes: Axes, line: Line, look: Look) -> None:
    pen = dict(_PEN[line.role])
    pen["linewidth"] = look.px(pen["linewidth"])
    pen = dashes_of(line.order) | pen
    axes.plot(line.x, line.y, color=line.colour, zorder=2, solid_capstyle="round", label=line.name, **pen)
    if line.lo is not None and line.hi is not None:
        axes.fill_between(
            line.x, line.lo, line.hi, color=line.colour, alpha=0.14, linewidth=0, zorder=1, label=line.band
        )


def _draw_mark(axes: Axes, mark: Mark, look: Look) -> None:
    """A forecast is a bar with a dash across, as on the number line; what was measured is a diamond."""
    if mark.role == "forecast":
        bar = {"color": _colour(mark), "solid_capstyle": "butt", "zorder": 5}
        axes.plot([mark.x, mark.x], [mark.lo, mark.hi], linewidth=look.px(9), alpha=0.38, **bar)
        axes.plot([mark.x], [mark.y], marker="_", markersize=look.px(13), markeredgewidth=look.px(3), **bar)
        return
    axes.plot(
        [mark.x], [mark.y], marker="D", markersize=look.px(8), color=_colour(mark), markeredgecolor=COLOURS["paper"],
        markeredgewidth=look.px(1.2), zorder=6,
    )  # fmt: skip


def _label_ends(axes: Axes, view: View, look: Look, narrow: bool) -> None:
    """Write the labels of lines and marks beside their ends, on either side none over another."""
    ends = [(m.side, m.x, m.y, _short(m.label, narrow), _colour(m), "bold") for m in view.marks if m.label]
    if view.column is None:
        lines = [line for line in view.lines if line.label]
        ends += [
            ("right", line.x[-1], line.y[-1], _line_label(line, narrow), COLOURS["soft"], "normal") for line in lines
        ]
    high = axes.get_ylim()[1]
    for side, offset, anchor in (("right", _OFFSET_PX, "left"), ("left", -_OFFSET_PX, "right")):
        here = [end for end in ends if end[0] == side]
        heights = _share_of_height(axes, [end[2] for end in here])
        places = spread(heights, _LABEL_PX / look.height(axes))
        for (_, x, y, label, colour, weight), height, place in zip(here, heights, places, strict=True):
            shift = look.px((place - height) * look.height(axes))
            axes.annotate(
                label, (x, min(y, high)), xytext=(look.px(offset), shift), textcoords="offset points", ha=anchor,
                va="center", fontsize=look.px(TEXT_PX - 0.5 - 0.5 * narrow), color=colour, weight=weight,
                annotation_clip=False, zorder=7,
            )  # fmt: skip


def _label_column(axes: Axes, view: View, look: Look, narrow: bool) -> None:
    """Labels of lines one below the other right of all, each after a stroke of its colour; as many as there is room."""
    lines = [line for line in view.lines if line.label]
    most = int(look.height(axes) / _LABEL_PX) - 1
    if not lines or most < 1:
        return
    lines = [lines[k] for k in np.unique(np.linspace(0, len(lines) - 1, min(most, len(lines))).round().astype(int))]
    start = data_share(axes)
    step, stroke = _LABEL_PX / look.height(axes), _STROKE_PX / look.width(axes)
    rows = [(view.column or "", "soft", None), *((_line_label(line, narrow), "ink", line) for line in lines)]
    for row, (text, colour, line) in enumerate(rows):
        height = 1 - step * (row + 0.5)
        if line is not None:
            axes.plot(
                [start, start + 0.8 * stroke], [height, height], transform=axes.transAxes, color=line.colour,
                linewidth=look.px(2.4), solid_capstyle="butt", zorder=7,
            )  # fmt: skip
        axes.annotate(
            text, (start + (stroke if line else 0), height), xycoords="axes fraction", va="center",
            fontsize=look.px(TEXT_PX - 0.5), color=COLOURS[colour], annotation_clip=False, zorder=7,
        )  # fmt: skip


def _share_of_height(axes: Axes, values: Sequence[float]) -> list[float]:
    """How high values stand, as shares of the axes' height."""
    if not values:
        return []
    x = axes.get_xlim()[0]
    low, high = axes.get_ylim()
    inside = [(x, min(max(value, low), high)) for value in values]
    return axes.transAxes.inverted().transform(axes.transData.transform(inside))[:, 1].tolist()


def _line_label(line: Line, narrow: bool) -> str:
    return (narrow and line.short) or line.label or ""


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
        text, (x, y), xytext=(-6 if left else 6, 0), textcoords="offset points", va="center",
        ha="right" if left else "left", fontsize=TEXT_PX - 0.5, color=COLOURS["soft"],
    )  # fmt: skip
