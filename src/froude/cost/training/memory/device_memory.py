"""Bytes on one device, by part, at the peak of a step: counted, no constant is fitted.

States: what ZeRO leaves on a device (Rajbhandari et al. 2020, arXiv:1910.02054). A step has two moments of most memory:
when it turns from forward to backward, with most activations and the logits, and when the backward pass ends, with all
gradients, before or while the optimizer updates. The fullest device is that of the pipeline's first stage, which holds
most micro-batches, of one between, or of the last, which has the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Matmul, Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.activations import block_bytes, passing_bytes, stored_bytes
from froude.cost.training.pipeline.closed_form import in_flight
from froude.cost.training.pipeline.split import StageBlocks, stage_blocks
from froude.cost.training.share import Share, share_of, stage_shares

FRAGMENTATION = 0.03
"""Memory that the allocator holds and cannot use, over what is used (guess; expandable segments keep it small)."""

CONTEXT_BYTES = 0.6 * 2**30
"""A device's context, with kernels and workspaces (as remembered of CUDA 12 on an H100)."""

COMMUNICATOR_BYTES = 0.35 * 2**30
"""Buffers of a communicator of one group of devices (guess: NCCL's channels of 4 MiB to and from each peer)."""

RELATIVE_ERROR = 0.08
"""Standard deviation of measured peaks over counted ones: 95% of those measured are at most 1.645 of it above
(`benchmarks/planner_accuracy.py`; their root mean square is 6%)."""

OUTSIDE = ("fragmentation", "context")
"""Parts that no tensor uses."""


@final
@dataclass(frozen=True, kw_only=True)
class MemoryBytes:
    """Bytes on the fullest device by part, at the moment of its peak.

    `weights` are all copies that stay, `optimizer` has master weights with the states, `working` a recomputed block and
    gradients on their way, `buffers` what ZeRO 3 gathers and scatters, `update` what the optimizer's step makes. These
    are `allocated`, as frameworks measure it. With `fragmentation`, what the allocator holds and nothing uses at that
    moment, it is `reserved`; `context` is what lies outside of it: context, workspaces, communicators' buffers.
    """

    weights: Number
    gradients: Number
    optimizer: Number
    activations: Number
    logits: Number
    working: Number
    buffers: Number
    update: Number
    fragmentation: Number
    context: Number

    @property
    def allocated(self) -> Number:
        """Bytes of tensors at their peak."""
        return sum(value for name, value in vars(self).items() if name not in OUTSIDE)

    @property
    def reserved(self) -> Number:
        """What the caching allocator holds at its peak."""
        return self.allocated + self.fragmentation

    @property
    def total(self) -> Number:
        """What a device must have."""
        return self.reserved + self.context


def memory_bytes(model: Model, layout: Layout) -> MemoryBytes:
    """Bytes on the fullest device at the peak of a step, elementwise over the layout's arrays."""
    return _fullest(_stages(model, layout), layout)


def memory_by_share(model: Model, layout: Layout) -> Callable[[Number], MemoryBytes]:
    """`memory_bytes` of a layout with full recomputation, by the share of blocks that is recomputed.

    Activations are what the share changes, in a straight line: stages are counted with all and with none recomputed.
    """
    ends = [_stages(model, replace(layout, recomputed=share)) for share in (1.0, 0.0)]

    def memory(share: Number) -> MemoryBytes:
        stages = [
            replace(every, activations=share * every.activations + (1 - share) * none.activations)
            for every, none in zip(*ends, strict=True)
        ]
        return _fullest(stages, layout)

    return memory


def _fullest(stages: Sequence[_Stage], layout: Layout) -> MemoryBytes:
    """Bytes by part on the stage that holds most, elementwise."""
    fullest, *others = (stage.peak() for stage in stages)
    for other in others:
        more = other.reserved > fullest.reserved
        pairs = {one.name: (getattr(other, one.name), getattr(fullest, one.name)) for one in fields(MemoryBytes)}
        fullest = MemoryBytes(**{name: np.where(more, *pair) for name, pair in pairs.items()})
    return as_measured(fullest, layout)


def room_for_activations(model: Model, machine: Machine, layout: Layout) -> float:
    """Bytes that a device has left for activations where a layout keeps none, below 0 where it has too few."""
    room = machine.chip.memory_bytes - float(np.max(context_bytes(layout)))
    counted = room / (1.0 if layout.stack is None else layout.stack.memory)
    left = [counted / (1 + FRAGMENTATION) - float(stage.turn_held) for stage in _stages(model, layout)]
    return min(left)


def as_measured(memory: MemoryBytes, layout: Layout) -> MemoryBytes:
    """Counted bytes, those of the allocator times what the stack's own measurements have over them."""
    factor = 1.0 if layout.stack is None else layout.stack.memory
    if factor == 1.0:
        return memory
    return replace(memory, **{name: factor * value for name, value in vars(memory).items() if name != "context"})


def memory_error(layout: Layout) -> float:
    """Standard deviation of counted over measured peaks: of the stack, where it was measured, or of published ones."""
    return RELATIVE_ERROR if layout.stack is None else layout.stack.errors.get("memory", RELATIVE_ERROR)


def fit_probability(memory: MemoryBytes, machine: Machine, error: float = RELATIVE_ERROR) -> Number:
    """How sure it is that a device's memory suffices: from the error of memory counted against memory measured."""
    room = machine.chip.memory_bytes - memory.context
    z = (room / memory.reserved - 1) / error
    return 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def fits(memory: MemoryBytes, machine: Machine) -> np.ndarray:
    """Whether what is counted is within a device's memory."""
    return np.asarray(memory.total) <= machine.chip.memory_bytes


def tiers_suffice(model: Model, machine: Machine, layout: Layout) -> Number:
    """Whether a device's share of host memory and NVMe holds what is offloaded to them."""
    places = (layout.offload_optimizer, layout.offload_parameters, layout.offload_activations)
    if places == ("device", "device", "device"):
        return True
    share, precision = share_of(model, layout), layout.precision
    states = share.owned(layout) * (precision.master + precision.optimizer + precision.gradients)
    offloaded = [
        (layout.offload_optimizer, states),
        (layout.offload_parameters, share.divided(layout) * precision.weights),
        (layout.offload_activations, stored_bytes(model, layout) * in_flight(layout.flow)),
    ]
    enough: Number = True
    for tier, memory in machine.tiers.items():
        offloaded_bytes = sum(size for place, size in offloaded if place == tier)
        enough = np.logical_and(enough, np.asarray(offloaded_bytes) <= memory.memory_bytes)
    return enough


def context_bytes(layout: Layout) -> Number:
    """Bytes outside of the allocator: the context, and the buffers of every group that communicates."""
    sizes = (layout.devices, layout.data_parallel, layout.tensor, layout.pipeline, layout.context, layout.expert)
    return CONTEXT_BYTES + COMMUNICATOR_BYTES * sum(np.asarray(size) > 1 for size in sizes)


@final
@dataclass(frozen=True, kw_only=True)
class _Stage:
    """One stage of the pipeline: its share and what ZeRO leaves of that, the activations that it holds, logits, what
    passes through its blocks, and what lies between it and others."""

    layout: Layout
    share: Share
    divided: Number
    activations: Number
    logits: Number
    freed_logits: Number
    block: Number
    passing: Number
    between: Number

    def peak(self) -> MemoryBytes:
        """Its parts at the fuller of its two moments, and what the allocator holds besides."""
        turn, end = self._turn(), self._end()
        later = sum(end.values()) > sum(turn.values())
        parts = {name: np.where(later, end[name], value) for name, value in turn.items()} | self._states()
        spare = self._pools(parts["gradients"]) + np.where(parts["logits"] > 0, self.freed_logits, 0)
        lost = spare + FRAGMENTATION * (sum(parts.values()) + spare)
        return MemoryBytes(**parts, fragmentation=lost, context=context_bytes(self.layout) + 0 * lost)

    @property
    def turn_held(self) -> Number:
        """Bytes that the allocator holds at the turn beside activations and what fragmentation takes."""
        parts = self._turn() | self._states()
        return sum(parts.values()) - parts["activations"] + self._pools(parts["gradients"]) + self.freed_logits

    @property
    def _owned(self) -> Number:
        """Parameters whose states it holds: none where they are elsewhere."""
        if self.layout.offload_optimizer != "device":
            return 0.0 * self.divided
        return self.divided if self.layout.zero else self.share.parameters

    def _states(self) -> dict[str, Number]:
        """What is there all the time: weights, of which a stack may keep none beside ZeRO 3's masters, and states."""
        layout, precision, share = self.layout, self.layout.precision, self.share
        narrow = precision.weights if precision.matmul_weights is None else precision.matmul_weights
        weights = precision.weights * share.outside + narrow * (share.parameters - share.outside)
        if layout.zero >= 3:
            masters = precision.master > 0 and layout.offload_optimizer == "device" and not layout.keeping.keeps_narrow
            elsewhere = masters or layout.offload_parameters != "device"
            weights = (0.0 if elsewhere else self.divided / share.parameters) * weights
        return {"weights": weights, "optimizer": (precision.master + precision.optimizer) * self._owned}

    @property
    def _gradient_width(self) -> float:
        """Bytes a gradient: none where they follow the optimizer, or the weights."""
        layout = self.layout
        stay = layout.keeping.gradients_stay and layout.offload_parameters == "device"
        away = layout.offload_optimizer != "device" and not stay
        return 0.0 if away else layout.precision.gradients

    @property
    def _gradients(self) -> Number:
        """Gradients when all of them are there."""
        return self._gradient_width * (self.divided if self.layout.zero >= 2 else self.share.parameters)

    def _turn(self) -> dict[str, Number]:
        """From forward to backward: activations, and logits or the first block that is recomputed."""
        layout = self.layout
        again = {"full": 1.0, "operators": 1.0, "optimal": layout.kept.working}.get(layout.recompute, 0.0)
        backward, scattered = again * self.block + self.passing, self._scattered(self.share.block)
        loss = self.logits >= backward + scattered
        there = np.logical_or(layout.keeping.fixed_gradients, np.asarray(layout.micro_batches) > 1)
        return {
            "gradients": there * self._gradients,
            "activations": self.activations,
            "logits": np.where(loss, self.logits, 0),
            "working": np.where(loss, 0, backward),
            "buffers": self._gathered() + np.where(loss, 0, scattered),
            "update": 0.0,
        }

    def _end(self) -> dict[str, Number]:
        """All gradients: the last block's backward pass, or the update."""
        layout, share = self.layout, self.share
        update = layout.keeping.step_copies * layout.precision.optimizer / 2 * self._owned
        backward = self.passing + (
            self.block if layout.recompute != "none" else np.minimum(self.block, self.activations)
        )
        buffers = self._gathered() + self._scattered(np.maximum(share.block, share.outside))
        updating = update > backward + buffers
        return {
            "gradients": self._gradients,
            "activations": 0.0,
            "logits": 0.0,
            "working": np.where(updating, 0, backward),
            "buffers": np.where(updating, 0, buffers),
            "update": np.where(updating, update, 0),
        }

    def _gathered(self) -> Number:
        """What lies between stages, and weights that ZeRO 3 gathered: those of no block, and of two blocks."""
        if self.layout.zero < 3:
            return self.between
        return self.between + self.layout.precision.weights * (self.share.outside + 2 * self.share.block)

    def _scattered(self, parameters: Number) -> Number:
        """Gradients that ZeRO 3 reduces, in both of their types."""
        precision = self.layout.precision
        return (precision.weights + precision.reduce) * parameters if self.layout.zero >= 3 else 0.0

    def _pools(self, gradients: Number) -> Number:
        """What lies in other streams' memory and is not counted: reduced gradients, and a copy of gathered weights."""
        layout = self.layout
        if not (layout.keeping.side_pools and layout.zero):
            return 0.0
        apart = (self.divided < self.share.parameters) * (self._gradient_width > 0)
        reduced = apart * layout.precision.reduce * self.divided
        if layout.zero < 3:
            return reduced
        return np.where(np.asarray(gradients) > 0, 0, reduced) + layout.precision.weights * self.share.outside


def _stages(model: Model, layout: Layout) -> list[_Stage]:
    """The stages one of which is the fullest."""
    blocks, between = stage_blocks(model, layout), _between_stages(model, layout)
    whole = [block_bytes(block.operators, layout) for block in model.blocks]
    each = stored_bytes(model, layout, whole) * layout.pipeline / model.layers
    widest, passing = reduce(np.maximum, whole, 0.0), passing_bytes(model, layout)
    if layout.offload_activations != "device":
        blocks = StageBlocks(first=2, middle=2, last=2)  # the block at work and the next
    last = layout.pipeline - 1
    places = {"first": 0, "middle": np.minimum(1, last), "last": last}
    made = []
    for name, share in stage_shares(model, layout).items():
        held = each * getattr(blocks, name) * in_flight(layout.flow, stage=places[name])
        logits, freed = _logit_bytes(model, layout) if name == "last" else (0.0, 0.0)
        made.append(
            _Stage(
                layout=layout,
                share=share,
                divided=share.divided(layout),
                activations=held + (block_bytes(model.head, layout) if name == "last" else 0.0),
                logits=logits,
                freed_logits=freed,
                block=widest,
                passing=passing,
                between=between,
            )
        )
    return made


def _between_stages(model: Model, layout: Layout) -> Number:
    """Bytes of what a stage has received or not yet given up, where it holds that for all of a step's micro-batches."""
    if not layout.keeping.stage_buffers:
        return 0.0
    each = layout.positions * layout.precision.activations * model.hidden / layout.sequence_split
    many = layout.keeping.stage_buffers * layout.micro_batches * layout.interleave
    return np.where(np.asarray(layout.pipeline) > 1, many * each, 0)


def _logit_bytes(model: Model, layout: Layout) -> tuple[Number, Number]:
    """Bytes of logits at the peak of the loss, with a fused one's gradients of the head; and bytes freed before."""
    keeping, many = layout.keeping, layout.positions * model.vocabulary / layout.tensor
    if not layout.fused_loss:
        each = np.where(np.asarray(layout.tensor) > 1, keeping.split_logits, keeping.logits)
        return each * many, keeping.freed_logits * many
    trained = layout.precision.optimizer > 0
    head = sum(o.inputs * o.outputs / layout.tensor for o in model.head if isinstance(o, Matmul) and trained)
    return keeping.fused_logits * many + keeping.head_gradients * layout.precision.weights * head, 0.0
