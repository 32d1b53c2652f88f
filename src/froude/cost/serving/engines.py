"""Serving engines by name and version, "vllm@0.12": how each lets prompts in, what memory it takes, its formats."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, final

from froude.cost.machine.machine import Chip
from froude.cost.machine.versions import of_version
from froude.errors import InputError

Prompts = Literal["beside", "first", "together"]
"""How prompts enter: beside those that decode, in iterations of their own before them, or all of a static batch."""

_ABOUT = ("name", "version", "released", "title")
_AMD, _OTHER = ("mi",), ("tpu", "v4", "v5e", "v5p", "v6e", "trainium", "gaudi", "cpu")


@final
@dataclass(frozen=True, kw_only=True)
class EngineFact:
    """One thing that an engine does, with how far it is to be believed and where it is from."""

    value: Any
    trust: str
    source: str


@final
@dataclass(frozen=True, kw_only=True)
class ServingEngine:
    """A serving engine at one generation; `engines.toml` says what each fact is, and `facts` where it is from.

    `released` is the year of its first release. `memory` is None where `free` counts. `asked` is the version asked for
    where that is not one of those known.
    """

    name: str
    version: str
    released: float
    title: str
    prompts: Prompts
    chunk: int
    sequences: int
    reserved: float
    promised: float
    page: int
    formats: tuple[str, ...]
    kv: tuple[str, ...]
    runs_on: tuple[str, ...]
    memory: float | None = None
    free: float | None = None
    asked: str = ""
    facts: Mapping[str, EngineFact] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}@{self.version}" if self.version else self.name


@functools.cache
def known_engines() -> tuple[ServingEngine, ...]:
    """The engines that ship, the generations of each in their order."""
    document = tomllib.loads((files("froude.cost.serving") / "engines.toml").read_text(encoding="utf-8"))
    facts: dict[str, dict[str, EngineFact]] = {}
    made = []
    for entry in document["engine"]:
        own = {
            name: EngineFact(
                value=tuple(fact[0]) if isinstance(fact[0], list) else fact[0], trust=fact[1], source=fact[2]
            )
            for name, fact in entry.items()
            if name not in _ABOUT
        }
        facts[entry["name"]] = {**facts.get(entry["name"], {}), **own}
        all_facts = facts[entry["name"]]
        values = {name: fact.value for name, fact in all_facts.items()}
        about = {name: entry[name] for name in _ABOUT}
        made.append(ServingEngine(**about, **values, facts=MappingProxyType(dict(all_facts))))
    return tuple(made)


def get_engine(text: str) -> ServingEngine:
    """The engine of a name, with a version after @ where it matters; the newest without one.

    Of the versions of a name the newest that is not newer than the one asked for is taken, the oldest where all are
    newer. InputError for an unknown name, with the nearest.
    """
    return of_version(text.strip(), known_engines(), kind="engine", example="vllm@0.12")


def check_runs(engine: ServingEngine, chip: Chip) -> None:
    """InputError where an engine does not run on a chip."""
    maker = maker_of(chip)
    if maker not in engine.runs_on:
        others = [one.name for one in known_engines() if maker in one.runs_on]
        raise InputError(f"{engine.name} does not run on {chip.name}: take one of {', '.join(dict.fromkeys(others))}")


def maker_of(chip: Chip) -> str:
    """The maker of a chip as `runs_on` names it: "nvidia", "amd" or "other"."""
    if chip.name.startswith(_AMD):
        return "amd"
    return "other" if chip.name.startswith(_OTHER) else "nvidia"
