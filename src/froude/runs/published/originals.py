"""The originals of published tables: which files of a repository they are, and how a table is read from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json
from froude.errors import InputError
from froude.runs.conditions import condition_mask
from froude.runs.frames import frame_from_csv, frame_from_rows
from froude.runs.missing_columns import unknown_column
from froude.runs.study.gather import flatten

if TYPE_CHECKING:
    import polars as pl

PLAIN = ("CSV", "JSON")


@final
@dataclass(frozen=True, kw_only=True)
class Original:
    """What a published table was made from, in the repository that it comes from.

    `paths` are its files there, `form` is what they are, `changes` says how the table differs (None for a copy).
    Braces in a path are filled by `each`: ("csv_{size}.csv",) with {"size": (25, 100)} are two files, whose rows
    get a column `size`; JSON objects of one filling, from several paths, make one row.

    `rename` maps columns as read, inner keys of JSON joined by dots, to those of the table ("icl.*" to "acc_*");
    `where` is the SQL condition, on columns as read, of the rows that belong to the table; a file that lacks one
    of the columns `needs` is not the one meant. `sha256` is that of a single file, where it is known.
    """

    paths: tuple[str, ...]
    form: str
    changes: str | None = None
    each: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    needs: tuple[str, ...] = ()
    sha256: str | None = None

    @property
    def plain(self) -> bool:
        """Whether the table can be made from a download: CSV or JSON files at known paths."""
        return self.form in PLAIN and not any(path.endswith("/") for path in self.paths)

    def fillings(self) -> Iterator[dict[str, str | int]]:
        """The values of the braces, file by file; one empty filling where there are no braces."""
        for values in itertools.product(*self.each.values()):
            yield dict(zip(self.each, values, strict=True))

    def files(self) -> tuple[str, ...]:
        """The paths with their braces filled."""
        return tuple(path.format(**filling) for filling in self.fillings() for path in self.paths)


def read_original(original: Original, bodies: Mapping[str, bytes]) -> pl.DataFrame:
    """Return the table in the contents of its files (path to bytes), under the column names of the registry.

    Raises InputError, naming the file, for contents that are no such table: an HTML page, a broken file, a file
    without one of the columns needed.
    """
    return _from_json(original, bodies) if original.form == "JSON" else _from_csv(original, bodies)


def csv_frame(path: str, body: bytes) -> pl.DataFrame:
    """Return the table in the contents of a CSV file. InputError, naming `path`, for what is none."""
    import polars as pl

    _refuse_page(path, body)
    try:
        return frame_from_csv(body)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path!r} cannot be read as CSV ({str(error).splitlines()[0]})") from None


def _from_csv(original: Original, bodies: Mapping[str, bytes]) -> pl.DataFrame:
    import polars as pl

    parts = []
    for filling, path in zip(original.fillings(), original.files(), strict=True):
        part = csv_frame(path, bodies[path])
        _check(path, part.columns, original)
        parts.append(part.with_columns(pl.lit(value).alias(name) for name, value in filling.items()))
    frame = pl.concat(parts, how="diagonal_relaxed")
    if original.where:
        frame = frame.filter(condition_mask(frame, original.where, {}))
    return frame.rename(_names(frame.columns, original))


def _from_json(original: Original, bodies: Mapping[str, bytes]) -> pl.DataFrame:
    rows = []
    for filling in original.fillings():
        paths = [path.format(**filling) for path in original.paths]
        row = {key: value for path in paths for key, value in _json_row(path, bodies[path]).items()}
        _check(paths[0], list(row), original)
        rows.append(filling | {new: row[old] for old, new in _names(list(row), original).items()})
    return frame_from_rows(rows)


def _json_row(path: str, body: bytes) -> dict[str, Any]:
    _refuse_page(path, body)
    try:
        value = parse_json(body, finite=False)
    except DocumentError as error:
        raise InputError(f"{path!r} cannot be read as JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path!r} holds a JSON {type(value).__name__}, no object")
    return flatten(_by_position(value))


def _names(columns: Sequence[str], original: Original) -> dict[str, str]:
    names: dict[str, str] = {}
    for old, new in original.rename.items():
        if old.endswith("*"):
            head = old[:-1]
            names |= {c: new[:-1] + c.removeprefix(head) for c in columns if c.startswith(head)}
        elif old in columns:
            names[old] = new
    return names


def _check(path: str, columns: Sequence[str], original: Original) -> None:
    for name in original.needs:
        if name not in columns:
            raise InputError(f"{path!r} is another table than expected: {unknown_column(name, columns)}")


def _by_position(value: Any) -> Any:
    """Lists as mappings from position, so that keys reach into them."""
    if isinstance(value, list):
        return {str(i): _by_position(item) for i, item in enumerate(value)}
    return {key: _by_position(item) for key, item in value.items()} if isinstance(value, dict) else value


def _refuse_page(path: str, body: bytes) -> None:
    if body.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(f"{path!r} is an HTML page, no table")
