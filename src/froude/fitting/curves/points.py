"""The points of training curves in a table: what each of them knows of the learning rate up to its step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.laws import Law
from froude.laws.lr_history import LearningRates, LrHistory, join_histories
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

ALONG: Mapping[str, Callable[[LearningRates, np.ndarray], Any]] = {
    "S1": LearningRates.area,
    "root_S1": LearningRates.root_area,
    "drops": LearningRates.drops,
    "changes": LearningRates.changes,
}
"""The inputs of laws that a learning rate gives at any steps (n,)."""

_NAMES = ("curve", "schedule", "run", "run_id", "trunk")
_STRETCHES = 8  # of one curve: neighbouring residuals go together over about as much of it


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingCurve:
    """One training in a table: the positions (k,) of its points among the runs, their steps, and its learning rate."""

    positions: np.ndarray
    steps: np.ndarray
    rates: LearningRates


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Log:
    """The rows (n,) of a table, as numbered there, with the training, the step and the learning rate of each."""

    rows: np.ndarray
    names: np.ndarray
    steps: np.ndarray
    rates: np.ndarray

    @property
    def sound(self) -> np.ndarray:
        """Which rows have a step and a rate, (n,)."""
        return np.isfinite(self.rates) & (self.rates >= 0) & (self.steps >= 0) & (self.steps % 1 == 0)

    def __getitem__(self, which: np.ndarray) -> "_Log":
        return _Log(**{name: values[which] for name, values in vars(self).items()})


def wants_curves(law: Law, runs: Runs) -> bool:
    """Whether an input of the law is to be had from learning rates only."""
    return any(x in ALONG and x not in runs for x in law.inputs)


def along_curves(law: Law, runs: Runs) -> dict[str, Any]:
    """The inputs of a law, as many as follow from the learning rate, at every run, which is a point of a curve.

    The columns S (optimizer steps) and lr say when the rate was what; `curve`, `schedule`, `run`, `run_id` or `trunk`,
    the first there is, says of which training; without any there is one. The rate of rows that were left out counts.
    InputError for a column that is missing, steps that do not follow each other, and points in the warm-up.
    """
    curves = list(curves_of(law, runs))
    order = np.argsort(np.concatenate([curve.positions for curve in curves]))
    inputs = {}
    for x in law.inputs:
        if x in ALONG and x not in runs:
            each = [ALONG[x](curve.rates, curve.steps) for curve in curves]
            inputs[x] = join_histories(each)[order] if isinstance(each[0], LrHistory) else np.concatenate(each)[order]
    return inputs


def stretches(law: Law, runs: Runs) -> np.ndarray:
    """Which stretch of which curve each run (n,) lies on: residuals of neighbours are not independent."""
    number = np.empty(len(runs))
    for k, curve in enumerate(curves_of(law, runs)):
        share = np.arange(len(curve.positions)) * _STRETCHES // len(curve.positions)
        number[curve.positions[np.argsort(curve.steps)]] = _STRETCHES * k + share
    return number


def curves_of(law: Law, runs: Runs) -> Iterator[TrainingCurve]:
    """The curves that the runs are points of; see `along_curves`."""
    if not len(runs):
        raise InputError(f"{law.name} follows curves and there are only 0 runs: add the points of some")
    own = _log(law, runs)
    _check_sound(runs, own)
    known = _fullest(law, runs, own)
    for name in dict.fromkeys(own.names):
        positions = np.flatnonzero(own.names == name)
        curve = known[known.names == name]
        curve = curve[np.argsort(curve.steps)]
        _check_steps(curve)
        rates = LearningRates.from_log(curve.steps, curve.rates)
        steps = own.steps[positions]
        if np.any(early := steps < rates.peak_step):
            raise InputError(
                f"{runs.row_name(int(positions[early][0]))} lies in the warm-up{_of(name)}, where the learning rate "
                f"rises up to S = {rates.peak_step:g}: leave it out with --where"
            )
        yield TrainingCurve(positions=positions, steps=steps, rates=rates)


def _log(law: Law, runs: Runs) -> _Log:
    columns = with_optional_roles(runs, ("S", "lr"))
    for name, meaning in (("S", "the optimizer step"), ("lr", "the learning rate then")):
        if name not in columns:
            raise InputError(
                f"{law.name} follows curves and there is no column {name}, {meaning}, among "
                f"{', '.join(runs.columns)}: name it with --columns {name}=COLUMN"
            )
    names = next((columns[name].astype(str) for name in _NAMES if name in columns), np.full(len(runs), ""))
    steps, rates = (np.asarray(columns[name], dtype=float) for name in ("S", "lr"))
    return _Log(rows=runs.rows, names=names, steps=steps, rates=rates)


def _fullest(law: Law, runs: Runs, own: _Log) -> _Log:
    """What is known of the curves: all that was read of them, also where a condition then left rows out.

    But not where trainings of one name were read and a condition left one of them.
    """
    for table in runs.lineage[:-1]:
        log = _log(law, table)
        log = log[log.sound & np.isin(log.names, own.names)]
        if len(np.unique(log.names.astype(object) + log.steps.astype(str))) == len(log.steps):
            return log
    return own


def _check_sound(runs: Runs, log: _Log) -> None:
    bad = np.flatnonzero(~log.sound)
    if bad.size:
        row = int(bad[0])
        raise InputError(
            f"{runs.row_name(row)} has S = {log.steps[row]:g} and lr = {log.rates[row]:g}: S counts optimizer steps, "
            "in whole numbers, and lr is the learning rate then, not below 0; leave the row out with --where"
        )


def _check_steps(curve: _Log) -> None:
    again = np.flatnonzero(np.diff(curve.steps) == 0)
    if again.size:
        k = int(again[0])
        raise InputError(
            f"rows {curve.rows[k]} and {curve.rows[k + 1]}{_of(curve.names[k])} both have S = {curve.steps[k]:g}: "
            "name each training in a column curve, or keep one with --where"
        )
    if curve.steps.size < 2:
        raise InputError(f"row {curve.rows[0]} is all there is{_of(curve.names[0])}: give two points or more of each")
    if not np.any(curve.rates > 0):
        raise InputError(
            f"the learning rate{_of(curve.names[0])} is 0 at every step: name another column with --columns"
        )


def _of(curve: str) -> str:
    return f" of curve {str(curve)!r}" if curve else " of the curve"
