"""Rows of a table that repeat others: counted twice, a run would seem to confirm itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from froude.runs.frames import plain_columns

if TYPE_CHECKING:
    import polars as pl

_NAMED = 3


def first_of_copies(table: pl.DataFrame) -> np.ndarray:
    """Return a Boolean array (rows,): False where a row equals an earlier one in every column, missing values too.

    Two runs that came out alike, in a table of few and rounded columns, cannot be told from one that was copied: they
    count once as well. That errs on the side of wide intervals, and a column such as a seed tells them apart.
    """
    import polars as pl

    if not table.width:
        return np.ones(len(table), dtype=bool)
    return plain_columns(table).select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()


def about_copies(rows: np.ndarray) -> str:
    """Return the sentence on rows (k,), by their numbers in the table, that repeat others and were left out."""
    named = ", ".join(f"row {row}" for row in rows[:_NAMED])
    more = f" and {rows.size - _NAMED} more" if rows.size > _NAMED else ""
    one = rows.size == 1
    return (
        f"{rows.size} {'row repeats another' if one else 'rows repeat others'} in every column: "
        f"{'it' if one else 'each'} counts once ({named}{more}); "
        "runs that came out alike need a column that tells them apart, such as a seed"
    )
