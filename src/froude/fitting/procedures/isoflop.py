"""Runs of equal compute: which they are, and which size or length among them would be the best."""

from dataclasses import dataclass
from typing import final

import numpy as np

_SAME_BUDGET = np.log(1.1)  # runs meant to cost the same differ by whole steps of training, a few percent
FEWEST_SIZES = 3
"""Of a parabola."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ComputeBudget:
    """Runs of equal compute C near the best size: log sizes x (n,) from that of the best run, log outcomes (n,).

    `log_size` is log N of the best run, and `product` the N·D that C pays for.
    """

    C: float
    product: float
    log_size: float
    x: np.ndarray
    log_outcome: np.ndarray

    def lowest(self, weights: np.ndarray) -> np.ndarray:
        """The log N of the lowest point of the parabola through the runs, under each row of weights (rows, n).

        NaN where there are too few sizes, the parabola has no lowest point or this is not among the runs. Zero weight
        leaves a run out.
        """
        powers = np.stack([np.ones_like(self.x), self.x, self.x**2], axis=1)
        if np.unique(self.x).size < FEWEST_SIZES:
            return np.full(len(weights), np.nan)
        matrix = np.einsum("rn,np,nq->rpq", weights, powers, powers)
        _, slope, bend = np.linalg.solve(
            matrix, np.einsum("rn,np,n->rp", weights, powers, self.log_outcome)[..., None]
        ).T[0]
        with np.errstate(all="ignore"):
            lowest = -slope / (2 * bend)
        inside = (bend > 0) & (lowest > self.x.min()) & (lowest < self.x.max())
        return np.where(inside, self.log_size + lowest, np.nan)


def budgets_of(N: np.ndarray, D: np.ndarray, C: np.ndarray, outcome: np.ndarray, within: float) -> list[ComputeBudget]:
    """The budgets of runs (n,), least first, each with the runs whose N is within a factor of its best run's."""
    budgets = []
    for rows in _group_by_compute(C):
        log_size = np.log(N[rows])
        middle = float(log_size[np.argmin(outcome[rows])])
        near = rows[np.abs(log_size - middle) <= np.log(within) + 1e-9]
        budgets.append(
            ComputeBudget(
                C=float(np.exp(np.log(C[near]).mean())),
                product=float(np.exp(np.log(N[near] * D[near]).mean())),
                log_size=middle,
                x=np.log(N[near]) - middle,
                log_outcome=np.log(outcome[near]),
            )
        )
    return budgets


@final
@dataclass(frozen=True, kw_only=True)
class IsoflopMinimum:
    """The tokens D of least outcome among n runs of equal compute C, with the outcome there, by a parabola in log D.

    N is the number of parameters that goes with D, None where the table does not hold it. D, the outcome and N are None
    where there is no minimum among the runs, and `why` says why.
    """

    C: float
    n: int
    D: float | None = None
    N: float | None = None
    outcome: float | None = None
    why: str | None = None


def isoflop_minima(C: np.ndarray, D: np.ndarray, outcome: np.ndarray, N: np.ndarray | None) -> list[IsoflopMinimum]:
    """The minimum of each group of runs (n,) of equal compute, least compute first; two runs are no group.

    The parabola goes through the outcomes themselves, of all runs of the group, as in Hoffmann et al. 2022, figure 3.
    """
    groups = [rows for rows in _group_by_compute(C) if rows.size >= FEWEST_SIZES]
    return [_minimum(C[rows], D[rows], outcome[rows], None if N is None else N[rows]) for rows in groups]


def _minimum(C: np.ndarray, D: np.ndarray, outcome: np.ndarray, N: np.ndarray | None) -> IsoflopMinimum:
    compute, log_D = float(np.exp(np.log(C).mean())), np.log(D)
    if np.unique(log_D.round(6)).size < FEWEST_SIZES:
        return IsoflopMinimum(C=compute, n=C.size, why="fewer than three lengths")
    middle = float(log_D.mean())
    bend, slope, level = np.polyfit(log_D - middle, outcome, 2)
    lowest = -slope / (2 * bend) if bend > 0 else np.nan
    if not log_D.min() < lowest + middle < log_D.max():
        end = "most" if outcome[np.argmax(D)] < outcome[np.argmin(D)] else "fewest"
        return IsoflopMinimum(C=compute, n=C.size, why=f"no minimum among them: go on beyond the {end} tokens")
    best = float(np.exp(lowest + middle))
    return IsoflopMinimum(
        C=compute,
        n=C.size,
        D=best,
        N=None if N is None else float(np.exp(np.log(N * D).mean())) / best,
        outcome=float(level + slope * lowest / 2),
    )


def _group_by_compute(C: np.ndarray) -> list[np.ndarray]:
    """The positions of runs of equal compute, group by group: none spans more than a tenth."""
    left, groups = np.argsort(C), []
    while left.size:
        same = np.log(C[left] / C[left[0]]) <= _SAME_BUDGET
        groups.append(left[same])
        left = left[~same]
    return groups
