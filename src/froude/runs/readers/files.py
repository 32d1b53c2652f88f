"""Read runs from the files and dataframes people have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from froude.errors import InputError
from froude.runs.frames import frame_from_csv, frame_from_rows
from froude.runs.study.folder import Study
from froude.runs.study.gather import study_table
from froude.runs.study.lines import read_json_lines
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl


def read_runs(source: Any, columns: Mapping[str, str] | None = None) -> Runs:
    """Return the runs in `source`: a CSV, TSV, Parquet or JSONL file, a study folder, or a dataframe.

    Any dataframe that narwhals knows will do (polars, pandas, PyArrow, ...); `Runs` are returned as they are.
    `columns` maps role to column name, as in {"N": "params"}; other roles are found by name (see `ROLES`).

    Raises InputError for a source that is missing, empty, of unknown type or unreadable, for a column that is
    not there, and for N, D, C or loss that are no numbers or out of range.
    """
    if isinstance(source, Runs):
        if columns:
            raise InputError(f"these runs are read already, --columns {dict(columns)} comes too late: give it before")
        return source
    if isinstance(source, str | os.PathLike):
        frame, notes = _read_path(Path(source))
    else:
        frame, notes = _from_dataframe(source), ()
    if frame.is_empty():
        shown = f"{str(source)!r}" if isinstance(source, str | os.PathLike) else "the dataframe"
        raise InputError(f"{shown} holds no runs: give a table with a line of column names and a row for each run")
    return Runs.from_frame(frame, columns, notes)


def _read_path(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    if path.is_dir():
        return study_table(Study.open(path).path)
    if not path.exists():
        raise InputError(f"no file or folder {str(path)!r}: check the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{str(path)!r} is of a type not read: give {', '.join(_READERS)} or a study folder")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{str(path)!r} is empty: give a table with column names and a row for each run")
        return reader(path)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights") from None


def _read_csv(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    import polars as pl

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        return frame_from_csv(path, separator), ()
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, error) from None


def _read_parquet(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    import polars as pl

    try:
        return pl.read_parquet(path), ()
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, error) from None


def _read_jsonl(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    lines = read_json_lines(path)
    if lines.broken and not lines.cut_short:
        raise InputError(f"{str(path)!r}, line {lines.broken[0]} is no JSON object: correct or remove the line")
    notes = (f"{path.name}: the last line is cut short and was left out",) if lines.cut_short else ()
    return frame_from_rows(lines.objects), notes


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}


def _from_dataframe(source: Any) -> pl.DataFrame:
    import narwhals as nw

    try:
        frame = nw.from_native(source)
    except TypeError:
        kind = type(source).__name__
        raise InputError(f"runs cannot be read from a {kind}: give a path, a dataframe or Runs.from_columns") from None
    return (frame.collect() if isinstance(frame, nw.LazyFrame) else frame).to_polars()


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{str(path)!r} cannot be read as {path.suffix} ({str(error).splitlines()[0]}): check the file")
