"""Rows of metrics, as a run logs them, become one series for each metric."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.runs.logs.logged_run import Series
from froude.runs.logs.texts import names, number_of


@final
@dataclass(frozen=True)
class Axis:
    """The metric against which another one is logged; `kept` where a row without it stands at its last value."""

    metric: str
    kept: bool = True


@final
@dataclass
class History:
    """The rows of a run, one after the other: each has a step and some metrics."""

    steps: array[float] = field(default_factory=lambda: array("d"))
    _columns: dict[str, tuple[array[int], array[float]]] = field(default_factory=dict)
    _not_numbers: dict[str, None] = field(default_factory=dict)
    _media: set[str] = field(default_factory=set)
    _parts: list[int] = field(default_factory=list)
    _rewinds: list[tuple[int, float]] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that hold numbers, in the order in which they came."""
        return tuple(self._columns)

    def begin_part(self, after: float | None = None) -> None:
        """What follows was logged by another process, which took the run up `after` a step, if that is known."""
        if not self.steps:
            return
        if after is None:
            self._parts.append(len(self.steps))
        else:
            self._rewinds.append((len(self.steps), after))

    def begin_row(self, step: float) -> None:
        """Begin a row at a step."""
        self.steps.append(step)

    def add(self, name: str, value: Any) -> None:
        """Put a value into the row that was begun last: a number, or one that is left out and said."""
        number = number_of(value)
        if number is not None:
            self.add_number(name, number)
        elif isinstance(value, Mapping) and "_type" not in value:
            for key, inner in value.items():
                self.add(f"{name}.{key}", inner)
        elif value is not None:
            self._not_numbers[name] = None

    def add_number(self, name: str, value: float) -> None:
        """Put a number into the row that was begun last."""
        rows, values = self.column(name)
        rows.append(len(self.steps) - 1)
        values.append(value)

    def column(self, name: str) -> tuple[array[int], array[float]]:
        """The rows and the values of a metric, to which a reader that has the numbers may append."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = array("q"), array("d")
        return column

    def add_media(self, name: str) -> None:
        """Leave out all values below a name: they are parts of a picture, a histogram or the like."""
        self._media.add(name)

    def series(self, axes: Mapping[str, Axis]) -> tuple[dict[str, Series], list[str]]:
        """Return each metric against its axis, the step where it has none, and notes of what was left out."""
        steps, is_kept, notes = self._settled_steps(axes)
        series = {}
        for name, (rows, values) in self._columns.items():
            if any(name.startswith(f"{each}.") for each in self._media):
                continue
            row, value = np.array(rows), np.array(values)
            at, x, is_placed = steps[row], "step", np.ones(len(row), bool)
            axis = axes.get(name)
            if axis is not None and axis.metric != name:
                x = axis.metric
                at, is_placed = self._places(row, axis)
                if not is_placed.all():
                    notes.append(
                        f"{np.count_nonzero(~is_placed)} of {len(row)} values of {names([name])} have no {x!r} in "
                        "their row and were left out"
                    )
            is_placed &= is_kept[row]
            if is_placed.any():
                series[name] = Series(x=x, at=at[is_placed], values=value[is_placed])
        left_out = {n: None for n in self._not_numbers if not any(n.startswith(f"{m}.") for m in self._media)}
        left_out |= dict.fromkeys(sorted(self._media))
        if left_out:
            notes.append(f"values that are no numbers (media, texts, flags, lists) were left out: {names(left_out)}")
        return series, notes

    def _places(self, rows: np.ndarray, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
        """Where on its axis each row stands (n,), and whether that is known (n,)."""
        marked, values = (np.array(each) for each in self._columns.get(axis.metric, (array("q"), array("d"))))
        before = np.searchsorted(marked, rows, side="right") - 1
        is_placed = before >= 0
        if not is_placed.any():
            return np.zeros(len(rows)), is_placed
        if not axis.kept:
            is_placed &= marked[before] == rows
        return values[before], is_placed

    def _settled_steps(self, axes: Mapping[str, Axis]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The steps (rows,), which rows are kept, as a later part replaces steps of an earlier one, and notes."""
        steps, is_kept, notes = np.array(self.steps), np.ones(len(self.steps), bool), []
        breaks = [(row, None) for row in self._parts] + self._rewinds
        for row, after in sorted(breaks, key=lambda each: each[0]):
            before = steps[:row][is_kept[:row]]
            if row == len(steps) or not before.size:
                continue
            last, first = before.max(), steps[row]
            if after is None and first <= last and (counter := self._counter_across(row, axes)) is not None:
                steps[row:] += last + 1 - first
                notes.append(f"its steps began again at {first:g} after {last:g} while {counter!r} went on: they go on")
                continue
            begin = first if after is None else np.nextafter(after, np.inf)
            is_replaced = is_kept[:row] & (steps[:row] >= begin)
            is_kept[:row] &= ~is_replaced
            if is_replaced.any():
                notes.append(
                    f"{np.count_nonzero(is_replaced)} rows from step {begin:g} on were logged again when the run was "
                    "taken up: the later ones count"
                )
        return steps, is_kept, notes

    def _counter_across(self, row: int, axes: Mapping[str, Axis]) -> str | None:
        """A metric of whole numbers that goes on upwards where the steps begin again, None where none does."""
        axis_names = {axis.metric for axis in axes.values()}
        for name in sorted(self._columns, key=lambda name: (name not in axis_names, name)):
            rows, values = (np.array(each) for each in self._columns[name])
            before, after = values[rows < row], values[rows >= row]
            if len(before) < 2 or not len(after) or not np.isfinite(values).all() or (values % 1).any():
                continue
            if (np.diff(values) >= 0).all() and before[0] < before[-1] < after[-1] and after[0] >= before[-1]:
                return name
        return None
