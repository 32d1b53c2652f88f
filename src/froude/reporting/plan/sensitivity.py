"""How much a plan's time and price move with what was assumed and with what nobody knows: ratios, one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from froude.cost.machine.machine import Link, Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import own_error
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Layout
from froude.cost.training.legal import legal
from froude.planning.plans import Plan
from froude.planning.training.on_tokens import reliability_of

MATMUL_RATE, PRICE, FAILURES = 0.08, 0.3, 3.0
"""By how much what nobody states is moved: what we take for a reasonable doubt, not a measurement."""


NAMES = {
    "attention": "attention kernel",
    "compiled": "compiled kernels",
    "global_batch": "sequences a step",
    "overlap": "communication hidden by work",
    "overlap_tensor": "tensor-parallel communication hidden",
    "seq_len": "length of a sequence",
}
"""Options of a layout in words, where their own names are none."""


@final
@dataclass(frozen=True, kw_only=True)
class PlanSensitivity:
    """Something a plan takes for granted, and what its alternatives make of time and price, as ratios.

    `lo` and `hi` are the least and the most of them, 1 being the plan as it stands.
    """

    name: str
    alternatives: str
    lo: float
    hi: float

    @property
    def reach(self) -> float:
        """How far it moves the outcome at most, relative."""
        return max(1 - self.lo, self.hi - 1)


def plan_sensitivities(plan: Plan, model: Model) -> tuple[PlanSensitivity, ...]:
    """All that a plan takes for granted, what moves it furthest first."""
    return tuple(sorted(_sensitivities(plan, model), key=lambda one: -one.reach))


def _sensitivities(plan: Plan, model: Model) -> Iterator[PlanSensitivity]:
    yield from _assumed(plan)
    error = math.exp(own_error(model, plan.machine, plan.choice.layout))
    yield PlanSensitivity(name="error of the model itself", alternatives="90% of held-out rows", lo=1 / error, hi=error)
    yield _batch(plan, model)
    yield _matmuls(plan, model)
    yield from _fabric(plan, model)
    yield _failures(plan, model)
    yield PlanSensitivity(
        name=f"price: ${plan.machine.price_per_device_hour:.2f} a device hour",
        alternatives=f"{PRICE:.0%} less or more, time as it is",
        lo=1 - PRICE,
        hi=1 + PRICE,
    )


def _assumed(plan: Plan) -> Iterator[PlanSensitivity]:
    """What the plan assumed of its layout, by the alternatives of each."""
    for one in plan.assumed:
        lo, hi = one.effect
        other = {"yes": "or not", "no": "or with it"}.get(one.value, "or what else is usual")
        yield PlanSensitivity(name=f"{NAMES.get(one.name, one.name)}: {one.value}", alternatives=other, lo=lo, hi=hi)


def _batch(plan: Plan, model: Model) -> PlanSensitivity:
    """Half and twice the global batch in the same layout, by seconds a token."""
    layout, ratios = plan.choice.layout, [1.0]
    for batch in (layout.global_batch // 2, layout.global_batch * 2):
        changed = replace(layout, global_batch=batch)
        if batch and bool(legal(model, plan.machine, changed)):
            ratios.append(_step_ratio(plan, model, plan.machine, changed) * float(layout.global_batch / batch))
    return PlanSensitivity(
        name=f"{NAMES['global_batch']}: {layout.global_batch:,}",
        alternatives="half or twice",
        lo=min(ratios),
        hi=max(ratios),
    )


def _matmuls(plan: Plan, model: Model) -> PlanSensitivity:
    """Matmuls that reach another share of the chip's peak than those of the chips that were measured."""
    layout, ratios = plan.choice.layout, []
    for factor in (1 + MATMUL_RATE, 1 - MATMUL_RATE):
        given = replace(layout.constants, matmul=layout.constants.matmul * factor)
        step = evaluate(model, plan.machine, layout, given).step_seconds
        ratios.append(float(step) / plan.choice.step_seconds)
    return PlanSensitivity(
        name="rate of matmuls",
        alternatives=f"{MATMUL_RATE:.0%} faster or slower",
        lo=min(ratios),
        hi=max(ratios),
    )


def _fabric(plan: Plan, model: Model) -> Iterator[PlanSensitivity]:
    """Twice and half the bandwidth between nodes, where there are several."""
    machine = plan.machine
    if machine.nodes < 2:
        return
    ratios = [_step_ratio(plan, model, with_fabric(machine, factor), plan.choice.layout) for factor in (2.0, 0.5)]
    speed = f"{machine.fabric.bandwidth_bytes_per_s / 1e9:g} GB/s a device"
    yield PlanSensitivity(name=f"fabric: {speed}", alternatives="twice or half", lo=min(1, *ratios), hi=max(1, *ratios))


def _failures(plan: Plan, model: Model) -> PlanSensitivity:
    ratios = []
    for factor in (1 / FAILURES, FAILURES):
        machine = replace(plan.machine, failures_per_device_hour=factor * plan.machine.failures_per_device_hour)
        ratios.append(plan.goodput / reliability_of(model, machine, plan.choice.layout).goodput)
    hours = 1 / max(plan.machine.failures_per_device_hour * plan.machine.devices, 1e-12)
    return PlanSensitivity(
        name=f"failures: one in {hours:,.3g} h",
        alternatives=f"{FAILURES:g} times fewer or more",
        lo=min(ratios),
        hi=max(ratios),
    )


def with_fabric(machine: Machine, factor: float) -> Machine:
    """The machine with every link between nodes so many times as wide."""

    def wider(link: Link) -> Link:
        return replace(link, bandwidth_bytes_per_s=factor * link.bandwidth_bytes_per_s)

    mixed = tuple((share, wider(link)) for share, link in machine.mixed)
    return replace(machine, fabric=wider(machine.fabric), mixed=mixed)


def _step_ratio(plan: Plan, model: Model, machine: Machine, layout: Layout) -> float:
    return float(evaluate(model, machine, layout).step_seconds) / plan.choice.step_seconds
