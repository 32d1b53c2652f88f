"""Serving simulated for a user: a deployment completed, its requests made or read, and what of them is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.bounds import MOST_SEED, positive_number, whole_number
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.serving.calibrated import constants_under
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine
from froude.cost.serving.serve_cost import ServeCost, serve_cost
from froude.cost.serving.simulation.drafting import Speculation
from froude.cost.serving.simulation.fleet import simulate
from froude.cost.serving.simulation.percentiles import usual_requests
from froude.cost.serving.simulation.pools import simulate_pools
from froude.cost.serving.simulation.requests import Requests
from froude.cost.serving.simulation.scheduling import Preemption, Routing, Scheduling
from froude.cost.serving.simulation.simulation import LEVELS, Simulation, mean_and_levels
from froude.cost.serving.simulation.traces import read_trace
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import LATENCIES, Stack
from froude.errors import InputError
from froude.provenance import Computed, recorded

COUNT = 2000
MOST_REQUESTS = 10**7
WARM_UP = 0.1
"""Share of requests, the first ones, that nothing is said of: they meet replicas that are emptier than they will be."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class ServeSimulation(Computed):
    """What requests met that a deployment served event by event.

    `cost` is the closed form of the same deployment, at the mean lengths; capacity, memory and prices come from it.
    `simulation` has the seconds of every request. `ttft_limit` and `tpot_limit`, in seconds, are those of `goodput`.
    """

    cost: ServeCost
    simulation: Simulation
    ttft_limit: float | None
    tpot_limit: float | None

    @cached_property
    def counted(self) -> slice:
        """The requests of which something is said."""
        count = len(self.simulation.requests)
        return slice(int(WARM_UP * count), count)

    @property
    def goodput(self) -> float | None:
        """The share of requests within both limits; None without limits."""
        if self.ttft_limit is None and self.tpot_limit is None:
            return None
        return self.simulation.goodput(self.ttft_limit, self.tpot_limit, warm_up=WARM_UP)

    @property
    def output_tokens_per_second(self) -> float:
        """Tokens of answers a second, of all devices."""
        return float(np.sum(self.simulation.requests.output)) / self.simulation.seconds

    @cached_property
    def is_falling_behind(self) -> bool:
        """Whether requests wait longer and longer: the last quarter over twice as long as the second, and a second."""
        quarter = len(self.simulation.waited) // 4
        early, late = self.simulation.waited[quarter : 2 * quarter], self.simulation.waited[-quarter:]
        if self.simulation.requests.arrival is None or quarter == 0:
            return False
        return bool(np.mean(late) > 2 * np.mean(early) + 1.0)

    def latency(self, name: str) -> Mapping[str, float | None]:
        """Mean and percentiles in seconds of "ttft", "tpot" or "e2e"; None where no answer has a second token."""
        seconds = getattr(self.simulation, name)[self.counted]
        known = seconds[np.isfinite(seconds)]
        if known.size == 0:
            return dict.fromkeys(("mean", *LEVELS))
        return {**mean_and_levels(known)}

    def to_dict(self) -> dict[str, Any]:
        """As JSON: as `ServeCost`, with what the simulation says in the place of closed forms."""
        found, many = self.simulation, self.output_tokens_per_second
        scale = self.cost.output_tokens_per_second / many
        own = self.cost.to_dict()
        kept = ("capacity_requests_per_second", "largest_batch", "memory_bytes", "seconds_by_part", "deployment")
        return {
            **{f"{name}_seconds": dict(self.latency(name)) for name in LATENCIES},
            "output_tokens_per_second": many,
            "per_device": many / float(self.cost.deployment.devices),
            "requests": len(found.requests),
            "warm_up_share": WARM_UP,
            "requests_per_second": found.per_second,
            "simulated_seconds": found.seconds,
            "goodput": self.goodput,
            "limits": {"ttft_seconds": self.ttft_limit, "tpot_seconds": self.tpot_limit},
            "waited_seconds": {"mean": float(found.waited.mean()), "p99": float(np.quantile(found.waited, 0.99))},
            "waiting": _at_times(found, "waiting"),
            "running": _at_times(found, "running"),
            "kv_occupancy": self.occupancy,
            "preemptions": int(found.evictions.sum()),
            "reused_share": float(found.reused.sum() / np.sum(found.requests.input)),
            "falling_behind": self.is_falling_behind,
            **{name: own[name] for name in kept},
            "joules_per_token": self.cost.joules_per_token * scale,
            "dollars_per_million_tokens": self.cost.dollars_per_million_tokens * scale,
            **self.origin,
            "assumptions": own["assumptions"],
        }

    @property
    def occupancy(self) -> dict[str, float]:
        """Share of the pages for keys and values that are taken, over time: mean and most, all replicas together."""
        shares = [queue.pages / queue.total for queue in self.simulation.queues if queue.pages.size]
        if not shares:
            return {"mean": 0.0, "most": 0.0}
        return {
            "mean": float(np.mean([one.mean() for one in shares])),
            "most": float(max(one.max() for one in shares)),
        }

    def rows(self) -> dict[str, np.ndarray]:
        """Columns of a table with a row a request."""
        found = self.simulation
        names = ("arrival", "ttft", "tpot", "e2e", "waited")
        seconds = {f"{name}_seconds": getattr(found, name) for name in names}
        counts = {"preemptions": found.evictions, "reused_tokens": found.reused, "replica": found.replica}
        return {**seconds, "input_tokens": found.requests.input, "output_tokens": found.requests.output, **counts}


def _at_times(found: Simulation, name: str) -> dict[str, float]:
    """Requests of all replicas together, over time: mean and, of one replica, the most."""
    seen = [getattr(queue, name) for queue in found.queues if queue.waiting.size]
    if not seen:
        return {"mean": 0.0, "most": 0.0}
    return {"mean": float(sum(one.mean() for one in seen)), "most": float(max(one.max() for one in seen))}


@recorded
def simulate_serving(
    model: Model | str,
    machine: Machine | str,
    *,
    input: int | None = None,
    output: int | None = None,
    users: float | None = None,
    rate: float | None = None,
    trace: str | Path | None = None,
    requests: int | None = None,
    engine: ServingEngine | str | None = None,
    precision: str | None = None,
    kv: str | None = None,
    tp: int | None = None,
    pp: int = 1,
    ep: int | None = None,
    dp: int | None = None,
    stack: Stack | str | None = None,
    ttft: float | None = None,
    tpot: float | None = None,
    chunk: int | None = None,
    sequences: int | None = None,
    preemption: Preemption = "recompute",
    routing: Routing = "round robin",
    prefix_cache: bool = True,
    speculation: Speculation | None = None,
    prefill_replicas: int = 0,
    seed: int = 0,
) -> ServeSimulation:
    """Serves requests event by event on what `serve_cost` would price, and says what each of them met.

    Lengths are `input` and `output` tokens, or those of a `trace` (see `read_trace`), of which the first `requests`
    count. The load is `users` or a `rate` as in `serve_cost`, else the arrivals of the trace at their own pace. Goodput
    is the share of requests within `ttft` and `tpot` seconds. `chunk` is the token budget of an iteration, `sequences`
    the most requests at once, `preemption` what becomes of keys and values that must make room, `routing` how arrivals
    are dealt to replicas. Prompts with the same hashes share their blocks, unless `prefix_cache` is off. Of the `dp`
    replicas `prefill_replicas` compute prompts alone and send them to the others. InputError as in `serve_cost`, and
    for requests that fit on no replica.
    """
    _check(seed, (ttft, tpot), {"chunk": chunk, "sequences": sequences, "requests": requests})
    read, load = _load(trace, requests, {"input": input, "output": output, "users": users, "rate": rate})
    stack = get_stack(stack) if isinstance(stack, str) else stack
    named = {"engine": engine, "precision": precision, "kv": kv, "tp": tp, "pp": pp, "ep": ep, "dp": dp}
    cost = serve_cost(model, machine, **load, **named, stack=stack, mean_only=True)
    asked = _requests(cost, read, requests, load, seed)
    how = Scheduling(preemption=preemption, routing=routing, chunk=chunk, sequences=sequences, cache=prefix_cache)
    found = _simulated(cost.deployment, asked, constants_under(stack), how, speculation, prefill_replicas, seed)
    return ServeSimulation(cost=cost, simulation=found, ttft_limit=ttft, tpot_limit=tpot)


def _check(seed: int, limits: Sequence[float | None], counts: Mapping[str, int | None]) -> None:
    whole_number("seed", seed, 0, MOST_SEED)
    for name, value in zip(("ttft", "tpot"), limits, strict=True):
        if value is not None:
            positive_number(name, value)
    for name, value in counts.items():
        if value is not None:
            whole_number(name, value, 1, MOST_REQUESTS)


def _load(
    trace: str | Path | None, count: int | None, load: Mapping[str, Any]
) -> tuple[Requests | None, dict[str, Any]]:
    """The requests of a trace, if there is one, and lengths and load as `serve_cost` takes them."""
    lengths = (load["input"], load["output"])
    if trace is None:
        if None in lengths:
            raise InputError("nobody said how long requests are: give input and output, or a trace")
        return None, dict(load)
    if lengths != (None, None):
        raise InputError("a trace has lengths of its own: give it, or input and output")
    read = read_trace(trace, count=count)
    rate = load["rate"]
    if load["users"] is None and rate is None:
        rate = read.mean_rate
        if rate is None:
            raise InputError("the trace does not say when requests arrive: give users, or a rate")
    means = {name: max(round(float(np.mean(getattr(read, name)))), 1) for name in ("input", "output")}
    return read, {**means, "users": load["users"], "rate": rate}


def _requests(
    cost: ServeCost, read: Requests | None, count: int | None, load: Mapping[str, Any], seed: int
) -> Requests:
    """The requests of a load: made, or those of a trace at its own pace, at another rate, or of users."""
    many = None if cost.deployment.users is None else max(round(float(cost.deployment.users)), 1)
    if read is None:
        return usual_requests(cost.deployment, many, count or COUNT, seed=seed)
    if many is not None:
        return replace(read, arrival=None, users=many)
    own, rate = read.mean_rate, load["rate"]
    if own is None or read.arrival is None:
        return replace(read, arrival=np.cumsum(np.random.default_rng(seed).exponential(1 / rate, len(read))))
    return replace(read, arrival=read.arrival * (own / rate))


def _simulated(
    deployment: Deployment,
    asked: Requests,
    constants: ServingConstants,
    how: Scheduling,
    speculation: Speculation | None,
    prefill_replicas: int,
    seed: int,
) -> Simulation:
    if not prefill_replicas:
        return simulate(deployment, asked, constants=constants, scheduling=how, speculation=speculation, seed=seed)
    all_of_them = int(deployment.dp)
    if speculation is not None:
        raise InputError("speculation and prefill_replicas are not simulated together: give one of them")
    if not 0 < prefill_replicas < all_of_them:
        raise InputError(f"prefill_replicas = {prefill_replicas}: give fewer than the {all_of_them} replicas (dp)")
    prompts, answers = (replace(deployment, dp=n) for n in (prefill_replicas, all_of_them - prefill_replicas))
    return simulate_pools(prompts, answers, asked, constants=constants, scheduling=how)
