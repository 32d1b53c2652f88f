"""The seam through which runs are read: what a reader promises, and what all of them share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from froude.errors import InputError
from froude.runs.frames import plain_columns
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Curves = Mapping[str, Mapping[str, np.ndarray]]
"""The numbers of runs step by step: the name of a run → a column (step, tokens, loss, …) → its values (steps,)."""


class Reader(Protocol):
    """Reads runs from one kind of source; the members are `READERS`, and one contract suite runs over all of them.

    `kinds` are what it reads, for a message to a user who gave a path of another kind, such as (".csv", ".tsv");
    none where its sources are no paths.
    """

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it reads, in words."""
        ...

    def recognises(self, source: object) -> bool:
        """Whether a source is of its kind, told without reading it whole; what is in it may still be damaged."""
        ...

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in a source that it recognises, not checked yet; `columns` maps role to column name.

        `notes` of the result tell of all that was left out or cut short, and how numbers are written where that is not
        plain; `faults` of cells that cannot be. Raises InputError, in one line, for what is damaged, empty or
        unreadable, and for columns as `Runs.unchecked` does.
        """
        ...

    def curves(self, source: Any) -> Curves | None:
        """Return the curves of the runs in a source that it recognises; None where its kind of source keeps none."""
        ...


def path_of(source: object) -> Path | None:
    """The path that a source is, of something there or not; None if it is no path."""
    return Path(source) if isinstance(source, str | os.PathLike) else None


def runs_of(frame: pl.DataFrame, source: object, columns: Mapping[str, str] | None, notes: Sequence[str] = ()) -> Runs:
    """Return the runs of the frame that was read from a source, each once, not checked yet. InputError if none."""
    path = path_of(source)
    if frame.is_empty():
        shown = "the dataframe" if path is None else repr(str(source))
        raise InputError(f"{shown} holds no runs: give a table with a line of column names and a row for each run")
    name = "" if path is None else path.name
    return Runs.unchecked(plain_columns(frame), columns, notes, name=name).without_copies()
