"""Claims of one kind beside each other: what was measured as a point, "up to" as a bound, what is ideal hollow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from froude.atlas.schema import number
from froude.atlas.selection import ClaimRow
from froude.drawing.axes import bare_figure, log_ticks, put_text, text_width, wrap
from froude.drawing.colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_PX, _HEAD_PX, _KEY_PX, _SCALE_PX = 42, 34, 30, 26
_LEFT_PX = 12
_EDGE_PX = 104  # for the values beside marks
_LINE_PX = 15  # of words that take several
_KEY = (("point", "measured"), ("bound", "up to: most gains lie below"), ("ideal", "ideal, not measured"))


def claims_chart(rows: Iterable[ClaimRow], width: int = 840) -> Figure:
    """The claims as rows over one logarithmic scale; `width` in CSS pixels. InputError without matplotlib."""
    rows = list(rows)
    groups = {row.group: [one for one in rows if one.group == row.group] for row in rows}
    words = {id(row): wrap(_words(row), width - _LEFT_PX) for row in rows}
    heights = {key: _ROW_PX + _LINE_PX * (len(lines) - 1) for key, lines in words.items()}
    height = _KEY_PX + 2 * _SCALE_PX + sum(heights.values()) + _HEAD_PX * len(groups)
    figure, axes = bare_figure(width, height, left=_LEFT_PX, right=_EDGE_PX)
    axes.set_xscale("log")
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    axes.set_xlim(min(1.0, *(row.low for row in rows)), 1.02 * max(row.high for row in rows))
    _key(axes, width)
    y = _KEY_PX + _SCALE_PX
    for group, members in groups.items():
        put_text(axes, axes.get_xlim()[0], y + _HEAD_PX - 12, group, "ink", bold=True, size=13)
        y += _HEAD_PX
        for row in members:
            _draw(axes, row, y, words[id(row)])
            y += heights[id(row)]
    _scale(axes, y, rows[0].claim.unit)
    return figure


def _words(row: ClaimRow) -> str:
    """What a claim says beside its value, which is drawn."""
    return f"{row.record.id}: {row.claim.sentence.replace(f': {row.claim.size}', '')}"


def _draw(axes: Axes, row: ClaimRow, y: float, lines: list[str]) -> None:
    """One claim: its words above, its mark below, its value beside."""
    claim, (left, right) = row.claim, axes.get_xlim()
    for k, line in enumerate(lines):
        put_text(axes, left, y + 8 + _LINE_PX * k, line, "soft")
    y += _LINE_PX * (len(lines) - 1)
    ideal = claim.gain == "ideal"
    if claim.qualifier in ("maximum", "at least"):
        _bound(axes, row.high, left if claim.qualifier == "maximum" else right, y + 27, ideal)
    else:
        _points(axes, row.low, row.high, y + 27, ideal)
    before = claim.qualifier == "at least"
    shift, anchor = (-10, "right") if before else (10, "left")
    put_text(axes, row.high, y + 27, claim.size.replace(" x", "×"), "ink", shift=shift, anchor=anchor)


def _bound(axes: Axes, at: float, to: float, y: float, ideal: bool) -> None:
    """A bound at a value, and the side of it where what is claimed lies."""
    colour = COLOURS["faint" if ideal else "n4"]
    axes.plot([at, to], [y, y], color=colour, alpha=0.3, linewidth=5, solid_capstyle="butt")
    axes.plot([at, at], [y - 7, y + 7], color=colour, linewidth=2.5, solid_capstyle="butt")


def _points(axes: Axes, low: float, high: float, y: float, ideal: bool) -> None:
    """A value, or both ends of one; hollow where it is ideal."""
    colour = COLOURS["faint" if ideal else "n4"]
    face = COLOURS["paper"] if ideal else colour
    axes.plot([low, high], [y, y], color=colour, linewidth=2)
    axes.scatter([low, high], [y, y], s=44, c=face, edgecolors=colour, linewidths=1.6, zorder=4)


def _key(axes: Axes, width: int) -> None:
    """What the marks mean, each mark beside its words."""
    left, right = axes.get_xlim()
    pixels = width - _LEFT_PX - _EDGE_PX
    at = 0.0
    for kind, words in _KEY:
        start, end = (left * (right / left) ** ((at + dx) / pixels) for dx in (4, 24))
        if kind == "bound":
            _bound(axes, end, start, 12, False)
        else:
            _points(axes, start, start, 12, kind == "ideal")
        shift = 32 if kind == "bound" else 14
        put_text(axes, left, 12, words, "soft", shift=at + shift)
        at += shift + text_width(words) + 24


def _scale(axes: Axes, y: float, unit: str) -> None:
    """The scale above and below all claims, with hairlines through them."""
    low, high = axes.get_xlim()
    for tick in log_ticks(low, high, 9):
        axes.plot([tick, tick], [_KEY_PX + 16, y], color=COLOURS["hair"], linewidth=1, zorder=0)
        for height in (_KEY_PX + 6, y + 12):
            text = f"{number(tick)}{'×' if unit == 'x' else f' {unit}'}"
            put_text(axes, tick, height, text, "soft", anchor="left" if tick == low else "center")
