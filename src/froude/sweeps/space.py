"""The space of a sweep: the runs that a file, a table or a mapping describes, each a mapping of its settings."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
from msgspec import Meta

from froude.bounds import MOST_SEED
from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.runs.readers.read import read_unchecked
from froude.runs.study.run_file import run_id
from froude.sweeps.dials import Count, Draw, Ladder, Value, checked, refuse_unknown, values_of
from froude.sweeps.expressions import evaluate

MOST_RUNS = 100_000
SPACE = DocumentKind(
    what="space of a sweep",
    remedy="write [grid], [random], [ladder], [[run]] and [derived], as froude sweep --help shows",
    missing="name a TOML file or a table",
)
Config = Mapping[str, Value]
SpaceSource = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Where a space is: the path of a TOML file or of a table, a mapping with the tables of the TOML, or the runs."""


@final
@dataclass(frozen=True, kw_only=True)
class RandomPart:
    """[random]: how many draws, their seed, and the distribution of each name."""

    draws: Count
    seed: Annotated[int, Meta(ge=0, le=MOST_SEED)] = 0
    of: dict[str, Draw] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class SpaceDocument:
    """What a space is written as: its runs are all combinations of the parts that there are.

    `run` holds rows of a table, `ladder` one dial, `grid` the values of each name, `random` draws; `derived` are
    expressions over names above, computed in their order.
    """

    run: list[dict[str, Any]] = field(default_factory=list)
    ladder: dict[str, Ladder] = field(default_factory=dict)
    grid: dict[str, Any] = field(default_factory=dict)
    random: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)


def read_space(source: SpaceSource) -> tuple[Config, ...]:
    """The settings of each run of a space, in their order, each once.

    InputError for what is none, for one that is empty or of more than MOST_RUNS runs, a name that is set twice, and a
    derived value that cannot be computed.
    """
    document, name = _document(source)
    parts = [part for part in _parts(document, name) if part]
    count = math.prod(map(len, parts)) if parts else 0
    if not count:
        raise InputError(f"{name} has no runs: give [grid], [random], [ladder] or [[run]] with values")
    if count > MOST_RUNS:
        raise InputError(f"{name} has {count:,} runs: give a space of at most {MOST_RUNS:,}")
    configs = (_derived(_joined(rows), document.derived) for rows in itertools.product(*parts))
    return tuple({run_id(config): config for config in configs}.values())


def _document(source: SpaceSource) -> tuple[SpaceDocument, str]:
    """What a source holds, and how an error names it."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.suffix.lower() == ".toml" or not path.exists():
            return _checked(SPACE.read_toml(path, dict), str(path)), repr(str(path))
        return SpaceDocument(run=_rows_of_table(path)), repr(str(path))
    if isinstance(source, Mapping):
        return _checked(source, "the space"), "the space"
    return SpaceDocument(run=[dict(row) for row in source]), "the space"


def _checked(tables: Mapping[str, Any], name: str) -> SpaceDocument:
    """The tables of a space, of which nothing is passed over."""
    refuse_unknown(tables, SpaceDocument, name)
    for dials, kind in ((tables.get("ladder"), Ladder), (tables.get("random"), Draw)):
        for dial, given in dials.items() if isinstance(dials, Mapping) else ():
            refuse_unknown(given, kind, dial)
    return SPACE.check(dict(tables), name, SpaceDocument)


def _rows_of_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table under its own names; what is missing in a row is not set."""
    runs = read_unchecked(path)
    frame = runs.frame if runs.as_read is None else runs.as_read[runs.rows - 1]
    return [{name: value for name, value in row.items() if value is not None} for row in frame.to_dicts()]


def _parts(document: SpaceDocument, name: str) -> Iterator[list[dict[str, Value]]]:
    """The rows of each part, all combinations of which make the space; none for a part that is not there."""
    yield [{key: checked(key, value) for key, value in row.items()} for row in document.run]
    if len(document.ladder) > 1:
        raise InputError(f"{name} has ladders of {', '.join(document.ladder)}: give one, the others as derived values")
    for dial, ladder in document.ladder.items():
        yield [{dial: value} for value in ladder.values(dial)]
    for dial, given in document.grid.items():
        yield [{dial: value} for value in values_of(dial, given)]
    if document.random:
        yield _drawn(document.random, name)


def _drawn(table: Mapping[str, Any], name: str) -> list[dict[str, Value]]:
    of = {key: value for key, value in table.items() if key not in ("draws", "seed")}
    rest = {key: table[key] for key in ("draws", "seed") if key in table}
    part = SPACE.check({**rest, "of": of}, name, RandomPart)
    if not part.of:
        raise InputError(
            f"{name} draws nothing at random: give distributions, as in lr = {{log_uniform = [1e-4, 1e-2]}}"
        )
    rng = np.random.default_rng(part.seed)
    columns = {dial: draw.values(dial, part.draws, rng) for dial, draw in part.of.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _joined(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    joined: dict[str, Value] = {}
    for row in rows:
        if twice := joined.keys() & row.keys():
            raise InputError(f"{shown(min(twice))} is set by two parts of the space: set it in one")
        joined |= row
    return joined


def _derived(config: dict[str, Value], derived: Mapping[str, str]) -> Config:
    """The settings of a run with the values that are computed from them."""
    for name, text in derived.items():
        if name in config:
            raise InputError(f"{shown(name)} is derived and set too: set it in one place")
        config[name] = evaluate(text, config)
    return config
