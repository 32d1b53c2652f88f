"""One replica, event by event: who is let in, which prompts enter an iteration, who is answered, who must make room.

The state of an iteration is a few sums: how many requests decode, the keys that they have together, the pages that they
take. Each request's last iteration is known when it starts to decode and lies on a heap, so nothing is done for a
request between its first and its last token; iterations into which no prompt enters are jumped over, up to the next
answer, the next arrival, or the next lack of pages. Their seconds grow straight with the keys, so that n of them take
n · (first + last) / 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from math import ceil, inf, sqrt
from typing import final

from froude.cost.serving.engines import Prompts
from froude.cost.serving.simulation.drafting import Yields
from froude.cost.serving.simulation.iteration_seconds import IterationSeconds
from froude.cost.serving.simulation.ledger import Ledger, QueueSamples
from froude.cost.serving.simulation.pages import Pages
from froude.cost.serving.simulation.prefix_cache import PrefixCache


@final
class Replica:
    """A replica that lets prompts in "beside" decoding or "first"; `step` goes to the next event.

    `inbox` holds arrivals as (seconds, number), rising; `backlog` requests that users ask as soon as another is
    answered, `outside` seconds later. `swap_seconds` a token is what carrying keys and values to the host takes, None
    where they are computed again instead. With `yields`, those of passes that verify drafted tokens, a request takes
    the pages of its whole answer from the start: how many a pass will need is not known before it.
    """

    def __init__(
        self,
        number: int,
        ledger: Ledger,
        seconds: IterationSeconds,
        pages: Pages,
        *,
        prompts: Prompts,
        chunk: int,
        sequences: int,
        promised: float,
        outside: float = 0.0,
        cache: PrefixCache,
        sharing: bool = False,
        swap_seconds: float | None = None,
        yields: Yields | None = None,
    ) -> None:
        self.number, self.ledger, self.seconds, self.pages, self.cache = number, ledger, seconds, pages, cache
        self.beside, self.chunk, self.sequences = prompts == "beside", chunk, sequences
        self.promised, self.outside, self.sharing, self.swap_seconds = promised, outside, sharing, swap_seconds
        self.yields, self.growth = yields, 0.0  # keys more after an iteration
        self.rates: dict[int, float] = {}  # of requests whose passes yield several tokens, how many on average
        self.inbox: deque[tuple[float, int]] = deque()
        self.backlog: deque[int] = deque()
        self.waiting: deque[int] = deque()
        self.active: dict[int, int] = {}  # requests let in, in their order, with the iteration after their last
        self.entering: tuple[int, int, int] | None = None  # a prompt of which a part has entered: number, done, all
        self.answered: list[tuple[int, int]] = []  # a heap of (iteration after the last, number), old entries left in
        self.progress: dict[int, int] = {}  # tokens of answers that were interrupted
        self.stored: set[int] = set()  # of these, requests whose keys and values are kept elsewhere
        self.shared: dict[int, int] = {}  # blocks of the cache that a request reads
        self.now, self.iteration, self.contexts, self.stall, self.commitment = 0.0, 0, 0.0, 0.0, 0
        self.samples = QueueSamples()

    @property
    def load(self) -> int:
        """Requests that wait or run, and those about to arrive."""
        return len(self.inbox) + len(self.waiting) + len(self.active)

    def run(self, until: float = inf) -> None:
        """Goes on until a time, or until nothing is left to do."""
        while self.step(until):
            pass

    def step(self, until: float = inf) -> bool:
        """Goes to the next event before a time; False where there is none."""
        if not self.active and not self.waiting:
            if not self.inbox or self.inbox[0][0] > until:
                return False
            arrival = self.inbox[0][0]
            self._pass(max(arrival - self.now, 0.0))
            self.now = max(self.now, arrival)  # where their difference was rounded down
        elif self.now >= until:
            return False
        self._pull(self.now)
        crowded = self._make_room()
        chunks, ended = ([], []) if crowded else self._let_in()
        if chunks:
            self._enter(chunks, ended)
        else:
            self._decode(until, 1 if crowded else None)  # who had to leave may find room right after
        return True

    def _pull(self, now: float) -> None:
        inbox, waiting, reached = self.inbox, self.waiting, self.ledger.reached
        while inbox and inbox[0][0] <= now:
            time, one = inbox.popleft()
            waiting.append(one)
            reached[one] = time

    def _pass(self, seconds: float) -> None:
        """Lets time go by, and looks at the queue at the fixed times within."""
        end, samples = self.now + seconds, self.samples
        while samples.next <= end:
            self._pull(samples.next)
            held = self.pages.total - self.pages.free
            samples.add(len(self.waiting), len(self.active), held)
        self.now = end

    def _make_room(self) -> bool:
        """Whether requests had to leave so that those that decode have pages for an iteration."""
        pages, crowded = self.pages, False
        while pages.decoding:
            lacking = pages.grown(self.iteration, 1) - pages.free
            if lacking > 0:
                self.cache.free(lacking)
                lacking = pages.grown(self.iteration, 1) - pages.free
            if lacking <= 0:
                break
            self._preempt()
            crowded = True
        return crowded

    def _let_in(self) -> tuple[list[tuple[int, int]], list[int]]:
        """Chunks of prompts for the next iteration, and the requests whose prompts end in it."""
        chunks, ended, waiting = [], [], self.waiting
        if self.entering is None and not waiting:
            return chunks, ended
        budget = self.chunk - (self.pages.decoding * self.seconds.tokens if self.beside else 0)
        growth = self.pages.grown(self.iteration, 1) if self.pages.decoding else 0
        while budget > 0:
            if self.entering is None:
                if not waiting or len(self.active) >= self.sequences:
                    break
                started = self._start(waiting[0], growth)
                if started is None:
                    break
                one = waiting.popleft()
                if started[0] == started[1]:  # its keys and values came from elsewhere
                    self._join(one, started[1])
                    growth = self.pages.grown(self.iteration, 1)
                    continue
                self.entering = (one, *started)
            one, done, whole = self.entering
            end = min(whole, done + budget)
            chunks.append((done, end))
            budget -= end - done
            self.entering = None if end == whole else (one, end, whole)
            if end == whole:
                ended.append(one)
        return chunks, ended

    def _start(self, one: int, growth: int) -> tuple[int, int] | None:
        """Lets a request in: tokens of its prompt that need not be computed, and all of them. None for want of room."""
        ledger, pages, cache = self.ledger, self.pages, self.cache
        made, elsewhere = self.progress.get(one, 0), one in self.stored
        whole = ledger.input[one] + made - elsewhere
        promise = pages.of(ledger.input[one] + ceil(self.promised * ledger.output[one]))
        if self.promised and self.commitment + promise > pages.total:
            return None
        hashes = self._hashes(one)[: 0 if elsewhere else None]
        blocks = cache.matched(hashes, whole) if hashes else 0
        own = self._pages(one, whole) - blocks * cache.each
        needed = own + growth + (elsewhere and pages.is_growing and whole % pages.page == 0)  # for its next token
        if needed > pages.free and needed > pages.free + cache.spare(hashes[:blocks]):
            return None
        if blocks:
            cache.read(hashes[:blocks])
            self.shared[one] = blocks
        cache.free(needed - pages.free)
        pages.take(own)
        self.commitment += promise
        self.active[one] = -1
        if ledger.started[one] != ledger.started[one]:
            ledger.started[one], ledger.replica[one] = self.now, self.number
            ledger.reused[one] = blocks * cache.block
        if elsewhere:
            self.stored.discard(one)
            if ledger.evictions[one]:
                self.stall += whole * (self.swap_seconds or 0.0)
        return (whole if elsewhere else blocks * cache.block), whole

    def _pages(self, one: int, stored: int) -> int:
        """Pages that a request holds of which so many tokens are stored."""
        if self.yields is None:
            return self.pages.of(stored)
        return self.pages.of(self.ledger.input[one] + self.ledger.output[one] - 1)

    def _hashes(self, one: int) -> Sequence[int]:
        """Blocks by which a request may share its prompt; none without a cache."""
        return self.ledger.hashes[one] if self.ledger.hashes is not None and self.sharing else ()

    def _enter(self, chunks: list[tuple[int, int]], ended: list[int]) -> None:
        """An iteration into which prompts enter: beside those that decode, or alone."""
        running = self.pages.decoding if self.beside else 0
        entering = len(ended) + (self.entering is not None)
        seconds = self.seconds.mixed(running, self.contexts if running else 0, chunks, len(ended), entering)
        self._pass(seconds + self.stall)
        self.stall = 0.0
        if running:
            self._count_decoded(1)
        for one in ended:
            self._end_prompt(one)

    def _end_prompt(self, one: int) -> None:
        """A prompt has entered: a token is there."""
        ledger, made = self.ledger, self.progress.get(one, 0)
        self.progress[one] = made + 1
        hashes = self._hashes(one)
        if hashes:
            self.cache.keep(hashes[self.shared.get(one, 0) :])
            self.shared[one] = len(hashes)
        if made == 0:
            ledger.first[one] = self.now
        self._join(one, ledger.input[one] + made)

    def _join(self, one: int, stored: int) -> None:
        """A request decodes from now on, so many of its tokens being stored; or it is answered already."""
        left = self.ledger.output[one] - self.progress[one]
        self.pages.join(stored, self.iteration)
        self.contexts += stored + 1
        passes, rate = left, 1.0
        if self.yields is not None and left:
            passes = self.yields.passes(left)
            rate = self.rates[one] = left / passes
        self.growth += rate
        end = self.active[one] = self.iteration + passes
        if left == 0:
            self._answer(one)
        else:
            heappush(self.answered, (end, one))

    def _decode(self, until: float, most: int | None = None) -> None:
        """Iterations without prompts, up to the next event."""
        pages, contexts, running = self.pages, self.contexts, self.pages.decoding
        most = most or self._left()
        count = pages.fitting(self.iteration, most, pages.free + self.cache.spare())
        first = self.seconds.decode(running, contexts)
        slope = 0.0
        if count > 1:
            slope = (self.seconds.decode(running, contexts + (count - 1) * self.growth) - first) / (count - 1)
        event = until if self.waiting or not self.inbox else min(until, self.inbox[0][0])
        gap = event - self.now - self.stall
        if count > 1 and gap < count * (first + slope * (count - 1) / 2):
            count = _iterations(max(gap, 0.0), first, slope, count)
        self.cache.free(pages.grown(self.iteration, count) - pages.free)
        self._pass(count * (first + slope * (count - 1) / 2) + self.stall)
        self.stall = 0.0
        self._count_decoded(count)

    def _left(self) -> int:
        """Iterations until the next request is answered."""
        answered, active = self.answered, self.active
        while active.get(answered[0][1]) != answered[0][0]:
            heappop(answered)
        return answered[0][0] - self.iteration

    def _count_decoded(self, count: int) -> None:
        pages, answered, active = self.pages, self.answered, self.active
        pages.take(pages.grown(self.iteration, count))
        self.contexts += count * self.growth
        self.iteration += count
        while answered and answered[0][0] <= self.iteration:
            end, one = heappop(answered)
            if active.get(one) == end:
                self._answer(one)

    def _answer(self, one: int) -> None:
        """A request has its last token, and whoever asked asks for the next."""
        ledger = self.ledger
        ledger.finished[one] = self.now
        self.progress[one] = ledger.output[one]
        self._leave(one, decoded=True)
        del self.progress[one]
        if self.backlog:
            self.inbox.append((self.now + self.outside, self.backlog.popleft()))

    def _leave(self, one: int, *, decoded: bool) -> None:
        """A request gives back its pages; where it has `decoded`, those of what it made, all but its last token."""
        ledger, pages = self.ledger, self.pages
        stored = ledger.input[one] + self.progress.get(one, 0) - decoded
        if decoded:
            pages.leave(stored, self.iteration)
            self.contexts -= stored + 1
            self.growth -= self.rates.pop(one, 1.0)
            if not pages.decoding:
                self.contexts, self.growth = 0.0, 0.0
        shared = self.shared.pop(one, 0)
        pages.give_back(self._pages(one, stored) - shared * self.cache.each)
        if shared:
            self.cache.leave(self._hashes(one)[:shared])
        self.commitment -= pages.of(ledger.input[one] + ceil(self.promised * ledger.output[one]))
        del self.active[one]

    def _preempt(self) -> None:
        """The request that was let in last makes room and waits before all others."""
        one = next(reversed(self.active))
        self.ledger.evictions[one] += 1
        if self.entering is not None and self.entering[0] == one:
            self.entering = None
            self._leave(one, decoded=False)
        else:
            self.progress[one] = self.ledger.output[one] - (self.active[one] - self.iteration)
            self._leave(one, decoded=True)
            if self.swap_seconds is not None:
                self.stored.add(one)
                self.stall += (self.ledger.input[one] + self.progress[one] - 1) * self.swap_seconds
        self.waiting.appendleft(one)


def _iterations(seconds: float, first: float, slope: float, most: int) -> int:
    """Iterations until so many seconds are over: the least n of n · first + slope · n · (n − 1) / 2 as long."""
    if slope <= 1e-12 * first:
        found = seconds / first
    else:
        half = first / slope - 0.5
        found = sqrt(half * half + 2 * seconds / slope) - half
    return min(max(ceil(found - 1e-9), 1), most)
