"""A replica that serves one static batch at a time: all start together, none enters later, all are answered at the end.

Every iteration is as large as the batch until its longest answer is made, whatever the others need: what request-level
scheduling is (Yu et al. 2022, Orca, section 3.1).
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import final

from froude.cost.serving.simulation.iteration_seconds import IterationSeconds
from froude.cost.serving.simulation.ledger import Ledger, QueueSamples
from froude.cost.serving.simulation.pages import Pages


@final
class StaticBatch:
    """A replica that takes up to `sequences` requests that wait, as far as there is room for their whole answers."""

    def __init__(
        self,
        number: int,
        ledger: Ledger,
        seconds: IterationSeconds,
        pages: Pages,
        *,
        chunk: int,
        sequences: int,
        outside: float = 0.0,
    ) -> None:
        self.number, self.ledger, self.seconds, self.pages = number, ledger, seconds, pages
        self.chunk, self.sequences, self.outside = chunk, sequences, outside
        self.inbox: deque[tuple[float, int]] = deque()
        self.backlog: deque[int] = deque()
        self.waiting: deque[int] = deque()
        self.running = 0
        self.now, self.samples = 0.0, QueueSamples()

    @property
    def load(self) -> int:
        """Requests that wait, run, or are about to arrive."""
        return len(self.inbox) + len(self.waiting) + self.running

    def run(self, until: float = inf) -> None:
        """Goes on until a time, or until nothing is left to do."""
        while self.step(until):
            pass

    def step(self, until: float = inf) -> bool:
        """Serves one batch; False where none starts before the time."""
        if not self.waiting:
            if not self.inbox or self.inbox[0][0] > until:
                return False
            arrival = self.inbox[0][0]
            self._pass(max(arrival - self.now, 0.0))
            self.now = max(self.now, arrival)
        elif self.now >= until:
            return False
        self._pull(self.now)
        batch = self._batch()
        self._enter(batch)
        self._generate(batch)
        return True

    def _batch(self) -> list[int]:
        ledger, pages, batch = self.ledger, self.pages, []
        while self.waiting and len(batch) < self.sequences:
            one = self.waiting[0]
            needed = pages.of(ledger.input[one] + ledger.output[one] - 1)
            if needed > pages.free:
                break
            pages.take(needed)
            batch.append(self.waiting.popleft())
            ledger.started[one], ledger.replica[one] = self.now, self.number
        self.running = len(batch)
        return batch

    def _enter(self, batch: list[int]) -> None:
        """All prompts, in iterations of `chunk` tokens."""
        chunks: list[tuple[int, int]] = []
        budget, ended = self.chunk, 0
        for one in batch:
            done, whole = 0, self.ledger.input[one]
            while done < whole:
                end = min(whole, done + budget)
                chunks.append((done, end))
                ended += end == whole
                budget, done = budget - (end - done), end
                if budget == 0:
                    self._pass(self.seconds.mixed(0, 0, chunks, ended, 1))
                    chunks, budget, ended = [], self.chunk, 0
        if chunks:
            self._pass(self.seconds.mixed(0, 0, chunks, ended, 1))
        for one in batch:
            self.ledger.first[one] = self.now

    def _generate(self, batch: list[int]) -> None:
        ledger, running = self.ledger, len(batch)
        contexts = sum(ledger.input[one] + 1 for one in batch)
        steps = max(ledger.output[one] for one in batch) - 1
        if steps:
            first = self.seconds.decode(running, contexts)
            last = self.seconds.decode(running, contexts + (steps - 1) * running)
            self._pass(steps * (first + last) / 2)
        for one in batch:
            ledger.finished[one] = self.now
            self.pages.give_back(self.pages.of(ledger.input[one] + ledger.output[one] - 1))
            if self.backlog:
                self.inbox.append((self.now + self.outside, self.backlog.popleft()))
        self.running = 0

    def _pull(self, now: float) -> None:
        while self.inbox and self.inbox[0][0] <= now:
            time, one = self.inbox.popleft()
            self.waiting.append(one)
            self.ledger.reached[one] = time

    def _pass(self, seconds: float) -> None:
        end = self.now + seconds
        while self.samples.next <= end:
            self._pull(self.samples.next)
            self.samples.add(len(self.waiting), self.running, self.pages.total - self.pages.free)
        self.now = end
