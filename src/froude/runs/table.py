"""A checked table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.errors import InputError
from froude.result import Result
from froude.runs.checks import check_roles, derive, name_roles
from froude.runs.conditions import condition_mask
from froude.runs.data_hash import data_sha256
from froude.runs.roles import unknown_column

if TYPE_CHECKING:
    import polars as pl

NAME_COLUMNS = ("name", "id", "run", "run_id", "run_name")
"""Columns that name a run, in the order in which they are looked for."""


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Runs(Result):
    """Measured runs, one a row; the columns N, D, C and loss mean what their names say, others are as read.

    N, D and C are positive floats; a loss that is NaN or infinite marks a diverged run. `derived` holds
    sentences such as "C = 6·N·D", `notes` what a reader should be told (a truncated last line), `rows` the
    1-based row (rows,) of each run in the table as read, `read_as` the role of each renamed column,
    `as_read` the whole table with its columns and values as they were read, and `taken_from` the runs that these are
    some of, if they are.
    Make one with `read_runs` or `Runs.from_columns`.
    """

    frame: pl.DataFrame
    rows: np.ndarray
    derived: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    read_as: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    as_read: pl.DataFrame | None = None
    taken_from: Runs | None = None

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> Runs:
        """Return runs with these columns, found by name, checked and completed as by `read_runs`.

        Raises InputError for columns of unequal length and for values that `read_runs` refuses.
        """
        import polars as pl

        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"columns differ in length ({lengths}): give one value a run in each")
        return cls.from_frame(pl.DataFrame({name: pl.Series(name, values) for name, values in columns.items()}))

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Runs:
        """Return runs with these rows, one or more, all with the columns of the first; otherwise as `from_columns`."""
        return cls.from_columns({name: [row[name] for row in rows] for name in rows[0]})

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, columns: Mapping[str, str] | None = None, notes: Sequence[str] = ()
    ) -> Runs:
        """Return the runs of a polars frame; `columns` maps role to column, `notes` come before its own.

        Raises InputError as `read_runs` does.
        """
        as_read = frame
        frame, read_as, renamed = name_roles(frame, columns)
        frame, derived = derive(check_roles(frame, read_as))
        return cls(
            frame=frame,
            rows=np.arange(1, len(frame) + 1),
            derived=derived,
            notes=(*notes, *renamed),
            read_as=MappingProxyType(read_as),
            as_read=as_read,
        )

    @property
    def lineage(self) -> tuple[Runs, ...]:
        """The runs that these were taken from, those of the table as read first, and these last."""
        return (self,) if self.taken_from is None else (*self.taken_from.lineage, self)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the data: of the names and values of the columns as read, in the rows that are here.

        It does not hang on the kind of file, on the order of columns, nor on which column is taken for what; it does on
        the order of rows, and on which of them a condition left. See `froude.runs.data_hash.data_sha256`.
        """
        return data_sha256(self.frame if self.as_read is None else self.as_read[self.rows - 1])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns: roles first, derived ones last."""
        return tuple(self.frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: object) -> bool:
        return name in self.frame.columns

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column as an array (rows,): floats for numbers (NaN where missing), else values as read.

        Raises InputError, naming the nearest column, if there is none of this name.
        """
        if name in self.read_as and name not in self:
            raise InputError(f"column {name!r} is read as {self.read_as[name]}: write {self.read_as[name]}")
        if name not in self:
            raise unknown_column(name, self.columns)
        values = self.frame[name]
        return values.to_numpy().astype(float) if values.dtype.is_numeric() else values.to_numpy()

    def mask(self, expression: str) -> np.ndarray:
        """Return a Boolean array (rows,): where an SQL condition on the columns holds; null counts as False.

        Raises InputError for what does not parse, names no column or is no condition.
        """
        return condition_mask(self.frame, expression, self.read_as)

    def where(self, expression: str) -> Runs:
        """Return the runs for which an SQL condition holds, as in `runs.where("C < 1e21 AND tag = 'seed'")`.

        Raises InputError as `mask` does. No run may be left: `len(result)` is then 0.
        """
        return self.take(self.mask(expression))

    def take(self, which: np.ndarray | Sequence[int] | Sequence[bool]) -> Runs:
        """Return the runs at these positions, or where a Boolean array (rows,) is True, rows as numbered."""
        positions = np.arange(len(self))[np.asarray(which, dtype=None if len(which) else int)]
        return replace(self, frame=self.frame[positions], rows=self.rows[positions], taken_from=self)

    def diverged(self, y: str = "loss") -> np.ndarray:
        """Return a Boolean array (rows,): where the outcome `y` is NaN, infinite or missing.

        Raises InputError if there is no column `y` or it does not hold numbers.
        """
        values = self[y]
        if values.dtype.kind != "f":
            raise InputError(f"column {y!r} holds {self.frame[y].dtype}, no numbers: name another outcome")
        return ~np.isfinite(values)

    def row_name(self, i: int) -> str:
        """Return how to name run `i` (0-based here) to a user: "row 17 (2b84b4b)", with the row as read."""
        name = next((str(self.frame[c][int(i)]) for c in NAME_COLUMNS if c in self), "")
        return f"row {self.rows[i]}" + (f" ({name})" if name else "")
