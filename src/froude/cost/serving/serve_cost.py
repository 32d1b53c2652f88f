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
from froude.cost.machine.rates import usual_precision
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.serving.calibrated import constants_under
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine, check_runs, get_engine, known_engines, maker_of
from froude.cost.serving.intervals import half_widths, uncertainty_under
from froude.cost.serving.load import ServingSeconds, capacity_per_second, seconds_by_part, serving_seconds
from froude.cost.serving.number_formats import NUMBER_FORMATS, check_formats, matmul_kind, number_format, usual_kv
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import Stack
from froude.errors import InputError
from froude.provenance import Computed, recorded
from froude.quantity import format_bytes

READING_WATTS, MULTIPLYING_WATTS = 0.57, 0.85
"""Shares of a chip's power while decoding reads memory, and while prompts are multiplied. Medians of single A100, H100
and GH200 under vLLM and TensorRT-LLM at batch 1 (0.53 to 0.59) and at the highest at batch 64 (0.61 to 0.86):
argonne-lcf/LLM-Inference-Bench, Plots/Fig_16 at 4211f5d, values above 10,000 as milliwatts, doubles once."""

QUANTITIES = ("ttft", "tpot", "e2e")


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class ServeCost(Computed):
    """What one deployment costs under its load; latencies are None where the load is beyond the capacity.

    `latency` has mean seconds and their 90% interval by "ttft", "tpot" and "e2e". `capacity` is the most requests a
    second of all devices, `largest_batch` the most requests that they hold at once, `memory` bytes of a device by part,
    `parts` seconds from one token to the next by part.
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
        """As JSON. Percentiles are None: closed forms give means alone."""
        many = self.output_tokens_per_second
        return {
            **{f"{name}_seconds": self._latency_to_dict(name) for name in QUANTITIES},
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
        return {"mean": mean, "p50": None, "p99": None, "interval": None if interval is None else list(interval)}


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
) -> ServeCost:
    """What serving requests of `input` and `output` tokens costs under a load, what is not said being assumed.

    The load is `users` who ask again as soon as they are answered (with the engine "static", a batch), or a `rate` of
    requests a second that arrive at random; one user where neither is given. `tp` devices work tensor-parallel, `pp`
    such groups in a pipeline, `dp` replicas; experts are divided among `ep` devices. `engine` is a name with a version
    after @, `precision` one of bf16, fp16, fp8, fp4 (nvfp4 on NVIDIA), int8 and int4, `kv` that of keys and values.
    `stack` is one that `calibrate_cost` fitted to load tests, or its file.
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
    deployment, assumptions = _complete(
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
    )


def _of_machine(machine: Machine) -> tuple[Assumption, ...]:
    """What was assumed of the machine, but failures, which no answer here depends on."""
    return tuple(one for one in parse_assumptions(machine.assumed) if one.name != "failures")


def _complete(
    model: Model,
    machine: Machine,
    engine: ServingEngine | str | None,
    precision: str | None,
    kv: str | None,
    given: Mapping[str, int | None],
    **load: Any,
) -> tuple[Deployment, list[Assumption]]:
    """The deployment with all that was not said, each with its reason. InputError for what cannot be."""
    assumed = []
    if engine is None:
        maker = maker_of(machine.chip)
        engine = next((one.name for one in known_engines() if maker in one.runs_on), "static")
        assumed.append(Assumption(name="engine", value=engine, why="nobody named one; others are in the interval"))
    chosen = get_engine(engine) if isinstance(engine, str) else engine
    check_runs(chosen, machine.chip)
    if chosen.asked:
        assumed.append(Assumption(name="version", value=chosen.label, why=f"the nearest known to {chosen.asked}"))
    if precision is None:
        precision = usual_precision(machine.chip)
        assumed.append(Assumption(name="precision", value=precision, why="as models are published"))
    if kv is None:
        kv = usual_kv(precision)
        assumed.append(Assumption(name="kv", value=kv, why="what engines keep unless they are told"))
    check_formats(chosen, precision, kv)
    matmul_kind(precision, machine.chip)
    if load["users"] is None and load["rate"] is None:
        load["users"] = 1.0
        assumed.append(Assumption(name="load", value="1 user", why="nobody gave one"))
    draft = Deployment(model=model, machine=machine, engine=chosen, precision=precision, kv=kv, **load)
    deployment, layout = _placed(draft, given)
    _check_room(deployment)
    return deployment, [*assumed, *layout]


def _placed(draft: Deployment, given: Mapping[str, int | None]) -> tuple[Deployment, list[Assumption]]:
    """A deployment on devices: as given, else the fewest that hold it, and as many replicas as the machine has."""
    for name, value in given.items():
        if value is not None and (value < 1 or value != int(value)):
            raise InputError(f"{name} = {value}: give a whole number of at least 1")
    assumed, devices = [], draft.machine.devices
    tp, pp, ep, dp = given["tp"], given["pp"] or 1, given["ep"], given["dp"]
    if tp is None:
        able = [n for n in _powers(devices // pp) if float(replace(draft, tp=n, pp=pp).largest_batch) >= 1]
        tp = able[0] if able else max(_powers(devices // pp), default=1)
        assumed.append(Assumption(name="tp", value=str(tp), why="the fewest devices that hold it"))
    if dp is None:
        dp = max(devices // (tp * pp), 1)
        assumed.append(Assumption(name="dp", value=str(dp), why="replicas on all devices"))
    if tp * pp * dp > devices:
        raise InputError(f"tp {tp} × pp {pp} × dp {dp} are {tp * pp * dp} devices: the machine has {devices}")
    experts = int(np.max(draft.model.experts))
    if ep is not None and (ep > tp * dp or (ep > 1 and experts % ep)):
        raise InputError(f"ep = {ep}: give a divisor of {experts} experts, of at most tp × dp = {tp * dp} devices")
    return replace(draft, tp=tp, pp=pp, ep=ep or tp, dp=dp), assumed


def _powers(most: int) -> list[int]:
    return [2**n for n in range(int(np.log2(most)) + 1)] if most >= 1 else []


def _check_room(deployment: Deployment) -> None:
    """InputError with the least change where a request, or a static batch, has no room."""
    needed = float(deployment.users or 1) if deployment.engine.prompts == "together" else 1.0
    if float(deployment.largest_batch) >= needed:
        return
    change = _least_change(deployment, needed)
    where = f"{int(deployment.tp) * int(deployment.pp)} x {deployment.machine.chip.name}"
    weights = format_bytes(float(np.asarray(deployment.weight_bytes)))
    what = f"{deployment.model.name} in {deployment.precision} has {weights} of weights"
    if needed > 1 and float(deployment.largest_batch) >= 1:
        raise InputError(
            f"{needed:g} requests of {deployment.input:g} + {deployment.output:g} tokens do not fit on "
            f"{deployment.devices} x {deployment.machine.chip.name}: take at most {int(deployment.largest_batch)}"
            + (f", or {change}" if change else "")
        )
    remedy = f"take {change}" if change else "take more or larger devices"
    raise InputError(f"{what}, and with a request's keys and values they do not fit on {where}: {remedy}")


def _least_change(deployment: Deployment, needed: float) -> str:
    """What alone makes room: more devices of the machine, fp8 keys and values, narrower weights, a larger machine."""
    tp, pp, devices = int(deployment.tp), int(deployment.pp), deployment.machine.devices
    wider = [n for n in _powers(devices // pp) if n > tp]
    options = {f"--tp {n}": replace(deployment, tp=n, ep=n, dp=max(devices // (n * pp), 1)) for n in wider}
    if "fp8" in deployment.engine.kv:
        options["--kv fp8"] = replace(deployment, kv="fp8")
    for name in ("fp8", "int4", "fp4"):
        able = any(kind in deployment.machine.chip.peak_flops for kind in NUMBER_FORMATS[name].matmuls)
        narrower = number_format(name).weights.bits < number_format(deployment.precision).weights.bits
        if able and narrower and name in deployment.engine.formats:
            options[f"--precision {name}"] = replace(deployment, precision=name)
    for n in (2 * devices, 4 * devices, 8 * devices, 16 * devices):
        options[f'--machine "{n} x {deployment.machine.chip.name}" --tp {n // pp}'] = replace(
            deployment, tp=n // pp, ep=n // pp, dp=1
        )
    return next((name for name, one in options.items() if float(one.largest_batch) >= needed), "")


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
