"""Runs parted by the values of a column."""

from typing import Any

from froude.errors import InputError, shown
from froude.runs import Runs

MOST_GROUPS = 50


def groups_of(runs: Runs, by: str, y: str) -> dict[str, Runs]:
    """The runs of each value of the column `by`, by the value's text, in the order in which they first come.

    Values that no run with a finite outcome y has, and runs without a value, are left out. InputError for no such
    column, for fewer than two values, and for more than MOST_GROUPS.
    """
    runs[by]  # whose refusal names the columns that there are
    values = runs.frame[by]
    values = values.fill_nan(None) if values.dtype.is_float() else values
    names = values.filter(runs.finite(y, ())).drop_nulls().unique(maintain_order=True)
    if len(names) < 2:
        only = shown(names[0]) if len(names) else "no value"
        raise InputError(f"column {by!r} has {only} in all runs: name one that parts them")
    if len(names) > MOST_GROUPS:
        raise InputError(
            f"column {by!r} has {len(names)} values, as {shown(names[0])}: name one of at most {MOST_GROUPS}, or keep "
            "fewer runs by --where"
        )
    return {_name(value): runs.take((values == value).fill_null(False).to_numpy()) for value in names}


def without_group(runs: Runs, by: str, y: str) -> int:
    """How many runs with a finite outcome y have no value in the column `by`."""
    values = runs.frame[by]
    values = values.fill_nan(None) if values.dtype.is_float() else values
    return int(values.filter(runs.finite(y, ())).null_count())


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
