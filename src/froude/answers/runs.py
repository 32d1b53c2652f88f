"""What is said of a table of runs, and of a study as a folder of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import amount, count
from froude.quantity import format_quantity
from froude.runs import Runs, Study

ROLE_COLUMNS = ("N", "D", "C", "loss")
MOST_COLUMNS = 7
"""Columns that a row of a run shows; all of them are listed with their ranges."""


def answer_of_runs(runs: Runs) -> Answer:
    """A table of runs, a row each, and its columns with their ranges."""
    has_loss = "loss" in runs and runs["loss"].dtype.kind == "f"
    diverged, missing = (int(runs.diverged().sum()), int(runs.missing().sum())) if has_loss else (0, 0)
    names = (*(role for role in ROLE_COLUMNS if role in runs), *(n for n in runs.columns if n not in ROLE_COLUMNS))
    shown = names[:MOST_COLUMNS]
    columns = {name: runs[name].tolist() for name in names}
    return Answer(
        headline=f"{count(len(runs), 'run')} with {count(len(names), 'column')}"
        + (f", {diverged} of them diverged" if diverged else "")
        + (f", {missing} without a loss" if missing else ""),
        facts=tuple(_facts(runs)),
        tables=(
            Table(
                title="",
                columns=("row", *shown),
                rows=tuple(
                    (str(row), *(_cell(columns[name][i], name) for name in shown)) for i, row in enumerate(runs.rows)
                ),
                left=tuple(k for k, name in enumerate(shown, start=1) if not _is_numeric(runs, name)),
            ),
            _columns_table(runs, names),
        ),
        notes=runs.notes,
        warnings=runs.warnings,
        data={
            "n": len(runs),
            "diverged": diverged,
            "without_loss": missing,
            "read_as": dict(runs.read_as),
            "derived": list(runs.derived),
            "notes": list(runs.notes),
            "warnings": list(runs.warnings),
            "sha256": runs.sha256,
            "rows": runs.rows.tolist(),
            "columns": columns,
            "ranges": {name: _range(runs, name) for name in names},
        },
    )


def answer_of_study_folder(study: Study) -> Answer:
    """A study: where it lies, how many runs of it are finished, and its settings."""
    finished = sorted(study.finished_ids())
    settings = tuple((name, _setting(value)) for name, value in study.settings.items())
    return Answer(
        headline=f"study {str(study.path)!r} with {count(len(finished), 'finished run')}",
        tables=(Table(title="", columns=("setting", "value"), rows=settings, left=(0, 1)),) if settings else (),
        next_steps=(f"froude report {study.path}",) if finished else (),
        data={"study": str(study.path), "finished": finished, "settings": dict(study.settings)},
    )


def _facts(runs: Runs) -> Iterator[Fact]:
    """Which columns were renamed and derived."""
    renamed = [f"{role} is the column {column!r}" for column, role in runs.read_as.items()]
    for head, sentences in (("read as", renamed), ("derived", runs.derived)):
        for i, sentence in enumerate(sentences):
            yield Fact("" if i else head, sentence)


def _is_numeric(runs: Runs, name: str) -> bool:
    return runs[name].dtype.kind in "fiu"


def _cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return " ".join(str(value).split())
    if not np.isfinite(value):
        return str(value)
    return amount(value, "FLOP", 4) if name == "C" and value > 0 else format_quantity(value, 4)


def _range(runs: Runs, name: str) -> dict[str, float | int | None]:
    """The ends of a column's finite numbers, None where there is none, and how many values are no finite number."""
    values = runs[name]
    if not _is_numeric(runs, name):
        return {"least": None, "largest": None, "missing": sum(value is None for value in values.tolist())}
    finite = values[np.isfinite(values)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return {"least": ends[0], "largest": ends[1], "missing": int(values.size - finite.size)}


def _columns_table(runs: Runs, names: Sequence[str]) -> Table:
    """The ranges of columns, and how many values are missing where some are."""
    ranges = {name: _range(runs, name) for name in names}
    some = any(found["missing"] for found in ranges.values())
    return Table(
        title="Columns",
        columns=("column", "least", "largest", *(("missing",) if some else ())),
        rows=tuple(
            (name, *_ends(found, name), *((str(found["missing"] or ""),) if some else ()))
            for name, found in ranges.items()
        ),
        left=(0,),
    )


def _ends(found: Mapping[str, float | int | None], name: str) -> tuple[str, str]:
    least, largest = (None if found[end] is None else float(found[end] or 0.0) for end in ("least", "largest"))
    return _cell(least, name), _cell(largest, name)


def _setting(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else " ".join(str(value).split())
