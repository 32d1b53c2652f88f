"""How the parameters of runs were counted: with embeddings or without, and never both ways in one fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from froude.errors import InputError
from froude.runs.roles import ROLES, normal

if TYPE_CHECKING:
    import polars as pl

    from froude.runs.table import Runs

_WAYS = {
    "non-embedding parameters": re.compile(r"(non?|without|excluding)_?embed"),
    "all parameters, with embeddings": re.compile(r"total|(with|including)_embed"),
    "active parameters": re.compile(r"active"),
}
# Text or switch columns whose name says that their value tells how N was counted.
_TELLING = re.compile(
    r"(n_)?(n|params?|parameters?)_(counts?|counted|counting|convention|definition)"
    r"|(with|without|includes?|including|excluding|non)_embeddings?|embeddings?_(included|counted)"
)


def counted_as(column: str) -> str:
    """Return what a column of parameters counts, by its name, such as "non-embedding parameters"; else empty."""
    return next((way for way, pattern in _WAYS.items() if pattern.search(normal(column))), "")


def which_count(frame: pl.DataFrame, column: str) -> Iterator[str]:
    """The sentence that says what N counts, where that was a choice; `frame` is as read, N its column `column`."""
    ways = ROLES["N"].synonyms
    others = [c for c in frame.columns if c != column and (normal(c) in ways or c == "N") and _differ(frame, c, column)]
    way = counted_as(column)
    said = f"N is {way} (column {column!r})" if way else f"N is the column {column!r}"
    if others:
        also = " and ".join(repr(other) for other in others)
        yield f"{said}; parameters are counted otherwise in {also}: take one with --columns N={others[0]}"
    elif way:
        yield said


def check_counted_alike(runs: Runs, rows: np.ndarray, roles: Iterable[str]) -> None:
    """Raise InputError if a column says that N was counted in several ways at these positions of runs, (n,).

    `roles` are the inputs of a law: nothing is wrong where none is N, nor derived from it.
    """
    if not any(_rests_on_n(runs, role) for role in roles):
        return
    for column in runs.frame:
        found = column.gather(rows).unique().sort() if _tells(column) else ()
        if len(found) > 1:
            ways = [f"{value!r}" if isinstance(value, str) else str(value) for value in found if value is not None]
            named = column.name if column.name.isidentifier() else f'"{column.name}"'
            none = ["missing"] if len(ways) < len(found) else []
            raise InputError(
                f"{column.name} says that N was counted in {len(found)} ways, {', '.join([*ways, *none])}: "
                f"fit one alone, with --where {f'{named} = {ways[0]}'!r}"
            )


def _rests_on_n(runs: Runs, role: str) -> bool:
    return role == "N" or any(re.match(rf"{role} = .*\bN\b", sentence) for sentence in runs.derived)


def _tells(column: pl.Series) -> bool:
    return not column.dtype.is_numeric() and bool(_TELLING.fullmatch(normal(column.name)))


def _differ(frame: pl.DataFrame, one: str, other: str) -> bool:
    return frame[one].dtype.is_numeric() and not frame[one].equals(frame[other], check_dtypes=False)
