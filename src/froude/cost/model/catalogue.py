"""Models by name: the catalogue, and the ways to describe one that is not in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, final

from froude.cost.model.description import build_model
from froude.cost.model.huggingface import read_config
from froude.cost.model.keys import split_assignments
from froude.cost.model.model import Model
from froude.errors import InputError
from froude.result import Result

NEAREST, MOST = 5, 12  # names that an error offers: of those alike, of those that begin so


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Entry(Result):
    """A model of the catalogue: its description, its source, and the exact parameters where they are published."""

    name: str
    description: Mapping[str, object]
    source: str
    n_params: int | None = None


@cache
def model_catalogue() -> Mapping[str, Entry]:
    """Every model that Froude knows by name."""
    return read_entries(files("froude.cost.model").joinpath("models.toml").read_text(encoding="utf-8"), "models.toml")


def get_model(text: str) -> Model:
    """The model that a text names or describes.

    A text is a name of the catalogue, in which case and separators do not matter ("LLaMA 3.1 70b"); a description,
    "layers=96,hidden=12288,heads=96,vocab=51200"; the path of a Hugging Face config.json or of its folder; or the path
    of a TOML file in the form of the catalogue, with #name where it holds several models.

    Raises InputError for a name that is unknown or means several, with the nearest; and for bad descriptions.
    """
    path = Path(text.partition("#")[0])
    if "=" in text:
        return build_model(text, split_assignments(text))
    if path.suffix == ".toml":
        return _from_toml(path, text.partition("#")[2])
    if path.suffix == ".json":
        return _from_config(path)
    if (path / "config.json").is_file() and _bare(text) not in map(_bare, model_catalogue()):
        return _from_config(path / "config.json")
    entry = find(text, model_catalogue())
    return replace(build_model(entry.name, entry.description), assumed=())


def find(text: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry of a name; an owner before a slash may stand before it ("meta-llama/Llama-3.1-70B").

    Raises InputError with the nearest names.
    """
    bare = {_bare(name): entry for name, entry in entries.items()}
    for wanted in (_bare(text), _bare(text.rpartition("/")[2])):
        if wanted in bare:
            return bare[wanted]
    wanted = _bare(text)
    starting = [entry.name for key, entry in bare.items() if wanted and key.startswith(wanted)]
    close = [bare[key].name for key in difflib.get_close_matches(wanted, bare, n=NEAREST, cutoff=0.5)]
    nearest = starting[:MOST] or close or [*entries][:NEAREST]
    problem = "means several" if starting else "is unknown"
    raise InputError(f"model {text!r} {problem}: give one like {', '.join(nearest)}, or layers=...,hidden=...")


def read_entries(text: str, place: str) -> dict[str, Entry]:
    """The models of a TOML text in the form of the catalogue: a table each, its name the model's.

    A table holds the keys of a description, a `source`, the published `n_params` where they are known, and may begin
    from another model that stands before it or in the catalogue, which `like` names.

    Raises InputError, naming the place.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{place!r} is no TOML: {error}") from error
    entries: dict[str, Entry] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{name!r} stands outside a table in {place!r}: put [{name}] or a model's name above it")
        entries[name] = _entry(name, table, entries, place)
    return entries


def _entry(name: str, table: Mapping[str, Any], before: Mapping[str, Entry], place: str) -> Entry:
    keys = dict(table)
    source, n_params, like = keys.pop("source", ""), keys.pop("n_params", None), keys.pop("like", None)
    if like is None:
        return Entry(name=name, description=keys, source=source, n_params=n_params)
    base = before.get(like) or (None if place == "models.toml" else model_catalogue().get(like))
    if base is None:
        raise InputError(f"{name!r} of {place!r} is like {like!r}, which is unknown: put that model before it")
    description = {**base.description, **keys}
    return Entry(name=name, description=description, source=source or base.source, n_params=n_params)


def _from_toml(path: Path, name: str) -> Model:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} cannot be read: give the path of a TOML file with a model") from error
    entries = read_entries(text, str(path))
    if name:
        entry = find(name, entries)
    elif len(entries) == 1:
        (entry,) = entries.values()
    else:
        several = ", ".join(entries) or "none"
        raise InputError(f"{str(path)!r} does not hold one model but {several}: choose with {path.name}#NAME")
    return build_model(entry.name, entry.description)


def _from_config(path: Path) -> Model:
    name, description = read_config(path)
    return replace(build_model(name, description), assumed=())


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())
