"""What is said of the cost of a training's layout: where a device's memory and a step's time go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Table, split_sentences
from froude.answers.numbers import percent
from froude.cost.machine.machine import Machine
from froude.cost.stack.stack import Stack
from froude.cost.training.assumptions import TrainCost, layout_to_dict
from froude.cost.training.evaluation import Cost
from froude.cost.training.layout import Layout
from froude.cost.training.memory.certainty import verdict_certainty
from froude.planning.layouts.names import MEMORY_PARTS, STEP_PARTS, layout_words
from froude.planning.plans import machine_words
from froude.quantity import format_bytes, format_quantity, format_seconds

SMALLEST_PART = 0.01
"""Of the whole, below which parts are listed together."""

FREE, REST = "free", "all else"
"""What of a whole is no part by a name of its own."""


def answer_of_train_cost(cost: TrainCost) -> Answer:
    """One layout of a training: its step, memory and rates, where both go, and what was assumed."""
    model, machine = cost.model, cost.machine
    return Answer(
        headline=f"{model.name} on {machine_words(machine)}: {step_text(cost.cost, cost.interval)} a step",
        facts=(
            *((Fact("trained", adapter_text(cost.adapter, float(model.n_params))),) if cost.adapter else ()),
            Fact("layout", layout_words(cost.layout)),
            *([Fact("stack", stack_text(cost.layout.stack))] if cost.layout.stack else []),
            Fact("speed", f"{speed_text(cost.cost)}, {percent(float(cost.cost.hfu), 1)} HFU"),
            Fact("memory", memory_text(cost.cost, machine)),
        ),
        tables=(
            memory_table(cost.cost, machine),
            step_table(cost.cost),
            sentences_table("Assumed", tuple(map(str, cost.assumptions))),
        ),
        data=cost.to_dict(),
    )


def adapter_text(adapter: Mapping[str, Any], n_params: float) -> str:
    """What adapters train, and how their base is stored."""
    trained = adapter["trained_params"]
    return (
        f"{adapter['form']} of rank {adapter['rank']}: {format_quantity(trained)} of {format_quantity(n_params)} "
        f"parameters; the base is frozen in {adapter['base_bytes_per_param']:.3g} bytes a parameter"
    )


def answer_of_layout(layout: Layout) -> Answer:
    """One layout, or many of the same categories, in plain words."""
    if layout.arrays:
        facts = tuple(Fact(name, f"{np.size(values)} values") for name, values in layout.arrays.items())
        return Answer(headline="many layouts", facts=facts, data=layout_to_dict(layout))
    sizes = f"{layout.devices:,} devices, {layout.global_batch:,} sequences of {layout.seq_len:,} tokens a step"
    return Answer(headline=sizes, facts=(Fact("layout", layout_words(layout)),), data=layout_to_dict(layout))


def stack_text(stack: Stack) -> str:
    """The software stack of a layout; where a version was asked for that is not known, that too."""
    return stack.label + (f", the nearest known to {stack.asked}" if stack.asked else "")


def step_text(cost: Cost, interval: tuple[float, float]) -> str:
    """Seconds of a step, with their 90% interval."""
    lo, hi = interval
    return f"{format_seconds(float(cost.step_seconds))} ({format_seconds(lo)} to {format_seconds(hi)})"


def speed_text(cost: Cost) -> str:
    """Utilisation and rates of a layout."""
    return (
        f"{percent(float(cost.mfu), 1)} MFU, {float(cost.flops_per_device) / 1e12:.3g} TFLOP/s a device, "
        f"{format_quantity(float(cost.tokens_per_second))} tokens/s"
    )


def memory_text(cost: Cost, machine: Machine) -> str:
    """What a device needs of what it has, and how sure it is that it fits."""
    needed, capacity = float(cost.memory.total), machine.chip.memory_bytes
    sure = percent(verdict_certainty(bool(cost.fits), float(cost.fits_probability)), 0)
    verdict = "fits" if cost.fits else "does not fit"
    return f"{format_bytes(needed)} of {format_bytes(capacity)}, {verdict} ({sure} sure)"


def memory_table(cost: Cost, machine: Machine) -> Table:
    """Bytes of the fullest device by part, and what is free, as shares of its memory or of what it would need."""
    parts = {MEMORY_PARTS[name]: float(value) for name, value in vars(cost.memory).items()}
    needed, capacity = float(cost.memory.total), machine.chip.memory_bytes
    title = f"Memory of a device: {format_bytes(needed)} used of {format_bytes(capacity)}"
    return parts_table(title, {**parts, FREE: max(capacity - needed, 0.0)}, format_bytes)


def step_table(cost: Cost) -> Table:
    """Seconds of a step by part."""
    parts = {STEP_PARTS[name]: float(value) for name, value in vars(cost.step).items()}
    return parts_table(f"A step: {format_seconds(float(cost.step_seconds))}", parts, format_seconds)


def parts_table(title: str, parts: Mapping[str, float], text: Callable[[float], str]) -> Table:
    """Parts of a whole with their amounts and shares, largest first, those below a hundredth together."""
    whole = sum(parts.values())
    large = {name: value for name, value in parts.items() if value >= SMALLEST_PART * whole}
    rows = sorted(large.items(), key=lambda part: -part[1])
    rest = whole - sum(large.values())
    rows += [(REST, rest)] if rest > SMALLEST_PART / 10 * whole else []
    return Table(
        title=title,
        columns=(),
        rows=tuple((name, text(value), percent(value / whole, 0)) for name, value in rows),
        shares=tuple(value / whole for _, value in rows),
    )


def sentences_table(title: str, sentences: tuple[str, ...]) -> Table:
    """Sentences written "head: text", the heads apart."""
    return Table(title=title, columns=(), rows=split_sentences(sentences), left=(0, 1))


def non_empty(tables: Iterator[Table]) -> tuple[Table, ...]:
    """Those tables that have rows."""
    return tuple(table for table in tables if table.rows)
