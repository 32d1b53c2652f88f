"""What leaving the best size costs: of half or twice the parameters, in loss and in compute."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.fitting.allocation import Allocation, Spending, draws_of
from froude.fitting.fits import Fit
from froude.fitting.published_fit import PublishedFit
from froude.fitting.size_draws import expected_loss
from froude.fitting.tokens import FORWARD_FLOP_PER_PARAM, tokens_reaching

FACTORS = (0.25, 0.5, 2.0, 4.0)
"""Sizes beside the best one, over it."""


@final
@dataclass(frozen=True, kw_only=True)
class Departure:
    """A size that is `factor` times the best, trained on what the same compute leaves it.

    `extra` is how much higher its loss is than that of the best, with the ends `lo` and `hi` of its interval, None
    where nothing is known of the errors: below 0 where the best may be another. `compute` is how many times the budget
    this size needs for the loss of the best one, None where no number of tokens brings it there.
    """

    factor: float
    N: float
    D: float
    extra: float
    lo: float | None
    hi: float | None
    compute: float | None


def departures(source: Fit | PublishedFit, best: Allocation, spending: Spending) -> tuple[Departure, ...]:
    """The sizes beside the best one for one budget, those that serving leaves no tokens left out."""
    return tuple(_departures(source, best, spending))


def _departures(source: Fit | PublishedFit, best: Allocation, spending: Spending) -> Iterator[Departure]:
    drawn = draws_of(source, best.N, best.C, spending)
    ends = [(1 - source.level) / 2, (1 + source.level) / 2]

    def loss_at(N: float) -> Callable[[float], float]:
        return lambda D: float(expected_loss(source, N, D, spending.unique))

    least = loss_at(best.N)(best.D)
    for factor in FACTORS:
        N = factor * best.N
        D = float(spending.tokens(best.C, N))
        if D <= 0:
            continue
        lo, hi = np.quantile(least * np.expm1(drawn.extra(N, best.N)), ends)
        needed = tokens_reaching(loss_at(N), least)
        yield Departure(
            factor=factor,
            N=N,
            D=D,
            extra=loss_at(N)(D) - least,
            lo=float(lo) if hi > lo else None,
            hi=float(hi) if hi > lo else None,
            compute=None if needed is None else _compute(N, needed, spending) / best.C,
        )


def _compute(N: float, D: float, spending: Spending) -> float:
    """The FLOPs of training on D tokens and of serving."""
    return N * (spending.per_token * D + FORWARD_FLOP_PER_PARAM * spending.served)
