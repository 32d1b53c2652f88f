"""The captions of a plan's pictures, and the names and colours of the parts of memory and of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from froude.answers.costs import FREE, REST
from froude.answers.numbers import percent
from froude.cost.machine.machine import Machine
from froude.planning.layouts.names import MEMORY_PARTS as MEMORY_TITLES
from froude.planning.layouts.names import STEP_PARTS as STEP_TITLES
from froude.planning.plans import LayoutCandidate, Plan
from froude.quantity import format_bytes, format_quantity, format_seconds


@final
@dataclass(frozen=True, kw_only=True)
class Paint:
    """What a part is called, and its colour by name with the colour's strength."""

    title: str
    colour: str
    strength: float = 1.0


_STEP_COLOURS = {
    "compute": ("n6", 1.0),
    "recompute": ("n4", 1.0),
    "memory": ("n2", 1.0),
    "optimizer": ("n0", 0.7),
    "tensor": ("forecast", 1.0),
    "context": ("forecast", 0.78),
    "expert": ("forecast", 0.58),
    "data": ("forecast", 0.4),
    "offload": ("forecast", 0.22),
    "bubble": ("ink", 0.5),
    "waiting": ("ink", 0.3),
    "fixed": ("ink", 0.15),
}

STEP_PARTS: Mapping[str, Paint] = {
    name: Paint(title=STEP_TITLES[name], colour=colour, strength=strength)
    for name, (colour, strength) in _STEP_COLOURS.items()
}
"""Parts of a step in the order in which they are drawn: work, communication, idle time."""

_MEMORY_COLOURS = {
    "weights": ("n7", 1.0),
    "gradients": ("n5", 1.0),
    "optimizer": ("n2", 1.0),
    "activations": ("forecast", 1.0),
    "logits": ("forecast", 0.65),
    "working": ("forecast", 0.35),
    "buffers": ("ink", 0.5),
    "fragmentation": ("ink", 0.3),
    "runtime": ("ink", 0.15),
}

MEMORY_PARTS: Mapping[str, Paint] = {
    name: Paint(title=MEMORY_TITLES[name], colour=colour, strength=strength)
    for name, (colour, strength) in _MEMORY_COLOURS.items()
}
"""Parts of a device's memory in the order in which they are drawn: states, activations, overhead."""

_OTHER_PARTS = {FREE: Paint(title=FREE, colour="hair"), REST: Paint(title=REST, colour="hair", strength=0.6)}


def paint_of(title: str) -> Paint:
    """The colour of a part by the name that is shown."""
    named = {paint.title: paint for paint in (*MEMORY_PARTS.values(), *STEP_PARTS.values())}
    return {**named, **_OTHER_PARTS}[title]


ABBREVIATIONS = (
    "TP, CP and EP are tensor, context and expert parallelism; PP is pipeline stages × chunks of each; MB is the "
    "micro-batch where it is above 1; matmuls are bf16 where nothing else is said."
)
"""What the labels of layouts mean."""


def memory_caption(plan: Plan, others: int) -> str:
    """What the picture of memory shows."""
    cost, chip = plan.choice.cost, plan.machine.chip
    beside = " Below it the runners-up." if others else ""
    sure = percent(float(cost.fits_probability), 0)
    return (
        f"The fullest device needs {format_bytes(plan.choice.memory_bytes)} at the peak of a step, and "
        f"with {sure} certainty no more than the {format_bytes(chip.memory_bytes)} of "
        f"{chip.title or chip.name}: states in blue, activations in orange, overhead in grey.{beside}"
    )


def step_caption(plan: Plan, others: int) -> str:
    """What the picture of step time shows."""
    cost = plan.choice.cost
    beside = " Below it the runners-up of the same model and batch." if others else ""
    return (
        f"A step of {format_quantity(float(cost.tokens))} tokens by what the slowest device does: work in blue, "
        f"communication that nothing hides in orange, idle time in grey. Matmuls of the model alone make "
        f"{percent(float(cost.mfu), 1)} MFU.{beside}"
    )


def timeline_caption(candidate: LayoutCandidate, drawn: float) -> str:
    """What the timeline shows, and what it leaves out."""
    layout, waiting = candidate.layout, float(candidate.cost.step.waiting)
    m = int(layout.micro_batches)
    after = (
        "What is done once a step, and data-parallel communication that nothing hides, stands at the end; "
        f"{format_seconds(waiting)} of waiting for the slowest device are not drawn."
    )
    if layout.pipeline == 1:
        passes = f"{m} micro-batches" if m > 1 else "One micro-batch"
        return (
            f"{passes} pass forward and backward, each pass by its parts, which in truth alternate block by block. "
            f"{after} Of a long step the beginning and the end are drawn. Colours are those of the parts above."
        )
    kind = {"1f1b": "1F1B", "gpipe": "GPipe", "zero-bubble": "zero bubble"}[layout.schedule]
    chunks = f" of {layout.interleave} chunks each (strong and pale by turns)" if layout.interleave > 1 else ""
    return (
        f"{m} micro-batches go through {layout.pipeline} stages{chunks} by the schedule {kind}. The simulation, event "
        f"by event, takes {format_seconds(drawn)}; the closed form that the plan is made with says "
        f"{format_seconds(candidate.step_seconds - waiting)}. {after} Numbers, where there is room, count "
        "micro-batches. Of many stages and of a long step the first and the last are drawn."
    )


def front_caption(n: int) -> str:
    """What the pictures of the front show."""
    return (
        f"{n} trainings of which none is better in loss, time, dollars and energy at once: other sizes, lengths and "
        "numbers of devices, each in its best layout. Darker points use more devices; the line joins the best of the "
        "two quantities shown, the diamond is the plan."
    )


def sensitivity_caption() -> str:
    """What the tornado shows, and what it leaves out."""
    return (
        "How far the time of the whole training, and its price with it, move if one thing is not as taken here and all "
        "else stays. What else is usual is tried whether or not it fits in memory."
    )


def infeasible_caption(need: float, machine: Machine) -> str:
    """What the picture of memory shows where nothing fits."""
    has = machine.chip.memory_bytes
    return (
        f"The layout that needs least still asks {format_bytes(need)} of a device that has {format_bytes(has)}: "
        f"{need / has:.1f} times as much."
    )
