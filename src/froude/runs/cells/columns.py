"""From columns of texts to columns of numbers, with a note of every way to write them that is not plain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from froude.runs.cells.numbers import (
    MISSING,
    NOT_FINITE,
    PLAIN,
    Evidence,
    Mark,
    Written,
    decimal_mark,
    written,
)
from froude.runs.headers import normal

if TYPE_CHECKING:
    import polars as pl

_SWITCH = {"true": True, "false": False}
NAME_COLUMNS = ("name", "id", "run", "run_id", "run_name")
"""Columns that name a run, in the order in which they are looked for, whatever their case."""

_NUMBERED = r"^(0|[1-9][0-9]{0,14})$"  # runs that are numbered; "007" and "12e4" are names
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_SHOWING = 500  # cells that show what a column is: its decimal mark if its numbers are plain, else whether it has any
_NAMED = 3
_DECIMAL_COMMA = "decimal commas"
_GROUPS = "grouped digits"
_PERCENT = "percent"
_CURRENCY = "currency"


@final
@dataclass(frozen=True, kw_only=True)
class TypedFrame:
    """A frame of typed columns, notes of how numbers are written, and the columns whose decimal mark is open."""

    frame: pl.DataFrame
    notes: tuple[str, ...]
    open: frozenset[str]


def typed(frame: pl.DataFrame) -> TypedFrame:
    """Return the frame with its columns of texts as numbers where all of a column's texts are.

    A column of which some text is no number, or has a unit ("7B"), stays one of texts, in which decimal commas become
    points where the column, or the table, shows that they are. Numbers that may be read in two ways ("1,234", with
    nothing in the table that shows which) stay texts as they are.
    """
    import polars as pl

    columns = [_column(series) for series in frame if series.dtype == pl.String]
    readings: list[_Reading] = []
    open_columns = set()
    for column in columns:
        elsewhere: set[Evidence] = {each for other in columns if other is not column for each in other.evidence}
        mark = decimal_mark(column.evidence, elsewhere, column.powers)
        open_columns |= {column.texts.name} if mark is None else set()
        series, told = _read(column, mark)
        frame = frame.with_columns(series)
        readings += told
    return TypedFrame(frame=frame, notes=tuple(_sentences(readings)), open=frozenset(open_columns))


@final
@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column of texts, null where nothing stands, and how its finite numbers are written; None where it is no number.

    Of a column of plain numbers `ways` has those only that show their decimal mark.
    """

    texts: pl.Series
    values: pl.Series
    is_plain: bool
    ways: Mapping[str, Written | None]

    @property
    def evidence(self) -> Set[Evidence]:
        """What the numbers show of their decimal mark."""
        return {way.evidence for way in self.ways.values() if way}

    @property
    def powers(self) -> bool:
        """Whether a number that may be read in two ways has a power, as in "1,234e6"."""
        return any(way.power for way in self.ways.values() if way and way.evidence == "either")


@final
@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A way in which numbers of a column are written, and one of them as written and as read."""

    way: str
    column: str
    text: str
    value: str


def _column(series: pl.Series) -> _Column:

    texts = series.str.strip_chars().replace("", None)
    values = texts.set(texts.str.to_lowercase().is_in(MISSING), None)
    finite = values.filter(values.str.to_lowercase().is_in([*NOT_FINITE]).not_()).unique(maintain_order=True)
    is_plain = bool(finite.str.contains(PLAIN).all())
    shown = finite.filter(finite.str.contains(".", literal=True)) if is_plain else finite
    ways = {cell: written(cell) for cell in shown.head(_SHOWING)}
    if not is_plain and any(ways.values()):
        ways |= {cell: written(cell) for cell in shown[_SHOWING:]}
    return _Column(texts=texts, values=values, is_plain=is_plain, ways=ways)


def _read(column: _Column, mark: Mark | None) -> tuple[pl.Series, list[_Reading]]:
    """The column as numbers or switches if it can be, else as texts, and how numbers are written in it."""
    import polars as pl

    words = column.values.str.to_lowercase()
    if not words.drop_nulls().len() or mark is None:
        return column.texts, []
    if normal(column.texts.name) in NAME_COLUMNS and not words.drop_nulls().str.contains(_NUMBERED).all():
        return column.texts, []
    if words.drop_nulls().is_in([*_SWITCH]).all():
        return words.replace_strict(_SWITCH, default=None, return_dtype=pl.Boolean), []
    if column.is_plain and mark == ".":
        return _numbers(column, {}), []
    ways = {cell: way for cell, way in column.ways.items() if way}
    readings = [each for cell, way in ways.items() for each in _readings(column.texts.name, cell, way, mark)]
    percents = {way.percent for way in ways.values()}
    if len(ways) < len(column.ways) or len(percents) > 1 or any(way.has_unit for way in ways.values()):
        pointed = {
            cell: f"{way.plain(mark)} {way.tail}".strip()
            for cell, way in ways.items()
            if way.digits != way.plain(mark).removesuffix(way.power).removeprefix(way.sign) or way.grouped_by_blanks
        }
        told = [each for each in readings if each.text in pointed and each.way in (_DECIMAL_COMMA, _GROUPS)]
        return column.texts.replace(pointed), told
    return _numbers(column, {cell: repr(way.value(mark)) for cell, way in ways.items()}), readings


def _numbers(column: _Column, plainly: Mapping[str, str]) -> pl.Series:
    """The column as numbers, integers if all are; as texts where one is larger than a float can be."""
    import polars as pl

    values = column.values
    if column.is_plain and values.drop_nulls().str.contains(_INTEGER).all():
        return values.cast(pl.Int64)
    odd = {cell: NOT_FINITE[cell.lower()] for cell in values.unique().drop_nulls() if cell.lower() in NOT_FINITE}
    numbers = values.replace({**plainly, **odd}).cast(pl.Float64)
    too_large = numbers.is_infinite() & values.is_in([*odd]).not_()
    return column.texts if too_large.any() else numbers


def _readings(name: str, text: str, way: Written, mark: Mark) -> Iterator[_Reading]:
    """How a number is written, where that is not plain."""
    value = f"{way.plain(mark)} {way.tail}".strip() if way.has_unit else f"{way.value(mark):.10g}"
    if "," in way.digits and mark == ",":
        yield _Reading(way=_DECIMAL_COMMA, column=name, text=text, value=value)
    if way.is_grouped(mark):
        yield _Reading(way=_GROUPS, column=name, text=text, value=value)
    if way.percent:
        yield _Reading(way=_PERCENT, column=name, text=text, value=value)
    if way.currency:
        yield _Reading(way=_CURRENCY, column=name, text=text, value=value)


def _sentences(readings: Sequence[_Reading]) -> Iterator[str]:
    """A sentence for each way to write numbers, with the columns in which it was found."""
    for way in dict.fromkeys(reading.way for reading in readings):
        first = {each.column: each for each in reversed(readings) if each.way == way}
        shown = [f"{each.text!r} in {name!r} is {each.value}" for name, each in reversed(first.items())]
        more = f" and more in {len(shown) - _NAMED} other columns" if len(shown) > _NAMED else ""
        yield f"{way}: {', '.join(shown[:_NAMED])}{more}"
