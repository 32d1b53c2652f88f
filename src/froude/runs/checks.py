"""From a frame as read to a frame of runs: name the roles, check their numbers, derive what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from froude.errors import InputError
from froude.quantity import parse_quantity
from froude.runs.counting import count_note
from froude.runs.roles import ROLES, Role, find_roles

if TYPE_CHECKING:
    import polars as pl

_POSITIVE = ("N", "D", "C")


def name_roles(
    frame: pl.DataFrame, columns: Mapping[str, str] | None
) -> tuple[pl.DataFrame, dict[str, str], list[str]]:
    """Return the frame with role columns first and under role names, {column as read: role}, and notes.

    A column that bears a role's name while another was mapped to that role is kept, as "N (as read)".
    """
    roles = find_roles(frame.columns, columns, lambda column: holds_numbers(frame[column]))
    renames = {column: role for role, column in roles.items()}
    aside = {role: f"{role} (as read)" for role in roles if role in frame.columns and role not in renames}
    notes = [f"column {roles[r]} is read as {r}; the column {r} is kept as {name!r}" for r, name in aside.items()]
    about_n = count_note(frame, roles["N"]) if "N" in roles else None
    notes += [about_n] if about_n else []
    order = [roles[r] for r in ROLES if r in roles]
    frame = frame.select(*order, *(c for c in frame.columns if c not in order)).rename({**aside, **renames})
    return frame, {c: r for c, r in renames.items() if c != r}, notes


def check_roles(frame: pl.DataFrame, read_as: Mapping[str, str]) -> pl.DataFrame:
    """Return the frame with N, D, C and loss in floats; a loss that is missing becomes NaN.

    Raises InputError, naming column, row and value, for what is no number, and for N, D or C that is missing,
    infinite or not above zero.
    """
    names = {role: column for column, role in read_as.items()}
    for role in (ROLES[c] for c in frame.columns if c in ROLES and not ROLES[c].optional):
        shown = f"{names[role.name]!r} ({role.name})" if role.name in names else repr(role.name)
        series = numbers_of(frame[role.name], role, shown, range(1, len(frame) + 1))
        if role.name in _POSITIVE:
            _check_positive(series, shown, frame[role.name])
        frame = frame.with_columns(series.fill_null(float("nan")))
    return frame


def derive(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the frame with the missing one of N, D, C from C = 6·N·D, and the sentence that says so."""
    import polars as pl

    formulas = {
        "C": ("C = 6·N·D", 6 * pl.col("N") * pl.col("D")),
        "D": ("D = C/(6·N)", pl.col("C") / (6 * pl.col("N"))),
        "N": ("N = C/(6·D)", pl.col("C") / (6 * pl.col("D"))),
    }
    missing = [role for role in formulas if role not in frame.columns]
    if len(missing) != 1:
        return frame, ()
    sentence, expression = formulas[missing[0]]
    return frame.with_columns(expression.alias(missing[0])), (sentence,)


def holds_numbers(series: pl.Series) -> bool:
    """Whether a column has a number in it, be it written as a text; a column without any value counts as one."""
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Null:
        return True
    return series.dtype == pl.String and any(map(_is_number, series.drop_nulls()))


def _is_number(text: str) -> bool:
    try:
        parse_quantity(text)
    except InputError:
        return text.strip().lower() in ("nan", "inf", "-inf")
    return True


def numbers_of(series: pl.Series, role: Role, shown: str, rows: Iterable[int]) -> pl.Series:
    """Return a column of this role as floats, null where missing; `shown` and `rows` are how to name its cells.

    Raises InputError, naming row and value, for a text that is no number.
    """
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Null:
        return series.cast(pl.Float64)
    cells = zip(series, rows, strict=True)
    values = [_number(value, role, f"column {shown}, row {row}") for value, row in cells]
    return pl.Series(series.name, values, dtype=pl.Float64)


def _number(value: object, role: Role, where: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        try:
            return float(value) if role.name == "loss" else parse_quantity(value, expect=role.dimension)
        except ValueError:
            pass
    raise InputError(
        f"{where}: {value!r} is not a number of {role.meaning}: "
        f"correct it or name another column with --columns {role.name}=COLUMN"
    ) from None


def _check_positive(numbers: pl.Series, shown: str, as_read: pl.Series) -> None:
    good = (numbers.is_finite() & (numbers > 0)).fill_null(False)
    bad = good.arg_min()
    if bad is None or good[bad]:
        return
    value = "missing" if as_read[bad] is None else f"{as_read[bad]!r}"
    raise InputError(f"column {shown}, row {bad + 1}: {value}, must be a number above 0: correct or remove the row")
