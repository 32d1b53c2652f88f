"""How much a wrong learning rate costs, by size of the model: learning-rate sensitivity."""

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.errors import InputError
from froude.fitting.bootstrap import reweigh
from froude.fitting.options import random_numbers
from froude.runs import Runs, RunsSource, read_runs
from froude.runs.optional_roles import with_optional_roles

_ENDS = (0.05, 0.95)
_UNEVEN = 1.5  # a step between two rates may be so much longer than another, as 1e-3, 3e-3, 1e-2 are


@final
@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The learning-rate sensitivity of models of N parameters, in the unit of the loss, with a 90% interval.

    `best_lr` gave the smallest loss, `best_loss`. `n` runs at `rates` learning rates count, of which `diverged` ended
    without a finite loss.
    """

    N: float
    sensitivity: float
    lo: float
    hi: float
    best_lr: float
    best_loss: float
    rates: int
    n: int
    diverged: int


def lr_sensitivity(
    runs: RunsSource, initial_loss: float, y: str = "loss", *, draws: int = 1000, seed: int = 0
) -> tuple[Sensitivity, ...]:
    """The learning-rate sensitivity at each N of a sweep with columns N, lr and y, the smallest N first:

        E_lr[ min(loss(lr), initial_loss) − min_lr loss ]

    over learning rates spaced evenly in the logarithm (Wortsman et al. 2023, arXiv:2309.14322). A run that diverged
    counts as one that learned nothing. Runs of one rate are averaged; all are to differ in nothing but N, lr and seed.
    The interval is that of the Bayesian bootstrap of the rates around the best loss. InputError for rates spaced
    unevenly, for a size at which every run diverged, and for an initial loss below the best.
    """
    rng = random_numbers(draws, seed)
    runs = with_optional_roles(read_runs(runs), ("lr",))
    runs = runs.take(~runs.missing(y))
    for name in ("N", "lr"):
        bad = np.flatnonzero(~(runs[name] > 0))
        if bad.size:
            raise InputError(f"{runs.row_name(int(bad[0]))} has {name} = {runs[name][bad[0]]:g}: give {name} > 0")
    sizes = np.unique(runs["N"])
    return tuple(_of_size(runs.take(runs["N"] == N), initial_loss, y, draws, rng) for N in sizes)


def _of_size(runs: Runs, initial_loss: float, y: str, draws: int, rng: np.random.Generator) -> Sensitivity:
    N, diverged = float(runs["N"][0]), runs.diverged(y)
    clipped = np.minimum(np.where(diverged, np.inf, runs[y]), initial_loss)
    rates, which = np.unique(runs["lr"], return_inverse=True)
    losses = np.bincount(which, clipped) / np.bincount(which)
    _check(N, rates, losses, bool(diverged.all()), initial_loss)
    cost = losses - losses.min()
    drawn = (reweigh(draws, rates, rng) * cost).mean(axis=1)
    lo, hi = np.quantile(drawn, _ENDS)
    return Sensitivity(
        N=N,
        sensitivity=float(cost.mean()),
        lo=float(lo),
        hi=float(hi),
        best_lr=float(rates[losses.argmin()]),
        best_loss=float(losses.min()),
        rates=rates.size,
        n=len(runs),
        diverged=int(diverged.sum()),
    )


def _check(N: float, rates: np.ndarray, losses: np.ndarray, none_finite: bool, initial_loss: float) -> None:
    if rates.size < 2:
        raise InputError(f"N = {N:g} has one learning rate, {rates[0]:g}: sweep it, say from 3e-4 to 3e-1")
    steps = np.diff(np.log(rates))
    if steps.max() > _UNEVEN * steps.min():
        raise InputError(
            f"learning rates at N = {N:g} are spaced unevenly, by factors of {np.exp(steps.min()):.3g} to "
            f"{np.exp(steps.max()):.3g}: take rates spaced evenly in the logarithm"
        )
    if none_finite:
        raise InputError(f"every run at N = {N:g} diverged: add lower learning rates")
    if not losses.min() < initial_loss:
        raise InputError(
            f"initial_loss = {initial_loss:g} is not above the best loss at N = {N:g}: give the loss before training"
        )
