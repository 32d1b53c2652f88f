"""The rows of a table that a law can be fitted to, checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.curves.points import along_curves, stretches, wants_curves
from froude.fitting.shares import shares
from froude.laws import Law
from froude.laws.lr_history import LrHistory
from froude.laws.residual_scales import holds
from froude.runs import Runs
from froude.runs.count_agreement import check_counted_alike
from froude.runs.missing_columns import missing_role
from froude.runs.optional_roles import with_optional_roles


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Inputs {role: (n,)} and outcomes y (n,) of the rows that did not diverge.

    `rows` (n,) are their positions in the runs. The positions of those left out are `diverged`, whose outcome is no
    finite number, `missing`, who have no outcome or lack an input, and `other_unit`, whose outcome is in bits beside
    the others' nats, or the reverse. Where runs are points of curves, `histories` are the inputs that are no numbers,
    and `stretches` (n,) says which have residuals that go together.
    """

    inputs: Mapping[str, np.ndarray]
    y: np.ndarray
    rows: np.ndarray
    diverged: np.ndarray
    missing: np.ndarray
    histories: Mapping[str, LrHistory] = field(default_factory=dict)
    stretches: np.ndarray | None = None
    other_unit: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    @property
    def n(self) -> int:
        """The number of rows."""
        return self.y.size

    @property
    def given(self) -> dict[str, Any]:
        """All inputs, numbers and histories, as a law takes them."""
        return {**self.inputs, **self.histories}

    def take(self, which: np.ndarray) -> "Measured":
        """The rows where a Boolean array (n,) is True."""
        return Measured(
            inputs={x: values[which] for x, values in self.inputs.items()},
            y=self.y[which],
            rows=self.rows[which],
            diverged=self.diverged,
            missing=self.missing,
            histories={x: history[which] for x, history in self.histories.items()},
            stretches=None if self.stretches is None else self.stretches[which],
            other_unit=self.other_unit,
        )

    def leave_out(self, other_unit: np.ndarray) -> "Measured":
        """Without the rows at these positions of the runs, whose outcome is in another unit."""
        kept = self.take(~np.isin(self.rows, other_unit))
        return replace(kept, other_unit=other_unit)


def measure(law: Law, runs: Runs, y: str) -> Measured:
    """The rows of runs that law can be fitted to, or tested on, with outcome y.

    Inputs that few tables name are found or derived (`with_optional_roles`). InputError for a column that is missing
    or not positive where it must be, naming the row, and for parameters counted in several ways.
    """
    if law.is_lever:
        raise InputError(
            f"{law.name} is a lever, whose value is no {y}: fit a law with it, such as "
            f"chinchilla[{law.inputs[0]}={law.name}]"
        )
    of_curves = wants_curves(law, runs)
    derived = along_curves(law, runs) if of_curves else {}
    runs = with_optional_roles(runs, tuple(x for x in law.inputs if x not in derived))
    histories = {x: values for x, values in derived.items() if isinstance(values, LrHistory)}
    inputs = {x: derived[x] if x in derived else _column(law, runs, x) for x in law.inputs if x not in histories}
    diverged = runs.diverged(y)
    lacking = runs.missing(y) | np.logical_or.reduce([np.isnan(values) for values in inputs.values()], initial=False)
    rows = np.flatnonzero(~(diverged | lacking))
    check_counted_alike(runs, rows, law.inputs)
    outcome = shares(law, runs, y)[rows]
    check_outcomes(law, runs, y, outcome, rows)
    for x, values in inputs.items():
        _check_domain(law, runs, x, values, rows)
    return Measured(
        inputs={x: values[rows] for x, values in inputs.items()},
        y=outcome,
        rows=rows,
        diverged=np.flatnonzero(diverged),
        missing=np.flatnonzero(lacking & ~diverged),
        histories={x: history[rows] for x, history in histories.items()},
        stretches=stretches(law, runs)[rows] if of_curves else None,
    )


def check_outcomes(law: Law, runs: Runs, y: str, outcome: np.ndarray, rows: np.ndarray) -> None:
    """InputError where the scale of the law's residuals cannot hold an outcome (n,) at positions rows (n,) of runs."""
    output = law.output
    bad = np.flatnonzero(~holds(law.residual, outcome) | (outcome < output.least) | (outcome > output.most))
    if not bad.size:
        return
    value, row = outcome[bad[0]], runs.row_name(int(rows[bad[0]]))
    if holds(law.residual, value):
        raise InputError(f"{row} has {y} = {value:g}: {law.name} is a law of shares from 0 to 1; take another by --law")
    logarithms, needs = {
        "log": ("logarithms", f"{y} > 0"),
        "log error": (f"logarithms of 1 − {y}", f"{y} < 1"),
    }[law.residual]
    raise InputError(
        f"{row} has {y} = {value:g}: {law.name} is fitted to {logarithms} and needs {needs}; leave the row out with "
        "--where"
    )


def check_enough(law: Law, measured: Measured, y: str) -> None:
    """InputError unless there are enough different runs to fit law to."""
    if measured.n < len(law.parameters):
        raise InputError(
            f"{law.name} has {len(law.parameters)} parameters and there are only {measured.n} runs with a "
            f"finite {y}: add runs or choose a law with fewer parameters"
        )
    for x, values in measured.inputs.items():
        if np.ptp(values) == 0:
            raise InputError(
                f"{x} has one value, {values[0]:g}: {law.name} needs runs that differ in {x}; add some, or "
                f"choose a law without {x}"
            )
    if np.ptp(measured.y) == 0:
        raise InputError(
            f"every run has the same {y}, {measured.y[0]:g}: there is nothing to fit; check the column {y}"
        )


def need_columns(runs: Runs, names: Iterable[str], who_needs: str) -> None:
    """InputError for the first of these columns that runs have not; `who_needs` begins it, as in "the stages need"."""
    derived = {sentence.partition(" = ")[0] for sentence in runs.derived}
    for name in names:
        if name not in runs:
            raise missing_role(name, [c for c in runs.columns if c not in derived], who_needs, runs.name)


def _column(law: Law, runs: Runs, x: str) -> np.ndarray:
    need_columns(runs, (x,), f"{law.name} needs")
    values = runs[x]
    if values.dtype.kind not in "fiu":
        raise InputError(f"column {x} holds no numbers: name another with --columns {x}=COLUMN")
    return np.asarray(values, dtype=float)


def _check_domain(law: Law, runs: Runs, x: str, values: np.ndarray, rows: np.ndarray) -> None:
    bad = rows[~law.marks[x].holds(values[rows])]
    if bad.size:
        row = int(bad[0])
        raise InputError(
            f"{runs.row_name(row)} has {x} = {values[row]:g}: {law.name} needs {x} {law.marks[x].needs}; "
            "leave the row out with --where"
        )


def log_size(law: Law, inputs: Mapping[str, Any]) -> np.ndarray:
    """The logarithm of the product of a law's inputs that make runs smaller or larger, (n,)."""
    sizes = [values for x, values in inputs.items() if law.marks[x].is_size]
    return np.asarray(sum(np.log(values) for values in sizes))
