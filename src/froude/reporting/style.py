"""One visual language for every picture: colours that follow the page's theme, axes, labels, and inline SVG.

Figures are drawn in the light colours of `THEMES`; `inline_svg` replaces each by the CSS variable of its
name, so that one picture serves a light and a dark page. A figure is measured in CSS pixels: its text is as
large as the page's.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from froude.answers.numbers import power_of_ten
from froude.errors import InputError
from froude.quantity import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SEA = ("#6fb8b5", "#5aa9ad", "#4798a6", "#37869d", "#2b7391", "#225f83", "#1b4d74", "#153b62", "#102b4e")
_SEA_AT_NIGHT = (
    "#44909c",
    "#4c9ba5",
    "#58a7b0",
    "#68b3b9",
    "#7cc0c3",
    "#93cdcd",
    "#acdad7",
    "#c6e7e3",
    "#e0f4f1",
)

THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "paper": "#fdfcf9", "ink": "#16202b", "soft": "#5c6773", "faint": "#9aa3ab", "hair": "#e4e2db",
        "forecast": "#d9541e", **{f"n{i}": colour for i, colour in enumerate(_SEA)},
    },
    "dark": {
        "paper": "#12181f", "ink": "#f2f0ea", "soft": "#a5afb8", "faint": "#77828c", "hair": "#29323b",
        "forecast": "#ff8a52", **{f"n{i}": colour for i, colour in enumerate(_SEA_AT_NIGHT)},
    },
}  # fmt: skip
"""Colours by name: `forecast` is what was predicted, `ink` what was measured, `n0` to `n8` small to large N."""

COLOURS = THEMES["light"]
TEXT_PX = 12.0
NARROW_PX = 480  # below this width a figure is one for a phone

_TICK_STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))


def size_colours(sizes: np.ndarray) -> dict[float, str]:
    """The colour of each distinct size N, spread over the ramp from the smallest to the largest."""
    distinct = np.unique(sizes)
    steps = np.linspace(0, len(_SEA) - 1, len(distinct)).round().astype(int)
    return {float(n): _SEA[step] for n, step in zip(distinct, steps, strict=True)}


def new_figure(width: int, height: int, left: int = 46, right: int = 20, bottom: int = 44) -> tuple[Figure, Axes]:
    """A figure with one set of bare axes; all sizes in CSS pixels. InputError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("matplotlib is missing, which draws the report: pip install 'froude[report]'") from None
    figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
    top = 26
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=COLOURS["faint"], linewidth=1)
    axes.tick_params(
        length=0,
        pad=7,
        which="both",
        labelsize=TEXT_PX - 0.5,
        labelcolor=COLOURS["soft"],
        color=COLOURS["faint"],
    )
    axes.tick_params(axis="x", length=4, which="major")
    return figure, axes


def bare_figure(width: int, height: int, left: int = 0, right: int = 0) -> tuple[Figure, Axes]:
    """Axes without axes, y in pixels from the top. InputError without matplotlib."""
    figure, axes = new_figure(width, height, left=left, right=right, bottom=0)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_position((left / width, 0, (width - left - right) / width, 1))
    axes.set_ylim(height, 0)
    return figure, axes


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
) -> None:
    """Text beside a place: its middle at y, and x, moved by `shift` pixels, at the side that `anchor` says."""
    axes.annotate(
        text, (x, y), xytext=(shift, 0), textcoords="offset pixels", ha=anchor, va="center", fontsize=size,
        color=COLOURS[colour], weight="bold" if bold else "normal", annotation_clip=False, zorder=7,
    )  # fmt: skip


def log_ticks(low: float, high: float, most: int) -> np.ndarray:
    """At most so many round places between low and high, as dense as that allows, else powers of ten."""
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = [np.sort(np.outer(decades, steps).ravel()) for steps in _TICK_STEPS]
    choices = [ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)] for ticks in choices]
    for ticks in choices:
        if len(ticks) <= most:
            return ticks
    powers = choices[-1]
    return powers[:: math.ceil(len(powers) / most)]


def log_x(axes: Axes, low: float, high: float, label: str, compute: bool, most: int) -> None:
    """Make x logarithmic from low to high with round ticks, written as powers of ten for compute."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = log_ticks(low, high, most)
    axes.set_xticks(ticks, [power_of_ten(t) if compute else format_quantity(t) for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(label, fontsize=TEXT_PX, color=COLOURS["soft"], labelpad=6, loc="right")


def plain_y(axes: Axes, low: float, high: float, label: str) -> None:
    """Make y linear from low to high, with hairlines across and its name written above."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=COLOURS["hair"], linewidth=1, zorder=0)
    axes.set_axisbelow(True)
    axes.annotate(
        label, (0, 1), xycoords=("figure fraction", "axes fraction"),
        xytext=(1, 13), textcoords="offset pixels", fontsize=TEXT_PX, color=COLOURS["soft"],
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


def inline_svg(figure: Figure, name: str, title: str) -> str:
    """The figure as an `<svg>` element for a page: ids unique to `name`, colours and fonts the page's own."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = without_font_families(text)
    for colour, hexadecimal in COLOURS.items():
        text = text.replace(hexadecimal, f"var(--{colour})")
    text = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{escape(title)}">',
        text,
    )
    return re.sub(r"\n\s*", "\n", text)


def svg(figure: Figure, name: str) -> bytes:
    """The figure as an SVG file that is the same each time it is drawn: no date, ids from `name`, text as text."""
    import matplotlib

    target = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(target, format="svg", facecolor=COLOURS["paper"], metadata=nothing)
    text = without_font_families(target.getvalue())
    text = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text, count=2)  # CSS pixels, which are no points
    text = text.replace("<svg ", '<svg font-family="system-ui, sans-serif" ', 1)
    return re.sub(r"\s*\n\s*", "\n", text).encode()


def without_font_families(svg: str) -> str:
    """The SVG with sizes and weights of its text kept and the font left to the page."""
    # Matplotlib before 3.11 writes one shorthand for what later versions write as properties of their own.
    svg = re.sub(r"font: (\w+) ([\d.]+px) [^;\"]*", r"font-weight: \1; font-size: \2", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    return re.sub(r" font-family: [^;\"]*;", "", svg)
