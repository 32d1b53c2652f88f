"""Pictures as files, PNG, SVG or PDF, the same each time they are drawn; and how pages and pictures are named."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from froude.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = ("pdf", "svg", "png")
"""How names of pictures end."""

PAGES = ("html", "htm")
"""How names of pages end."""

_DPI = 200
_NO_DATE: Mapping[str, Mapping[str, None]] = {"pdf": {"CreationDate": None}, "png": {"Software": None}}


def ending(path: str | Path) -> str:
    """How a name ends, in small letters: "svg" of "Figure.SVG"."""
    return Path(path).suffix.lower().removeprefix(".")


def check_page_name(path: str | Path) -> None:
    """InputError for a name that says neither page nor picture; one without an ending, as a device has, is a page."""
    if ending(path) not in ("", *PICTURES, *PAGES):
        kinds = ", ".join(f".{kind}" for kind in PICTURES)
        raise InputError(f"{str(path)!r} names no page and no figure: let it end in .html, {kinds}")


def picture_bytes(axes: Axes, kind: str) -> bytes:
    """The whole figure that axes are part of, as a file of one of the kinds of `PICTURES`."""
    from froude.drawing.svg import svg

    figure = axes.get_figure(root=True)
    if figure is None:
        raise RuntimeError("a figure has been taken from its axes")
    if kind == "svg":
        return svg(figure, "picture")
    target = io.BytesIO()
    figure.savefig(target, format=kind, metadata=_NO_DATE[kind], dpi=_DPI)
    return target.getvalue()
