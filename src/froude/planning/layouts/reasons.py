"""Why a candidate lost and what keeps a choice from being faster, in sentences made from the parts of their costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.layout import Layout
from froude.cost.training.legal import legal
from froude.cost.training.memory.certainty import EVEN
from froude.planning.layouts.certain import is_sure, shortage_words
from froude.planning.layouts.names import STEP_PARTS, layout_label
from froude.planning.layouts.simplicity import mechanisms
from froude.planning.plans import LayoutCandidate, candidate_of
from froude.quantity import format_bytes, format_seconds

_LINKS = ("tensor", "context", "expert", "data")
_NOTABLE = 0.05  # share of a step, or of what a training gains, from which on a sentence is worth its place
_MUCH = 0.5  # of what a candidate loses, from which on a part decides it
_SAME = 5e-4  # relative: nobody measures a smaller difference of step times


def why_not_chosen(
    choice: LayoutCandidate, other: LayoutCandidate, machine: Machine, memory_certainty: float = EVEN
) -> str:
    """One sentence on why another candidate was not chosen, from the differences of memory or of the step's parts."""
    seconds = other.step_seconds - choice.step_seconds
    if not is_sure(other, memory_certainty):
        gain = "would be " + _faster(choice, other) if seconds < 0 else "is slower too"
        return f"{shortage_words(other, machine)}; {gain}"
    if seconds < -_SAME * choice.step_seconds:
        return f"{_faster(choice, other)}, too little to be sure of, and {_more_mechanisms(choice, other)}"
    if abs(seconds) < _SAME * choice.step_seconds:
        more = other.memory_bytes - choice.memory_bytes
        return f"as fast, with {format_bytes(abs(more))} {'more' if more >= 0 else 'less'} memory"
    share = seconds / choice.step_seconds
    return f"{share:.1%} slower: {', '.join(_differences(choice, other))}"


def binding(
    model: Model, machine: Machine, choice: LayoutCandidate, beyond: tuple[LayoutCandidate, ...], goodput: float
) -> tuple[str, ...]:
    """What keeps the choice from being faster, a sentence each.

    `beyond` are faster candidates that do not fit or not surely, least memory first.
    """
    return tuple(_binding(model, machine, choice, beyond, goodput))


def simplest_words(choice: LayoutCandidate, fastest: LayoutCandidate, tolerance: float) -> str:
    """That the choice is simpler than the fastest layout, and what it gives up."""
    return (
        f"simplicity: of layouts within {tolerance:.0%} of the fastest, which nobody can tell apart beforehand, this "
        f"is the simplest; the fastest would be {_faster(choice, fastest)} ({layout_label(fastest.layout)})"
    )


def batch_gain(model: Model, machine: Machine, layout: Layout) -> float:
    """How many more tokens a second twice the global batch trains in the same layout, relative; 0 if it is illegal."""
    return gain(model, machine, layout, global_batch=2 * layout.global_batch)


def gain(model: Model, machine: Machine, layout: Layout, **changed: Any) -> float:
    """How many more tokens a second a changed layout trains, relative; 0 where it is illegal."""
    new = replace(layout, **changed)
    if not np.all(legal(model, machine, new)):
        return 0.0
    old, new = candidate_of(model, machine, layout), candidate_of(model, machine, new)
    return float(new.cost.tokens_per_second / old.cost.tokens_per_second) - 1


def _binding(
    model: Model, machine: Machine, choice: LayoutCandidate, beyond: tuple[LayoutCandidate, ...], goodput: float
) -> Iterator[str]:
    step, total = choice.cost.step, choice.step_seconds
    if beyond:
        yield (
            f"memory: the next faster layout {shortage_words(beyond[0], machine)} and would be "
            f"{_faster(choice, beyond[0])}"
        )
    yield f"compute: {step.compute / total:.0%} of the step is matmuls and attention, at {choice.cost.mfu:.0%} MFU"
    exposed = {name: getattr(step, name) for name in _LINKS}
    if (shown := sum(exposed.values()) / total) >= _NOTABLE:
        most = max(exposed, key=lambda name: exposed[name])
        yield f"fabric: {shown:.0%} of the step is communication that nothing hides, most of it {STEP_PARTS[most]}"
    if step.bubble / total >= _NOTABLE:
        yield f"pipeline: {step.bubble / total:.0%} of the step is bubble"
    if (more := batch_gain(model, machine, choice.layout)) >= _NOTABLE:
        yield f"global batch: twice as many sequences a step would train {more:.0%} more tokens a second"
    if 1 - goodput >= _NOTABLE:
        yield f"failures: {1 - goodput:.0%} of the time goes to checkpoints, restarts and lost work"


def _differences(choice: LayoutCandidate, other: LayoutCandidate) -> Iterator[str]:
    """What decides a difference: one or two parts that grow, and one that shrinks much, if it does not exceed them."""
    changes = {
        one.name: getattr(other.cost.step, one.name) - getattr(choice.cost.step, one.name)
        for one in fields(choice.cost.step)
    }
    worse = sorted(changes.items(), key=lambda change: -change[1])
    lost = sum(value for value in changes.values() if value > 0)
    told = worse[:1] if worse[0][1] >= _MUCH * lost else worse[:2]
    for name, value in told:
        yield f"{format_seconds(value)} more {STEP_PARTS[name]}"
    least, shrunk = worse[-1]
    if _MUCH * lost < -shrunk < sum(value for _, value in told):
        yield f"{format_seconds(-shrunk)} less {STEP_PARTS[least]}"


def _more_mechanisms(choice: LayoutCandidate, other: LayoutCandidate) -> str:
    more = int(mechanisms(other.layout) - mechanisms(choice.layout))
    return f"needs {more} mechanism{'s' * (more > 1)} more" if more > 0 else "no simpler"


def _faster(choice: LayoutCandidate, other: LayoutCandidate) -> str:
    share = 1 - other.step_seconds / choice.step_seconds
    return f"{share:.1%} faster" if share >= _SAME else "hardly faster"
