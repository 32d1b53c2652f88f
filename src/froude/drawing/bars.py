"""Bars: parts of a whole against its limits, and how far something moves an outcome. Nothing here knows of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from froude.drawing.axes import TEXT_PX, Look, bare_figure, put_text, text_width, wrap
from froude.drawing.colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_PX, _BAR_PX, _LINE_PX = 46, 17, 15


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a bar: its amount, and its colour by name with the colour's strength."""

    amount: float
    colour: str
    strength: float = 1.0


@final
@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of parts; `label` stands above it and `value` beside it."""

    label: str
    value: str
    parts: tuple[Part, ...]

    @property
    def amount(self) -> float:
        """All parts together."""
        return sum(part.amount for part in self.parts)


@final
@dataclass(frozen=True, kw_only=True)
class Swing:
    """How far something moves an outcome, as ratios: from `lo` to `hi` around 1."""

    label: str
    lo: float
    hi: float


@final
@dataclass(frozen=True, kw_only=True)
class NamedPart:
    """A part with its name and its amount as text, on a line of its own."""

    title: str
    text: str
    part: Part


def stacked_bars(bars: Sequence[Bar], limits: Sequence[tuple[float, str]], width: int) -> Figure:
    """Bars of parts from one zero on, the first of them the one that counts; a line where each limit is."""
    labels = [wrap(bar.label, width, bold=row == 0) for row, bar in enumerate(bars)]
    tops = _tops(labels, 24 * bool(limits))
    figure, axes = bare_figure(width, tops[-1], right=0)
    edge = max(text_width(bar.value, bold=True) for bar in bars) + 12
    high = max([*(bar.amount for bar in bars), *(limit for limit, _ in limits)])
    axes.set_xlim(0, high * width / (width - edge))
    for row, (bar, lines, top) in enumerate(zip(bars, labels, tops, strict=False)):
        colour, bold, middle = "ink" if row == 0 else "soft", row == 0, _middle(lines, top)
        for k, line in enumerate(lines):
            put_text(axes, 0, top + 9 + _LINE_PX * k, line, colour, bold=bold)
        put_text(axes, high, middle, bar.value, colour, bold=bold, shift=10)
        _draw_parts(axes, bar.parts, middle)
    for limit, label in limits:
        for row, (lines, top) in enumerate(zip(labels, tops, strict=False)):
            widest = max(text_width(line, bold=row == 0) for line in lines)
            beside = widest > (width - edge) * limit / high - 6
            low = top + (_LINE_PX * len(lines) + 4) * beside
            line = [low, _middle(lines, top) + 17 - 5 * (row == len(bars) - 1)]
            axes.plot([limit, limit], line, color=COLOURS["ink"], linewidth=1.5, zorder=5, solid_capstyle="butt")
        late = limit > 0.5 * high
        put_text(axes, limit, 10, label, "ink", bold=True, shift=1 if late else -1, anchor="right" if late else "left")
    return figure


def draw_part_list(
    axes: Axes, title: str, parts: Sequence[NamedPart], look: Look, limit: tuple[float, str] | None = None
) -> Axes:
    """Parts of a whole in bare axes, each on a line of its own with its amount, under a title; a line at the limit."""
    values = max(text_width(each.text) for each in parts) + 14
    high = max([*(each.part.amount for each in parts), limit[0] if limit else 0.0]) or 1.0
    places = range(len(parts))[::-1]
    axes.set_yticks(places, [each.title for each in parts], fontsize=look.text, color=COLOURS["ink"])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_ylim(-1.1 if limit else -0.6, len(parts) - 0.4)
    axes.set_xlim(0, high * 1.02 if limit and limit[0] == high else high / max(1 - values / look.width(axes), 0.4))
    for place, each in zip(places, parts, strict=True):
        part = each.part
        axes.barh(place, part.amount, height=0.55, color=COLOURS[part.colour], alpha=part.strength, linewidth=0)
        put_text(axes, part.amount, place, each.text, "ink", shift=6, look=look)
        axes.texts[-1].set_bbox({"facecolor": "white", "edgecolor": "none", "pad": look.px(1.5)})  # over a limit's line
    if limit is not None:
        late = limit[0] > high / 2
        axes.axvline(limit[0], color=COLOURS["ink"], linewidth=look.px(1.5))
        anchor, shift = ("right", -5) if late else ("left", 5)
        put_text(axes, limit[0], -0.8, limit[1], "ink", shift=shift, anchor=anchor, look=look)
    axes.set_title(title, fontsize=look.px(TEXT_PX + 0.5), color=COLOURS["ink"], loc="left")
    return axes


def tornado(swings: Sequence[Swing], width: int) -> Figure:
    """Swings around 1, in the order in which they are given; what lowers the outcome is cool, what raises it warm."""
    labels = [wrap(swing.label, width) for swing in swings]
    tops = _tops(labels, 0)
    figure, axes = bare_figure(width, tops[-1] - 4, left=54, right=54)
    reach = max(0.02, *(abs(end - 1) for swing in swings for end in (swing.lo, swing.hi)))
    axes.set_xlim(-reach, reach)
    for swing, lines, top in zip(swings, labels, tops, strict=False):
        for k, line in enumerate(lines):
            axes.annotate(
                line, (0, top + 9 + _LINE_PX * k), xycoords=("figure fraction", "data"), va="center",
                fontsize=TEXT_PX, color=COLOURS["ink"],
            )  # fmt: skip
        middle = _middle(lines, top)
        for end, colour, anchor, shift in ((swing.lo, "n3", "right", -7), (swing.hi, "forecast", "left", 7)):
            if (change := percent_change(end)) != percent_change(1.0):
                _box(axes, min(end - 1, 0), abs(end - 1), middle, colour, 1.0)
                put_text(axes, end - 1, middle, change, "ink", shift=shift, anchor=anchor)
        axes.plot([0, 0], [middle - 11, middle + 11], color=COLOURS["ink"], linewidth=1.2, zorder=5)
    return figure


def percent_change(ratio: float) -> str:
    """A ratio as people say it: 1.124 becomes "+12%", 0.9957 "−0.4%", and what rounds to nothing "0%"."""
    change = 100 * (ratio - 1)
    digits = 0 if abs(change) >= 9.95 else 1
    text = f"{change:+.{digits}f}".removesuffix(".0")
    return "0%" if text in ("+0", "-0") else text.replace("-", "−") + "%"


def _tops(labels: Sequence[Sequence[str]], first: float) -> list[float]:
    """Where each row begins, and where the last one ends: a label of several lines takes more."""
    tops = [first]
    for lines in labels:
        tops.append(tops[-1] + _ROW_PX + _LINE_PX * (len(lines) - 1))
    return tops


def _middle(lines: Sequence[str], top: float) -> float:
    """The middle of the bar below a label."""
    return top + 29 + _LINE_PX * (len(lines) - 1)


def _draw_parts(axes: Axes, parts: Sequence[Part], middle: float) -> None:
    start = 0.0
    for part in parts:
        _box(axes, start, part.amount, middle, part.colour, part.strength)
        start += part.amount


def _box(axes: Axes, start: float, amount: float, middle: float, colour: str, strength: float) -> None:
    axes.barh(
        middle, amount, left=start, height=_BAR_PX, color=COLOURS[colour], alpha=strength,
        edgecolor=COLOURS["paper"], linewidth=0.8,
    )  # fmt: skip
