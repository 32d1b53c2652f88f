"""Closed forms of latency under load: a static batch, a closed loop of users, open arrivals below saturation.

A request holds a place from when its prompt enters until its last token. While R places are taken, each decodes
output − 1 times in iterations of d(R) seconds, and the devices work on every request's prompt, w seconds each, so that
a place is held for

    S(R) = (output − 1)·d(R) + R·w,

whatever the order in which prompts and decoding go; a replica answers R / S(R) requests a second. Which part of S falls
before the first token depends on how the engine lets prompts in (see `_first_token`). A closed loop has R = users, as
far as there are places. Open arrivals of a rate have R = rate·S(R) (Little 1961), below saturation; their prompts enter
with those alone that came while an iteration ran (see `_steps`), so that at light load each is priced by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.operators import Number
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment

ROUNDS = 3
"""Rounds of the fixed points: requests that decode beside those whose prompts wait, requests of a rate."""

FIRST_WAVE = 0.1
"""Share of requests that start all at once: the first of ten waves, as load tests send them (a guess)."""

GROUP_ROUNDS = 4
"""Rounds by which is found how many prompts enter together."""

LEAST_IDLE = 0.2
"""Share of time without prompts below which the spread of those that run is taken to grow no more."""

MOST_TOGETHER = 1000.0
"""Prompts that enter together at most, where they would be more and more."""

RATE_ROUNDS = 6
"""Rounds of false position by which requests of a rate are found."""

NEARLY = 0.98
"""Share of the capacity up to which open arrivals have a latency."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServingSeconds:
    """Latency and throughput of deployments under their load, elementwise; NaN latency where the load is too much.

    Means over requests; `tpot` is (e2e − ttft) / (output − 1), `per_second` requests a second of all devices. Of a
    replica `running` requests hold a place at once, of which `decoding` decode; an iteration of these takes `decode`
    seconds, and a request's prompt `prompt` seconds.
    """

    ttft: Number
    tpot: Number
    e2e: Number
    per_second: Number
    running: Number
    decoding: Number
    decode: Number
    prompt: Number


@final
@dataclass(frozen=True, kw_only=True)
class ReplicaSeconds:
    """Seconds of an iteration that decodes, and of a request's prompt, by the requests that a replica serves.

    `entering` is what an iteration takes for so many tokens of prompts that enter it, by requests and tokens.
    """

    decode: Callable[[Number], Number]
    prompt: Callable[[Number], Number]
    entering: Callable[[Number, Number], Number]


def priced_seconds(deployment: Deployment, constants: ServingConstants) -> ReplicaSeconds:
    """Those of a deployment, priced anew for every number of requests."""
    return ReplicaSeconds(
        decode=lambda running: decode_seconds(deployment, constants, running),
        prompt=lambda running: prompt_seconds(deployment, constants, running),
        entering=lambda running, tokens: entering_seconds(deployment, constants, running, tokens),
    )


def serving_seconds(
    deployment: Deployment, constants: ServingConstants, priced: ReplicaSeconds | None = None
) -> ServingSeconds:
    """Latency and throughput of a deployment, or of many at once; `priced` are seconds that are known already."""
    priced = priced_seconds(deployment, constants) if priced is None else priced
    with np.errstate(divide="ignore", invalid="ignore"):
        if deployment.engine.prompts == "together":
            return _static(deployment, priced)
        places = np.maximum(np.asarray(deployment.largest_batch) / deployment.dp, 1.0)
        if deployment.rate is not None:
            return _open(deployment, constants, priced, places)
        users = np.asarray(deployment.users) / deployment.dp
        running = np.minimum(np.maximum(users, 1.0), places)
        return _loop(deployment, constants, priced, running, users)


def decode_seconds(deployment: Deployment, constants: ServingConstants, running: Number) -> Number:
    """Seconds from one token to the next of requests that decode together, no prompt entering."""
    each = np.asarray(running) / deployment.pp
    return deployment.iteration(constants, each).seconds + deployment.host_seconds(constants, running)


def prompt_seconds(deployment: Deployment, constants: ServingConstants, running: Number) -> Number:
    """Seconds of the devices that a request's prompt takes among others: chunks are full, as many prompts wait."""
    chunk = np.minimum(deployment.engine.chunk, deployment.input * np.maximum(running, 1.0))
    chunks = np.asarray(deployment.input) / chunk
    return (1 - np.asarray(deployment.reused)) * chunks * entering_seconds(deployment, constants, running, chunk)


def entering_seconds(deployment: Deployment, constants: ServingConstants, running: Number, tokens: Number) -> Number:
    """Seconds that an iteration is longer for so many tokens of prompts, or that one of their own takes."""
    beside = np.asarray(running) / deployment.pp
    without, host = 0.0, 0.0
    if deployment.engine.prompts == "beside":
        without = deployment.iteration(constants, beside).seconds
    else:
        beside, host = 0.0 * beside, deployment.host_seconds(constants, 1.0)
    return (deployment.iteration(constants, beside, tokens).seconds - without + host) / deployment.pp


def _loop(
    deployment: Deployment, constants: ServingConstants, priced: ReplicaSeconds, running: Number, users: Number
) -> ServingSeconds:
    """A closed loop of users of a replica, of whom `running` hold places."""
    steps = np.asarray(deployment.output) - 1.0
    work = priced.prompt(running)
    decoding, first, decode = running, 0.0, 0.0
    for _ in range(ROUNDS):
        decode = priced.decode(np.maximum(decoding, 1.0))
        held = steps * decode + running * work
        first = np.where(steps > 0, _first_token(deployment, constants, running, work, decode, held), held)
        decoding = running * (1 - first / held)
    held = steps * decode + running * work
    waits = np.maximum(users - running, 0.0) / running * held
    at_once = np.asarray(deployment.streamed) - 1.0
    tpot = (held - first) / np.maximum(steps, 1.0)
    streaming = at_once * tpot
    return ServingSeconds(
        ttft=constants.prompt + waits + first + streaming,
        tpot=tpot - streaming / np.maximum(steps, 1.0),
        e2e=constants.prompt + waits + held,
        per_second=deployment.dp * users / (constants.prompt + waits + held),
        running=running,
        decoding=decoding,
        decode=decode,
        prompt=work,
    )


def _first_token(
    deployment: Deployment, constants: ServingConstants, running: Number, work: Number, decode: Number, held: Number
) -> Number:
    """Seconds from when a place is free to the first token.

    Where all R prompts enter at once a request waits for half of them, w·(R + 1)/2. So it is where prompts go first.
    Where they enter beside decoding that is so in the first wave, the more the longer users of equal lengths keep in
    step; later a request waits for the iteration that runs and for the few prompts that enter together with its own,
    for more of them the more of the time goes to prompts.
    """
    burst, step = work * (running + 1) / 2, np.where(running > 1, decode, 0.0)
    if deployment.engine.prompts == "first":
        return burst + step
    in_step = constants.lockstep / (constants.lockstep + running)
    share = np.where(np.asarray(deployment.alike) > 0, np.maximum(in_step, FIRST_WAVE), FIRST_WAVE)
    busy = np.minimum(running * work / held, 0.95)
    later = constants.together * work / (1 - busy) ** constants.queueing
    later = np.minimum(later, burst)
    return (1 - share) * later + share * burst + step


def capacity_per_second(
    deployment: Deployment, constants: ServingConstants, priced: ReplicaSeconds | None = None
) -> Number:
    """The most requests a second of a deployment: those of replicas all of whose places are taken."""
    priced = priced_seconds(deployment, constants) if priced is None else priced
    places = np.maximum(np.asarray(deployment.largest_batch) / deployment.dp, 1.0)
    steps = np.maximum(np.asarray(deployment.output) - 1.0, 0.0)
    return deployment.dp * places / _held(priced, steps, places)


def _held(priced: ReplicaSeconds, steps: Number, running: Number) -> Number:
    """Seconds for which a request holds a place, S(R)."""
    many = np.maximum(running, 1.0)
    return steps * priced.decode(many) + running * priced.prompt(many)


@final
@dataclass(frozen=True, kw_only=True)
class _Steps:
    """How iterations follow one another under arrivals: some decode, some let in the prompts that came meanwhile.

    A step is an iteration that decodes alone, of `decode` seconds, or `chunks` iterations of `group` seconds together
    into which `prompts` requests' prompts enter on average; `share` of the steps are such, more of those that follow
    one of them (`again`). A token of an answer takes `token` seconds.
    """

    decode: Number
    group: Number
    chunks: Number
    prompts: Number
    share: Number
    again: Number
    token: Number


def _steps(deployment: Deployment, priced: ReplicaSeconds, rate: Number, running: Number) -> _Steps:
    """The steps of a replica on which so many requests run and `rate` arrive a second at random.

    After a step of t seconds 1 - exp(-rate·t) is the chance that prompts wait; they all enter together, so that at
    light load each enters alone. Of those that run a request sees more than the mean, as how many came in its
    iterations varies as busy periods do: 1 / (1 - busy)² times as much as at random. Found in `GROUP_ROUNDS` rounds.
    """
    beside = deployment.engine.prompts == "beside"
    room = np.maximum(deployment.engine.chunk - beside * running, 1.0)
    own = np.asarray(deployment.input) * (1 - np.asarray(deployment.reused))
    prompts, others, found = 1.0 + 0.0 * rate, 1.0, None
    for _ in range(GROUP_ROUNDS):
        decode = priced.decode(running + others)
        chunks, group = _group(priced, decode * beside, room, own, prompts, running)
        comes, again = -np.expm1(-rate * decode), -np.expm1(-rate * group)
        share = comes / (comes + 1 - again)
        mean = (1 - share) * decode + share * group
        token = mean / (1 - share + beside * share * chunks)
        found = _Steps(
            decode=decode, group=group, chunks=chunks, prompts=prompts, share=share, again=again, token=token
        )
        prompts = np.minimum(rate * mean / share, MOST_TOGETHER)
        busy = share * (group - beside * chunks * decode) / mean
        others = 1 / np.maximum(1 - busy, LEAST_IDLE) ** 2
    assert found is not None
    return found


def _group(
    priced: ReplicaSeconds, decode: Number, room: Number, own: Number, prompts: Number, running: Number
) -> tuple[Number, Number]:
    """Iterations in which so many prompts of `own` tokens enter, and their seconds, those that decode among them."""
    chunks = np.maximum(np.ceil(own / room), own * prompts / room)
    return chunks, chunks * (decode + priced.entering(running + 1.0, own * prompts / chunks))


def _open(
    deployment: Deployment, constants: ServingConstants, priced: ReplicaSeconds, places: Number
) -> ServingSeconds:
    """Open arrivals at random times: R = rate·S(R), prompts entering with those that came while an iteration ran.

    R is found by false position (Illinois) between none and all places; a kept end counts half, so that the other comes
    nearer too. Requests that decode wait for the groups of prompts that enter meanwhile, and a request's own prompt for
    the rest of the step that runs when it comes.
    """
    rate = np.asarray(deployment.rate, dtype=float) / deployment.dp
    steps = np.maximum(np.asarray(deployment.output) - 1.0, 0.0)
    full = places / _held(priced, steps, places)

    def left(running: Number) -> Number:
        return running - rate * steps * _steps(deployment, priced, rate, running).token

    low, high = np.zeros_like(rate * places), places + 0.0 * rate
    under, over = -left(low), left(high)
    for _ in range(RATE_ROUNDS):
        middle = np.where(over > 0, (low * over + high * under) / np.maximum(under + over, 1e-30), high)
        gap = left(middle)
        enough = gap > 0
        under, over = np.where(enough, under / 2, -gap), np.where(enough, gap, over / 2)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    running = np.where(over > 0, (low * over + high * under) / np.maximum(under + over, 1e-30), high)
    found = _steps(deployment, priced, rate, running)
    first = _first_of_arrivals(deployment, priced, found, rate, running)
    rest = np.maximum(steps - 1, 0.0) * found.token + np.minimum(steps, 1.0) * _token_after_prompt(deployment, found)
    tpot = rest / np.maximum(steps, 1.0)
    fine = rate < NEARLY * full
    ttft, tpot = (np.where(fine, one, np.nan) for one in (constants.prompt + first, tpot))
    return ServingSeconds(
        ttft=ttft,
        tpot=tpot,
        e2e=ttft + steps * tpot,
        per_second=np.minimum(rate, full) * deployment.dp,
        running=np.where(fine, rate * (first + rest), places),
        decoding=running,
        decode=found.decode,
        prompt=found.group / found.prompts,
    )


def _token_after_prompt(deployment: Deployment, found: _Steps) -> Number:
    """Seconds to the second token: after a group of prompts, longer than decoding, more often comes another."""
    if deployment.engine.prompts == "beside":
        return (1 - found.again) * found.decode + found.again * found.group / found.chunks
    return found.decode + found.again * found.group / (1 - found.again)


def _first_of_arrivals(
    deployment: Deployment, priced: ReplicaSeconds, found: _Steps, rate: Number, running: Number
) -> Number:
    """Seconds from arrival to the first token: the rest of the step that runs, then the group of which it is one.

    Who arrives meets a step in proportion to its length, and enters with those who came and come in the same one.
    """
    beside = deployment.engine.prompts == "beside"
    room = np.maximum(deployment.engine.chunk - beside * running, 1.0)
    own = np.asarray(deployment.input) * (1 - np.asarray(deployment.reused))
    mean = (1 - found.share) * found.decode + found.share * found.group
    each = found.group / found.prompts
    spread = np.maximum(found.prompts * (1 + rate * mean - found.prompts), 0.0) * each**2
    square = (1 - found.share) * found.decode**2 + found.share * (found.group**2 + spread)
    idle = np.exp(-running) * (1 - rate * each)
    met = square / mean
    others = rate * met * (1 - idle)
    chunks, group = _group(priced, found.decode * beside, room, own, 1 + others, running)
    done = 1 / chunks + (1 - 1 / chunks) * (2 + others) / (2 + 2 * others)
    return met / 2 * (1 - idle) + group * np.minimum(done, 1.0)


def _static(deployment: Deployment, priced: ReplicaSeconds) -> ServingSeconds:
    """A batch that starts together: all prompts, then a token of each an iteration."""
    batch = np.asarray(deployment.users) / deployment.dp
    steps = np.maximum(np.asarray(deployment.output) - 1.0, 0.0)
    work = priced.prompt(batch)
    decode = priced.decode(batch)
    first = batch * work
    whole = first + steps * decode
    return ServingSeconds(
        ttft=first,
        tpot=decode,
        e2e=whole,
        per_second=batch * deployment.dp / whole,
        running=batch,
        decoding=batch,
        decode=decode,
        prompt=work,
    )


def seconds_by_part(deployment: Deployment, constants: ServingConstants, running: Number) -> dict[str, Number]:
    """Seconds from one token to the next of requests that decode, by part of the iteration."""
    priced = deployment.iteration(constants, np.asarray(running) / deployment.pp)
    groups: dict[str, Number] = {}
    for name, busy in priced.operators.items():
        group = "scores" if name.endswith("scores") else "matmuls" if np.any(busy.compute) else "elementwise"
        groups[group] = groups.get(group, 0.0) + busy.seconds - busy.starting
    starting = sum((busy.starting for busy in priced.operators.values()), start=0.0)
    return {
        **groups,
        "collectives": priced.network,
        "starts": starting,
        "host": deployment.host_seconds(constants, running),
    }
