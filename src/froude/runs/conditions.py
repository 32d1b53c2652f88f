"""Conditions on runs, as in --where "C < 1e21 AND tag = 'seed'": SQL, parsed by polars, never run as code."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from froude.errors import InputError, shown
from froude.runs.missing_columns import unknown_column
from froude.runs.panics import panics_as_errors

if TYPE_CHECKING:
    import polars as pl

_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_PARTS = re.compile(r"\b(?:and|or|not|between|like|is|case|when)\b|[<>=!~]+|[|&]+|::|[-+*/%^(\[]", re.IGNORECASE)
_WITHOUT_ARGUMENTS = re.compile(r"\b\w++\s*+\(\s*+\)")
_LENGTHENING = re.compile(r"\b([lr]pad)\s*\(", re.IGNORECASE)
_MOST_PARTS = 100  # the parser takes a second for three hundred, and dies of ten thousand
_REPEATING = re.compile(r"\b(?:between|case)\b", re.IGNORECASE)
_DEEPEST = 8  # the parser may write what is in a bracket, a BETWEEN or a CASE thrice: of twenty it fills the memory
_EXAMPLE = "write one like C < 1e21 AND tag = 'seed'"


def condition_mask(frame: pl.DataFrame, text: str, read_as: Mapping[str, str]) -> np.ndarray:
    """Return a Boolean array (rows,): True where the condition holds, False where it does not or is null.

    A NaN counts as larger than any number, so "loss > 3" holds for a diverged run and "loss < 3" does not.

    Raises InputError for what does not parse, names no column, or is not true or false for each run.
    """
    import polars as pl

    expression = _parse(text)
    for name in expression.meta.root_names():
        if name in read_as:
            raise InputError(f"column {name!r} in {text!r} is read as {read_as[name]}: write {read_as[name]}")
        if name not in frame.columns:
            raise _unknown_in(text, name, frame)
    try:
        with panics_as_errors():
            answer = frame.select(expression.alias("answer")).to_series()
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the condition {text!r} does not fit the columns ({_first_line(error)}): {_EXAMPLE}"
        ) from None
    if answer.dtype != pl.Boolean or len(answer) != len(frame) or not expression.meta.root_names():
        raise InputError(f"{text!r} is no condition on each run, true or false: {_EXAMPLE}")
    return answer.fill_null(False).to_numpy().astype(bool)


def with_column(frame: pl.DataFrame, name: str, text: str) -> pl.DataFrame:
    """The frame with one more column, of what an expression in SQL such as "6 * N * D" gives for each row.

    Raises InputError for what does not parse or names no column.
    """
    expression = _parse(text)
    for column in expression.meta.root_names():
        if column not in frame.columns:
            raise _unknown_in(text, column, frame)
    return frame.with_columns(expression.alias(name))


def _parse(text: str) -> pl.Expr:
    import polars as pl

    bare = _TEXT.sub("''", text)
    if (parts := len(_PARTS.findall(bare))) > _MOST_PARTS:
        raise InputError(
            f"the condition {shown(text)} has {parts} parts: give at most {_MOST_PARTS}, or a list: tag IN (…)"
        )
    if _depth(bare) > _DEEPEST:
        raise InputError(
            f"the condition {shown(text)} is nested too deeply: give at most {_DEEPEST} BETWEENs, CASEs and brackets "
            "inside one another"
        )
    if found := _WITHOUT_ARGUMENTS.search(bare):
        raise InputError(f"the condition {text!r} does not parse ({found.group()} has no arguments): {_EXAMPLE}")
    if found := _LENGTHENING.search(bare):
        raise InputError(
            f"the condition {text!r} makes texts longer ({found[1]}): leave that out, it may fill the memory"
        )

    try:
        with panics_as_errors():
            expression = pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"the condition {text!r} does not parse ({_first_line(error)}): {_EXAMPLE}") from None
    # SQL reads the B of "N > 7B" as a new name for the column, and would compare with 7 without a word.
    if not expression.meta.undo_aliases().meta.eq(expression):
        raise InputError(f"the condition {text!r} ends in a stray word (write 7e9 for 7B): {_EXAMPLE}")
    return expression


def _depth(text: str) -> int:
    """How many brackets are inside one another at most, and all that repeats what is in it without one."""
    depths = itertools.accumulate((letter in "([") - (letter in ")]") for letter in text)
    return max(depths, default=0) + len(_REPEATING.findall(text))


def _unknown_in(text: str, name: str, frame: pl.DataFrame) -> InputError:
    quoted = f" (in {text!r}; a text takes single quotes: '{name}')" if f'"{name}"' in text else f" (in {text!r})"
    return InputError(f"{unknown_column(name, frame.columns)}{quoted}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
