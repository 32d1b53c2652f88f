"""A deployment serves requests: its replicas made, arrivals sent to them, what they wrote down gathered."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

import numpy as np

from froude.cost.model.formats import kv_bytes
from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation.drafting import Speculation, Yields
from froude.cost.serving.simulation.iteration_seconds import iteration_seconds
from froude.cost.serving.simulation.ledger import Ledger
from froude.cost.serving.simulation.pages import Pages
from froude.cost.serving.simulation.prefix_cache import PrefixCache
from froude.cost.serving.simulation.replica import Replica
from froude.cost.serving.simulation.requests import Requests
from froude.cost.serving.simulation.scheduling import Routing, Scheduling
from froude.cost.serving.simulation.simulation import SampledQueue, Simulation
from froude.cost.serving.simulation.static_batch import StaticBatch
from froude.errors import InputError

USUAL = Scheduling()

HOST_BYTES_PER_S = 25e9
"""Of a device to the host where the machine says nothing: 16 lanes of PCIe 4 (guess)."""


def simulate(
    deployment: Deployment,
    requests: Requests,
    *,
    constants: ServingConstants | None = None,
    scheduling: Scheduling = USUAL,
    speculation: Speculation | None = None,
    seed: int = 0,
) -> Simulation:
    """Serves `requests` event by event on one deployment (no arrays in it), over the closed forms' iterations.

    Of the deployment count its model, machine, engine, formats and layout (`dp` replicas); its load and lengths do not,
    but for the mean length by which a window or a state is spread over pages: those of `requests` do.

        from froude.cost.serving.simulation import loop_requests, poisson_requests, simulate

        requests = poisson_requests(20.0, 2000, 500, count=500, rng=np.random.default_rng(1))
        found = simulate(deployment, requests, constants=constants)
        found.goodput(ttft=0.5, tpot=0.03, warm_up=0.1)   # share of requests within both limits
        np.quantile(found.ttft, 0.95), found.per_second   # arrays of seconds by request: ttft, tpot, e2e

    `loop_requests(users, …)` are users of all replicas together, who are dealt to them. `constants` are those that ship
    by default. `seed` is that of what `speculation` keeps. InputError where a request is too long for a replica. The same
    arguments give the same result.
    """
    constants = serving_constants() if constants is None else constants
    ledger = Ledger(requests)
    outside = seconds_outside(deployment, constants)
    replicas = replicas_of(
        deployment, requests, constants, ledger, scheduling=scheduling, speculation=speculation, seed=seed
    )
    if requests.arrival is None:
        _serve_users(replicas, requests.users or 1, len(requests), outside)
    else:
        serve_arrivals(replicas, requests.arrival + outside, np.arange(len(requests)), scheduling.routing)
    return gathered(deployment, requests, ledger, replicas, outside)


def seconds_outside(deployment: Deployment, constants: ServingConstants) -> float:
    """Seconds of a request before it reaches a replica; a static batch is asked for where it is served."""
    return 0.0 if deployment.engine.prompts == "together" else float(constants.prompt)


def replicas_of(
    deployment: Deployment,
    requests: Requests,
    constants: ServingConstants,
    ledger: Ledger,
    *,
    scheduling: Scheduling,
    speculation: Speculation | None = None,
    seed: int = 0,
) -> list[Replica | StaticBatch]:
    """The replicas of a deployment, nothing before them yet, that write into one ledger."""
    engine, count = deployment.engine, int(deployment.dp)
    chunk, sequences = scheduling.chunk or engine.chunk, scheduling.sequences or engine.sequences
    promised = engine.promised if scheduling.promised is None else scheduling.promised
    total, longest = pages_of(deployment), int(np.max(requests.input + requests.output))
    _check_room(deployment, requests, total, promised)
    tokens = 1 if speculation is None else 1 + speculation.drafted
    most = min(sequences, len(requests)) * tokens + chunk
    seconds = iteration_seconds(deployment, constants, positions=most, longest=longest, speculation=speculation)
    outside = seconds_outside(deployment, constants)
    if engine.prompts == "together":
        batch = sequences if requests.users is None else min(max(requests.users // count, 1), sequences)
        usual = {"chunk": chunk, "sequences": batch, "outside": outside}
        return [StaticBatch(k, ledger, seconds, Pages(total, engine.page), **usual) for k in range(count)]
    made: list[Replica | StaticBatch] = []
    for number in range(count):
        pages = Pages(total, engine.page, is_growing=speculation is None)
        made.append(
            Replica(
                number,
                ledger,
                seconds,
                pages,
                prompts=engine.prompts,
                chunk=chunk,
                sequences=sequences,
                promised=promised,
                outside=outside,
                cache=PrefixCache(pages, requests.block),
                sharing=scheduling.cache and requests.hashes is not None,
                swap_seconds=swap_seconds(deployment) if scheduling.preemption == "swap" else None,
                yields=None if speculation is None else Yields(speculation, np.random.default_rng([seed, number])),
            )
        )
    return made


def pages_of(deployment: Deployment) -> int:
    """Pages of keys and values of a replica: those that `largest_batch` counts, beside the weights."""
    room, request = float(np.asarray(deployment.room_bytes)), float(np.asarray(deployment.request_bytes))
    if request <= 0:
        return 10**12
    tokens = float(np.asarray(deployment.input + deployment.engine.reserved * deployment.output))
    pages = ceil(tokens / deployment.engine.page)
    return max(int(room / request * pages), 0)


def swap_seconds(deployment: Deployment) -> float:
    """Seconds in which a token's keys and values go from a replica to the host, all devices at once."""
    tier = deployment.machine.tiers.get("host")
    bandwidth = HOST_BYTES_PER_S if tier is None else float(tier.link.bandwidth_bytes_per_s)
    tokens = float(np.asarray(deployment.input + deployment.output / 2))
    each = float(np.asarray(kv_bytes(deployment.model, tokens, deployment.kv_format) * deployment.copies)) / tokens
    return each / (bandwidth * float(np.asarray(deployment.tp)) * float(np.asarray(deployment.pp)))


def _check_room(deployment: Deployment, requests: Requests, total: int, promised: float) -> None:
    page = deployment.engine.page
    tokens = requests.input + np.maximum(requests.output - 1, np.ceil(promised * requests.output))
    most = int(np.max(tokens))
    if -(-most // page) > total:
        raise InputError(
            f"a request of {most:,} tokens has no room on {int(deployment.tp) * int(deployment.pp)} x "
            f"{deployment.machine.chip.name}, which hold {total * page:,} beside the weights: take more devices of a "
            "replica, or leave such requests out"
        )
    if requests.hashes is not None and requests.block % page:
        raise InputError(f"blocks of {requests.block} tokens are no whole pages of {page}: give other blocks")


def _serve_users(replicas: Sequence[Replica | StaticBatch], users: int, count: int, outside: float) -> None:
    """Users are dealt to replicas, and so are requests; the first of each user come at once."""
    busy = replicas[:users]
    for number, replica in enumerate(busy):
        own = range(number, count, len(busy))
        many = len(range(number, users, len(busy)))
        replica.inbox.extend((outside, one) for one in own[:many])
        replica.backlog.extend(own[many:])
        replica.run()


def serve_arrivals(
    replicas: Sequence[Replica | StaticBatch], seconds: np.ndarray, numbers: np.ndarray, routing: Routing
) -> None:
    """Requests, by their numbers, that arrive at rising seconds are sent to replicas, which serve them all."""
    arrivals = zip(seconds.tolist(), numbers.tolist(), strict=True)
    for place, (time, one) in enumerate(arrivals):
        if routing == "round robin" or len(replicas) == 1:
            replicas[place % len(replicas)].inbox.append((time, one))
            continue
        for replica in replicas:
            replica.run(time)
        min(replicas, key=lambda replica: replica.load).inbox.append((time, one))
    for replica in replicas:
        replica.run(inf)


def gathered(
    deployment: Deployment,
    requests: Requests,
    ledger: Ledger,
    replicas: Sequence[Replica | StaticBatch],
    outside: float,
) -> Simulation:
    """What replicas wrote down, as arrays."""
    reached, started, first, finished = map(np.array, (ledger.reached, ledger.started, ledger.first, ledger.finished))
    arrival = reached - outside if requests.arrival is None else requests.arrival
    steps = requests.output - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        tpot = np.where(steps > 0, (finished - first) / steps, np.nan)
    return Simulation(
        deployment=deployment,
        requests=requests,
        arrival=arrival,
        ttft=first - arrival,
        tpot=tpot,
        e2e=finished - arrival,
        waited=started - reached,
        evictions=np.array(ledger.evictions),
        reused=np.array(ledger.reused),
        replica=np.array(ledger.replica),
        queues=tuple(_sampled(replica) for replica in replicas),
    )


def _sampled(replica: Replica | StaticBatch) -> SampledQueue:
    rows = np.array(replica.samples.rows, dtype=float).reshape(-1, 4)
    seconds, waiting, running, pages = rows.T
    return SampledQueue(seconds=seconds, waiting=waiting, running=running, pages=pages, total=replica.pages.total)
