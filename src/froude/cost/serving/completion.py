"""A deployment completed: what nobody said is assumed, each with its reason, and what cannot be is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost.machine.assumption import Assumption
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.model import Model
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine, check_runs, get_engine, known_engines, maker_of
from froude.cost.serving.number_formats import NUMBER_FORMATS, check_formats, matmul_kind, number_format, usual_kv
from froude.errors import InputError
from froude.quantity import format_bytes


def complete_deployment(
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
