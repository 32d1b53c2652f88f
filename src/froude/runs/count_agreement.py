"""Whether the parameters of runs were all counted in one way: never both ways in one fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from froude.errors import InputError
from froude.runs.headers import normal
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

# Text or switch columns whose name says that their value tells how N was counted.
_TELLING = re.compile(
    r"(n_)?(n|params?|parameters?)_(counts?|counted|counting|convention|definition)"
    r"|(with|without|includes?|including|excluding|non)_embeddings?|embeddings?_(included|counted)"
)


def check_counted_alike(runs: Runs, rows: np.ndarray, roles: Iterable[str]) -> None:
    """Raise InputError if a column says that N was counted in several ways at these positions of runs, (n,).

    `roles` are the inputs of a law: nothing is wrong where none is N, nor derived from it.
    """
    if not any(_rests_on_n(runs, role) for role in roles):
        return
    for column in runs.frame:
        values = column.gather(rows).unique().sort() if _tells(column) else ()
        if len(values) > 1:
            ways = [f"{value!r}" if isinstance(value, str) else str(value) for value in values if value is not None]
            named = column.name if column.name.isidentifier() else f'"{column.name}"'
            none = ["missing"] if len(ways) < len(values) else []
            raise InputError(
                f"{column.name} says that N was counted in {len(values)} ways, {', '.join([*ways, *none])}: "
                f"fit one alone, with --where {f'{named} = {ways[0]}'!r}"
            )


def _rests_on_n(runs: Runs, role: str) -> bool:
    return role == "N" or any(re.match(rf"{re.escape(role)} = .*\bN\b", sentence) for sentence in runs.derived)


def _tells(column: pl.Series) -> bool:
    return not column.dtype.is_numeric() and bool(_TELLING.fullmatch(normal(column.name)))
