"""The search for a good learning-rate schedule under a law of loss along a training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.fitting.curves.points import ALONG
from froude.fitting.curves.schedules import SHAPES, Schedule
from froude.laws import Law
from froude.laws.lr_history import LearningRates
from froude.provenance import Computed, recorded

_GRID, _ROUNDS = 25, 3  # lengths of decay, the next round of them around the best of the last
_EVEN, _PER_OCTAVE = 25, 2  # knots of a free schedule: evenly over it, and by their distance from its end
_NUDGE = 1e-4
_SHORTEST = 1e-6


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class BestSchedule(Computed):
    """The best schedule of a search and the loss forecast at its end, beside `rivals`: others, with theirs."""

    schedule: Schedule
    loss: float
    rivals: Mapping[str, tuple[Schedule, float]]


def final_loss(law: Law, params: Mapping[str, float], schedule: Schedule | LearningRates) -> float:
    """The loss that a law forecasts for the last step of a schedule."""
    rates = schedule if isinstance(schedule, LearningRates) else schedule.rates
    end = rates.steps[-1:]
    return float(law(**{x: ALONG[x](rates, end) for x in law.inputs}, **params)[0])


@recorded
def best_schedule(
    law: Law, params: Mapping[str, float], *, steps: int, peak: float, final: float, warmup: int = 0
) -> BestSchedule:
    """The schedule with the lowest loss at its end under a law with these parameters: any shape, any length of decay.

    Peak, warm-up and the rate at the end are given, as the laws do not know what a peak that is too high does. The
    rivals are a constant rate, a cosine over all steps, and linear decays over a tenth and a fifth of them. To see how
    sure a difference is, forecast along both. InputError for what makes no schedule.
    """
    given = Schedule(peak=peak, steps=steps, warmup=warmup, final=final)
    shapes = [shape for shape in SHAPES if shape != "exponential" or final > 0]
    candidates = [_best_decay(law, params, replace(given, shape=shape)) for shape in shapes]
    best = min(candidates, key=lambda each: final_loss(law, params, each))
    rivals = {
        "constant": given,
        "cosine": replace(given, shape="cosine", decay=steps - warmup),
        "10% linear": replace(given, decay=min(steps // 10, steps - warmup)),
        "20% linear": replace(given, decay=min(steps // 5, steps - warmup)),
    }
    return BestSchedule(
        schedule=best,
        loss=final_loss(law, params, best),
        rivals={name: (rival, final_loss(law, params, rival)) for name, rival in rivals.items()},
    )


def _best_decay(law: Law, params: Mapping[str, float], schedule: Schedule) -> Schedule:
    """The schedule with the best length of decay: the best of a grid, and of finer ones around it."""
    low, best, high = 1, 1, schedule.steps - schedule.warmup
    for _ in range(_ROUNDS):
        lengths = np.unique(np.linspace(low, high, _GRID).round()).astype(int).tolist()
        losses = [final_loss(law, params, replace(schedule, decay=decay)) for decay in lengths]
        k = int(np.argmin(losses))
        low, best, high = lengths[max(k - 1, 0)], lengths[k], lengths[min(k + 1, len(lengths) - 1)]
    return replace(schedule, decay=best)


def free_schedule(
    law: Law,
    params: Mapping[str, float],
    *,
    steps: int,
    peak: float,
    final: float,
    warmup: int = 0,
    rounds: int = 200,
) -> LearningRates:
    """The rates with the lowest loss at the end under a law, of all that do not rise after warm-up: of no set shape.

    By projected gradient, from a straight line from peak to final, as Luo et al. 2025 (arXiv:2503.12811) search.
    """
    line = Schedule(peak=peak, steps=steps, warmup=warmup, decay=steps - warmup, final=final)
    knots, start = _knots(line), line.rates.steps[line.rates.steps < warmup]

    def rates(over_peak: np.ndarray) -> LearningRates:
        return LearningRates(
            steps=np.concatenate([start, knots]), rates=np.concatenate([line.at(start), peak * over_peak])
        )

    def loss(over_peak: np.ndarray) -> float:
        return final_loss(law, params, rates(over_peak))

    here, stride = line.at(knots) / peak, 0.3
    value = loss(here)
    for _ in range(rounds):
        slope = np.array([value - loss(here - _NUDGE * one) for one in np.eye(here.size)])
        slope /= np.abs(slope).max() + 1e-300
        while stride > _SHORTEST:
            there = np.clip(falling(here - stride * slope), final / peak, 1.0)
            if (lower := loss(there)) < value:
                here, value, stride = there, lower, 2 * stride
                break
            stride /= 2
        else:
            break
    return rates(here)


def _knots(schedule: Schedule) -> np.ndarray:
    lasting = schedule.steps - max(schedule.warmup, 1)
    octaves = np.arange(0, np.log2(lasting), 1 / _PER_OCTAVE)
    even = np.linspace(schedule.steps - lasting, schedule.steps, _EVEN)
    return np.unique(np.concatenate([even, schedule.steps - 2.0**octaves]).round())


def falling(values: np.ndarray) -> np.ndarray:
    """The nearest sequence (n,) to values (n,), in the sum of squares, that nowhere rises."""
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] < means[-1]:
            mean, count = means.pop(), counts.pop()
            means[-1] = (means[-1] * counts[-1] + mean * count) / (counts[-1] + count)
            counts[-1] += count
    return np.repeat(means, counts)
