"""The rows of a table in JSON, in the shapes in which people and pandas write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from froude.documents.document_error import DocumentError
from froude.documents.values import check_values
from froude.errors import InputError
from froude.runs.study.gather import flatten

Rows = list[dict[str, Any]]

_SHAPES = 'give a list of objects, [{"N": 1e6, "D": 1e9, "loss": 3.2}, …]'


def rows_of_json(text: str) -> tuple[Rows, tuple[str, ...]]:
    """Return the rows of a JSON text, inner keys joined by dots, and notes. A text of JSON lines will do too.

    Raises InputError, which ends a sentence that names the file, for what is no table.
    """
    try:
        value = _loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # a value, and then more: JSON lines
            return rows_of_lines(text)
        raise InputError(f"is no JSON (line {error.lineno}: {error.msg}): it may be cut short") from None
    except RecursionError:
        raise InputError(f"is nested too deeply: {_SHAPES}") from None
    return [_row(row, f"row {i}") for i, row in enumerate(_records(value), start=1)], ()


def rows_of_lines(text: str) -> tuple[Rows, tuple[str, ...]]:
    """Return the objects on the lines of a text, and a note where the last is cut short and left out.

    Raises InputError, which ends a sentence that names the file, for another line that is no object.
    """
    lines = [(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    values = [(i, _object(line, f"line {i}")) for i, line in lines]
    broken = [i for i, value in values if value is None]
    cut_short = broken == [lines[-1][0]] if lines else False
    if broken and not (cut_short and len(lines) > 1):
        whole = _whole(text)
        if whole is not None:
            return whole, ()
        if not cut_short:
            raise InputError(f"holds no table: line {broken[0]} is no JSON object: correct or remove the line")
    rows = [_row(value, f"line {i}") for i, value in values if value is not None]
    return rows, ("the last line is cut short and was left out",) if cut_short else ()


def _object(line: str, where: str) -> dict[str, Any] | None:
    try:
        value = _loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(text: str) -> Rows | None:
    """The rows of a text that is one JSON value, None if it is none."""
    try:
        value = _loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return [_row(row, f"row {i}") for i, row in enumerate(_records(value), start=1)]


def _loads(text: str) -> Any:
    """The value of a JSON text. InputError for a key that an object has twice, and an integer too long to read."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (json.JSONDecodeError, InputError):
        raise
    except ValueError:
        raise InputError("holds an integer of thousands of digits: correct it") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"has an object with the key {twice!r} twice: rename one")
    return values


def _records(value: Any) -> Sequence[Any]:
    """The rows in a JSON value, whichever way round it is."""
    if isinstance(value, list):
        return _under_names(*value) if value and all(isinstance(row, list) for row in value) else value
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"holds no table of runs: {_SHAPES}")
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # pandas, orient="split"
        return _under_names(value["columns"], *value["data"])
    inner = list(value.values())
    if isinstance(value.get("data"), list) and "schema" in value:  # pandas, orient="table"
        return value["data"]
    if all(isinstance(column, list) for column in inner) and not any(isinstance(x, dict) for c in inner for x in c):
        return _of_columns({name: dict(enumerate(column)) for name, column in value.items()})
    if all(isinstance(column, Mapping) for column in inner):
        # Columns whose keys are row numbers, as pandas writes them; else rows by their names.
        numbered = all(key.isdigit() for column in inner for key in column)
        return _of_columns(value) if numbered else [{"name": name, **row} for name, row in value.items()]
    lists = [rows for rows in inner if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)]
    if len(lists) == 1:
        return lists[0]
    if any(isinstance(part, list) for part in inner):
        raise InputError(f"holds no table of runs: {_SHAPES}")
    return [value]


def _of_columns(columns: Mapping[str, Mapping[Any, Any]]) -> Rows:
    keys = list(dict.fromkeys(key for column in columns.values() for key in column))
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise InputError(
            f"has columns of different lengths ({', '.join(map(str, sorted(lengths)))}): give each every row"
        )
    return [{name: column.get(key) for name, column in columns.items()} for key in keys]


def _under_names(names: Any, *rows: Any) -> Rows:
    """Rows of values under names, which are texts and differ."""
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(f"has lists without names of columns above them, or names that repeat: {_SHAPES}")
    for i, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"has a row {i} that does not fit its {len(names)} columns: correct the row")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _row(value: Any, where: str) -> dict[str, Any]:
    """A row with inner keys joined by dots. InputError for what is none, and for values that no column can hold."""
    if not isinstance(value, Mapping):
        raise InputError(f"holds no table: {where} is no JSON object: {_SHAPES}")
    try:
        return flatten(check_values(value, finite=False))
    except DocumentError as error:
        raise InputError(f"holds no table: in {where}, {error}: correct it") from None
