"""The layout whose recomputation costs the fewest seconds among those that fit a device's memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Elementwise, Lookup, Matmul, Operator
from froude.cost.training.layout import Kept, Layout
from froude.cost.training.memory.activations import block_bytes, saved_bytes
from froude.cost.training.memory.device_memory import room_for_activations
from froude.cost.training.memory.recompute import Item, RecomputePlan, TooLittle, best_recompute
from froude.cost.training.pipeline.closed_form import in_flight
from froude.cost.training.share import fullest_blocks
from froude.cost.training.work import forward_work
from froude.errors import InputError
from froude.quantity import format_bytes


def with_optimal_recompute(model: Model, machine: Machine, layout: Layout) -> Layout:
    """The layout with what is kept chosen operator by operator, for the memory that everything else leaves.

    Blocks are taken to be equal: the first kind of block speaks for all. InputError where even recomputing whole
    blocks does not fit.
    """
    operators = model.blocks[0].operators
    items = chain(operators, machine, layout)
    room = room_for_activations(model, machine, replace(layout, recompute="optimal", kept=Kept(bytes=0.0)))
    layers = int(fullest_blocks(model, layout))
    plan = best_recompute(items, layers, max(room, 0.0), float(in_flight(layout.flow)))
    if isinstance(plan, TooLittle):
        raise InputError(
            f"no recomputation fits: activations need {format_bytes(plan.least_bytes)} at least where "
            f"{format_bytes(max(room, 0.0))} are left: take a smaller micro-batch or more parallelism"
        )
    return replace(layout, recompute="optimal", kept=_shares(plan, operators, items, layout))


def chain(operators: Sequence[Operator], machine: Machine, layout: Layout) -> list[Item]:
    """A block's operators as what its backward pass needs of them, what they read, and their forward seconds."""
    return [
        Item(
            name=operator.name,
            saved_bytes=float(saved_bytes(operator, layout)),
            input_bytes=_read(operator, layout),
            seconds=float(forward_work(operator, machine.chip, layout, layout.constants).seconds),
        )
        for operator in operators
    ]


def _shares(plan: RecomputePlan, operators: Sequence[Operator], items: Sequence[Item], layout: Layout) -> Kept:
    """What the plan keeps and repeats, as shares of whole blocks."""
    layers = sum(n for n, _ in plan.choices)
    kept_bytes = sum(n * choice.kept_bytes for n, choice in plan.choices)
    flops = [float(operator.forward_flops(layout.seq_len)) for operator in operators]
    again = sum(n * sum(sum(flops[a:b]) for a, b in choice.segments) for n, choice in plan.choices)
    return Kept(
        bytes=kept_bytes / (layers * float(block_bytes(operators, layout))),
        seconds=plan.seconds / (layers * sum(item.seconds for item in items)),
        flops=again / (layers * sum(flops)),
        working=plan.working_bytes / float(block_bytes(operators, layout)),
    )


def _read(operator: Operator, layout: Layout) -> float:
    """Bytes of an operator's input of one micro-batch on one device."""
    width = layout.positions * layout.precision.activations
    whole = layout.sequence_split
    if isinstance(operator, Matmul):
        spread = layout.tensor if operator.split == "rows" else whole
        return float(width * operator.inputs * operator.active * operator.positions / spread)
    if isinstance(operator, Attention):
        return float(width * operator.saved / layout.tensor)
    if isinstance(operator, Elementwise):
        return float(width * max(operator.saved, operator.moved / 2) / (layout.tensor if operator.split else whole))
    return float(width * operator.width) if isinstance(operator, Lookup) else 0.0
