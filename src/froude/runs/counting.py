"""How the parameters of runs were counted, with embeddings or without, as the names of columns show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from froude.runs.headers import normal
from froude.runs.missing_columns import quoted
from froude.runs.roles import ROLES

if TYPE_CHECKING:
    import polars as pl

_CONVENTIONS = {
    "non-embedding parameters": re.compile(r"(non?|without|excluding)_?embed"),
    "all parameters, with embeddings": re.compile(r"total|(with|including)_embed"),
    "active parameters": re.compile(r"active"),
}


def counting_convention(column: str) -> str | None:
    """What a column of parameters counts, by its name, such as "non-embedding parameters"; None if it does not show."""
    return next((name for name, pattern in _CONVENTIONS.items() if pattern.search(normal(column))), None)


def count_note(frame: pl.DataFrame, column: str) -> str | None:
    """What N counts in one sentence, where that was a choice; `frame` is as read, N its column `column`."""
    synonyms = ROLES["N"].synonyms
    names = [c for c in frame.columns if c != column and (normal(c) in synonyms or c == "N")]
    others = [c for c in names if _differ(frame, c, column)]
    convention = counting_convention(column)
    sentence = f"N is {convention} (column {column!r})" if convention else f"N is the column {column!r}"
    if others:
        also = " and ".join(repr(other) for other in others)
        return f"{sentence}; parameters are counted otherwise in {also}: take one with --columns N={quoted(others[0])}"
    return sentence if convention else None


def _differ(frame: pl.DataFrame, one: str, other: str) -> bool:
    return frame[one].dtype.is_numeric() and not frame[one].equals(frame[other], check_dtypes=False)
