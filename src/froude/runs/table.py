"""A checked table of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.errors import InputError
from froude.result import Result
from froude.runs.cells.columns import NAME_COLUMNS, typed
from froude.runs.checks import derive, name_roles
from froude.runs.conditions import condition_mask
from froude.runs.copies import about_copies, first_of_copies
from froude.runs.data_hash import data_sha256
from froude.runs.headers import normal
from froude.runs.missing_columns import unknown_column
from froude.runs.numbers_of_roles import UNFINISHED_STATES, Fault, need_numbers
from froude.runs.plausibility import implausible

if TYPE_CHECKING:
    import polars as pl

STATE_COLUMNS = ("state", "status", "run_state", "run_status")
"""Columns that say how a run ended, as trackers write them."""


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Runs(Result):
    """Measured runs, one a row; the columns N, D, C and loss mean what their names say, others are as read.

    N, D and C are positive floats, null where missing; a loss that is NaN or infinite marks a diverged run, null one
    without a loss. `derived` holds sentences such as "C = 6·N·D", `notes` how the table was read where that is not
    plain, `warnings` what in it can hardly be true, `rows` the 1-based row (rows,) of each run in the table as read,
    `read_as` the role of each renamed column, `name` that of the file, "" where there is none, `as_read` the whole
    table with its columns and values as they were read, `faults` the cells that cannot be what their column is, none
    once the runs are `checked`, and `taken_from` the runs that these are some of, if they are.
    Make one with `read_runs` or `Runs.from_columns`.
    """

    frame: pl.DataFrame
    rows: np.ndarray
    derived: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    name: str = ""
    faults: tuple[Fault, ...] = ()
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
        return cls.unchecked(frame, columns, notes).without_copies().checked()

    @classmethod
    def unchecked(
        cls,
        frame: pl.DataFrame,
        columns: Mapping[str, str] | None = None,
        notes: Sequence[str] = (),
        name: str = "",
    ) -> Runs:
        """Return the runs of a frame as `from_frame` does, with `faults` for the cells that it refuses.

        So a condition can leave their rows out before they are `checked`. Raises InputError for columns that are not
        there or may be several roles.
        """
        read = typed(frame)
        named = name_roles(read.frame, columns, read.open)
        derived_frame, derived = derive(named.frame)
        return cls(
            frame=derived_frame,
            rows=np.arange(1, len(frame) + 1),
            derived=derived,
            notes=(*notes, *read.notes, *named.notes),
            name=name,
            faults=named.faults,
            read_as=MappingProxyType(dict(named.read_as)),
            as_read=read.frame,
        )

    def without_copies(self) -> Runs:
        """Return these runs with rows that are equal in every column as read counted once, and a warning of these."""
        first = first_of_copies(self._as_read)
        if first.all():
            return self
        warnings = (*self.warnings, about_copies(self.rows[~first]))
        return replace(self, frame=self.frame.filter(first), rows=self.rows[first], warnings=warnings)

    def checked(self) -> Runs:
        """Return these runs once none of them has a fault, with warnings of values that can hardly be.

        Raises InputError for the first fault, naming column, row and value.
        """
        here = {*self.rows.tolist()}
        if faults := [fault for fault in self.faults if fault.row in here]:
            raise InputError(min(faults, key=lambda fault: fault.row).sentence)
        columns = {role: column for column, role in self.read_as.items()}
        warnings = tuple(dict.fromkeys((*self.warnings, *implausible(self.frame, columns, self.derived))))
        same = warnings == self.warnings and not self.faults
        return self if same else replace(self, faults=(), warnings=warnings)

    def retyped(self) -> Runs:
        """Return these runs with columns of texts as numbers, where those that are left in them are."""
        read = typed(self.frame)
        return replace(self, frame=read.frame, notes=tuple(dict.fromkeys((*self.notes, *read.notes))))

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
        return data_sha256(self._as_read)

    @property
    def _as_read(self) -> pl.DataFrame:
        """The columns as read, in the rows that are here."""
        return self.frame if self.as_read is None else self.as_read[self.rows - 1]

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
        """Return a Boolean array (rows,): where the outcome `y` is NaN or infinite, as training left it.

        Raises InputError if there is no column `y` or it does not hold numbers.
        """
        numbers = self._numbers(y)
        return (numbers.is_finite().not_() & numbers.is_not_null()).fill_null(False).to_numpy()

    def missing(self, y: str = "loss") -> np.ndarray:
        """Return a Boolean array (rows,): where nothing stands for `y`. Raises InputError as `diverged` does."""
        return self._numbers(y).is_null().to_numpy()

    def finite(self, y: str = "loss", inputs: Iterable[str] = ("N", "D", "C")) -> np.ndarray:
        """Return a Boolean array (rows,): where `y` is a finite number, and so is each of the inputs that are columns.

        Raises InputError as `diverged` does.
        """
        known = [self._numbers(x).is_finite().fill_null(False) for x in (y, *(x for x in inputs if x in self))]
        return np.logical_and.reduce([each.to_numpy() for each in known])

    def _numbers(self, y: str) -> pl.Series:
        """A column as floats, null where missing. InputError, naming the row, for what is no number."""
        self[y]  # names the nearest column if there is none
        return need_numbers(self.frame[y], y, self.rows)

    def row_name(self, i: int, *details: str) -> str:
        """Return how to name run `i` (0-based here) to a user, with the row as read: "row 17 (2b84b4b, details)"."""
        said = ", ".join(filter(None, (self._cell(NAME_COLUMNS, i), *details)))
        return f"row {self.rows[i]}" + (f" ({said})" if said else "")

    def state(self, i: int) -> str:
        """Return how run `i` (0-based here) ended by a column such as State ("crashed"), "" where none says it."""
        return self._cell(STATE_COLUMNS, i)

    def unfinished(self) -> np.ndarray:
        """Return the runs (n,) that a column such as State says have not come to their end: "running", "crashed"."""
        column = self._first_column(STATE_COLUMNS)
        if column is None:
            return np.zeros(len(self), dtype=bool)
        return np.array([str(state).strip().lower() in UNFINISHED_STATES for state in self.frame[column]], dtype=bool)

    def _first_column(self, names: Sequence[str]) -> str | None:
        """Return the column that bears the first of these names that any bears."""
        columns = {normal(column): column for column in reversed(self.frame.columns)}
        return next((columns[name] for name in names if name in columns), None)

    def _cell(self, names: Sequence[str], i: int) -> str:
        column = self._first_column(names)
        value = None if column is None else self.frame[column][int(i)]
        return "" if value is None else str(value)
