"""The sentences of a plan's page, and the names and colours of the parts of memory and of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.cost.machine.machine import Machine
from froude.planning.layouts.names import MEMORY_PARTS as MEMORY_TITLES
from froude.planning.layouts.names import STEP_PARTS as STEP_TITLES
from froude.planning.layouts.names import layout_words
from froude.planning.plans import Infeasible, LayoutCandidate, Plan, machine_words
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

_SURE = 0.99


def headline(plan: Plan | Infeasible) -> tuple[tuple[str, str], ...]:
    """The answer in one sentence: pieces of text, each with its role ("forecast" or "")."""
    if isinstance(plan, Infeasible):
        return (
            ("No plan: ", "forecast"),
            (f"{plan.model} on {plan.machine.devices:,} × {plan.machine.chip.name} is not possible as asked.", ""),
        )
    return (
        (f"{format_seconds(plan.seconds)} and {money(plan.dollars)}", "forecast"),
        (f" to train {plan.model} on {format_quantity(plan.tokens)} tokens.", ""),
    )


def lines(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The choice in three lines, name and text: what, how long and how much, what binds."""
    step, (low, high) = plan.choice.step_seconds, plan.interval
    between = f"{format_seconds(low)} to {format_seconds(high)}"
    lost = f"{1 - plan.goodput:.1%} of the time lost to failures and checkpoints"
    return (
        ("what", f"{layout_words(plan.choice.layout)}, on {devices(plan.machine)}"),
        (
            "how long",
            f"{plan.steps:,} steps of {format_seconds(step)} (90% interval {between}), {lost}: "
            f"{format_seconds(plan.seconds)}, {money(plan.dollars)}, {energy(plan.kwh)}",
        ),
        ("what binds", "; ".join(plan.binding[:2]) or "nothing that the search knows of"),
    )


def facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The numbers under the headline, name and value."""
    law = (("loss", f"{plan.forecast['loss']:.3f}"),) if "loss" in plan.forecast else ()
    return (
        *law,
        ("a step", format_seconds(plan.choice.step_seconds)),
        ("MFU", f"{plan.choice.cost.mfu:.1%}"),
        ("tokens a second", format_quantity(float(plan.choice.cost.tokens_per_second))),
        ("of a device's memory", f"{plan.choice.memory_bytes / plan.machine.chip.memory_bytes:.0%}"),
        ("energy", energy(plan.kwh)),
    )


ABBREVIATIONS = (
    "TP, CP and EP are tensor, context and expert parallelism; PP is pipeline stages × chunks of each; MB is the "
    "micro-batch where it is above 1; matmuls are bf16 where nothing else is said."
)
"""What the labels of layouts mean."""


def of_memory(plan: Plan, others: int) -> str:
    """What the picture of memory shows."""
    cost, chip = plan.choice.cost, plan.machine.chip
    beside = " Below it the runners-up." if others else ""
    sure = f"{cost.fits_probability:.0%}" if cost.fits_probability < _SURE else f"over {_SURE:.0%}"
    return (
        f"The fullest device needs {format_bytes(plan.choice.memory_bytes)} at the peak of a step, and "
        f"with {sure} certainty no more than the {format_bytes(chip.memory_bytes)} of "
        f"{chip.title or chip.name}: states in blue, activations in orange, overhead in grey.{beside}"
    )


def of_step(plan: Plan, others: int) -> str:
    """What the picture of step time shows."""
    cost = plan.choice.cost
    beside = " Below it the runners-up of the same model and batch." if others else ""
    return (
        f"A step of {format_quantity(float(cost.tokens))} tokens by what the slowest device does: work in blue, "
        f"communication that nothing hides in orange, idle time in grey. Matmuls of the model alone make "
        f"{cost.mfu:.1%} MFU.{beside}"
    )


def of_timeline(candidate: LayoutCandidate, drawn: float) -> str:
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


def of_front(n: int) -> str:
    """What the pictures of the front show."""
    return (
        f"{n} trainings of which none is better in loss, time, dollars and energy at once: other sizes, lengths and "
        "numbers of devices, each in its best layout. Darker points use more devices; the line joins the best of the "
        "two quantities shown, the diamond is the plan."
    )


def of_levers() -> str:
    """What the tornado shows, and what it leaves out."""
    return (
        "How far the time of the whole training, and its price with it, move if one thing is not as taken here and all "
        "else stays. What else is usual is tried whether or not it fits in memory."
    )


def of_infeasible_memory(need: float, machine: Machine) -> str:
    """What the picture of memory shows where nothing fits."""
    has = machine.chip.memory_bytes
    return (
        f"The layout that needs least still asks {format_bytes(need)} of a device that has {format_bytes(has)}: "
        f"{need / has:.1f} times as much."
    )


def change_words(change: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What to change and to which value, written out."""
    return tuple((name, format_quantity(v) if isinstance(v, float) else str(v)) for name, v in change.items())


def split(sentence: str) -> tuple[str, str]:
    """The head of a sentence written "head: text", and its text; no head where there is none."""
    head, colon, text = sentence.partition(": ")
    return (head, text) if colon and len(head) < 32 else ("", sentence)


def devices(machine: Machine) -> str:
    """A machine as people say it: "1,024 × NVIDIA H100 SXM 80 GB"."""
    return f"{machine.devices:,} × {machine.chip.title or machine.chip.name}"


def name_of(plan: Plan | Infeasible) -> str:
    """What the page is about, in the words of the command line."""
    return f"{plan.model} on {machine_words(plan.machine)}"


def money(dollars: float) -> str:
    """Dollars with three digits: "$10.6M"."""
    return f"${format_quantity(dollars)}"


def energy(kwh: float) -> str:
    """Energy in the largest unit of which it holds at least one: "6.5 GWh"."""
    for unit, size in (("GWh", 1e6), ("MWh", 1e3)):
        if kwh >= size:
            return f"{kwh / size:.3g} {unit}"
    return f"{kwh:.3g} kWh"
