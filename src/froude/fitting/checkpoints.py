"""Rows that are points of one training and not runs of their own, as a table shows them."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from froude.fitting.measured import Measured
from froude.laws import Law
from froude.runs import Runs
from froude.runs.cells.columns import NAME_COLUMNS
from froude.runs.headers import normal
from froude.runs.optional_roles import with_optional_roles

WORTH_OF_DECAY = 1.32
"""By how many factors e of training the decay of the learning rate moves a loss, relative to the constant rate.

The largest of 12 pairs of trainings that end at the same step in `multipowerlaw_curves` (25M to 400M parameters, cosine
and two linear decays; the least is 0.34). One study of one kind of model: so it is taken for a standard deviation, not
for a bound. An image classifier whose rate falls late has gained more: 0.485 to 0.624 from epoch 60 to 120 in
microsoft/nni#2006, 2.6 factors e at the slope of its first half.
"""

_OF_LENGTH = ("tokens", "optimizer steps", "FLOP")
_COUNTER = re.compile(r"(global_|train_|training_)?(epoch|step|iter|iteration|update)(_?(number|num|idx|index|no|id))?")
_FEWEST, _FEWEST_EVEN = 6, 8  # rows of a training: by the name of their column, and by their even steps alone
_EVEN, _MOSTLY = 0.02, 0.9
_FEW_ALIKE = 2


def trainings_of(law: Law, runs: Runs, measured: Measured) -> tuple[str, int] | None:
    """The input that counts along trainings whose points the measured rows are, and how many trainings; None for runs.

    Points of a training have one name, if any, and equal inputs but for the one that grows from row to row. It grows in
    even steps, as nobody plans runs, or with a column that counts epochs, steps, iterations or updates. Laws that are
    fitted along curves know the schedule and are no concern of this.
    """
    if measured.stretches is not None or measured.histories:
        return None
    counts = _counter(with_optional_roles(runs, law.inputs), measured.rows)
    for x in law.inputs:
        if law.marks[x].unit in (*_OF_LENGTH, "parameters, tokens or FLOP") and x != "N":
            groups = list(_groups(runs, measured, x))
            rows = [rows for rows in groups if _is_training(measured.inputs[x][rows], counts[rows])]
            if sum(map(len, rows)) > measured.n / 2:
                return x, len(rows)
    return None


def points_beside_ends(runs: Runs, measured: Measured) -> np.ndarray | None:
    """Which rows (n,) are points of a training before its end, where others are single runs; None where none are.

    Those of one training have one N, or one name, and stand in an order in which its tokens, steps or FLOPs grow; most
    of the other rows have an N, or a name, that hardly another has.
    """
    along = [column for column in ("D", "S", "C") if column in runs and np.ptp(runs[column][measured.rows]) > 0]
    for key in (column for column in runs.columns if column == "N" or is_name(column)):
        points = _points_of(key, along, runs, measured)
        if points is not None and along:
            return points
    return None


def is_name(column: str) -> bool:
    """Whether a column names runs: "run_name", "hyper_id"."""
    return normal(column) in NAME_COLUMNS or normal(column).endswith(("_id", "_name", "_uuid"))


def _points_of(key: str, along: Sequence[str], runs: Runs, measured: Measured) -> np.ndarray | None:
    """Which rows (n,) are points before the end of a training, if one value of the column `key` is one training."""
    values = runs[key][measured.rows].astype(str)
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    group = group.ravel()
    points = np.zeros(measured.n, dtype=bool)
    for k in np.flatnonzero(sizes >= _FEWEST):
        rows = np.flatnonzero(group == k)
        if all(np.all(np.diff(runs[x][measured.rows[rows]]) > 0) for x in along):
            points[rows[:-1]] = True
    alone = sizes[group[~points]] <= _FEW_ALIKE
    return points if points.any() and alone.mean() > 1 / 2 else None


def _counter(runs: Runs, rows: np.ndarray) -> np.ndarray:
    """What a column such as "epoch" or "global_step" counts at these rows of the table, (n,); NaN without one."""
    as_read = {role: column for column, role in runs.read_as.items()}
    for column in runs.columns:
        if _COUNTER.fullmatch(normal(as_read.get(column, column))) and runs[column].dtype.kind == "f":
            return runs[column][rows]
    return np.full(rows.size, np.nan)


def _groups(runs: Runs, measured: Measured, x: str) -> Iterator[np.ndarray]:
    """The rows, as positions among the measured, that have one name and differ in x only, where they may be points."""
    keys = [np.log(values).round(9) for name, values in measured.inputs.items() if name not in (x, "C")]
    name = next((name for name in NAME_COLUMNS if name in runs), None)
    if name is not None:
        keys.append(np.unique(runs[name][measured.rows].astype(str), return_inverse=True)[1])
    if not keys:
        yield np.arange(measured.n)
        return
    _, group, sizes = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True, return_counts=True)
    ordered, ends = np.argsort(group.ravel(), kind="stable"), np.cumsum(sizes)
    yield from (ordered[ends[k] - sizes[k] : ends[k]] for k in np.flatnonzero(sizes >= _FEWEST))


def _is_training(values: np.ndarray, counts: np.ndarray) -> bool:
    """Whether values (k,) of what a training is counted in are those of its points, in the order of the rows."""
    steps = np.diff(values)
    if values.size < _FEWEST or np.any(steps <= 0):
        return False
    even = np.abs(steps / np.median(steps) - 1) < _EVEN
    return bool(np.all(np.diff(counts) > 0)) or (values.size >= _FEWEST_EVEN and even.mean() >= _MOSTLY)
