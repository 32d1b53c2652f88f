"""The pictures of a plan's page: data in, a matplotlib Figure out. Nothing here knows of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from froude.reporting.style import COLOURS, NARROW_PX, TEXT_PX, bare_figure, put_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_PX, _BAR_PX = 46, 17
_EDGE_PX = 76  # for the values beside bars
_LETTER_PX = 7.5  # of a bold label, at most
_LINE_PX = 17  # a row of the timeline
_NUMBER_PX = 14  # work as wide as this has its number written on it
_GAP_PX = 26  # between the beginning and the end of a timeline


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
class Span:
    """Work on a row of a timeline, in seconds; `number` is written on it where there is room."""

    row: int
    start: float
    end: float
    colour: str
    strength: float = 1.0
    number: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Strip:
    """A timeline of `rows` rows from 0 to `seconds`; from `worked` on there is only what is done once.

    Where all of it would be too fine, `shown` seconds of its beginning and of the end of the work are drawn.
    """

    spans: tuple[Span, ...]
    rows: int
    seconds: float
    worked: float
    shown: float


def stacked_bars(bars: Sequence[Bar], limits: Sequence[tuple[float, str]], width: int) -> Figure:
    """Bars of parts from one zero on, the first of them the one that counts; a line where each limit is."""
    top = 24 * bool(limits)
    figure, axes = bare_figure(width, top + _ROW_PX * len(bars), right=_EDGE_PX)
    high = max([*(bar.amount for bar in bars), *(limit for limit, _ in limits)])
    axes.set_xlim(0, high)
    for row, bar in enumerate(bars):
        y = top + _ROW_PX * row
        first = row == 0
        put_text(axes, 0, y + 9, bar.label, "ink" if first else "soft", bold=first)
        put_text(axes, high, y + 29, bar.value, "ink" if first else "soft", bold=first, shift=10)
        start = 0.0
        for part in bar.parts:
            _box(axes, start, part.amount, y + 29, part.colour, part.strength)
            start += part.amount
    for limit, label in limits:
        for row, bar in enumerate(bars):
            beside = _LETTER_PX * len(bar.label) > (width - _EDGE_PX) * limit / high
            y = top + _ROW_PX * row
            line = [y + 18 * beside, y + _ROW_PX - 5 * (row == len(bars) - 1)]
            axes.plot([limit, limit], line, color=COLOURS["ink"], linewidth=1.5, zorder=5, solid_capstyle="butt")
        late = limit > 0.5 * high
        put_text(axes, limit, 10, label, "ink", bold=True, shift=1 if late else -1, anchor="right" if late else "left")
    return figure


def tornado(swings: Sequence[Swing], width: int) -> Figure:
    """Swings around 1, in the order in which they are given; what lowers the outcome is cool, what raises it warm."""
    figure, axes = bare_figure(width, _ROW_PX * len(swings) - 4, left=54, right=54)
    reach = max(0.02, *(abs(end - 1) for swing in swings for end in (swing.lo, swing.hi)))
    axes.set_xlim(-reach, reach)
    for row, swing in enumerate(swings):
        y = _ROW_PX * row
        axes.annotate(
            swing.label, (0, y + 9), xycoords=("figure fraction", "data"), va="center",
            fontsize=TEXT_PX, color=COLOURS["ink"],
        )  # fmt: skip
        for end, colour, anchor, shift in ((swing.lo, "n3", "right", -7), (swing.hi, "forecast", "left", 7)):
            if (change := percent_change(end)) != percent_change(1.0):
                _box(axes, min(end - 1, 0), abs(end - 1), y + 29, colour, 1.0)
                put_text(axes, end - 1, y + 29, change, "ink", shift=shift, anchor=anchor)
        axes.plot([0, 0], [y + 18, y + 40], color=COLOURS["ink"], linewidth=1.2, zorder=5)
    return figure


def percent_change(ratio: float) -> str:
    """A ratio as people say it: 1.124 becomes "+12%", 0.9957 "−0.4%", and what rounds to nothing "0%"."""
    change = 100 * (ratio - 1)
    digits = 0 if abs(change) >= 9.95 else 1
    text = f"{change:+.{digits}f}".removesuffix(".0")
    return "0%" if text in ("+0", "-0") else text.replace("-", "−") + "%"


def timeline(strip: Strip, width: int) -> Figure:
    """Rows of work over time; where there are too many, the first and last rows and the two ends of time."""
    rows = _rows_shown(strip.rows, 8 if width < NARROW_PX else 16)
    left = 24 if strip.rows > 1 else 0
    height = _LINE_PX * len(rows) if strip.rows > 1 else 2 * _LINE_PX
    figure, axes = bare_figure(width, height + 24, left=left, right=0)
    axes.set_xlim(0, width - left)
    place = _Place(strip=strip, width=width - left)
    line = height / len(rows)
    for begin, end in place.windows:
        x = place.of(np.array([begin, end]), begin)
        for y, row in enumerate(rows):
            if row >= 0:
                _paint(axes, [(x[0], x[1], y * line, (y + 1) * line - 2)], "hair", 0.75)
    _work(axes, strip, place, {row: y for y, row in enumerate(rows) if row >= 0}, line)
    _ends(axes, strip, place, height)
    for y, row in enumerate(rows):
        if strip.rows > 1:
            put_text(axes, 0, (y + 0.5) * line - 1, str(row + 1) if row >= 0 else "⋮", "soft", shift=-7, anchor="right")
    return figure


@final
@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where seconds stand, in pixels: one window of all time, or two with a gap between."""

    strip: Strip
    width: float

    @property
    def windows(self) -> tuple[tuple[float, float], ...]:
        """What is drawn of all seconds."""
        whole, worked, shown = self.strip.seconds, self.strip.worked, self.strip.shown
        return ((0.0, whole),) if 2.2 * shown >= worked else ((0.0, shown), (worked - shown, whole))

    @property
    def scale(self) -> float:
        """Pixels a second."""
        gaps = _GAP_PX * (len(self.windows) - 1)
        return (self.width - gaps) / sum(end - begin for begin, end in self.windows)

    def of(self, seconds: np.ndarray, begin: float) -> np.ndarray:
        """Pixels of times in the window that starts at `begin`."""
        offset = 0.0 if begin == 0 else self.scale * self.strip.shown + _GAP_PX
        return offset + self.scale * (seconds - begin)


def _work(axes: Axes, strip: Strip, place: _Place, heights: dict[int, int], line: float) -> None:
    boxes: dict[tuple[str, float], list[tuple[float, float, float, float]]] = {}
    for begin, end in place.windows:
        for span in strip.spans:
            if span.row not in heights or span.end <= begin or span.start >= end:
                continue
            x = place.of(np.clip([span.start, span.end], begin, end), begin)
            y, wide = heights[span.row] * line, x[1] - x[0]
            seam = 0.8 if wide > 3 else 0.0
            boxes.setdefault((span.colour, span.strength), []).append((x[0], x[1] - seam, y, y + line - 2))
            if span.number and wide >= _NUMBER_PX:
                put_text(axes, float(x.mean()), y + line / 2 - 1, span.number, "paper", anchor="center", size=9.5)
    for (colour, strength), painted in boxes.items():
        _paint(axes, painted, colour, strength)


def _ends(axes: Axes, strip: Strip, place: _Place, height: float) -> None:
    """The times at the ends of what is drawn, and dots where time is left out."""
    from froude.quantity import format_seconds

    put_text(axes, 0, height + 12, "0", "soft")
    put_text(axes, place.width, height + 12, format_seconds(strip.seconds), "soft", anchor="right")
    if len(place.windows) > 1:
        middle = place.scale * strip.shown + _GAP_PX / 2
        left_out = strip.worked - 2 * strip.shown
        put_text(axes, middle, height / 2, "⋯", "soft", anchor="center", size=16)
        put_text(axes, middle, height + 12, f"{format_seconds(left_out)} more", "soft", anchor="center")


def _rows_shown(rows: int, most: int) -> list[int]:
    """The rows to draw, −1 where some are left out."""
    if rows <= most:
        return list(range(rows))
    half = most // 2
    return [*range(half), -1, *range(rows - half, rows)]


def _box(axes: Axes, start: float, amount: float, middle: float, colour: str, strength: float) -> None:
    axes.barh(
        middle, amount, left=start, height=_BAR_PX, color=COLOURS[colour], alpha=strength,
        edgecolor=COLOURS["paper"], linewidth=0.8,
    )  # fmt: skip


def _paint(axes: Axes, boxes: Sequence[tuple[float, float, float, float]], colour: str, strength: float) -> None:
    """Boxes (x from, x to, y from, y to) of one colour as a single path: thousands stay a small file."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = [[(a, c), (b, c), (b, d), (a, d), (a, c)] for a, b, c, d in boxes]
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(boxes))
    path = Path(np.array(corners, dtype=float).reshape(-1, 2), codes)
    axes.add_patch(PathPatch(path, facecolor=COLOURS[colour], alpha=strength, linewidth=0, zorder=3))
