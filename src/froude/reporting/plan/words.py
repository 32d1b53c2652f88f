"""The captions of a plan's pictures."""

from __future__ import annotations

from collections.abc import Sequence

from froude.answers.numbers import percent
from froude.cost.machine.machine import Machine
from froude.planning.plans import LayoutCandidate, Plan, Point
from froude.quantity import format_bytes, format_quantity, format_seconds

ABBREVIATIONS = (
    "TP, CP and EP: tensor, context and expert parallelism. PP: pipeline stages × chunks of each. ZeRO: what replicas "
    "share out, 1 the optimizer states, 2 gradients too, 3 weights too. MB: the micro-batch, where it is above 1. "
    "Matmuls are bf16 where nothing else is said."
)
"""What the labels of layouts mean."""


_IN_ORDER = "Parts stand from left to right in the order of the list below:"


def memory_caption(plan: Plan, others: int) -> str:
    """What the picture of memory shows."""
    cost, chip = plan.choice.cost, plan.machine.chip
    beside = " Below it the runners-up." if others else ""
    sure = percent(float(cost.fits_probability), 0)
    return (
        f"The fullest device needs {format_bytes(plan.choice.memory_bytes)} at the peak of a step, and "
        f"with {sure} certainty no more than the {format_bytes(chip.memory_bytes)} of "
        f"{chip.title or chip.name}. {_IN_ORDER} first weights, "
        f"gradients and optimizer states, then what a step itself needs, then overhead.{beside}"
    )


def step_caption(plan: Plan, others: int) -> str:
    """What the picture of step time shows."""
    cost = plan.choice.cost
    beside = " Below it the runners-up of the same model and batch." if others else ""
    return (
        f"A step of {format_quantity(float(cost.tokens))} tokens by what the slowest device does. {_IN_ORDER} first "
        "work, then communication that nothing hides, then idle time. The model's own matmuls take "
        f"{percent(float(cost.mfu), 1)} of what the chips could do at their peak (MFU).{beside}"
    )


def timeline_caption(candidate: LayoutCandidate) -> str:
    """What the timeline shows."""
    layout = candidate.layout
    m = int(layout.micro_batches)
    if layout.pipeline == 1:
        passes = f"{m} micro-batches pass" if m > 1 else "One micro-batch passes"
        return (
            f"{passes} forward and backward; what is done once a step stands at the end. Each part is painted as in "
            "the list above."
        )
    chunks = f" of {layout.interleave} chunks each (strong and pale by turns)" if layout.interleave > 1 else ""
    return (
        f"{m} micro-batches go through {layout.pipeline} stages{chunks} by the schedule {_schedule(candidate)}. "
        "Numbers count micro-batches; what is done once a step stands at the end."
    )


def timeline_notes(candidate: LayoutCandidate, drawn: float) -> tuple[str, ...]:
    """How the timeline was drawn, and what it leaves out."""
    layout, waiting = candidate.layout, float(candidate.cost.step.waiting)
    left_out = f"{format_seconds(waiting)} of waiting for the slowest device are not drawn."
    once = "Data-parallel communication that nothing hides is drawn at the end."
    if layout.pipeline == 1:
        return (
            "Each pass is drawn by its parts, which in truth alternate block by block. Of a long step the beginning "
            f"and the end are drawn. {once} {left_out}",
        )
    return (
        f"The simulation, event by event, takes {format_seconds(drawn)}; the closed form that the plan is made with "
        f"says {format_seconds(candidate.step_seconds - waiting)}. Of many stages and of a long step the first and the "
        f"last are drawn. {once} {left_out}",
    )


def _schedule(candidate: LayoutCandidate) -> str:
    return {"1f1b": "1F1B", "gpipe": "GPipe", "zero-bubble": "zero bubble"}[candidate.layout.schedule]


def front_caption(points: Sequence[Point]) -> str:
    """What the pictures of the front show."""
    return (
        f"{len(points)} trainings of which none is better in loss, time, dollars and energy at once: other sizes, "
        "lengths and numbers of devices, each in its best layout. The line joins the best of the two quantities "
        "shown, the diamond is the plan."
    )


def sensitivity_caption(unmoved: Sequence[str]) -> str:
    """What the tornado shows, and what it leaves out."""
    rest = f" No matter here: {', '.join(unmoved)}." if unmoved else ""
    return (
        "How far the time of the whole training, and its price with it, move if one thing is not as taken here and all "
        "else stays: to the left it takes less, to the right more. What else is usual is tried whether or not it fits "
        f"in memory.{rest}"
    )


def infeasible_caption(need: float, machine: Machine) -> str:
    """What the picture of memory shows where nothing fits."""
    has = machine.chip.memory_bytes
    return (
        f"The layout that needs least still asks {format_bytes(need)} of a device that has {format_bytes(has)}: "
        f"{need / has:.1f} times as much."
    )
