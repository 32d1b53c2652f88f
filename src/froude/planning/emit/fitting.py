"""A plan that a framework can express: the plan itself, or the nearest one, with what was changed for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from froude.cost.training.layout import Layout
from froude.planning.emit.write import pins_of, recipe_of, refusals
from froude.planning.plans import Infeasible, Plan
from froude.quantity import format_seconds

_INSTEAD: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "tensor": ("tensor", (1,)),
    "pipeline": ("pipeline", (1,)),
    "interleave": ("interleave", (1,)),
    "context": ("context", (1,)),
    "context_by": ("context_by", ("ulysses",)),
    "expert": ("expert", (1,)),
    "shard": ("shard", (0,)),
    "zero": ("zero", (1, 3)),
    "overlap": ("zero", (1,)),
    "precision": ("zero", (1, 3)),
    "schedule": ("schedule", ("1f1b",)),
    "sequence_parallel": ("sequence_parallel", (True,)),
    "recompute": ("recompute", ("full", "none")),
    "recomputed": ("recomputed", (1.0,)),
    "pipeline_layout": ("pipeline_layout", ("even",)),
    "expert_tensor": ("expert_tensor", (0,)),
    "attention": ("attention", ("flash-2",)),
    "fused_loss": ("fused_loss", (False,)),
    "overlap_tensor": ("overlap_tensor", (False,)),
    "dispatch": ("dispatch", ("flat",)),
    "overlap_expert": ("overlap_expert", (False,)),
    "graphs": ("graphs", ("none",)),
}
"""What is pinned, and to what, in place of a choice that a framework cannot express: first the likeliest."""


def plan_for(framework: str, plan_with: Callable[[Mapping[str, Any]], Plan | Infeasible]) -> Plan | Infeasible:
    """The plan, with `changes` saying in sentences what of it was changed so that a framework can express it.

    `plan_with` plans with pins beside those of the user, which stay. Nothing is changed where the best plan can be
    expressed as it is. InputError for an unknown framework, and where the choice that it cannot express has no other.
    """
    own = pins_of(framework)
    best = plan_with({})
    if isinstance(best, Infeasible):
        return best
    plan, pins = best, {}
    while refused := refusals(framework, recipe_of(plan)):
        others = reversed([*_instead(refused, plan.choice.layout, own)])  # of two values of a field the first holds
        fresh = {name: value for name, value in others if name not in pins}
        if not fresh:
            return plan  # write_config says what it cannot express and why
        pins |= fresh
        another = plan_with(pins)
        if isinstance(another, Infeasible):
            nearest = f"{another.nearest}; or emit for another framework"
            return replace(another, reasons=(_held(framework, pins), *another.reasons), nearest=nearest)
        plan = another
    return replace(plan, changes=tuple(_changes(framework, best, plan, refusals(framework, recipe_of(best)))))


def check_framework(framework: str | None) -> None:
    """InputError for a framework that is not known."""
    pins_of(framework)


def _instead(refused: Mapping[str, str], layout: Layout, own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in refused:
        if name in own:
            yield name, own[name]
        elif name in _INSTEAD:
            field, values = _INSTEAD[name]
            yield from ((field, value) for value in values[:2] if value != getattr(layout, field))


def _held(framework: str, pins: Mapping[str, Any]) -> str:
    return f"{framework}: it holds {', '.join(f'{name} = {value}' for name, value in pins.items())}"


def _changes(framework: str, best: Plan, plan: Plan, refused: Mapping[str, str]) -> Iterator[str]:
    """What differs between two plans and why, and what that costs; that nothing does."""
    if not refused:
        yield f"{framework} can express the best plan as it is: nothing was changed for it"
        return
    before, after = best.choice.layout, plan.choice.layout
    for name, why in refused.items():
        field = _INSTEAD[name][0] if name in _INSTEAD else name
        if hasattr(after, field):
            yield f"for {framework} {field} is {getattr(after, field)} instead of {getattr(before, field)}: {why}"
    more = plan.seconds / best.seconds - 1
    yield (
        f"with that the best layout was looked for again: the training takes {format_seconds(plan.seconds)}, "
        f"{more:+.1%} beside the best for any framework"
    )
