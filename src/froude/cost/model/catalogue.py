"""Models by name: the catalogue, and the ways to describe one that is not in it."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, final

from msgspec import Meta

from froude.cost.model.description import build_model
from froude.cost.model.huggingface import read_config
from froude.cost.model.keys import split_assignments
from froude.cost.model.model import Model
from froude.documents import DocumentKind
from froude.errors import InputError, close_names, shown
from froude.result import Result

MODELS_FILE = DocumentKind(
    what="file of models", remedy="correct it", missing="give the path of a TOML file with a model"
)
_ABOUT = ("like", "source", "n_params")
NEAREST, MOST = 5, 12  # names that an error offers: of those alike, of those that begin so


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Entry(Result):
    """A model of the catalogue: its description, its source, and the exact parameters where they are published."""

    name: str
    description: Mapping[str, object]
    source: str
    n_params: int | None = None


@final
@dataclass(frozen=True, kw_only=True)
class ModelTable:
    """What a table of a file of models may hold beside the keys of a description."""

    like: str | None = None
    source: str = ""
    n_params: Annotated[int, Meta(ge=0)] | None = None


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
    if "=" in text:
        return build_model(text, split_assignments(text))
    path = model_file(text)
    if path is not None:
        return _from_toml(path, text.partition("#")[2]) if path.suffix == ".toml" else _from_config(path)
    entry = find(text, model_catalogue())
    return replace(build_model(entry.name, entry.description), assumed=())


def model_file(text: str) -> Path | None:
    """The file that holds the model a text names, there or not; None for a name of the catalogue and a description."""
    path = Path(text.partition("#")[0])
    if "=" in text:
        return None
    if path.suffix in (".toml", ".json"):
        return path
    config = path / "config.json"
    return config if os.path.isfile(config) and _bare(text) not in map(_bare, model_catalogue()) else None


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
    close = [bare[key].name for key in close_names(wanted, bare, n=NEAREST, cutoff=0.5)]
    nearest = starting[:MOST] or close or [*entries][:NEAREST]
    problem = "means several" if starting else "is unknown"
    raise InputError(f"model {shown(text)} {problem}: give one like {', '.join(nearest)}, or layers=...,hidden=...")


def read_entries(text: str | bytes, place: str) -> dict[str, Entry]:
    """The models of a TOML text in the form of the catalogue: a table each, its name the model's.

    A table holds the keys of a description, a `source`, the published `n_params` where they are known, and may begin
    from another model that stands before it or in the catalogue, which `like` names.

    Raises InputError, naming the place.
    """
    tables = MODELS_FILE.parse_toml(text, place, dict)
    outside = next((name for name, table in tables.items() if not isinstance(table, dict)), None)
    if outside is not None:
        raise MODELS_FILE.wrong(
            place, f"{shown(outside)} stands outside a table: put a model's name above it, as [mine]"
        )
    about = MODELS_FILE.check(tables, place, dict[str, ModelTable])
    entries: dict[str, Entry] = {}
    for name, table in tables.items():
        entries[name] = _entry(name, table, about[name], entries, place)
    return entries


def _entry(name: str, table: Mapping[str, Any], about: ModelTable, before: Mapping[str, Entry], place: str) -> Entry:
    keys = {key: value for key, value in table.items() if key not in _ABOUT}
    if about.like is None:
        return Entry(name=name, description=keys, source=about.source, n_params=about.n_params)
    base = before.get(about.like) or (None if place == "models.toml" else model_catalogue().get(about.like))
    if base is None:
        fault = f"{shown(name)} is like {shown(about.like)}, which is unknown: put that model before it"
        raise MODELS_FILE.wrong(place, fault)
    description = {**base.description, **keys}
    return Entry(name=name, description=description, source=about.source or base.source, n_params=about.n_params)


def _from_toml(path: Path, name: str) -> Model:
    entries = read_entries(MODELS_FILE.bytes_of(path), str(path))
    if name:
        entry = find(name, entries)
    elif len(entries) == 1:
        (entry,) = entries.values()
    else:
        several = ", ".join(entries) or "none"
        what = several if len(several) <= 80 else shown(several)
        raise InputError(
            f"{shown(str(path))} does not hold one model but {what}: choose with {shown(path.name)[1:-1]}#NAME"
        )
    return build_model(entry.name, entry.description)


def _from_config(path: Path) -> Model:
    name, description, left_out = read_config(path)
    return replace(build_model(name, description), assumed=left_out)


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())
