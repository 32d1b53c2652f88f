"""The published trainings that Froude knows, by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from froude.cost.machine.machine import NumberSource
from froude.errors import InputError, close_names
from froude.planning.recipes.published_training import PublishedTraining, StatedFact

_PLAIN = ("title", "note")


@cache
def known_recipes() -> tuple[PublishedTraining, ...]:
    """Every published training, in the order of the file."""
    text = (files("froude.planning.recipes") / "recipes.toml").read_text(encoding="utf-8")
    return tuple(_published(name, table) for name, table in tomllib.loads(text).items())


def get_recipe(name: str) -> PublishedTraining:
    """The published training of a name. InputError, with the nearest, for one that is not known."""
    recipes = {one.name: one for one in known_recipes()}
    plain = name.strip().lower().replace(" ", "-").replace("_", "-")
    if plain in recipes:
        return recipes[plain]
    near = close_names(plain, recipes, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(recipes)}"
    raise InputError(f"no recipe is called {name!r}: {hint}")


def _published(name: str, table: Mapping[str, Any]) -> PublishedTraining:
    facts = {
        key: StatedFact(value=value, source=NumberSource(trust=trust, source=source))
        for key, (value, trust, source) in ((k, v) for k, v in table.items() if k not in _PLAIN)
    }
    return PublishedTraining(name=name, title=table["title"], facts=MappingProxyType(facts), note=table.get("note", ""))
