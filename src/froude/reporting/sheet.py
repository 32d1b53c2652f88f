"""A page as one self-contained file: templates filled, pictures for a wide page and for a phone, the file written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from froude.drawing.colours import THEMES
from froude.drawing.svg import inline_svg
from froude.errors import InputError
from froude.files import write_outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PIECES = re.compile(r"\d+ x \S+|\S+|\s+")
_LONGEST_WHOLE = 20  # letters of a headline that fit on a phone
_WIDTHS = {"wide": 840, "narrow": 350}  # CSS pixels of the page's column, and of a phone's


def fill(template: str, pictures: Mapping[str, str], **values: Any) -> str:
    """A template of this package as HTML: text is escaped, pictures are not. InputError where jinja2 is missing."""
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise InputError("jinja2 is missing, which fills the report: pip install 'froude[report]'") from None
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: resources.files("froude.reporting").joinpath(name).read_text("utf-8")),
    )
    environment.filters["words"] = words
    drawn = {name: Markup(svg) for name, svg in pictures.items()}
    return environment.get_template(template).render(themes=THEMES, pictures=drawn, **values)


class Word(NamedTuple):
    """A piece of a text, and whether no line may break inside it."""

    text: str
    whole: bool


def words(text: str) -> list[Word]:
    """A text in pieces, with names like "llama-3.1-8b" and counts like "8 x h100" whole where they are short."""
    pieces = _PIECES.findall(text)
    return [Word(piece, ("-" in piece or " " in piece.strip()) and len(piece) <= _LONGEST_WHOLE) for piece in pieces]


def both_widths(name: str, title: str, draw: Callable[[int], Figure]) -> str:
    """A picture as HTML, drawn twice: the page shows the one that fits it."""
    svgs = {size: inline_svg(draw(width), f"{name}-{size}", title) for size, width in _WIDTHS.items()}
    return "".join(f'<div class="{size}">{svg}</div>' for size, svg in svgs.items())


def write_html(path: str | Path, page: str) -> Path:
    """Write the page whole or not at all, and return its path. InputError where it cannot be written."""
    path = Path(path)
    write_outputs({path: page.encode("utf-8", "backslashreplace")})
    return path
