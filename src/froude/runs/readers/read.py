"""Runs from whatever people have: the first reader that recognises a source reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from froude.errors import InputError
from froude.runs.cells.decoding import COMPRESSED
from froude.runs.readers.dataframe import DataframeReader
from froude.runs.readers.files import DELIMITED, JSON, JSON_LINES, PARQUET
from froude.runs.readers.load_tests import LoadTestsReader
from froude.runs.readers.logs import LogsReader
from froude.runs.readers.reader import Curves, Reader, path_of
from froude.runs.readers.study_folder import StudyReader
from froude.runs.study.documents import SETTINGS
from froude.runs.study.folder import Study
from froude.runs.table import Runs

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame

    RunsSource = Runs | Study | str | os.PathLike[str] | IntoFrame
else:
    RunsSource = Any

READERS: tuple[Reader, ...] = (
    LoadTestsReader(),
    LogsReader(),
    DELIMITED,
    PARQUET,
    JSON,
    JSON_LINES,
    StudyReader(),
    DataframeReader(),
)
"""Every reader, in the order in which they are asked; a new one joins here and in the contract suite."""

_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


def read_runs(source: RunsSource, columns: Mapping[str, str] | None = None, where: str | None = None) -> Runs:
    """Return the runs in `source`: a table in a text, JSON or Parquet file, a study's folder, a dataframe, or logs.

    Text may be separated by commas, semicolons, tabs, bars or blanks, in UTF-8, UTF-16 or Windows-1252, and compressed;
    `notes` of the result say what is not plain. Any dataframe that narwhals knows will do (polars, pandas, PyArrow, …);
    `Runs` are returned as they are. `columns` maps role to column name, as in {"N": "params"}; other roles are found by
    name (see `ROLES`). `where` is an SQL condition, as in "C < 1e21 AND tag = 'seed'": rows for which it does not hold
    are left out before any is checked.

    Raises InputError for a source that is missing, empty, of unknown type or unreadable, for a column that is
    not there, for N, D, C or loss that are no numbers or out of range, and for a condition that leaves no runs.
    """
    return chosen(read_unchecked(source, columns), where)


def read_unchecked(source: RunsSource, columns: Mapping[str, str] | None = None) -> Runs:
    """Return the runs in `source` as `read_runs` does, with `faults` for the cells that it refuses."""
    if isinstance(source, Runs):
        if columns:
            raise InputError(f"these runs are read already, --columns {dict(columns)} comes too late: give it before")
        return source
    source = source.path if isinstance(source, Study) else source
    return reader_of(source).read(source, columns)


def chosen(runs: Runs, where: str | None) -> Runs:
    """Return the runs for which a condition holds, checked. InputError if there are none, or one has a fault."""
    if where is None:
        return runs.checked()
    some = runs.where(where)
    if not len(some):
        raise InputError(f"--where {where!r} leaves none of {len(runs)} runs: loosen the condition")
    return some.retyped().checked()


def read_curves(source: Any) -> Curves:
    """Return the curves in `source`, which a study keeps: the name of a run → a column → its values (steps,).

    Raises InputError for a source that `read_runs` refuses, and for one of a kind that keeps no curves.
    """
    source = source.path if isinstance(source, Study) else source
    curves = reader_of(source).curves(source)
    if curves is None:
        shown = f"a {type(source).__name__}" if path_of(source) is None else repr(str(source))
        raise InputError(f"{shown} keeps one row for each run and no curves: give a study folder")
    return curves


def reader_of(source: object) -> Reader:
    """Return the reader that recognises a source. Raises InputError, saying what can be read, if none does."""
    for reader in READERS:
        if reader.recognises(source):
            return reader
    raise _unrecognised(source)


def _unrecognised(source: object) -> InputError:
    path = path_of(source)
    if path is None:
        kind = type(source).__name__
        return InputError(f"runs cannot be read from a {kind}: give a path, a dataframe or Runs.from_columns")
    shown = repr(str(path))
    if path.is_dir():
        return InputError(f"{shown} is no study: give a folder with a {SETTINGS}, or one of logs that are known")
    if not os.path.exists(path):
        return InputError(f"no file or folder {shown}: check the path")
    if path.suffix.lower() in _WORKBOOKS:
        return InputError(f"{shown} is a workbook: save the sheet as CSV and give that")
    *kinds, last = [kind for reader in READERS for kind in reader.kinds]
    return InputError(
        f"{shown} is of a type not read: give {', '.join(kinds)} or {last} (files also as {', '.join(COMPRESSED)})"
    )
