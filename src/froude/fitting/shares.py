"""Outcomes that are shares of 1, also where a table has them in percent."""

import numpy as np

from froude.laws import Law
from froude.runs import Runs


def is_percent(runs: Runs, y: str) -> bool:
    """Whether the values of a share are in percent: some of the whole table are above 1, none above 100."""
    values = finite_outcomes(runs.lineage[0], y)
    return bool(values.size and 1 < values.max() <= 100 and values.min() >= 0)


def shares(law: Law, runs: Runs, y: str) -> np.ndarray:
    """The outcomes (rows,) of runs as a law has them: those of a law of shares as shares of 1."""
    values = np.asarray(runs[y], dtype=float)
    return values / 100 if law.output.most == 1 and is_percent(runs, y) else values


def finite_outcomes(runs: Runs, y: str) -> np.ndarray:
    """The outcomes that are finite numbers."""
    return np.asarray(runs[y][runs.finite(y, ())], dtype=float)
