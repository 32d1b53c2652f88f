"""Tables with a step column: curves in CSV, Parquet and JSON lines, Lightning's metrics.csv among them."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.cells.decoding import unpacked
from froude.runs.headers import normal
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.places import (
    MOST_FOLDERS,
    body_of,
    configuration_beside,
    files_below,
    is_file,
    json_of,
    name_of,
    place_of,
)
from froude.runs.logs.series_of_rows import series_of_rows, step_key
from froude.runs.logs.texts import number_in_text
from froude.runs.panics import panics_as_errors
from froude.runs.readers.reader import path_of
from froude.runs.roles import ROLES
from froude.runs.study.gather import flatten

Row = dict[str, Any]
RUN_COLUMNS = ("run", "run_id", "run_name", "id", "name", "experiment", "trial", "model", "config")
"""Columns that say of which run a row is, as `normal` writes them."""
_HEAD = 64 * 1024  # bytes of a file by which its kind is told
_HEAD_ROWS = 200
_PARQUET_END = b"PAR1"
_EXPORTED = ("__MIN", "__MAX")  # of a chart of W&B, which is another reader's


@final
@dataclass(frozen=True, kw_only=True)
class StepTableReader:
    """Reads tables with a row for each step: of one run, or of several that a column names; folders of them.

    A table in which N, D and loss are columns is one of runs, a row each, and is left to the readers of tables; so is
    one whose step does not grow. `hparams.yaml`, `config.json` and such beside a table are its configuration.
    """

    kinds: tuple[str, ...] = ("CSV, Parquet or JSONL with a step column", "a folder of such (Lightning's logs too)")

    def recognises(self, source: object) -> bool:
        """Whether it is a table along a step, or a folder with one below."""
        path = path_of(source)
        return path is not None and any(map(_is_curve, files_below(path, _may_be, MOST_FOLDERS)))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs of every table along a step."""
        path = Path(source)
        found, left_out = False, list[str]()
        for file in files_below(path, _may_be):
            if is_file(path) or not _is_small(file):
                table = _rows_in(file) if is_file(path) or _is_curve(file) else None
            else:  # the head of a small one is all of it, which is read once
                table = _curve_in(file, left_out)
            if table is not None:
                found = True
                yield from _runs_in(file, path, *table)
        if not found:
            why = f" ({left_out[0]})" if left_out else ""
            raise InputError(
                f"{str(path)!r} holds no table with a step column{why}: give CSV, Parquet or JSONL with one"
            )
        for why in left_out:
            yield LoggedRun(id=why, name="left out", state="unknown", config={}, summary={}, series={}, notes=(why,))


def _may_be(name: str) -> bool:
    return _ending(name) in PARSERS


def _ending(name: str) -> str:
    *_, last = Path(name.lower().removesuffix(".gz")).suffixes or [""]
    return last


# parsing


def _rows_of_csv(body: bytes, ending: str) -> tuple[list[Row], list[str]]:
    text = body.decode(errors="replace").lstrip("\ufeff").replace("\r\n", "\n")
    notes: list[str] = []
    if text and not text.endswith("\n"):  # a number may go on where it was cut
        whole, _, rest = text.rpartition("\n")
        text = whole
        line = whole.count("\n") + 2 if whole else 1
        notes += [f"line {line} is cut short and was left out"] if rest else []
    lines = csv.reader(StringIO(text), delimiter="\t" if ending in (".tsv", ".tab") else ",")
    rows: list[Row] = []
    broken: list[int] = []
    names: list[str] | None = None
    try:
        for line in lines:
            if not line or line[0].startswith("#"):
                continue
            if names is None:
                names = [name.strip() for name in line]
            elif len(line) == len(names):
                rows.append({name: _value(cell) for name, cell in zip(names, line, strict=True) if cell})
            else:
                broken.append(lines.line_num)
    except csv.Error as error:
        notes.append(f"line {lines.line_num} cannot be read ({error}); what is before it was read")
    return rows, [*_broken(broken, f"not the {len(names or ())} cells of a row"), *notes]


def _rows_of_lines(body: bytes, ending: str) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    broken: list[int] = []
    for i, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            try:
                value = json_of(line)
            except (ValueError, RecursionError):
                value = None
            rows.append(value) if isinstance(value, dict) else broken.append(i)
    return rows, _broken(broken, "no JSON object")


def _rows_of_parquet(body: bytes, ending: str) -> tuple[list[Row], list[str]]:
    import polars as pl

    try:
        with panics_as_errors():
            return [{k: v for k, v in row.items() if v is not None} for row in pl.read_parquet(body).to_dicts()], []
    except pl.exceptions.PolarsError as error:
        if not body.endswith(_PARQUET_END):
            raise InputError(
                f"is cut short after {len(body):,} bytes, before the end, where Parquet says what it holds: nothing of "
                "it can be read, so copy it again"
            ) from None
        raise InputError(f"cannot be read as .parquet ({str(error).splitlines()[0]}): copy it again") from None


PARSERS: Mapping[str, Callable[[bytes, str], tuple[list[Row], list[str]]]] = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), _rows_of_csv),
    **dict.fromkeys((".jsonl", ".ndjson"), _rows_of_lines),
    ".parquet": _rows_of_parquet,
}


def _value(cell: str) -> Any:
    number = number_in_text(cell)
    if number is None:
        return cell
    return int(number) if isinstance(number, float) and number.is_integer() and "e" not in cell.lower() else number


def _broken(lines: Sequence[int], what: str) -> list[str]:
    if not lines:
        return []
    which = f"line {lines[0]} is" if len(lines) == 1 else f"{len(lines)} lines from {lines[0]} on are"
    return [f"{which} {what} and left out"]


def _rows_in(file: Path) -> tuple[list[Row], list[str]]:
    """The rows of a table and notes. InputError for one of which nothing can be read."""
    body = body_of(file)
    try:
        rows, notes = PARSERS[_ending(file.name)](unpacked(body), _ending(file.name))
    except InputError as error:
        raise InputError(f"{str(file)!r} {error}") from None
    if not rows and not notes:
        notes = ["it holds no row of a step"] if body else ["it is empty"]
    return rows, [f"{file.name}: {note}" for note in notes]


# telling curves from runs


def _is_curve(file: Path) -> bool:
    """Whether the head of a table is that of a curve."""
    try:
        return _is_head_of_curve(_head_of(file))
    except (InputError, OSError):
        return False


def _curve_in(file: Path, left_out: list[str]) -> tuple[list[Row], list[str]] | None:
    """The rows of a table and notes, None where it is no curve; why nothing of it can be read joins `left_out`."""
    try:
        rows, notes = _rows_in(file)
    except InputError as error:
        left_out.append(str(error))
        return None
    except OSError:
        return None
    return (rows, notes) if _is_head_of_curve(_flat(rows[:_HEAD_ROWS], file)) else None


def check_parquet(source: object) -> None:
    """InputError for a file of Parquet of which nothing can be read, which says where it breaks off."""
    path = path_of(source)
    if path is not None and is_file(path) and _ending(path.name) == ".parquet":
        _rows_in(path)


def _is_head_of_curve(rows: Sequence[Row]) -> bool:
    """Whether rows have a step that grows, and no N, D and loss, which are a run's."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    step = step_key(names)
    if step is None or any(name.endswith(_EXPORTED) for name in names) or _is_of_runs(names):
        return False
    groups = _by_run(rows, names, step).values()
    steps = [[row[step] for row in group if isinstance(row.get(step), int | float)] for group in groups]
    grows = [all(a <= b for a, b in itertools.pairwise(s)) and len({*s}) > 1 for s in steps]
    # Between two whole lines a log of one step is a log already.
    return any(grows) and all(g or len({*s}) <= 1 for g, s in zip(grows, steps, strict=True))


def _head_of(file: Path) -> list[Row]:
    """The first rows of a table: of a text those that its first bytes hold."""
    ending = _ending(file.name)
    if ending == ".parquet" or file.name.lower().endswith(".gz"):
        return _rows_in(file)[0][:_HEAD_ROWS]
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    return _flat(PARSERS[ending](head, ending)[0][:_HEAD_ROWS], file)


def _flat(rows: Sequence[Row], file: Path) -> list[Row]:
    return [flatten(row) for row in rows] if _ending(file.name) in (".jsonl", ".ndjson") else list(rows)


def _is_small(file: Path) -> bool:
    """Whether a file is as short as the head by which its kind is told; so is one of Parquet, which has no head."""
    return _ending(file.name) == ".parquet" or file.name.lower().endswith(".gz") or file.stat().st_size <= _HEAD


def _is_of_runs(names: Sequence[str]) -> bool:
    known = {normal(name) for name in names}
    return all(role in names or known & {*ROLES[role].synonyms} for role in ("N", "D", "loss"))


# runs


def _runs_in(file: Path, source: Path, rows: list[Row], notes: list[str]) -> Iterator[LoggedRun]:
    beside, unread = configuration_beside(file.absolute().parent)
    rows, inside = _without_configuration(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    step = step_key(names)
    if step is None and rows:
        raise InputError(f"{str(file)!r} has no step column: its columns are {', '.join(names[:8])}")
    groups = _by_run(rows, names, step) if step else {"": []}
    place, called = place_of(file, source), name_of(file, source)
    for run, group in groups.items():
        texts = {k: v for row in group for k, v in row.items() if isinstance(v, str)}
        settings = {k: v for k, v in texts.items() if k != step and all(row.get(k, v) == v for row in group)}
        yield LoggedRun(
            id=f"{place}#{run}" if run else place,
            name=run or called,
            state="unknown",
            config={**beside, **settings, **inside},
            summary={},
            series=series_of_rows(group, step or ""),
            notes=(*notes, *unread),
        )
        notes = []  # said once of a file


def _without_configuration(rows: Sequence[Row]) -> tuple[list[Row], Row]:
    """The rows of JSON lines with inner keys joined, and what lines without a step say of the settings."""
    if not any(isinstance(value, dict) for row in rows for value in row.values()):
        return list(rows), {}
    settings: Row = {}
    kept: list[Row] = []
    for row in rows:
        flat = flatten(row)
        if step_key(flat) is None:
            inner = [v for k, v in row.items() if isinstance(v, dict)]
            settings |= inner[0] if len(inner) == 1 else row
        else:
            kept.append(flat)
    return kept, settings


def _by_run(rows: Sequence[Row], names: Sequence[str], step: str) -> dict[str, list[Row]]:
    """The rows of each run by the column that names it; one run called "" without such a column."""
    known = {normal(name): name for name in reversed(names)}
    column = next((known[name] for name in RUN_COLUMNS if name in known and known[name] != step), None)
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault("" if column is None else str(row.get(column, "")), []).append(row)
    if column is not None and len(groups) == len(rows) > 1:  # a name a row is none of runs
        return {"": list(rows)}
    return groups
