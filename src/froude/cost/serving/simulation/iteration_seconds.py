"""Seconds of a replica's iterations, looked up: what the event loop asks for a few times a request.

An iteration takes what its matmuls take, which depends on the positions that pass; the head, on those that end in a
token; attention, on keys read and scores computed; and the host, on the requests. So two tables over whole numbers of
positions hold all but attention exactly, and two over lengths hold an attention operator, interpolated between
multiples of `GRID` tokens: exact where cost grows straight with length. They are made from `Deployment.serving`, so
that the simulation and the closed forms of `load` price one and the same iteration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.model.operators import Attention, Block
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.iteration import network_seconds, operator_busy, price_operators
from froude.cost.serving.simulation.drafting import Speculation

GRID = 64
"""Tokens between the lengths at which attention is priced."""

MOST_POSITIONS = 2**14
"""Positions that are priced one by one; beyond, where matmuls are long since bound by multiplying, cost is straight."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionSeconds:
    """An attention operator: seconds of reading and of scoring for one request, of scoring a prompt a token, by length.

    Lists are over multiples of `GRID` tokens. `starting` is until kernels work, by length, and `wave` what each request
    more adds to it; `alone` that of prompts alone. `count` operators stand in the model.
    """

    reading: list[float]
    scoring: list[float]
    prompt: list[float]
    starting: list[float]
    wave: float
    alone: float
    count: float

    def seconds(self, running: float, context: float, chunks: Iterable[tuple[int, int]]) -> float:
        """Of an iteration: `running` requests with `context` keys each, and chunks of prompts from a token to one."""
        entering = 0.0
        for start, end in chunks:
            entering += end * _between(self.prompt, end) - start * _between(self.prompt, start)
        if not running:
            return self.count * (entering + self.alone)
        place = context / GRID
        i = int(place)
        if i + 1 >= len(self.reading):
            i, place = len(self.reading) - 2, len(self.reading) - 1.0
        j, part = i + 1, place - i
        read = running * (self.reading[i] + part * (self.reading[j] - self.reading[i]))
        scored = running * (self.scoring[i] + part * (self.scoring[j] - self.scoring[i])) + entering
        start = self.starting[i] + part * (self.starting[j] - self.starting[i]) + self.wave * running
        return self.count * ((read if read > scored else scored) + start)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class IterationSeconds:
    """Iterations of one replica of `stages` pipeline stages, each request of which puts `tokens` through a pass.

    Lists are over positions in units of 1 / `stages`. `eager` is what an iteration takes more in which no graph starts
    kernels, `host` the host's seconds of an iteration and of each request in it. Before a pass of requests that decode
    `drafted` tokens of each are drafted, by iterations of `draft`, or in `draft_share` of a pass each.
    """

    stages: int
    tokens: int
    passed: list[float]
    ended: list[float]
    attention: tuple[AttentionSeconds, ...]
    eager: float
    host: tuple[float, float]
    drafted: int = 0
    draft: IterationSeconds | None = None
    draft_share: float = 0.0

    def decode(self, running: int, contexts: float) -> float:
        """Seconds of an iteration of `running` requests that have `contexts` keys together."""
        seconds = self._pass(running, contexts)
        if self.drafted:
            seconds += self._drafting(running, contexts, seconds)
        return seconds + self.host[0] + self.host[1] * running

    def _drafting(self, running: int, contexts: float, seconds: float) -> float:
        if self.draft is None:
            return self.drafted * self.draft_share * seconds
        return self.drafted * self.draft._pass(running, contexts)

    def mixed(
        self, running: int, contexts: float, chunks: Sequence[tuple[int, int]], ended: int, entering: int
    ) -> float:
        """Seconds of an iteration into which chunks of prompts enter besides, `ended` of which are their prompts' last.

        `entering` requests more than those that decode are the host's to look after.
        """
        prompts = sum([end - start for start, end in chunks])
        stages, each = self.stages, running / self.stages
        own = running * self.tokens
        both = _entry(self.passed, own + stages * prompts) + _entry(self.ended, own + stages * ended) + self.eager
        for operator in self.attention:
            both += operator.seconds(each, contexts / running if running else 0.0, chunks)
        if stages > 1:
            alone = self._pass(running, contexts) if running else 0.0
            both = alone + (both - alone) / stages
        if self.drafted and running:
            both += self._drafting(running, contexts, self._pass(running, contexts))
        return both + self.host[0] + self.host[1] * (running + entering)

    def _pass(self, running: int, contexts: float) -> float:
        own = running * self.tokens
        whole = _entry(self.passed, own) + _entry(self.ended, own)
        for operator in self.attention:
            whole += operator.seconds(running / self.stages, contexts / running, ())
        return whole


def _entry(table: list[float], index: int) -> float:
    """A table's entry; beyond its end it goes on straight."""
    last = len(table) - 1
    if index <= last:
        return table[index]
    return table[last] + (index - last) * (table[last] - table[last // 2]) / (last - last // 2)


def _between(table: list[float], length: float) -> float:
    """What a table over multiples of the grid says of a length."""
    place = length / GRID
    i = min(int(place), len(table) - 2)
    return table[i] + (place - i) * (table[i + 1] - table[i])


def iteration_seconds(
    deployment: Deployment,
    constants: ServingConstants,
    *,
    positions: int,
    longest: int,
    speculation: Speculation | None = None,
) -> IterationSeconds:
    """The tables of a deployment: iterations of up to `positions`, requests of up to `longest` tokens."""
    drafted = 0 if speculation is None else speculation.drafted
    tokens = 1 + drafted
    stages, merged, machine = int(deployment.pp), deployment.merged, deployment.machine
    plain = tuple(b for b in merged.blocks if not isinstance(b.operators[0], Attention))
    scores = tuple(b for b in merged.blocks if isinstance(b.operators[0], Attention))
    many = np.arange(1, min(positions, MOST_POSITIONS) * stages + 1) / stages
    serving = deployment.serving(constants, many, context=1.0, prompt=1.0)
    body = price_operators(replace(merged, blocks=plain, head=()), machine, serving).values()
    head = price_operators(replace(merged, blocks=(), embedding=()), machine, serving).values()
    network = network_seconds(deployment.model, machine, serving)
    body_seconds = sum((one.seconds for one in body), start=0.0) + network + np.zeros(many.shape)
    head_seconds = sum((one.seconds for one in head), start=0.0) + np.zeros(many.shape)
    starts = [sum((float(np.max(one.starting)) for one in part), start=0.0) for part in (body, head)]
    attention = tuple(_attention(deployment, constants, block, longest, tokens) for block in scores)
    host = [float(np.asarray(deployment.host_seconds(constants, n))) for n in (0.0, 1.0)]
    return IterationSeconds(
        stages=stages,
        tokens=tokens,
        passed=[starts[0], *body_seconds.tolist()],
        ended=[starts[1], *head_seconds.tolist()],
        attention=attention,
        eager=_eager_seconds(deployment, constants),
        host=(host[0], host[1] - host[0]),
        drafted=drafted,
        draft=_draft(deployment, constants, positions, longest, speculation),
        draft_share=0.0 if speculation is None else speculation.draft_share,
    )


def _draft(
    deployment: Deployment,
    constants: ServingConstants,
    positions: int,
    longest: int,
    speculation: Speculation | None,
) -> IterationSeconds | None:
    """The tables of the model that drafts, on the same devices."""
    if speculation is None or speculation.draft is None:
        return None
    drafting = replace(deployment, model=speculation.draft)
    return iteration_seconds(drafting, constants, positions=positions, longest=longest)


def _eager_seconds(deployment: Deployment, constants: ServingConstants) -> float:
    """What an iteration takes more in which no graph starts kernels."""
    graph = deployment.serving(constants, 1.0, context=1.0, prompt=1.0)
    starts = [
        sum(
            float(np.max(one.starting)) for one in price_operators(deployment.merged, deployment.machine, each).values()
        )
        for each in (graph, replace(graph, graphs=0.0))
    ]
    return starts[1] - starts[0]


def _attention(
    deployment: Deployment, constants: ServingConstants, block: Block, longest: int, tokens: int
) -> AttentionSeconds:
    operator, machine = block.operators[0], deployment.machine
    lengths = np.arange(0, longest + 2 * GRID, GRID, dtype=float)
    lengths[0] = 1.0  # of an empty context nothing is asked
    one = replace(deployment.serving(constants, 1.0, context=lengths, prompt=lengths), tokens=tokens)
    many = [operator_busy(operator, machine, replace(one, batch=float(n)), one.weights) for n in (1, 2)]
    prompt = operator_busy(operator, machine, replace(one, batch=0.0, prefilled=1.0), one.weights)
    starts = [np.broadcast_to(each.starting, lengths.shape) for each in many]
    wave = float(starts[1][0] - starts[0][0])
    tables = [
        np.broadcast_to(np.asarray(each, dtype=float), lengths.shape).copy()
        for each in (many[0].memory, many[0].compute, prompt.compute)
    ]
    for table in tables:  # from the second and third entry to where there are no keys
        table[0] = max(2 * table[1] - table[2], 0.0)
    reading, scoring, entering = (table.tolist() for table in tables)
    return AttentionSeconds(
        reading=reading,
        scoring=scoring,
        prompt=entering,
        starting=(starts[0] - wave).tolist(),
        wave=wave,
        alone=float(np.max(prompt.starting)),
        count=float(np.sum(block.count)),
    )
