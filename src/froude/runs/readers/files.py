"""Tables in files: delimited text, Parquet and JSON lines, told apart by the ending of their names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from froude.errors import InputError
from froude.runs.frames import frame_from_csv, frame_from_rows
from froude.runs.readers.reader import Curves, path_of, runs_of
from froude.runs.study.lines import read_json_lines
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

_FrameAndNotes = tuple["pl.DataFrame", tuple[str, ...]]


@final
@dataclass(frozen=True, kw_only=True)
class FileReader:
    """Reads files of these endings; `parse` returns the table in one and what its reader should be told of it."""

    kinds: tuple[str, ...]
    parse: Callable[[Path], _FrameAndNotes]

    def recognises(self, source: object) -> bool:
        """Whether the source is the path of a file with one of the endings, in whatever case."""
        path = path_of(source)
        return path is not None and path.suffix.lower() in self.kinds and os.path.exists(path) and not path.is_dir()

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in the file, one a row."""
        path = Path(source)
        try:
            if path.stat().st_size == 0:
                raise InputError(f"{str(path)!r} is empty: give a table with column names and a row for each run")
            frame, notes = self.parse(path)
        except OSError as error:
            raise InputError(
                f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights"
            ) from None
        return runs_of(frame, source, columns, notes)

    def curves(self, source: Any) -> Curves | None:
        """None: a file holds a row for each run."""
        return None


def _parse_delimited(path: Path) -> _FrameAndNotes:
    import polars as pl

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        return frame_from_csv(path, separator), ()
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, error) from None


def _parse_parquet(path: Path) -> _FrameAndNotes:
    import polars as pl

    try:
        return pl.read_parquet(path), ()
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, error) from None


def _parse_json_lines(path: Path) -> _FrameAndNotes:
    lines = read_json_lines(path)
    if lines.broken and not lines.cut_short:
        raise InputError(f"{str(path)!r}, line {lines.broken[0]} is no JSON object: correct or remove the line")
    notes = (f"{path.name}: the last line is cut short and was left out",) if lines.cut_short else ()
    return frame_from_rows(lines.objects), notes


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{str(path)!r} cannot be read as {path.suffix} ({str(error).splitlines()[0]}): check the file")


DELIMITED = FileReader(kinds=(".csv", ".tsv"), parse=_parse_delimited)
"""Reads text with commas, or with tabs, between the values."""
PARQUET = FileReader(kinds=(".parquet",), parse=_parse_parquet)
"""Reads Parquet files."""
JSON_LINES = FileReader(kinds=(".jsonl", ".ndjson"), parse=_parse_json_lines)
"""Reads files with a JSON object on each line; a last line that is cut short is left out, and noted."""
