"""Stacks by name and version, "megatron-bridge@26.02", or by file; and which are likely where none is named."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, final

from msgspec import Meta

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Chip
from froude.cost.machine.versions import of_version
from froude.cost.stack.keeping import Keeping
from froude.cost.stack.stack import (
    LATENCIES,
    FittedTo,
    ServingUncertainty,
    Stack,
    StackFact,
    Uncertainty,
    architecture_of,
)
from froude.documents import DocumentKind
from froude.errors import InputError

STACK_FILE = DocumentKind(what="stack", remedy="see froude stack show NAME --toml for one that is whole")
EVERYWHERE = "all"

Entry = tuple[bool | float | str, str, str]
"""Value, trust and source of a fact."""


@final
@dataclass(frozen=True, kw_only=True)
class StackEntry:
    """One stack as its file has it: facts by field and architecture, by precision and field, of memory, by constant.

    It has every fact of the version `like` of the same name that it does not give itself.
    """

    name: Annotated[str, Meta(min_length=1)]
    version: str = ""
    like: str = ""
    title: str = ""
    likely: dict[str, float] = field(default_factory=dict)
    fields: dict[str, dict[str, Entry]] = field(default_factory=dict)
    precisions: dict[str, dict[str, Entry]] = field(default_factory=dict)
    keeps: dict[str, Entry] = field(default_factory=dict)
    factors: dict[str, Entry] = field(default_factory=dict)
    errors: dict[str, Entry] = field(default_factory=dict)
    serving: dict[str, Entry] = field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    memory: Annotated[float, Meta(gt=0)] = 1.0
    fitted_to: FittedTo | None = None
    serving_uncertainty: ServingUncertainty | None = None


@final
@dataclass(frozen=True, kw_only=True)
class StackDocument:
    """A file of stacks."""

    stack: tuple[StackEntry, ...]


@functools.cache
def known_stacks() -> tuple[Stack, ...]:
    """The stacks that ship, the generations of one framework in their order."""
    return tuple(_stack(entry) for entry in _entries())


def get_stack(text: str) -> Stack:
    """The stack of a name, with a version after @ where it matters, or of a TOML file.

    Of the versions of a name the newest that is not newer than the one asked for is taken, the oldest where all are
    newer; without a version the newest. InputError for an unknown name, with the nearest, and for a bad file.
    """
    if text.endswith(".toml") or os.sep in text:
        return read_stack(text)
    return of_version(text, known_stacks(), kind="stack", example="megatron-bridge@26.02", other=", or a TOML file")


def read_stack(path: str | Path) -> Stack:
    """The one stack of a TOML file. InputError where there is none."""
    document = STACK_FILE.read_toml(path, StackDocument)
    if len(document.stack) != 1:
        raise STACK_FILE.wrong(path, f"it has {len(document.stack)} stacks, not one")
    (entry,) = document.stack
    _check_constants(path, entry)
    return _stack(entry)


def _check_constants(path: str | Path, entry: StackEntry) -> None:
    """InputError for factors of constants that there are none of, or not above 0, and for what is no covariance."""
    known = [one.name for one in fields(Constants)]
    doubt = entry.uncertainty
    for name in (*entry.factors, *(doubt.constants if doubt else ())):
        if name not in known:
            raise STACK_FILE.wrong(path, f"there is no constant {name!r}, but {', '.join(known)}")
    for name, (value, _, _) in {**entry.factors, **entry.serving}.items():
        if isinstance(value, bool | str) or not value > 0:
            raise STACK_FILE.wrong(path, f"the factor of {name} is {value!r}, not a number above 0")
    if doubt is not None and not doubt.is_covariance:
        raise STACK_FILE.wrong(path, f"its covariance is none of {len(doubt.constants)} constants")
    _check_serving(path, entry.serving_uncertainty)


def _check_serving(path: str | Path, doubt: ServingUncertainty | None) -> None:
    """InputError for what is no covariance, and for standard deviations that are none, or of something else."""
    if doubt is None:
        return
    if not doubt.spreads.is_covariance:
        raise STACK_FILE.wrong(path, f"its covariance of serving is none of {len(doubt.spreads.constants)} constants")
    if {*doubt.unexplained} != {*LATENCIES} or not all(value > 0 for value in doubt.unexplained.values()):
        raise STACK_FILE.wrong(path, f"serving_uncertainty.unexplained has not {', '.join(LATENCIES)}, each above 0")


def likely_stacks(chip: Chip) -> tuple[tuple[Stack, float], ...]:
    """The stacks that a training on a chip likely has where nobody names one, with shares, the likeliest first."""
    architecture = architecture_of(chip)
    weights = [entry.likely.get(architecture, entry.likely.get(EVERYWHERE, 0.0)) for entry in _entries()]
    pairs = [(stack, weight / sum(weights)) for stack, weight in zip(known_stacks(), weights, strict=True) if weight]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


@functools.cache
def _entries() -> tuple[StackEntry, ...]:
    text = Path(__file__).with_name("stacks.toml").read_text(encoding="utf-8")
    entries = STACK_FILE.parse_toml(text, "stacks.toml", StackDocument).stack
    earlier = {(entry.name, entry.version): entry for entry in entries}
    return tuple(_after(earlier[entry.name, entry.like], entry) if entry.like else entry for entry in entries)


def _after(before: StackEntry, entry: StackEntry) -> StackEntry:
    """An entry with what the one before it says and it does not."""
    kinds = ("fields", "precisions", "keeps", "factors", "errors")
    return replace(entry, **{kind: {**getattr(before, kind), **getattr(entry, kind)} for kind in kinds})


def _stack(entry: StackEntry) -> Stack:
    return Stack(
        name=entry.name,
        version=entry.version,
        title=entry.title,
        fields=_frozen({name: _values(places) for name, places in entry.fields.items()}),
        precisions=_frozen({name: _values(values) for name, values in entry.precisions.items()}),
        keeps=_keeping(entry),
        factors=MappingProxyType(_values(entry.factors)),
        errors=MappingProxyType(_values(entry.errors)),
        facts=tuple(_facts(entry)),
        uncertainty=entry.uncertainty,
        memory=entry.memory,
        fitted_to=entry.fitted_to,
        serving=MappingProxyType(_values(entry.serving)),
        serving_uncertainty=entry.serving_uncertainty,
    )


def _keeping(entry: StackEntry) -> Keeping:
    names = [one.name for one in fields(Keeping)]
    if unknown := [name for name in entry.keeps if name not in names]:
        raise InputError(f"stack {entry.name} keeps {unknown[0]!r}, which is not known: take of {', '.join(names)}")
    return Keeping(**_values(entry.keeps))


def _values(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Values by name; those that hold everywhere under the empty name."""
    return {"" if name == EVERYWHERE else name: value for name, (value, _, _) in entries.items()}


def _frozen(values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({name: MappingProxyType(dict(each)) for name, each in values.items()})


def _facts(entry: StackEntry) -> Iterator[StackFact]:
    parts: Sequence[tuple[str, str, str, Entry]] = [
        *(("fields", name, place, fact) for name, places in entry.fields.items() for place, fact in places.items()),
        *(
            ("precisions", name, kind, fact)
            for kind, values in entry.precisions.items()
            for name, fact in values.items()
        ),
        *(("keeps", name, "", fact) for name, fact in entry.keeps.items()),
        *(("factors", name, "", fact) for name, fact in entry.factors.items()),
        *(("errors", "error", kind, fact) for kind, fact in entry.errors.items()),
        *(("serving", name, "", fact) for name, fact in entry.serving.items()),
    ]
    for kind, name, where, (value, trust, source) in parts:
        place = "" if where == EVERYWHERE else where
        yield StackFact(kind=kind, name=name, where=place, value=value, trust=trust, source=source)
