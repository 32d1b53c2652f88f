"""Requests that a simulation serves: when each arrives and how long it is, or how many users ask in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.bounds import MOST_COUNT, positive_number, whole_number
from froude.errors import InputError

SPREAD = 0.1
"""How far lengths of users' requests are drawn above and below the mean where prompts enter beside decoding. Lengths
that are exactly one keep users in step for ever, which no real load does. Where prompts go first, or requests are
alike, they stay equal, as in the closed form."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Requests:
    """Requests in the order in which they come, as arrays of one length.

    `input` and `output` are tokens of prompts and answers, at least 1 of each. Either `arrival` holds the seconds at
    which they arrive, from 0 on and rising, or `users` ask one after the other as soon as they are answered, all of
    them first at once. `hashes` names, for each request, the blocks of `block` tokens at the start of its prompt:
    prompts that share their first hashes share these tokens.
    """

    input: np.ndarray
    output: np.ndarray
    arrival: np.ndarray | None = None
    users: int | None = None
    hashes: Sequence[Sequence[int]] | None = None
    block: int = 512

    def __post_init__(self) -> None:
        n = len(self.input)
        if (self.arrival is None) == (self.users is None):
            raise InputError("requests arrive at times or come from users: give arrival or users")
        sizes = [len(one) for one in (self.output, self.arrival, self.hashes) if one is not None]
        if n == 0 or any(size != n for size in sizes):
            raise InputError(f"{n} prompts with {sizes[0]} answers: give at least one request, and as many of each")
        for name, tokens in {"input": self.input, "output": self.output}.items():
            if np.any(tokens < 1) or np.any(tokens > MOST_COUNT):
                raise InputError(f"{name} is {np.min(tokens):g} to {np.max(tokens):g} tokens: give at least 1")
        if self.users is not None:
            whole_number("users", self.users, 1, MOST_COUNT)
        arrival = self.arrival
        if arrival is not None and (not np.all(np.isfinite(arrival)) or arrival[0] < 0 or np.any(np.diff(arrival) < 0)):
            raise InputError("arrivals are no rising seconds from 0 on: sort the requests by the time they arrive")

    def __len__(self) -> int:
        return len(self.input)

    @property
    def mean_rate(self) -> float | None:
        """Requests a second that arrive on average; None of users."""
        if self.arrival is None or len(self) < 2 or self.arrival[-1] <= self.arrival[0]:
            return None
        return (len(self) - 1) / float(self.arrival[-1] - self.arrival[0])


def poisson_requests(
    rate: float, input: np.ndarray | int, output: np.ndarray | int, *, count: int, rng: np.random.Generator
) -> Requests:
    """Requests that arrive at random, `rate` a second; lengths are one number, or drawn in pairs from arrays."""
    positive_number("rate", rate)
    prompts, answers = drawn_lengths(input, output, count=count, rng=rng)
    return Requests(input=prompts, output=answers, arrival=np.cumsum(rng.exponential(1 / rate, count)))


def loop_requests(
    users: int, input: np.ndarray | int, output: np.ndarray | int, *, count: int, rng: np.random.Generator | None = None
) -> Requests:
    """Requests of users in a closed loop; lengths are one number, or drawn in pairs from arrays by `rng`."""
    prompts, answers = drawn_lengths(input, output, count=count, rng=rng)
    return Requests(input=prompts, output=answers, users=users)


def varied_requests(users: int, input: float, output: float, *, count: int, rng: np.random.Generator) -> Requests:
    """Requests of users in a closed loop, whose lengths are drawn by `SPREAD` around these."""
    drawn = (
        np.maximum(np.rint(n * rng.uniform(1 - SPREAD, 1 + SPREAD, count)), 1).astype(int) for n in (input, output)
    )
    prompts, answers = drawn
    return Requests(input=prompts, output=answers, users=users)


def drawn_lengths(
    input: np.ndarray | int, output: np.ndarray | int, *, count: int, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of `count` prompts and answers: pairs from two arrays with replacement, or always the same two."""
    whole_number("count", count, 1, MOST_COUNT)
    if np.ndim(input) == 0 and np.ndim(output) == 0:
        return np.full(count, int(input)), np.full(count, int(output))
    if rng is None:
        raise InputError("lengths of several requests are drawn: give rng")
    pairs = np.broadcast_arrays(np.atleast_1d(input), np.atleast_1d(output))
    which = rng.integers(len(pairs[0]), size=count)
    return pairs[0][which].astype(np.int64), pairs[1][which].astype(np.int64)
