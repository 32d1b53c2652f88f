"""Tables in files: delimited text, JSON, JSON lines and Parquet, told apart by the ending of their names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.runs.cells.decoding import COMPRESSED, decoded, unpacked
from froude.runs.cells.grid import grid_of
from froude.runs.frames import frame_from_rows
from froude.runs.panics import panics_as_errors
from froude.runs.readers.json_tables import rows_of_json, rows_of_lines
from froude.runs.readers.reader import Curves, path_of, runs_of
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

LARGEST_BYTES = 2**40
"""Of a file: what does not fit into memory fails earlier."""
_FrameAndNotes = tuple["pl.DataFrame", tuple[str, ...]]


@final
@dataclass(frozen=True, kw_only=True)
class FileReader:
    """Reads files of these endings, compressed or not; `parse` returns the table in the bytes of one, and notes.

    `parse` is given the ending too, and raises InputError with the end of a sentence that names the file.
    """

    kinds: tuple[str, ...]
    parse: Callable[[bytes, str], _FrameAndNotes]

    def recognises(self, source: object) -> bool:
        """Whether the source is the path of a file with one of the endings, in whatever case."""
        path = path_of(source)
        return path is not None and _ending(path) in self.kinds and os.path.exists(path) and not path.is_dir()

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in the file, one a row."""
        path = Path(source)
        try:
            body = bytes_of(path, LARGEST_BYTES)
        except DocumentError as error:
            raise InputError(f"{str(path)!r} is no file to read a table from, {error}: give a plain file") from None
        except OSError as error:
            raise InputError(
                f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights"
            ) from None
        try:
            if not body:
                raise InputError("is empty: give a table with column names and a row for each run")
            frame, notes = self.parse(unpacked(body), _ending(path))
        except InputError as error:
            raise InputError(f"{str(path)!r} {error}") from None
        return runs_of(frame, source, columns, notes)

    def curves(self, source: Any) -> Curves | None:
        """None: a file holds a row for each run."""
        return None


def _ending(path: Path) -> str:
    """The ending of what is in a file, in lower case: ".csv" for "RUNS.CSV.gz"."""
    *_, last = Path(path.name.lower().removesuffix(path.suffix.lower())).suffixes or [""]
    return last if path.suffix.lower() in COMPRESSED else path.suffix.lower()


def _parse_delimited(body: bytes, ending: str) -> _FrameAndNotes:
    import polars as pl

    if body.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError("is an HTML page, no table: save the table itself")
    text, notes = decoded(body)
    grid = grid_of(text, likely="\t" if ending in (".tsv", ".tab") else ",")
    cells = zip(*(row.cells for row in grid.rows), strict=True)
    frame = pl.DataFrame(
        {name: pl.Series(column, dtype=pl.String) for name, column in zip(grid.names, cells, strict=True)}
    )
    return frame, (*notes, *grid.notes)


def _parse_parquet(body: bytes, ending: str) -> _FrameAndNotes:
    import polars as pl

    try:
        with panics_as_errors():
            return pl.read_parquet(body), ()
    except pl.exceptions.PolarsError as error:
        raise InputError(f"cannot be read as .parquet ({str(error).splitlines()[0]}): write it again") from None


def _parse_json(body: bytes, ending: str) -> _FrameAndNotes:
    text, notes = decoded(body)
    rows, left_out = rows_of_json(text)
    return frame_from_rows(rows), (*notes, *left_out)


def _parse_json_lines(body: bytes, ending: str) -> _FrameAndNotes:
    text, notes = decoded(body)
    rows, left_out = rows_of_lines(text)
    return frame_from_rows(rows), (*notes, *left_out)


DELIMITED = FileReader(kinds=(".csv", ".tsv", ".tab", ".txt", ".dat"), parse=_parse_delimited)
"""Reads text with commas, semicolons, tabs, bars or blanks between the values, whichever it is."""
PARQUET = FileReader(kinds=(".parquet",), parse=_parse_parquet)
"""Reads Parquet files."""
JSON = FileReader(kinds=(".json",), parse=_parse_json)
"""Reads a list of objects, an object of columns, or pandas' "split", in JSON."""
JSON_LINES = FileReader(kinds=(".jsonl", ".ndjson"), parse=_parse_json_lines)
"""Reads files with a JSON object on each line; a last line that is cut short is left out, and noted."""
