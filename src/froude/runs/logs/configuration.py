"""A logged configuration as it is looked into: nested, its values typed, a key found by the end of its path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, final

from froude.errors import InputError
from froude.quantity import parse_quantity
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.texts import finite_number_of, value_of_text
from froude.runs.study.gather import flatten

_DEEPEST = 6
_LONGEST_TYPED = 32  # letters of a text that is a number or a switch


@final
@dataclass(frozen=True, eq=False)
class Configuration:
    """What a run was set to. Keys that trackers wrote flat ("model/n_layer", "model.n_layer") are nested again.

    Texts that are numbers or switches are read as such: MLflow keeps every parameter as a text.
    """

    logged: Mapping[str, Any]

    @cached_property
    def nested(self) -> dict[str, Any]:
        """The configuration as mappings in mappings."""
        return _nested(self.logged, _DEEPEST)

    @cached_property
    def flat(self) -> dict[str, Any]:
        """Every value by its path, joined by dots."""
        return flatten(self.nested)

    def parts(self) -> Iterator[Mapping[str, Any]]:
        """Yield the configuration and every mapping inside it, outer ones first."""
        level: list[Mapping[str, Any]] = [self.nested]
        while level:
            yield from level
            level = [v for part in level for v in part.values() if isinstance(v, Mapping)]

    @cached_property
    def _by_end(self) -> dict[str, list[Any]]:
        """The values of all paths that end so."""
        ends: dict[str, list[Any]] = {}
        for path, value in self.flat.items():
            while path:
                ends.setdefault(path, []).append(value)
                path = path.partition(".")[2]
        return ends

    def value(self, *paths: str) -> Any:
        """Return the value of the first of these paths that there is, in full or as the end of one path; else None.

        A path that ends several keys of different values says nothing.
        """
        for path in paths:
            if path in self.flat:
                return self.flat[path]
            ends = self._by_end.get(path, ())
            if ends and all(value == ends[0] for value in ends):
                return ends[0]
        return None

    def number(self, *paths: str) -> float | None:
        """Return the value of a path, as `value` finds it, if it is a finite number; else None."""
        for path in paths:
            if (number := finite_number_of(self.value(path))) is not None:
                return number
        return None


def configuration_of(run: LoggedRun) -> Configuration:
    """Return the configuration of a run, the same for runs that were set alike: what is found in it is found once."""
    return _remembered(_Key(json.dumps(run.config, default=str), run.config))


@final
@dataclass(frozen=True)
class _Key:
    """A configuration by its text."""

    text: str
    logged: Mapping[str, Any] = field(compare=False)


@lru_cache(maxsize=1024)
def _remembered(key: _Key) -> Configuration:
    return Configuration(key.logged)


def quantity_of(value: object) -> float | None:
    """Return a number, or what a text such as "124M" says; None for all else."""
    if not isinstance(value, str):
        return finite_number_of(value)
    try:
        return finite_number_of(parse_quantity(value))
    except (InputError, ValueError):
        return None


def _nested(values: Mapping[str, Any], depth: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        typed = _nested(value, depth - 1) if isinstance(value, Mapping) and depth else _typed(value)
        *outer, last = str(key).replace("/", ".").split(".")
        place = nested
        for step in outer:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):  # "model" is a name, and "model/num_parameters" a count
                place, last = nested, str(key)
                break
            place = inner
        if isinstance(place.get(last), dict) and isinstance(typed, dict):
            place[last] |= typed
        elif last in place and isinstance(place[last], dict):
            place[f"{last}."] = typed
        else:
            place[last] = typed
    return nested


def _typed(value: Any) -> Any:
    return value_of_text(value) if isinstance(value, str) and len(value) <= _LONGEST_TYPED else value
