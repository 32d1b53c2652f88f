"""What is written down of a simulation: times of each request, and a queue looked at at fixed times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from froude.cost.serving.simulation.requests import Requests

NEVER = float("nan")

MOST_SAMPLES = 4096
"""Of a replica's queue; then every other one goes, and the others come half as often."""


@final
class Ledger:
    """Times of every request, by its number, which all replicas write into; NaN what has not happened.

    `reached` is when a request comes to its replica, `started` when it is first let in, `first` and `finished` when its
    first and its last token are there. `evictions` counts how often it lost its place, `reused` the tokens of its
    prompt that were not computed.
    """

    __slots__ = (
        "evictions",
        "finished",
        "first",
        "hashes",
        "input",
        "output",
        "reached",
        "replica",
        "reused",
        "started",
    )

    def __init__(self, requests: Requests) -> None:
        n = len(requests)
        self.input: list[int] = [int(one) for one in requests.input.tolist()]
        self.output: list[int] = [int(one) for one in requests.output.tolist()]
        self.hashes: list[Sequence[int]] | None = None
        if requests.hashes is not None:  # of whole blocks: the rest of a prompt is nobody else's
            pairs = zip(requests.hashes, self.input, strict=True)
            self.hashes = [hashes[: tokens // requests.block] for hashes, tokens in pairs]
        self.reached, self.started, self.first, self.finished = ([NEVER] * n for _ in range(4))
        self.evictions, self.reused, self.replica = [0] * n, [0] * n, [0] * n


@final
class QueueSamples:
    """Requests that wait and run, and the pages they take, at fixed times that know nothing of events."""

    __slots__ = ("every", "next", "rows")

    def __init__(self, every: float = 0.01) -> None:
        self.every, self.next = every, 0.0
        self.rows: list[tuple[float, int, int, int]] = []

    def add(self, waiting: int, running: int, pages: int) -> None:
        """What is there at the time `next`."""
        self.rows.append((self.next, waiting, running, pages))
        if len(self.rows) > MOST_SAMPLES:
            del self.rows[1::2]
            self.every *= 2
            self.next = self.rows[-1][0]
        self.next += self.every
