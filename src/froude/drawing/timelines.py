"""One step over time: rows of work. Nothing here knows of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from froude.drawing.axes import NARROW_PX, bare_figure, put_text
from froude.drawing.colours import COLOURS
from froude.quantity import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE_PX = 17  # a row of the timeline
_NUMBER_PX = 14  # work as wide as this has its number written on it
_GAP_PX = 26  # between the beginning and the end of a timeline


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


def _paint(axes: Axes, boxes: Sequence[tuple[float, float, float, float]], colour: str, strength: float) -> None:
    """Boxes (x from, x to, y from, y to) of one colour as a single path: thousands stay a small file."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = [[(a, c), (b, c), (b, d), (a, d), (a, c)] for a, b, c, d in boxes]
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(boxes))
    path = Path(np.array(corners, dtype=float).reshape(-1, 2), codes)
    axes.add_patch(PathPatch(path, facecolor=COLOURS[colour], alpha=strength, linewidth=0, zorder=3))
