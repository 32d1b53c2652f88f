"""Templates of the pages filled: every text is escaped, what scripts read is JSON in the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from froude.answers.answer import Fact
from froude.answers.strict_json import strict
from froude.drawing.colours import THEMES
from froude.version import __version__

MENU = (
    ("/", "Studies"),
    ("/law", "Law"),
    ("/optimal", "Optimal"),
    ("/compare", "Compare"),
    ("/forecasts", "Forecasts"),
    ("/plan", "Plan"),
    ("/serving", "Serving"),
    ("/atlas", "Atlas"),
)
"""The pages in the order of the menu."""

LONG = 70
"""Letters of a fact from which on it has a line of its own."""


@cache
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = resources.files("froude.web").joinpath("templates")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
    )
    environment.filters["grouped"] = grouped
    return environment


class FactGroup(NamedTuple):
    """Facts under one head."""

    head: str
    texts: list[str]

    @property
    def is_long(self) -> bool:
        """Whether they want lines of their own."""
        return len(self.texts) > 1 or any(len(text) > LONG for text in self.texts)


def grouped(facts: Iterable[Fact]) -> list[FactGroup]:
    """Facts by their heads; one without a head goes with that above."""
    groups: list[FactGroup] = []
    for head, text in facts:
        if head or not groups:
            groups.append(FactGroup(head, []))
        groups[-1].texts.append(text)
    return groups


def fill(template: str, **values: Any) -> str:
    """A template of this package as HTML."""
    return _environment().get_template(template).render(menu=MENU, version=__version__, **values)


def theme_css() -> str:
    """The palette as variables of CSS: light, and dark where the system or the page asks for it."""
    light, dark = (_variables(THEMES[name]) for name in ("light", "dark"))
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
    )


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def json_text(value: Any) -> str:
    """JSON without NaN and infinity, which are null: what a browser reads."""
    return json.dumps(strict(value), ensure_ascii=False, allow_nan=False, default=lambda number: number.item())
