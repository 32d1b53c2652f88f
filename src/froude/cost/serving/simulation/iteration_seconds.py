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

GRID = 64
"""Tokens between the lengths at which attention is priced."""

MOST_POSITIONS = 2**14
"""Positions that are priced one by one; beyond, where matmuls are long since bound by multiplying, cost is straight."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionSeconds:
    """An attention operator: seconds of reading and of scoring for one request, of scoring a prompt a token, by length.

    Lists are over multiples of `GRID` tokens. `count` operators stand in the model.
    """

    reading: list[float]
    scoring: list[float]
    prompt: list[float]
    count: float
    starting: float

    def seconds(self, running: float, context: float, chunks: Iterable[tuple[int, int]]) -> float:
        """Of an iteration: `running` requests with `context` keys each, and chunks of prompts from a token to one."""
        entering = 0.0
        for start, end in chunks:
            entering += end * _between(self.prompt, end) - start * _between(self.prompt, start)
        place = context / GRID
        i = int(place)
        if i + 1 >= len(self.reading):
            i, place = len(self.reading) - 2, len(self.reading) - 1.0
        part = place - i
        read = running * (self.reading[i] + part * (self.reading[i + 1] - self.reading[i]))
        scored = running * (self.scoring[i] + part * (self.scoring[i + 1] - self.scoring[i])) + entering
        return self.count * ((read if read > scored else scored) + self.starting)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class IterationSeconds:
    """Iterations of one replica of `stages` pipeline stages, each request of which puts `tokens` through a pass.

    Lists are over positions in units of 1 / `stages`. `eager` is what an iteration takes more in which no graph starts
    kernels, `host` the host's seconds of an iteration and of each request in it.
    """

    stages: int
    tokens: int
    passed: list[float]
    ended: list[float]
    attention: tuple[AttentionSeconds, ...]
    eager: float
    host: tuple[float, float]

    def decode(self, running: int, contexts: float) -> float:
        """Seconds of an iteration of `running` requests that have `contexts` keys together."""
        return self._pass(running, contexts) + self.host[0] + self.host[1] * running

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
    tokens: int = 1,
) -> IterationSeconds:
    """The tables of a deployment: iterations of up to `positions`, requests of up to `longest` tokens.

    `tokens` positions of each request pass at once, more than 1 where drafted ones are verified.
    """
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
    starts = [sum((np.max(one.starting) for one in part), start=0.0) for part in (body, head)]
    attention = tuple(_attention(deployment, constants, block, longest, tokens) for block in scores)
    kernels = sum(starts) + sum(one.count * one.starting for one in attention)
    eager = kernels * _eager_share(deployment, constants)
    host = [float(np.asarray(deployment.host_seconds(constants, n))) for n in (0.0, 1.0)]
    return IterationSeconds(
        stages=stages,
        tokens=tokens,
        passed=[float(starts[0]), *body_seconds.tolist()],
        ended=[float(starts[1]), *head_seconds.tolist()],
        attention=attention,
        eager=float(eager),
        host=(host[0], host[1] - host[0]),
    )


def _eager_share(deployment: Deployment, constants: ServingConstants) -> float:
    """What a kernel takes more that no graph starts, over what it takes in one."""
    graph, none = (
        deployment.serving(constants, 1.0, prompts, context=1.0, prompt=1.0).start_seconds(deployment.machine.chip)
        for prompts in (0.0, 1.0)
    )
    return float(np.asarray(none) / np.asarray(graph)) - 1.0 if np.asarray(graph) > 0 else 0.0


def _attention(
    deployment: Deployment, constants: ServingConstants, block: Block, longest: int, tokens: int
) -> AttentionSeconds:
    operator = block.operators[0]
    lengths = np.arange(0, longest + 2 * GRID, GRID, dtype=float)
    lengths[0] = 1.0  # of an empty context nothing is asked
    form = deployment.serving(constants, 1.0, context=lengths, prompt=lengths)
    weights = form.weights
    decode = operator_busy(operator, deployment.machine, replace(form, tokens=tokens), weights)
    prompt = operator_busy(operator, deployment.machine, replace(form, batch=0.0, prefilled=1.0), weights)
    reading, scoring, entering = (
        np.broadcast_to(np.asarray(one, dtype=float), lengths.shape).copy()
        for one in (decode.memory, decode.compute, prompt.compute)
    )
    for table in (reading, scoring, entering):  # from the second and third entry to where there are no keys
        table[0] = max(2 * table[1] - table[2], 0.0)
    return AttentionSeconds(
        reading=reading.tolist(),
        scoring=scoring.tolist(),
        prompt=entering.tolist(),
        count=float(np.sum(block.count)),
        starting=float(np.max(decode.starting)),
    )
