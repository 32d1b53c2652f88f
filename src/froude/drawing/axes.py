"""Axes as every picture has them: how large words are, where ticks stand, how a figure begins.

All lengths are CSS pixels of a page, whose text is 12 px high. A `Look` makes them points: on a page, whose figures
have 72 dots an inch, a pixel is a point; in a paper, whose text is 8 points high, it is two thirds of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.colours import COLOURS
from froude.errors import InputError, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT_PX = 12.0
NARROW_PX = 480  # below this width a figure is one for a phone, or for one column of a paper

_TICK_STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))
_PLAIN_BELOW = 4.0  # times the lower end, below which a logarithmic axis has the ticks of a plain one
_LARGEST = 1e300
_ROUNDED = 0.01  # of the distance of ticks, that a tick's label may be off
_LONGEST_LABEL = 80
_MARGIN_PX = 4  # that words may go beyond axes
_EDGE_PX = 9  # between what is drawn and the ends of its axis, so that no dot is cut


Corner = Literal["upper right", "lower left", "upper left", "lower right"]
CORNERS: tuple[Corner, ...] = ("upper right", "lower left", "upper left", "lower right")
"""Where a key may stand, in the order in which corners are tried."""

Panel = Callable[["Axes", "Look"], "Axes"]
"""What draws one part of a picture into bare axes."""


@final
@dataclass(frozen=True)
class TitledPanel:
    """A panel with the title that a page writes above it."""

    title: str
    draw: Panel

    def __call__(self, axes: Axes, look: Look) -> Axes:
        """Draw it into bare axes."""
        return self.draw(axes, look)


@final
@dataclass(frozen=True, kw_only=True)
class Look:
    """How large words are, in points, and whether y's name stands beside its axis or, as on a page, above it."""

    text: float
    beside: bool

    @property
    def dot(self) -> float:
        """Points in a pixel."""
        return self.text / TEXT_PX

    def px(self, pixels: float) -> float:
        """So many pixels in points."""
        return pixels * self.dot

    def area(self, pixels: float) -> float:
        """An area in square pixels, as that of a dot, in square points."""
        return pixels * self.dot**2

    def width(self, axes: Axes) -> float:
        """The width of axes in pixels."""
        return self._pixels(axes, axes.get_window_extent().width)

    def height(self, axes: Axes) -> float:
        """The height of axes in pixels."""
        return self._pixels(axes, axes.get_window_extent().height)

    def is_narrow(self, axes: Axes) -> bool:
        """Whether the figure of axes, of which they may be a part, is one for a phone."""
        return self.width(axes) < NARROW_PX - 120

    def _pixels(self, axes: Axes, dots: float) -> float:
        return float(dots) * 72 / axes.get_figure(root=True).dpi / self.dot  # pyright: ignore[reportOptionalMemberAccess]


@cache
def text_width(text: str, bold: bool = False) -> float:
    """How many pixels wide a text is, 12 pixels high."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(weight="bold" if bold else "normal", size=TEXT_PX)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) + 2 if text.strip() else 0.0


def wrap(text: str, width: float, bold: bool = False) -> list[str]:
    """A text in lines of at most so many pixels, broken between words; a longer word has a line of its own."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


PAGE = Look(text=TEXT_PX, beside=False)
PAPER = Look(text=8.0, beside=True)


def new_figure(width: int, height: float, left: int = 46, right: int = 20, bottom: int = 44) -> tuple[Figure, Axes]:
    """A figure of a page with one set of bare axes; all sizes in CSS pixels. InputError without matplotlib."""
    figure = matplotlib_figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
    top = 26
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    make_bare(axes, PAGE)
    return figure, axes


def matplotlib_figure(**settings: Any) -> Figure:
    """A figure that no window holds. InputError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("matplotlib is missing, which draws pictures: pip install 'froude[report]'") from None
    return Figure(**settings)


def make_bare(axes: Axes, look: Look) -> None:
    """Leave of axes one line below, with quiet ticks."""
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=COLOURS["faint"], linewidth=look.px(1))
    axes.tick_params(
        length=0,
        pad=look.px(7),
        which="both",
        labelsize=look.px(TEXT_PX - 0.5),
        labelcolor=COLOURS["soft"],
        color=COLOURS["faint"],
        width=look.px(1),
    )
    axes.tick_params(axis="x", length=look.px(4), which="major")


def take_literally(drawn: Axes | Figure) -> None:
    """Let dollar signs in the words of axes or of a figure stand for themselves: a column's name is no formula."""
    from matplotlib.text import Text

    for text in drawn.findobj(Text):
        if isinstance(text, Text) and "$" in text.get_text():
            text.set_parse_math(False)


def bare_figure(width: int, height: float, left: int = 0, right: int = 0) -> tuple[Figure, Axes]:
    """Axes without axes, y in pixels from the top. InputError without matplotlib."""
    figure, axes = new_figure(width, height, left=left, right=right, bottom=0)
    axes.set_position((left / width, 0, (width - left - right) / width, 1))
    make_blank(axes, height)
    return figure, axes


def make_blank(axes: Axes, height: float) -> None:
    """Take all lines and ticks from axes, and count y in pixels from the top, `height` of them."""
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_ylim(height, 0)


def put_text(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    bold: bool = False,
    shift: float = 0,
    anchor: str = "left",
    size: float = TEXT_PX,
    look: Look = PAGE,
) -> None:
    """Text beside a place: its middle at y, and x, moved by `shift` pixels, at the side that `anchor` says."""
    axes.annotate(
        text, (x, y), xytext=(look.px(shift), 0), textcoords="offset points", ha=anchor, va="center",
        fontsize=look.px(size), color=COLOURS[colour], weight="bold" if bold else "normal", annotation_clip=False,
        zorder=7,
    )  # fmt: skip


def log_ticks(low: float, high: float, most: int) -> np.ndarray:
    """At most so many round places between low and high, as dense as that allows, else powers of ten.

    Where the range is short, places that are round in a plain scale: an axis says how long it is.
    """
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = [np.sort(np.outer(decades, steps).ravel()) for steps in _TICK_STEPS]
    choices = [ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)] for ticks in choices]
    if high < _PLAIN_BELOW * low:
        return linear_ticks(low, high, most)
    for ticks in choices:
        if len(ticks) <= most:
            return ticks
    powers = choices[-1]
    return powers[:: math.ceil(len(powers) / most)]


def linear_ticks(low: float, high: float, most: int) -> np.ndarray:
    """At most so many round places between low and high; the two themselves where their steps would overflow."""
    from matplotlib.ticker import MaxNLocator

    if max(abs(low), abs(high)) > _LARGEST:
        return np.array([low, high])
    for n in range(max(most - 1, 1), 0, -1):
        ticks = np.asarray(MaxNLocator(n, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        inside = ticks[(ticks >= low - 1e-9 * abs(low)) & (ticks <= high + 1e-9 * abs(high))]
        if len(inside) <= most:
            return inside
    return np.array([low, high])


def tick_labels(ticks: Sequence[float] | np.ndarray, compute: bool = False) -> list[str]:
    """Ticks as quantities, or as powers of ten for compute, with as many digits as they have."""
    near = _ROUNDED * np.min(np.diff(ticks), initial=np.max(np.abs(ticks), initial=0.0))
    exact = (d for d in range(3, 9) if all(abs(float(f"{t:.{d}g}") - t) <= near for t in ticks))
    digits = next(exact, 9)
    return [amount(float(t), "FLOP" if compute else "", digits) for t in ticks]


def log_x(
    axes: Axes, low: float, high: float, label: str, compute: bool, most: int, *, room: float = 0, look: Look = PAGE
) -> None:
    """Make x logarithmic from low to high with round ticks, written as powers of ten for compute.

    The line ends a little outside; right of it are `room` pixels for labels.
    """
    low, high = (low, high) if high > low else (low / 1.1, high * 1.1)
    width = look.width(axes)
    pixel = math.log(high / low) / max(width - room - 2 * _EDGE_PX, 0.3 * width)
    first, last = low * math.exp(-_EDGE_PX * pixel), high * math.exp(_EDGE_PX * pixel)
    axes.set_xscale("log")
    axes.set_xlim(first, last * math.exp(room * pixel))
    axes.spines["bottom"].set_bounds(first, last)
    ticks = log_ticks(first, last, most)
    labels = tick_labels(ticks, compute)
    outside = text_width(labels[-1]) / 2 - math.log(last / ticks[-1]) / pixel - room
    if outside > _MARGIN_PX:
        return log_x(axes, low, high, label, compute, most, room=room + outside, look=look)
    axes.set_xticks(ticks, labels)
    axes.set_xticks([], minor=True)
    return name_x(axes, label, look, room)


def plain_x(axes: Axes, low: float, high: float, label: str, most: int, *, look: Look = PAGE) -> None:
    """Make x linear from low to high with round ticks."""
    pixel = (high - low) / (look.width(axes) - 2 * _EDGE_PX)
    axes.set_xlim(low - _EDGE_PX * pixel, high + _EDGE_PX * pixel)
    ticks = linear_ticks(low, high, most)
    axes.set_xticks(ticks, tick_labels(ticks))
    name_x(axes, label, look)


def label_of(name: str) -> str:
    """The name of a column as an axis bears it: what is no letter as an escape, a very long one cut."""
    text = visible(" ".join(name.split()))
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def name_x(axes: Axes, label: str, look: Look, room: float = 0) -> None:
    """Write what x is at the right end of its line, in a paper below its middle."""
    label = label_of(label)
    share = 1 - min(0.5, room / look.width(axes))
    axes.set_xlabel(label, fontsize=look.text, color=COLOURS["soft"], labelpad=look.px(6))
    axes.xaxis.label.set(ha="center" if look.beside else "right", x=share / 2 if look.beside else share)


def plain_y(axes: Axes, low: float, high: float, label: str, *, look: Look = PAGE, most: int = 7) -> None:
    """Make y linear from low to high, with hairlines across and its name written above."""
    axes.set_ylim(low, high)
    ticks = linear_ticks(low, high, most)
    axes.set_yticks(ticks, tick_labels(ticks))
    hairlines(axes, look)
    name_y(axes, label, look)


def log_y(axes: Axes, low: float, high: float, label: str, *, look: Look = PAGE, most: int = 7) -> None:
    """Make y logarithmic from low to high, with hairlines across and its name written above."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = log_ticks(low, high, most)
    axes.set_yticks(ticks, tick_labels(ticks))
    axes.set_yticks([], minor=True)
    hairlines(axes, look)
    name_y(axes, label, look)


def hairlines(axes: Axes, look: Look) -> None:
    """Hairlines across at the ticks of y, under all else; x must have its range."""
    axes.grid(axis="y", color=COLOURS["hair"], linewidth=look.px(1), zorder=0)
    axes.set_axisbelow(True)
    share = data_share(axes)
    for line in axes.yaxis.get_gridlines():  # none under the labels to the right
        line.set_xdata([0, share])


def data_share(axes: Axes) -> float:
    """The share of the width of axes that is left of the room for labels."""
    last = (axes.spines["bottom"].get_bounds() or axes.get_xlim())[1]
    return float(axes.transAxes.inverted().transform(axes.transData.transform((last, axes.get_ylim()[0])))[0])


def name_y(axes: Axes, label: str, look: Look) -> None:
    """Write what y is, above its axis or beside it."""
    label = label_of(label)
    if look.beside:
        axes.set_ylabel(label, fontsize=look.text, color=COLOURS["soft"], labelpad=look.px(6))
        return
    axes.annotate(
        label, (0, 1), xycoords=("figure fraction", "axes fraction"), xytext=(look.px(5), look.px(13)),
        textcoords="offset points", fontsize=look.text, color=COLOURS["soft"],
    )  # fmt: skip


def write_key(
    axes: Axes, look: Look, handles: Sequence[Any], labels: Sequence[str], corner: Corner | None = None
) -> None:
    """A key of marks and lines inside axes without a frame: in a corner, or where most room is."""
    if labels:
        axes.legend(
            handles, labels, loc=corner or "best", bbox_to_anchor=(0, 0, data_share(axes), 1), frameon=False,
            fontsize=look.px(TEXT_PX - 0.5), labelcolor=COLOURS["ink"], handlelength=1.9, handletextpad=0.6,
            labelspacing=0.35, borderaxespad=0.2,
        )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> np.ndarray:
    """The places, in their order, moved as little as needed to lie at least `gap` apart (least squares)."""
    order = np.argsort(places, kind="stable")
    shifted = np.asarray(places, dtype=float)[order] - gap * np.arange(len(places))
    blocks: list[list[float]] = []  # pooled adjacent violators: [mean, count]
    for value in shifted:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, count = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * count) / (blocks[-1][1] + count),
                blocks[-1][1] + count,
            ]
    level = np.repeat([mean for mean, _ in blocks], [int(count) for _, count in blocks])
    spaced = np.empty(len(places))
    spaced[order] = level + gap * np.arange(len(places))
    return spaced
