"""Figures as SVG: inside a page, whose theme they follow, and as files that suit a light and a dark ground."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from froude.drawing.axes import take_literally
from froude.drawing.colours import COLOURS, THEMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GROUND = {"light": "#ffffff", "dark": "#0d1117"}
"""What a file's picture stands on: the ground of GitHub's pages, on which nobody sees where it ends."""


_CROWD = 500  # dots, from which on each is a few letters of a path
_DOTS = re.compile(
    r'<path id="(?P<id>\w+)" d="M 0 (?P<radius>[\d.]+) \s*C[^"]*"/>\s*</defs>'
    r'(?P<uses>(?:\s*<g clip-path="[^"]*">\s*<use [^>]*/>\s*</g>)+)'
)
"""The circle that dots are, and the dots, as Matplotlib writes them."""
_DOT = re.compile(
    r'<g (clip-path="[^"]*")>\s*<use xlink:href="#(\w+)" x="([^"]*)" y="([^"]*)" style="fill: (#\w+)[^>]*>'
)


def inline_svg(figure: Figure, name: str, title: str) -> str:
    """The figure as an `<svg>` element for a page: ids unique to `name`, colours and fonts the page's own."""
    text = _saved(figure, name)
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
    """The figure as an SVG file, in light colours on white and, where the reader prefers dark, in dark ones on dark.

    It has that ground itself, as pages are light where a reader's system is dark, and the other way round.

    It is the same each time it is drawn: no date, ids from `name`, text as text.
    """
    text = without_font_families(_saved(figure, name))
    text = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text, count=2)  # CSS pixels, which are no points
    text = text.replace("<svg ", '<svg font-family="system-ui, sans-serif" ', 1)
    text = text.replace(COLOURS["paper"], _GROUND["light"])
    text = re.sub(r"(<svg [^>]*>)", lambda tag: f"{tag[0]}\n{_dark_style(text)}", text, count=1)
    return re.sub(r"\s*\n\s*", "\n", text).encode()


def without_font_families(svg: str) -> str:
    """The SVG with sizes and weights of its text kept and the font left to the page."""
    # Matplotlib before 3.11 writes one shorthand for what later versions write as properties of their own.
    svg = re.sub(r"font: (\w+) ([\d.]+px) [^;\"]*", r"font-weight: \1; font-size: \2", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    return re.sub(r" font-family: [^;\"]*;", "", svg)


def _saved(figure: Figure, name: str) -> str:
    import matplotlib

    target = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    take_literally(figure)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(target, format="svg", facecolor="none", metadata=nothing)
    return _DOTS.sub(_crowd_of_dots, target.getvalue())


def _crowd_of_dots(found: re.Match[str]) -> str:
    """Many dots as strokes of no length with round ends, one path a colour: they look the same, a tenth as long."""
    dots = _DOT.findall(found["uses"])
    if len(dots) < _CROWD or {(id, clip) for clip, id, *_ in dots} != {(found["id"], dots[0][0])}:
        return found[0]
    paths: dict[str, str] = {}
    for _, _, x, y, colour in dots:
        paths[colour] = paths.get(colour, "") + f"M{float(x):.1f} {float(y):.1f}h0"
    pen = f"fill: none; stroke-linecap: round; stroke-width: {2 * float(found['radius']):.3g}"
    drawn = "\n".join(f'<path d="{path}" style="{pen}; stroke: {colour}"/>' for colour, path in paths.items())
    return f"</defs>\n<g {dots[0][0]}>\n{drawn}\n</g>"


def _dark_style(text: str) -> str:
    """The rules that take the dark colour for each light one in the SVG; who knows no rules sees it light."""
    light = {**COLOURS, "paper": _GROUND["light"]}
    dark = {**THEMES["dark"], "paper": _GROUND["dark"]}
    rules = [
        f'[style*="{what}: {light[name]}"]{{{what}:{dark[name]}!important}}'
        for name in light
        for what in ("fill", "stroke")
        if f"{what}: {light[name]}" in text
    ]
    ground = {theme: f":root{{background:{colour}}}" for theme, colour in _GROUND.items()}
    return f"<style>{ground['light']}@media (prefers-color-scheme: dark){{{ground['dark']}{''.join(rules)}}}</style>"
