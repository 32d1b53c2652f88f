"""What serving a model costs: latency with an interval, throughput, capacity, memory, energy and price.

What nobody said is assumed and listed. The interval is that of the mean of a repeated measurement: the model's own
error on rows that its constants were not fitted to, and the effect of an engine that nobody named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.bounds import positive_number
from froude.cost.machine.assumption import Assumption, parse_assumptions
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.serving.calibrated import constants_under
from froude.cost.serving.completion import complete_deployment
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine, known_engines, maker_of
from froude.cost.serving.intervals import half_widths, uncertainty_under
from froude.cost.serving.load import ServingSeconds, capacity_per_second, seconds_by_part, serving_seconds
from froude.cost.serving.simulation.percentiles import simulated_percentiles
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import LATENCIES, Stack
from froude.errors import InputError
from froude.provenance import Computed, recorded

READING_WATTS, MULTIPLYING_WATTS = 0.57, 0.85
"""Shares of a chip's power while decoding reads memory, and while prompts are multiplied. Medians of single A100, H100
and GH200 under vLLM and TensorRT-LLM at batch 1 (0.53 to 0.59) and at the highest at batch 64 (0.61 to 0.86):
argonne-lcf/LLM-Inference-Bench, Plots/Fig_16 at 4211f5d, values above 10,000 as milliwatts, doubles once."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class ServeCost(Computed):
    """What one deployment costs under its load; latencies are None where the load is beyond the capacity.

    `latency` has mean seconds and their 90% interval by "ttft", "tpot" and "e2e". `capacity` is the most requests a
    second of all devices, `largest_batch` the most requests that they hold at once, `memory` bytes of a device by part,
    `parts` seconds from one token to the next by part. `percentiles` has the seconds that half and 99 of 100 requests
    stay within, from a short simulation (`simulated_percentiles`); None where only means were asked for, or there are
    none.
    """

    deployment: Deployment
    latency: Mapping[str, tuple[float, tuple[float, float]]] | None
    per_second: float
    capacity: float
    largest_batch: int
    memory: Mapping[str, float]
    parts: Mapping[str, float]
    joules_per_token: float
    dollars_per_million_tokens: float
    assumptions: tuple[Assumption, ...]
    percentiles: Mapping[str, tuple[float, float]] | None = None

    @property
    def output_tokens_per_second(self) -> float:
        """Tokens of answers a second, of all devices."""
        return self.per_second * float(self.deployment.output)

    @property
    def utilisation(self) -> float:
        """Requests a second that arrive or are answered, over the capacity."""
        rate = self.deployment.rate
        return (self.per_second if rate is None else float(rate)) / self.capacity

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        many = self.output_tokens_per_second
        return {
            **{f"{name}_seconds": self._latency_to_dict(name) for name in LATENCIES},
            "output_tokens_per_second": many,
            "per_device": many / float(self.deployment.devices),
            "capacity_requests_per_second": self.capacity,
            "utilisation": self.utilisation,
            "largest_batch": self.largest_batch,
            "memory_bytes": dict(self.memory),
            "seconds_by_part": dict(self.parts),
            "joules_per_token": self.joules_per_token,
            "dollars_per_million_tokens": self.dollars_per_million_tokens,
            "deployment": deployment_to_dict(self.deployment),
            **self.origin,
            "assumptions": [{"name": one.name, "value": one.value, "why": one.why} for one in self.assumptions],
        }

    def _latency_to_dict(self, name: str) -> dict[str, Any]:
        mean, interval = (None, None) if self.latency is None else self.latency[name]
        p50, p99 = (None, None) if self.percentiles is None else self.percentiles[name]
        return {"mean": mean, "p50": p50, "p99": p99, "interval": None if interval is None else list(interval)}


def deployment_to_dict(deployment: Deployment) -> dict[str, Any]:
    """A single deployment as JSON."""
    names = ("devices", "tp", "pp", "ep", "dp", "input", "output", "users", "rate")
    plain = {name: getattr(deployment, name) for name in names}
    return {
        "engine": deployment.engine.label,
        "precision": deployment.precision,
        "kv": deployment.kv,
        **{name: None if value is None else float(value) for name, value in plain.items()},
    }


@recorded
def serve_cost(
    model: Model | str,
    machine: Machine | str,
    *,
    input: int,
    output: int,
    users: float | None = None,
    rate: float | None = None,
    engine: ServingEngine | str | None = None,
    precision: str | None = None,
    kv: str | None = None,
    tp: int | None = None,
    pp: int = 1,
    ep: int | None = None,
    dp: int | None = None,
    stack: Stack | str | None = None,
    mean_only: bool = False,
) -> ServeCost:
    """What serving requests of `input` and `output` tokens costs under a load, what is not said being assumed.

    The load is `users` who ask again as soon as they are answered (with the engine "static", a batch), or a `rate` of
    requests a second that arrive at random; one user where neither is given. `tp` devices work tensor-parallel, `pp`
    such groups in a pipeline, `dp` replicas; experts are divided among `ep` devices. `engine` is a name with a version
    after @, `precision` one of bf16, fp16, fp8, fp4 (nvfp4 on NVIDIA), int8 and int4, `kv` that of keys and values.
    `stack` is one that `calibrate_cost` fitted to load tests, or its file. Percentiles come from a short simulation,
    unless `mean_only`.
    InputError where a model does not fit, with the least change; for what a chip or an engine lacks; for bad numbers.
    """
    model = get_model(model) if isinstance(model, str) else model
    machine = get_machine(machine) if isinstance(machine, str) else machine
    for name, value in {"input": input, "output": output, "users": users, "rate": rate}.items():
        if value is not None:
            positive_number(name, value)
    if users is not None and rate is not None:
        raise InputError("users and a rate are two loads: give one of them")
    given = {"tp": tp, "pp": pp, "ep": ep, "dp": dp}
    deployment, assumptions = complete_deployment(
        model, machine, engine, precision, kv, given, input=input, output=output, users=users, rate=rate
    )
    stack = get_stack(stack) if isinstance(stack, str) else stack
    constants = constants_under(stack)
    effect = (1.0, 1.0) if engine is not None else _effect_of_engine(deployment)
    found = serving_seconds(deployment, constants)
    sure = bool(np.all(np.isfinite(found.ttft)))
    widths = half_widths(deployment, constants, uncertainty_under(stack, deployment)) if sure else {}
    return ServeCost(
        deployment=deployment,
        latency={name: _with_interval(_one(getattr(found, name)), width, effect) for name, width in widths.items()}
        or None,
        per_second=_one(found.per_second),
        capacity=_one(capacity_per_second(deployment, constants)),
        largest_batch=int(deployment.largest_batch),
        memory=_memory(deployment, _one(found.running)),
        parts={name: _one(value) for name, value in seconds_by_part(deployment, constants, found.decoding).items()},
        joules_per_token=_joules(deployment, found),
        dollars_per_million_tokens=_dollars(deployment, found),
        assumptions=(*assumptions, *_of_machine(machine), *parse_assumptions(model.assumed)),
        percentiles=simulated_percentiles(deployment, constants) if sure and not mean_only else None,
    )


def _of_machine(machine: Machine) -> tuple[Assumption, ...]:
    """What was assumed of the machine, but failures, which no answer here depends on."""
    return tuple(one for one in parse_assumptions(machine.assumed) if one.name != "failures")


def _with_interval(mean: float, width: float, effect: tuple[float, float]) -> tuple[float, tuple[float, float]]:
    """A mean with its 90% interval: the model's own error and what was assumed, as squares of logarithms."""
    below = np.hypot(width, min(np.log(effect[0]), 0.0))
    above = np.hypot(width, max(np.log(effect[1]), 0.0))
    return mean, (float(mean * np.exp(-below)), float(mean * np.exp(above)))


def _effect_of_engine(deployment: Deployment) -> tuple[float, float]:
    """The least and the most that a token takes under other engines that run there, over that of the one assumed."""
    ratios, maker = [1.0], maker_of(deployment.machine.chip)
    own = _one(serving_seconds(deployment, serving_constants()).tpot)
    newest = {one.name: one for one in known_engines() if maker in one.runs_on and one.prompts != "together"}
    for other in newest.values():
        if deployment.precision in other.formats and deployment.kv in other.kv:
            changed = replace(deployment, engine=other)
            ratios.append(_one(serving_seconds(changed, serving_constants()).tpot) / own)
    known = [ratio for ratio in ratios if np.isfinite(ratio)]
    return min(known), max(known)


def _one(value: Number) -> float:
    """The number that an array of one holds."""
    return float(np.asarray(value).item())


def _memory(deployment: Deployment, running: float) -> dict[str, float]:
    """Bytes of a device: weights, keys and values of the requests that run, the runtime, and what is left of all."""
    each = float(np.asarray(deployment.tp) * deployment.pp)
    weights = float(np.asarray(deployment.weight_bytes)) / each
    kept = running * float(deployment.request_bytes) / each
    capacity = deployment.machine.chip.memory_bytes
    used = weights + kept + RUNTIME_BYTES
    return {
        "weights": weights,
        "kv_cache": kept,
        "runtime": float(RUNTIME_BYTES),
        "total": used,
        "capacity": float(capacity),
    }


def _busy_with_prompts(deployment: Deployment, found: ServingSeconds) -> float:
    """Share of the devices' time that goes to prompts."""
    return min(_one(found.per_second) / float(deployment.dp) * _one(found.prompt), 1.0)


def _joules(deployment: Deployment, found: ServingSeconds) -> float:
    """Joules of all devices, with their share of node and cooling, for a token of an answer."""
    machine, busy = deployment.machine, _busy_with_prompts(deployment, found)
    chip = machine.chip.power_watts * (READING_WATTS + (MULTIPLYING_WATTS - READING_WATTS) * busy)
    watts = (chip + machine.node_watts) * machine.power_overhead * float(deployment.devices)
    return watts / (_one(found.per_second) * float(deployment.output))


def _dollars(deployment: Deployment, found: ServingSeconds) -> float:
    """Dollars of all devices for a million tokens of answers."""
    hourly = deployment.machine.price_per_device_hour * float(deployment.devices)
    return hourly / 3600 / (_one(found.per_second) * float(deployment.output)) * 1e6
