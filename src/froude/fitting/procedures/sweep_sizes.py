"""The sizes that a table of runs sweeps: runs of equal parameters and tokens under many settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.errors import InputError
from froude.fitting.measured import need_columns
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

_SAME = np.log(1.02)  # sizes meant to be equal differ by whole steps of training, a percent or so


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SweptSize:
    """The runs of one size that did not diverge: log settings `over` (n, K), log outcomes less their `lowest` (n,)."""

    sizes: Mapping[str, float]
    over: tuple[str, ...]
    settings: np.ndarray
    outcomes: np.ndarray
    lowest: float

    @property
    def n(self) -> int:
        """How many runs."""
        return self.outcomes.size


def swept_sizes(runs: Runs, over: tuple[str, ...], by: tuple[str, ...], y: str) -> list[SweptSize]:
    """The sizes `by` of runs, smallest first, each with its settings `over` and its outcomes y.

    InputError for a column that is missing or holds what is not above 0, and where no run has an outcome.
    """
    runs = with_optional_roles(runs, (*over, *by))
    need_columns(runs, (*over, *by), f"the best {' and '.join(over)} needs")
    runs = runs.take(runs.finite(y, (*over, *by)))
    if not len(runs):
        raise InputError(f"no run has a finite {y}, {' and '.join((*over, *by))}: there is no best to find")
    settings, sizes = (np.column_stack([_logs(runs, name) for name in names]) for names in (over, by))
    outcomes = _logs(runs, y)
    groups = np.unique(np.column_stack([_alike(column) for column in sizes.T]), axis=0, return_inverse=True)[1].ravel()
    members = [groups == k for k in range(groups.max() + 1)]
    return [
        SweptSize(
            sizes=dict(zip(by, np.exp(np.median(sizes[mine], axis=0)).tolist(), strict=True)),
            over=over,
            settings=settings[mine],
            outcomes=outcomes[mine] - outcomes[mine].min(),
            lowest=float(outcomes[mine].min()),
        )
        for mine in members
    ]


def _alike(values: np.ndarray) -> np.ndarray:
    """The number (n,) of the stretch of values without a gap that each lies in, the smallest first."""
    ordered, which = np.unique(values, return_inverse=True)
    return np.cumsum([False, *(np.diff(ordered) > _SAME)])[which.ravel()]


def _logs(runs: Runs, name: str) -> np.ndarray:
    values = runs[name]
    if values.dtype.kind != "f":
        raise InputError(f"column {name!r} holds no numbers: name another")
    if (bad := np.flatnonzero(values <= 0)).size:
        raise InputError(f"{runs.row_name(int(bad[0]))} has {name} = {values[bad[0]]:g}: a best needs {name} > 0")
    return np.log(values)
