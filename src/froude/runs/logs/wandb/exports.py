"""Tables exported from W&B's pages as CSV: the curves of a chart, or the table of runs."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError, shown
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.places import is_file
from froude.runs.logs.texts import number_in_text, value_of_text
from froude.runs.logs.wandb.states import STATES
from froude.runs.readers.reader import path_of

_BETWEEN = " - "
_LOWEST, _HIGHEST = "__MIN", "__MAX"
_OWN_COLUMNS = {"Name", "State", "ID", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "Group", "Job Type"}
_OUTCOME = re.compile(
    r"loss|perplexity|ppl|bits|bpb|bpc|accuracy|\bacc\b|error|score|reward|^_|__(MIN|MAX)$"
    r"|^(train|val|valid|validation|eval|test|dev|perf|system|summary)[/.]",
    re.IGNORECASE,
)
_LONGEST_HEADER = 2**24


@final
@dataclass(frozen=True, kw_only=True)
class WandbExportReader:
    """Reads CSV files that W&B's pages export: a chart's curves ("name - loss", with __MIN and __MAX), or the runs.

    The table of runs does not say which columns were configured and which came out: those named like an outcome go to
    the summary, the others to the configuration.
    """

    kinds: tuple[str, ...] = ("W&B's exported .csv",)

    def recognises(self, source: object) -> bool:
        """Whether the source is a CSV file with columns as W&B names them."""
        path = path_of(source)
        if path is None or path.suffix.lower() != ".csv" or not is_file(path):
            return False
        try:
            header = _header(path)
        except InputError:
            return False
        return _is_export(header)

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs by their columns, or row by row."""
        path = Path(source)
        header = _header(path)
        if not _is_export(header):
            raise InputError(f"{str(path)!r} has no columns as W&B names them: give a table that its pages exported")
        notes: list[str] = []
        rows = list(_rows(path, len(header), notes))
        of = _runs_of_curves if _has_curves(header) else _runs_of_table
        yield from of(header, rows, notes)


def _is_export(header: Sequence[str]) -> bool:
    return _has_curves(header) or {"Name", "State"} <= set(header)


def _has_curves(header: Sequence[str]) -> bool:
    return any(name.endswith(_LOWEST) and _BETWEEN in name and name[: -len(_LOWEST)] in header for name in header)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return next(csv.reader([file.readline(_LONGEST_HEADER)]), [])
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights") from None
    except csv.Error as error:
        raise InputError(f"{str(path)!r} has no line of column names ({error}): export the table again") from None


def _rows(path: Path, width: int, notes: list[str]) -> Iterator[list[str]]:
    """The rows below the header that have a cell for each column; notes tell of others."""
    n_short, first = 0, 0
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        try:
            for row in islice(reader, 1, None):
                if len(row) == width:
                    yield row
                elif row:
                    n_short, first = n_short + 1, first or reader.line_num
        except csv.Error as error:
            notes.append(f"the table is broken at line {reader.line_num} ({error}): what follows was left out")
        file.seek(0, 2)
        size = file.tell()
    if n_short:
        notes.append(f"{n_short} lines (the first: {first}) have another number of cells and were left out")
    with path.open("rb") as body:
        body.seek(max(0, size - 1))
        if body.read() not in (b"\n", b"\r"):
            notes.append("the last line has no end: its last number may be cut short")


def _runs_of_curves(header: Sequence[str], rows: list[list[str]], notes: list[str]) -> Iterator[LoggedRun]:
    x = "step" if header[0] == "Step" else header[0]
    seen: Counter[str] = Counter()
    runs: dict[str, dict[str, Series]] = {}
    said: dict[str, list[str]] = {}
    for place, column in enumerate(header):
        if _BETWEEN not in column or column.endswith((_LOWEST, _HIGHEST)):
            continue
        seen[column] += 1
        name, _, metric = column.rpartition(_BETWEEN)
        if metric == "_step":
            continue
        id = name if seen[column] == 1 else f"{name} ({seen[column]})"
        series, remarks = _curve(x, rows, place, header)
        said.setdefault(id, []).extend(remarks)
        if len(series.at):
            runs.setdefault(id, {})[metric] = series
    for id in said:
        yield LoggedRun(
            id=id,
            name=id,
            state="unknown",
            config={},
            summary={},
            series=runs.get(id, {}),
            notes=(*notes, *said[id]),
        )


def _curve(x: str, rows: list[list[str]], place: int, header: Sequence[str]) -> tuple[Series, list[str]]:
    """A column against the first one, and whether its numbers are means of several rows of the log."""
    at, values, n_other, n_means = [], [], 0, 0
    ends = [i for i, name in enumerate(header) if name in (header[place] + _LOWEST, header[place] + _HIGHEST)]
    for row in rows:
        if not row[place]:
            continue
        numbers = number_in_text(row[0]), number_in_text(row[place])
        if numbers[0] is None or numbers[1] is None:
            n_other += 1
            continue
        at.append(numbers[0])
        values.append(numbers[1])
        n_means += any(row[i] not in ("", row[place]) for i in ends)
    notes = []
    if n_other:
        notes.append(f"{n_other} cells of {shown(header[place])} are no numbers and were left out")
    if n_means:
        notes.append(f"{n_means} values of {shown(header[place])} are means: their __MIN and __MAX differ")
    return Series(x=x, at=np.array(at, float), values=np.array(values, float)), notes


def _runs_of_table(header: Sequence[str], rows: list[list[str]], notes: list[str]) -> Iterator[LoggedRun]:
    seen: Counter[str] = Counter()
    for row in rows:
        cells = {name: cell for name, cell in zip(header, row, strict=True) if cell}
        name = cells.get("Name", "")
        given = cells.get("ID") or name
        seen[given] += 1
        values = {key: value_of_text(cell) for key, cell in cells.items() if key not in _OWN_COLUMNS}
        own = {key.lower(): cells[key] for key in ("Notes", "Tags", "Group", "Sweep", "Runtime") if key in cells}
        yield LoggedRun(
            id=given if seen[given] == 1 else f"{given} ({seen[given]})",
            name=name or given,
            state=STATES.get(cells.get("State", "").lower(), "unknown"),
            config={key: value for key, value in values.items() if not _OUTCOME.search(key)},
            summary={**own, **{key: value for key, value in values.items() if _OUTCOME.search(key)}},
            series={},
            notes=tuple(notes),
        )
