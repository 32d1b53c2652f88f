"""The frontier of a table of runs: the best of each amount of compute, and never worse than a cheaper one."""

import numpy as np

from froude.errors import InputError
from froude.fitting.measured import need_columns
from froude.runs import Runs, RunsSource, read_runs

_PER_BIN = 2.0
_SLACK = 0.05  # of a bin: budgets meant to double do so within a few percent, and must not share one


def frontier(runs: RunsSource, y: str = "loss") -> Runs:
    """The runs of least y in bins of doubling compute C, cheapest first, each better than every cheaper one.

    This is what a law of compute alone is fitted to (Nezhurina et al. 2025, arXiv:2506.04598). Diverged runs are left
    out. InputError where there is no C, or no run with a finite y.
    """
    runs = read_runs(runs)
    need_columns(runs, ("C",), "a frontier needs")
    finite = np.flatnonzero(runs.finite(y))
    if not finite.size:
        raise InputError(f"no run has a finite {y}: there is no frontier")
    return runs.take(finite[frontier_rows(runs["C"][finite], runs[y][finite])])


def frontier_rows(C: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """The positions of the frontier's runs among C and outcome (n,), cheapest bin first."""
    bins = np.floor(np.log(C / C.min()) / np.log(_PER_BIN) + _SLACK)
    order = np.lexsort((outcome, bins))
    best = order[np.unique(bins[order], return_index=True)[1]]
    cheaper = np.minimum.accumulate(outcome[best])
    return best[np.r_[True, outcome[best][1:] < cheaper[:-1]]]
