"""What short first runs say of a trainer: parameters, FLOPs and seconds a token by the size of the dial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

CLEAR_SECONDS, CLEAR_SHARE = 1.0, 0.3
"""A longer run tells the speed once it takes so much longer than the one before, absolutely and relative to it."""


@final
@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """A short run: the size of the dial, the tokens asked for, and what it said and took."""

    size: float
    tokens: int
    n_params: float
    tokens_said: float
    flops: float
    seconds: float


@final
@dataclass(frozen=True, kw_only=True)
class Scale:
    """How parameters and costs grow with the dial, at the sizes measured, smallest first; in between in logarithms.

    `start_seconds` is what a run takes before its first token.
    """

    sizes: tuple[float, ...]
    n_params: tuple[float, ...]
    flops_per_token: tuple[float, ...]
    seconds_per_token: tuple[float, ...]
    start_seconds: float

    def params_at(self, size: float) -> float:
        """Parameters of a model of this size, within those measured."""
        return self._between(size, self.n_params)

    def flops_at(self, size: float, tokens: float) -> float:
        """Training FLOPs of a run."""
        return self._between(size, self.flops_per_token) * tokens

    def seconds_at(self, size: float, tokens: float) -> float:
        """Seconds of a run, its start included."""
        return self.start_seconds + self._between(size, self.seconds_per_token) * tokens

    def _between(self, size: float, values: Sequence[float]) -> float:
        if size in self.sizes:  # as it was measured, to the last digit
            return values[self.sizes.index(size)]
        return float(np.exp(np.interp(math.log(size), np.log(self.sizes), np.log(values))))


def is_clear(runs: Sequence[FirstRun]) -> bool:
    """Whether runs of one size and growing lengths tell seconds a token from the seconds of a start."""
    if len(runs) < 2:
        return False
    before, last = (run.seconds for run in runs[-2:])
    return last >= before + max(CLEAR_SECONDS, CLEAR_SHARE * before)


def scale_of(runs: Sequence[FirstRun]) -> Scale:
    """What first runs say: those of the smallest size tell what a start takes, the longest of each size all else.

    No size is taken for faster than a smaller one: the start of a run does not always take the same time.
    """
    sizes = sorted({run.size for run in runs})
    smallest = [run for run in runs if run.size == sizes[0]]
    start, seconds = _start_and_speed(smallest)
    longest = {size: max((run for run in runs if run.size == size), key=lambda run: run.tokens) for size in sizes}
    speeds = [seconds]
    for size in sizes[1:]:
        run = longest[size]
        speeds.append(max(speeds[-1], (run.seconds - start) / run.tokens_said))
    return Scale(
        sizes=tuple(sizes),
        n_params=tuple(longest[size].n_params for size in sizes),
        flops_per_token=tuple(longest[size].flops / longest[size].tokens_said for size in sizes),
        seconds_per_token=tuple(speeds),
        start_seconds=start,
    )


def _start_and_speed(runs: Sequence[FirstRun]) -> tuple[float, float]:
    """Seconds before the first token and seconds a token; where lengths do not tell them apart, all is a token's."""
    last = runs[-1]
    if is_clear(runs):
        before = runs[-2]
        speed = (last.seconds - before.seconds) / (last.tokens_said - before.tokens_said)
        return max(0.0, before.seconds - speed * before.tokens_said), speed
    return 0.0, last.seconds / last.tokens_said
