"""The numbers of a column that is a role: texts such as "7B" too, and what is none of them, by row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from froude.errors import InputError
from froude.quantity import parse_quantity
from froude.runs.cells.numbers import MISSING, NOT_FINITE, written
from froude.runs.roles import ROLES, Role

if TYPE_CHECKING:
    import polars as pl

_SMALL = 1e4  # of runs that others count in millions
_DIVERGED = frozenset(("diverged", "div", "exploded", "blew up", "unstable"))
UNFINISHED_STATES = frozenset(
    (
        *("crashed", "failed", "killed", "oom", "out of memory", "cuda oom", "timeout", "timed out", "preempted"),
        *("error", "running", "pending", "queued", "not run", "not finished", "unfinished", "skipped", "cancelled"),
        *("canceled", "tbd", "tba", "todo", "wip", "in progress", "aborted", "stopped"),
    )
)
"""What people and trackers write of a run that has not come to its end."""


@final
@dataclass(frozen=True, kw_only=True)
class Fault:
    """A cell that cannot be what its column is: the 1-based row, and the sentence that says so."""

    row: int
    sentence: str


@final
@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a column, null where missing, and the faults of cells that are none.

    `words` are those that were read as a loss that is no number, `bare` the small numbers without a unit among others.
    """

    series: pl.Series
    faults: tuple[Fault, ...] = ()
    words: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()


def holds_numbers(series: pl.Series) -> bool:
    """Whether a column has a number in it, be it written as a text; a column without any value counts as one."""
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Null:
        return True
    return series.dtype == pl.String and any(_is_number(text) for text in series.drop_nulls().unique())


def _is_number(text: str) -> bool:
    if text.strip().lower() in NOT_FINITE:
        return True
    try:
        parse_quantity(text)
    except InputError:
        return (way := written(text)) is not None and not way.has_unit
    return True


def numbers_of(
    series: pl.Series, role: Role, shown: str, rows: Iterable[int], factor: float = 1.0, *, is_open: bool = False
) -> Numbers:
    """Return the numbers of a column of this role; `shown` and `rows` are how to name its cells.

    Numbers are multiplied by `factor`, which the column's name says, but not those with a unit of their own. NaN is
    missing, but in a loss, of which it is a value. Where the column's decimal mark `is_open`, "1.234" is no more a
    number than "1,234".
    """
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Null:
        numbers = series.cast(pl.Float64) * factor
        return Numbers(series=numbers if role.name == "loss" else numbers.fill_nan(None))
    values: list[float | None] = []
    faults, words = [], []
    for value, row in zip(series, rows, strict=True):
        try:
            values.append(_number(value, role, factor, is_open))
            if isinstance(value, str) and value.strip().lower() in UNFINISHED_STATES | _DIVERGED:
                words.append(value.strip())
        except InputError as error:
            values.append(None)
            faults.append(Fault(row=row, sentence=f"column {shown}, row {row}: {error}"))
    return Numbers(
        series=pl.Series(series.name, values, dtype=pl.Float64),
        faults=tuple(faults),
        words=tuple(dict.fromkeys(words)),
        bare=tuple(_bare(series)),
    )


def _bare(texts: pl.Series) -> list[str]:
    """The numbers without a unit in a column where others have one, if they are small enough to have lost it."""
    import polars as pl

    cells = texts.drop_nulls().unique(maintain_order=True) if texts.dtype == pl.String else ()
    ways = {cell: way for cell in cells if (way := written(cell)) and way.evidence != "either"}
    small = [cell for cell, way in ways.items() if not (way.has_unit or way.power) and way.value(".") < _SMALL]
    return small if any(way.has_unit for way in ways.values()) else []


def _number(value: object, role: Role, factor: float, is_open: bool) -> float | None:
    """The number of a cell, None where it is missing. InputError, which ends a sentence that names the cell."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if value is None or (isinstance(value, str) and text in MISSING):
        return None
    if text in NOT_FINITE:
        return float(NOT_FINITE[text]) if role.name == "loss" else None
    if role.name == "loss" and text in _DIVERGED | UNFINISHED_STATES:
        return math.nan if text in _DIVERGED else None
    remedy = "correct it, leave the row out with --where, or name another column"
    if not isinstance(value, str):
        raise InputError(f"{value!r} is not a number of {role.meaning}: {remedy}")
    way = written(value)
    if way is not None and (way.evidence == "either" or (is_open and way.evidence == "point or group")):
        one, other = sorted(f"{way.plain(mark)}{way.tail}" for mark in (",", "."))
        raise InputError(f"{value!r} may be {one} or {other}: write it with a decimal point and without commas")
    try:
        expect = None if role.name == "loss" else role.dimension
        number = parse_quantity(value, expect=expect) if role.name != "loss" else float(value)
    except ValueError as error:
        hint = _hint(value, error)
        raise InputError(f"{value!r} is not a number of {role.meaning}{hint}: {remedy}") from None
    return number if way is not None and way.has_unit else number * factor


def _hint(text: str, error: ValueError) -> str:
    """What may be meant by a text that is no number."""
    if "%" in text:
        return " (a percent sign)"
    if "±" in text or "+/-" in text or "+-" in text:
        return " (give the mean alone)"
    return " (a decimal comma)" if "," in text and "." not in text else ""


def need_numbers(series: pl.Series, name: str, rows: Iterable[int]) -> pl.Series:
    """Return a column as floats, null where missing. Raises InputError for the first row that is no number."""
    numbers = numbers_of(series, ROLES["loss"], repr(name), rows)
    if numbers.faults and not numbers.series.is_finite().any():
        raise InputError(f"column {name!r} holds {series.dtype}, no numbers: name another outcome")
    if numbers.faults:
        raise InputError(numbers.faults[0].sentence)
    return numbers.series
