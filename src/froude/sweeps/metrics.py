"""What a trainer says of its run, row by row, as the steps and the result that a study keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from froude.documents.document_error import DocumentError
from froude.documents.values import check_values
from froude.errors import InputError
from froude.runs.frames import frame_from_rows
from froude.runs.readers.files import JSON_LINES
from froude.runs.readers.read import reader_of
from froude.runs.role_search import find_roles, values_of
from froude.runs.roles import ROLES
from froude.runs.study.folder import Study
from froude.runs.study.gather import flatten
from froude.runs.study.writer import RunWriter

STEPS = ("step", "steps", "global_step", "iteration", "iter", "_step")
"""What trainers call the number of a step: a row that has one is a point of the curve, any other a result."""
RESULT_ROLES = ("N", "D", "C", "loss")
_OWN = ("kind", "id", "config")  # of the lines of a run's file

Row = dict[str, Any]


def row_of_line(line: bytes) -> Row | None:
    """The row that a line of output is: a JSON object of scalars, inner keys joined by dots; None for others."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        value = check_values(json.loads(line), finite=False)
    except (ValueError, RecursionError, DocumentError):
        return None
    if not isinstance(value, dict):
        return None
    flat = {key: each for key, each in flatten(value).items() if isinstance(each, bool | int | float | str)}
    return {key: each for key, each in flat.items() if key not in _OWN}


def step_of(row: Mapping[str, Any]) -> int | float | None:
    """The number of the step that a row is of, None where it has none."""
    for name in STEPS:
        value = row.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    return None


@final
class Recorder:
    """Writes the rows of a run into its study as they come.

    With `go_on` the steps that an earlier attempt wrote stay up to the first one of this.
    """

    def __init__(self, study: Study, config: Mapping[str, Any], columns: Mapping[str, str], *, go_on: bool) -> None:
        self._study, self._config, self._columns, self._go_on = study, config, columns, go_on
        self._writer: RunWriter | None = None
        self._loss: dict[tuple[str, ...], str | None] = {}
        self.last: Row = {}

    def take(self, row: Row) -> None:
        """Keeps a row: a step in the run's curve, and of every name the latest value. OSError."""
        step = step_of(row)
        self.last |= row
        if step is not None:
            self.writer(step).step(**{"step": step, **row})

    def writer(self, first_step: float | None = None) -> RunWriter:
        """The writer of the run, begun at its first step."""
        if self._writer is None:
            keep = math.nextafter(first_step, -math.inf) if self._go_on and first_step is not None else None
            self._writer = self._study.writer(self._config, keep)
        return self._writer

    @property
    def loss(self) -> float | None:
        """The latest loss, held out where there is one; None before there is any."""
        names = tuple(self.last)
        if names not in self._loss:
            try:
                found = find_roles(frame_from_rows([self.last]), self._of(("loss",))) if self.last else {}
            except InputError:
                found = {}
            self._loss[names] = found["loss"].column if "loss" in found else None
        name = self._loss[names]
        value = None if name is None else self.last[name]
        return value if isinstance(value, int | float) else None

    def result(self) -> Row:
        """The latest value of every name, and N, D, C and loss under these names, as far as they are found.

        InputError where one of them may be two columns.
        """
        known = {**flatten(self._config), **self.last}
        frame = frame_from_rows([known])
        roles = find_roles(frame, {role: name for role, name in self._columns.items() if name in known})
        numbers = {role: float(values_of(roles[role], ROLES[role], frame)[0]) for role in RESULT_ROLES if role in roles}
        return {**self.last, **{r: v for r, v in numbers.items() if r == "loss" or math.isfinite(v)}}

    def close(self) -> None:
        """Closes the file; the run stays unfinished unless it was finished."""
        if self._writer is not None:
            self._writer.close()

    def _of(self, roles: tuple[str, ...]) -> dict[str, str]:
        return {role: name for role, name in self._columns.items() if role in roles and name in self.last}


@final
class Follower:
    """Reads the whole lines that have been added to a file since it was last asked; no file has none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    def rows(self) -> Iterator[Row]:
        """The new rows."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:
            return
        self._at += len(whole) + len(newline)
        yield from (row for row in map(row_of_line, whole.split(b"\n")) if row is not None)


def rows_of_log(path: Path) -> Iterator[Row]:
    """The rows of a run's log that `froude.read_runs` reads: its curve, then what it says of the whole run.

    InputError where there is none, or where it holds several runs.
    """
    reader = reader_of(path)
    if reader is JSON_LINES:
        yield from Follower(path).rows()
        return
    curves, runs = reader.curves(path), reader.read(path)
    names = [name for name in runs.columns if name not in _OWN]
    rows = [{name: _scalar(value) for name, value in row.items()} for row in runs.frame.select(names).to_dicts()]
    if curves is None:  # a table: a row a step, or one row
        yield from ({name: value for name, value in row.items() if value is not None} for row in rows)
        return
    if len(curves) > 1:
        raise InputError(f"{str(path)!r} holds {len(curves)} runs: give each run a log of its own, as in {{log}}")
    for curve in curves.values():
        columns = {name: values.tolist() for name, values in curve.items()}
        for values in zip(*columns.values(), strict=True):
            yield {name: value for name, value in zip(columns, values, strict=True) if not _is_nan(name, value)}
    yield from ({name: value for name, value in row.items() if value is not None and name not in STEPS} for row in rows)


def _scalar(value: Any) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _is_nan(name: str, value: float) -> bool:
    """Whether nothing was logged: NaN stands for that in a curve, but in a loss it is a value."""
    return math.isnan(value) and "loss" not in name
