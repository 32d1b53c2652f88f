"""What the same training takes with other batches: the choice that decides most, shown over a wide range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from froude.cost.model.model import Model
from froude.planning.plans import BatchEffect, LayoutCandidate, Plan
from froude.planning.training.layout_finder import LayoutFinder
from froude.planning.training.on_tokens import reliability_of

FACTORS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
"""Batches that are shown, over the plan's."""


_ALIKE = ("tensor", "pipeline", "context", "expert", "zero", "schedule", "recompute", "sequence_parallel")


def batch_effects(plan: Plan, model: Model, finder: LayoutFinder, precision: str) -> tuple[BatchEffect, ...]:
    """The training of a plan with batches from an eighth to eight times its own, those for which there is a layout.

    Each but the plan's own has the fastest layout that fits of a few hundred usual ones and of those like the plan's.
    """
    return tuple(_effects(plan, model, finder, precision))


def _effects(plan: Plan, model: Model, finder: LayoutFinder, precision: str) -> Iterator[BatchEffect]:
    own = int(plan.choice.layout.global_batch)
    for factor in FACTORS:
        batch = own * factor
        if batch < 1 or batch % 1:
            continue
        if factor == 1:
            yield _effect(plan, model, plan.choice)
            continue
        found = [each.layouts(model, int(batch), precision).best for each in (finder, _alike(plan, finder))]
        if fitting := [best[0] for best in found if best]:
            yield _effect(plan, model, min(fitting, key=lambda one: one.step_seconds))


def _alike(plan: Plan, finder: LayoutFinder) -> LayoutFinder:
    """A search of the layouts that divide the model as the plan does."""
    pins = {name: getattr(plan.choice.layout, name) for name in _ALIKE}
    return replace(finder, fixed={**finder.fixed, **pins}, whole=True, searched={})


def _effect(plan: Plan, model: Model, candidate: LayoutCandidate) -> BatchEffect:
    layout = candidate.layout
    steps = math.ceil(plan.tokens / float(layout.tokens))
    seconds = steps * candidate.step_seconds / reliability_of(model, plan.machine, layout).goodput
    return BatchEffect(
        global_batch=int(layout.global_batch),
        batch_tokens=int(layout.tokens),
        steps=steps,
        step_seconds=candidate.step_seconds,
        seconds=seconds,
        device_hours=seconds / 3600 * plan.machine.devices,
        mfu=float(candidate.cost.mfu),
    )
