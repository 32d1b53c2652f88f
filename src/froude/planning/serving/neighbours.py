"""What stands around a plan: its latency over the load, its memory over the batch, the frontier, and two pools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from froude.cost.machine.machine import RUNTIME_BYTES
from froude.cost.model.formats import kv_bytes
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.load import decode_seconds, prompt_seconds, serving_seconds
from froude.planning.serving.ranking import RankedDeployments, ServingLimits
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.serving_plan import FrontierPoint, LatencyCurve, ServingCandidate, TwoPools
from froude.planning.serving.space import coarse_replicas

POINTS = 60
"""Points of a curve."""

FRONTIER = 12
"""Points of the frontier that are kept, evenly over it."""


def latency_curve(one: ServingCandidate, constants: ServingConstants) -> LatencyCurve:
    """Mean latency over the load, from a twentieth of what is asked to what is more than enough, and memory."""
    deployment = one.deployment
    if deployment.users is not None:
        most = max(4 * float(deployment.users), float(deployment.largest_batch))
        load = np.unique(np.round(np.geomspace(max(float(deployment.dp), 1.0), most, POINTS)))
        found = serving_seconds(replace(deployment, users=load), constants)
    else:
        asked = float(deployment.rate or 1.0)
        load = np.geomspace(asked / 20, max(one.capacity, asked), POINTS)
        found = serving_seconds(replace(deployment, rate=load), constants)
    each = float(deployment.tp) * float(deployment.pp)
    places = float(deployment.largest_batch) / float(deployment.dp)
    batch = np.unique(np.round(np.geomspace(1, max(2 * places, 2.0), POINTS)))
    return LatencyCurve(
        load=load,
        ttft=np.broadcast_to(found.ttft, load.shape),
        tpot=np.broadcast_to(found.tpot, load.shape),
        batch=batch,
        weights=float(np.asarray(deployment.weight_bytes)) / each,
        kept=batch * float(deployment.request_bytes) / each,
        runtime=float(RUNTIME_BYTES),
        capacity=float(deployment.machine.chip.memory_bytes),
    )


def frontier(ranked: RankedDeployments, load: ServedLoad, limits: ServingLimits) -> tuple[FrontierPoint, ...]:
    """Deployments than which none other gives users and devices more tokens a second at once, within limits or not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        user = np.where(np.isfinite(ranked.tpot) & (ranked.tpot > 0), 1 / ranked.tpot, 0.0)
        device = ranked.per_second * load.output / ranked.devices
    able = np.flatnonzero(user > 0)
    order = able[np.lexsort((-device[able], -user[able]))]
    best = np.maximum.accumulate(np.r_[0.0, device[order]])[:-1] if order.size else np.zeros(0)
    front = order[device[order] > best * (1 + 1e-9)]
    some = front[np.unique(np.linspace(0, len(front) - 1, FRONTIER).round().astype(int))] if front.size else front
    return tuple(_point(ranked, int(index), load, limits, user, device) for index in some)


def _point(
    ranked: RankedDeployments,
    index: int,
    load: ServedLoad,
    limits: ServingLimits,
    user: np.ndarray,
    device: np.ndarray,
) -> FrontierPoint:
    one = ranked.deployment(index, load)
    return FrontierPoint(
        chip=one.machine.chip.name,
        engine=one.engine.label,
        precision=str(one.precision),
        tp=int(one.tp),
        pp=int(one.pp),
        dp=int(one.dp),
        devices=int(ranked.devices[index]),
        tokens_per_user=float(user[index]),
        tokens_per_device=float(device[index]),
        keeps=bool(limits.excess(ranked.ttft[[index]], ranked.tpot[[index]])[0] <= 1),
    )


def two_pools(
    one: ServingCandidate, limits: ServingLimits, constants: ServingConstants, most_devices: int
) -> TwoPools | None:
    """The fewest devices of the plan's chip, engine and formats on which prefill and decode have pools of their own.

    Prompts wait as in M/D/1 for a replica that does nothing else; keys and values go to the other pool over the fabric
    of its devices; decoding is never interrupted. The requests a second are those of the plan. None where no two pools
    keep the limits on means.
    """
    plan = one.deployment
    node = plan.machine.devices_per_node
    tp = np.array([2**k for k in range(int(np.log2(node)) + 1) if int(np.max(plan.model.heads)) % 2**k == 0])
    replicas = coarse_replicas(min(most_devices, 512))
    replicas = np.unique(np.r_[replicas, np.arange(1, min(33, most_devices + 1))])
    sizes, many = (grid.ravel() for grid in np.meshgrid(tp, replicas, indexing="ij"))
    draft = replace(plan, tp=sizes, ep=sizes, pp=1, dp=many, users=None, rate=one.per_second)
    first = _prefill_seconds(draft, constants)
    each = _decode_seconds(draft, constants)
    fits = np.asarray(draft.largest_batch) >= many
    can_first = fits & (first <= (np.inf if limits.ttft is None else limits.ttft))
    can_each = fits & (each <= (np.inf if limits.tpot is None else limits.tpot))
    if not np.any(can_first) or not np.any(can_each):
        return None
    devices = sizes * many
    a = int(np.argmin(np.where(can_first, devices + first / 1e3, np.inf)))
    b = int(np.argmin(np.where(can_each, devices + each, np.inf)))
    total = int(devices[a] + devices[b])
    if total > most_devices:
        return None
    return TwoPools(
        chip=plan.machine.chip.name,
        engine=plan.engine.label,
        precision=str(plan.precision),
        prefill_tp=int(sizes[a]),
        prefill_dp=int(many[a]),
        decode_tp=int(sizes[b]),
        decode_dp=int(many[b]),
        devices=total,
        dollars_per_hour=total * plan.machine.price_per_device_hour,
        ttft=float(first[a]),
        tpot=float(each[b]),
    )


def _prefill_seconds(draft: Deployment, constants: ServingConstants) -> np.ndarray:
    """Mean seconds to the first token of a pool that only prefills; infinite beyond its capacity."""
    engine = replace(draft.engine, prompts="first")
    work = np.asarray(prompt_seconds(replace(draft, engine=engine), constants, 1.0))
    busy = float(draft.rate or 0.0) / np.asarray(draft.dp) * work
    kept = np.asarray(kv_bytes(draft.model, draft.input, draft.kv_format))
    sent = kept / (np.asarray(draft.tp) * draft.machine.fabric.bandwidth_bytes_per_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = work * busy / (2 * (1 - busy))
    return np.where(busy < 0.98, constants.prompt + work + waits + sent, np.inf)


def _decode_seconds(draft: Deployment, constants: ServingConstants) -> np.ndarray:
    """Seconds of each later token of a pool that only decodes; infinite where it has too few places."""
    rate = float(draft.rate or 0.0) / np.asarray(draft.dp)
    places = np.asarray(draft.largest_batch) / np.asarray(draft.dp)
    running = np.ones_like(places, dtype=float)
    for _ in range(30):
        step = np.asarray(decode_seconds(draft, constants, np.clip(running, 1.0, np.maximum(places, 1.0))))
        running = rate * (float(draft.output) - 1) * step
    return np.where(running < 0.98 * places, step, np.inf)
