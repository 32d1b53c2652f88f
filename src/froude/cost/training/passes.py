"""Forward and backward pass of one micro-batch on one device: its kernels and the communication between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group, beside_seconds, exchange_seconds, gather_seconds, reduce_seconds
from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Elementwise, Matmul, Number, Operator
from froude.cost.stack.stack import architecture_of
from froude.cost.training.layout import Layout
from froude.cost.training.share import is_expert
from froude.cost.training.work import Work, backward_work, forward_work, loss_work

GRAPHS = {"none": 1.0, "partial": 0.6, "full": 0.15}
"""Share of launches and gaps that is left where parts of blocks, or whole steps, are CUDA graphs (a guess: what is not
captured, and what the device itself waits between kernels)."""

GRAPHS_OF_EXPERTS = {"none": 1.0, "partial": 1.0, "full": 0.15}
"""The same of experts, which parts of blocks leave out: how many rows each has is not known when they are captured."""

BESIDE_DISPATCH = 1.5
"""Forward passes behind which a dispatch hides: those of another micro-batch, forward and backward in turn, three
forward passes of work for two dispatches (Megatron's combined 1F1B)."""


@final
@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Seconds of one pass by part, as in `StepSeconds`."""

    compute: Number = 0.0
    recompute: Number = 0.0
    memory: Number = 0.0
    tensor: Number = 0.0
    context: Number = 0.0
    expert: Number = 0.0
    fixed: Number = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        mine, others = vars(self), vars(other)
        return Seconds(**{name: mine[name] + others[name] for name in mine})

    def times(self, factor: Number) -> Seconds:
        """The same, `factor` times."""
        return Seconds(**{name: value * factor for name, value in vars(self).items()})

    def by_part(self) -> dict[str, Number]:
        """Part → seconds."""
        return dict(vars(self))

    @property
    def seconds(self) -> Number:
        """All of it."""
        return sum(vars(self).values())


@final
@dataclass(frozen=True, kw_only=True)
class Passes:
    """Both passes of one micro-batch."""

    forward: Seconds
    backward: Seconds

    def __add__(self, other: Passes) -> Passes:
        return Passes(forward=self.forward + other.forward, backward=self.backward + other.backward)

    def times(self, factor: Number) -> Passes:
        """The same, `factor` times."""
        return Passes(forward=self.forward.times(factor), backward=self.backward.times(factor))

    @property
    def seconds(self) -> Number:
        """Both together."""
        return self.forward.seconds + self.backward.seconds


def longer(one: Passes, other: Passes) -> Passes:
    """Elementwise the one that takes longer, the first where both take as long."""
    takes = np.asarray(one.seconds) >= other.seconds

    def chosen(mine: Seconds, others: Seconds) -> Seconds:
        ours, theirs = vars(mine), vars(others)
        return Seconds(**{name: np.where(takes, ours[name], theirs[name]) for name in ours})

    return Passes(forward=chosen(one.forward, other.forward), backward=chosen(one.backward, other.backward))


def block_passes(operators: Sequence[Operator], machine: Machine, layout: Layout, constants: Constants) -> Passes:
    """Both passes of one micro-batch through a block's operators; what is recomputed is done in the backward pass."""
    forward = _pass([forward_work(o, machine.chip, layout, constants) for o in operators])
    backward = _pass([backward_work(o, machine.chip, layout, constants) for o in operators])
    exchanged = _communication(operators, machine, layout, constants, forward.seconds)
    gaps = _launch_seconds(operators, layout, constants)
    forward = forward + exchanged + Seconds(fixed=gaps / 3)
    # Gradients of columns' inputs are reduced where rows' outputs were, and sent where activations were.
    backward = backward + exchanged + Seconds(fixed=gaps * 2 / 3)
    if np.any(np.asarray(layout.context) > 1) and layout.context_by == "ring":
        backward = backward + Seconds(context=exchanged.context)  # keys, values and their gradients go round
    return Passes(forward=forward, backward=backward + _again(operators, machine, layout, constants, forward))


def end_passes(model: Model, machine: Machine, layout: Layout, constants: Constants) -> Passes:
    """Both passes through embedding, head and loss: what the last stage has besides blocks, or the only one."""
    operators = (*model.embedding, *model.head)
    forward = _pass([forward_work(o, machine.chip, layout, constants) for o in operators])
    backward = _pass(
        [
            *(backward_work(o, machine.chip, layout, constants) for o in operators),
            loss_work(model.vocabulary, machine.chip, layout, constants),
        ]
    )
    output_bytes = layout.positions * model.hidden * layout.precision.activations
    reduction = Seconds(tensor=_reduction_seconds(Group(size=layout.tensor), output_bytes, machine, constants))
    return Passes(forward=forward + reduction, backward=backward + reduction)


def _launch_seconds(operators: Sequence[Operator], layout: Layout, constants: Constants) -> Number:
    """Launches and gaps of a block and micro-batch, forward and backward, with those of each expert of a device."""
    routed = [o for o in operators if isinstance(o, Matmul) and is_expert(o)]
    experts = routed[0].experts if routed else 0
    of_experts = GRAPHS_OF_EXPERTS[layout.graphs] * constants.expert_launch * np.ceil(experts / layout.expert)
    return GRAPHS[layout.graphs] * constants.launch + of_experts


def _pass(works: Sequence[Work]) -> Seconds:
    return Seconds(
        compute=sum(work.matmul + work.attention for work in works),
        memory=sum(work.memory for work in works),
    )


def _again(
    operators: Sequence[Operator], machine: Machine, layout: Layout, constants: Constants, forward: Seconds
) -> Seconds:
    """What the backward pass does again, communication of whole blocks included."""
    if layout.recompute == "none":
        return Seconds()
    if layout.recompute == "full":
        return Seconds(recompute=layout.recomputed * forward.seconds)

    def work_of(operator: Operator) -> Work:
        return forward_work(operator, machine.chip, layout, constants)

    if layout.recompute == "optimal":
        return Seconds(recompute=layout.kept.seconds * sum(work_of(o).seconds for o in operators))
    shares: dict[type, float] = {Attention: 1.0}
    if layout.recompute == "operators":
        shares = {Matmul: 0.5, Elementwise: 1.0}
    return Seconds(recompute=sum(shares[type(o)] * work_of(o).seconds for o in operators if type(o) in shares))


def _communication(
    operators: Sequence[Operator], machine: Machine, layout: Layout, constants: Constants, work_seconds: Number
) -> Seconds:
    """Communication inside a block's forward pass that is not hidden."""
    width = layout.positions * layout.precision.activations
    group = Group(size=np.maximum(layout.tensor, layout.tensor_of_experts if any(map(is_expert, operators)) else 1))
    whole_bytes = width * _reduced_values(operators, layout, group)
    tensor = _reduction_seconds(group, whole_bytes, machine, constants)
    if layout.overlap_tensor:
        taken = 2 * beside_seconds(group, whole_bytes, machine, constants)
        tensor = taken + np.maximum(tensor - work_seconds, 0)
    attended = [o for o in operators if isinstance(o, Attention)]
    return Seconds(
        tensor=tensor,
        context=sum(_context_seconds(o, machine, layout, constants) for o in attended),
        expert=_dispatch_seconds(operators, machine, layout, constants, work_seconds),
    )


def _dispatch_seconds(
    operators: Sequence[Operator], machine: Machine, layout: Layout, constants: Constants, work_seconds: Number
) -> Number:
    """Positions sent to their experts and back, where devices share them; beside compute what that does not hide."""
    if np.max(layout.expert) == 1:
        return 0.0
    routed = [o for o in operators if isinstance(o, Matmul) and is_expert(o) and o.split == "columns"]
    sent = sum(o.inputs * o.active * o.positions for o in routed)
    whole = layout.positions * layout.precision.activations * sent / layout.sequence_split
    experts = Group(size=layout.expert, stride=layout.tensor_of_experts)
    share = _far_share(experts, routed, machine) if layout.dispatch == "node" else 1.0
    seconds = 2 * exchange_seconds(experts, whole, machine, constants, share)
    if layout.overlap_expert:
        behind = 2 * beside_seconds(experts, whole, machine, constants)
        hidden = np.where(_one_queue(layout, machine), 0.0, BESIDE_DISPATCH * work_seconds)
        seconds = np.minimum(behind + np.maximum(seconds - hidden, 0), seconds)
    return np.where(np.asarray(layout.expert) > 1, seconds, 0.0)


def _one_queue(layout: Layout, machine: Machine) -> Number:
    """Whether kernels are launched in one queue, as tensor and context parallelism want it up to Hopper.

    A dispatch needs several to run beside compute: Megatron Core 0.19.2, training/arguments.py, on
    CUDA_DEVICE_MAX_CONNECTIONS.
    """
    return (layout.tensor * layout.context > 1) & (architecture_of(machine.chip) in ("ampere", "hopper"))


def _far_share(group: Group, routed: Sequence[Matmul], machine: Machine) -> Number:
    """Nodes that a position is sent to over the experts in other nodes that it picks, where one copy a node crosses.

    Of n nodes k picks that fall anywhere reach n·(1 − (1 − 1/n)^k).
    """
    nodes, picks = group.size / group.inside(machine), max((float(np.max(o.active)) for o in routed), default=1.0)
    return nodes * (1 - (1 - 1 / nodes) ** picks) / picks


def _reduced_values(operators: Sequence[Operator], layout: Layout, group: Group) -> Number:
    """Values a position that tensor parallelism reduces, as if all of them were reduced in one group.

    What experts give is reduced among the devices that divide an expert, which may be fewer than divide all else.
    """
    rows = [o for o in operators if isinstance(o, Matmul) and o.split == "rows"]
    dense, routed = (
        sum(o.outputs * o.active * o.positions for o in rows if is_expert(o) == kind) for kind in (False, True)
    )
    passed = (dense * (layout.tensor - 1) + routed * (layout.tensor_of_experts - 1)) / layout.tensor
    return passed * group.size / np.maximum(group.size - 1, 1)


def _reduction_seconds(group: Group, whole_bytes: Number, machine: Machine, constants: Constants) -> Number:
    """An all-reduce among tensor-parallel devices; sequence parallelism's gather and scatter cost the same."""
    if np.max(group.size) == 1:
        return 0.0
    return np.where(np.asarray(group.size) > 1, reduce_seconds(group, whole_bytes, machine, constants), 0.0)


def _context_seconds(operator: Attention, machine: Machine, layout: Layout, constants: Constants) -> Number:
    """Exposed communication of context parallelism for one attention, forward.

    Ring attention passes keys and values round while scores are computed (Liu et al. 2023, arXiv:2310.01889); Ulysses
    exchanges queries, keys, values and outputs before and after (Jacobs et al. 2023, arXiv:2309.14509).
    """
    if np.max(layout.context) == 1:
        return 0.0
    group = Group(size=layout.context, stride=layout.tensor)
    width = layout.positions * layout.precision.activations / layout.tensor
    keys = operator.kv_heads * (operator.score_width + operator.value_width)
    if layout.context_by == "ulysses":
        queries = operator.heads * (operator.score_width + operator.value_width)
        seconds = exchange_seconds(group, width * (keys + queries), machine, constants)
    else:
        whole_bytes = width * keys * layout.context
        alone = gather_seconds(group, whole_bytes, machine, constants)
        behind = forward_work(operator, machine.chip, layout, constants).seconds
        seconds = beside_seconds(group, whole_bytes, machine, constants) + np.maximum(alone - behind, 0)
    return np.where(np.asarray(layout.context) > 1, seconds, 0.0)
