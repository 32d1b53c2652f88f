"""Bytes on one device, by part, at the peak of a step: counted, no constant is fitted.

Activations a block: Korthikanti et al. 2022, arXiv:2205.05198, eqs. 1 to 6, here summed over operators. States: what
ZeRO leaves on a device (Rajbhandari et al. 2020, arXiv:1910.02054). The fullest device is that of the pipeline's first
stage, which holds most micro-batches, or that of the last, which has the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Elementwise, Lookup, Matmul, Number, Operator
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.closed_form import in_flight
from froude.cost.training.pipeline.split import StageBlocks, stage_blocks
from froude.cost.training.share import Share, share_of

LOGIT_BYTES = {False: 14, True: 4}
"""Bytes a logit at the peak of the cross entropy, by whether it is fused: in PyTorch's eager form bf16 logits, their
fp32 log-softmax, and two fp32 gradients on the way back; fused, bf16 logits and their gradient (counted)."""

FRAGMENTATION = 0.03
"""Memory that the allocator holds and cannot use, over what is used (guess; expandable segments keep it small)."""

RELATIVE_ERROR = 0.06
"""Standard deviation of what is counted here over the peaks that were measured (`benchmarks/planner_accuracy.py`)."""


@final
@dataclass(frozen=True, kw_only=True)
class MemoryBytes:
    """Bytes on the fullest device by part, at the peak.

    Parts are at their own peaks, which are not all at one moment: a caching allocator seldom serves tensors of one kind
    from the blocks of another, so that what it holds is nearer to the sum than to the largest moment.

    `optimizer` has master weights with the states. `working` is a recomputed block and gradients on their way,
    `buffers` what ZeRO 3 gathers and scatters, `fragmentation` what the allocator cannot use, `runtime` what lies
    outside of the allocator.
    """

    weights: Number
    gradients: Number
    optimizer: Number
    activations: Number
    logits: Number
    working: Number
    buffers: Number
    fragmentation: Number
    runtime: Number = RUNTIME_BYTES

    @property
    def total(self) -> Number:
        """The peak, what a device must have."""
        return self.allocated + self.runtime

    @property
    def allocated(self) -> Number:
        """What the allocator holds at its peak, as frameworks measure it: everything but the runtime's."""
        return sum(value for name, value in vars(self).items() if name != "runtime")


def memory_bytes(model: Model, layout: Layout) -> MemoryBytes:
    """Bytes on the fullest device at the peak of a step, elementwise over the layout's arrays."""
    share = share_of(model, layout)
    precision = layout.precision
    whole, divided = share.parameters, share.divided(layout)
    kept_weights = _weights(share, layout)
    gradients = precision.gradients * (divided if layout.zero >= 2 else whole)
    states = (precision.master + precision.optimizer) * share.owned(layout)
    activations, logits = _kept(model, layout)
    parts = {
        "weights": kept_weights,
        "gradients": gradients if layout.offload_optimizer == "device" else 0.0 * whole,
        "optimizer": states if layout.offload_optimizer == "device" else 0.0 * whole,
        "activations": activations,
        "logits": logits,
        "working": _working(model, layout),
        "buffers": _buffers(share, layout),
    }
    return as_measured(MemoryBytes(**parts, fragmentation=FRAGMENTATION * sum(parts.values())), layout)


def as_measured(memory: MemoryBytes, layout: Layout) -> MemoryBytes:
    """Counted bytes, those of the allocator times what the stack's own measurements have over them."""
    factor = 1.0 if layout.stack is None else layout.stack.memory
    if factor == 1.0:
        return memory
    return replace(memory, **{name: factor * value for name, value in vars(memory).items() if name != "runtime"})


def memory_error(layout: Layout) -> float:
    """Standard deviation of counted over measured peaks: of the stack, where it was measured, or of published ones."""
    return RELATIVE_ERROR if layout.stack is None else layout.stack.errors.get("memory", RELATIVE_ERROR)


def fit_probability(memory: MemoryBytes, machine: Machine, error: float = RELATIVE_ERROR) -> Number:
    """How sure it is that a device's memory suffices: from the error of memory counted against memory measured."""
    room = machine.chip.memory_bytes - memory.runtime
    z = (room / memory.allocated - 1) / error
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


def block_bytes(operators: Sequence[Operator], layout: Layout) -> Number:
    """Activation bytes that a block keeps of one micro-batch where nothing is recomputed."""
    return sum(saved_bytes(operator, layout) for operator in operators)


def kept_block_bytes(model: Model, operators: Sequence[Operator], layout: Layout) -> Number:
    """Activation bytes that a block keeps of one micro-batch under the layout's recomputation."""
    everything = block_bytes(operators, layout)
    width = layout.positions * layout.precision.activations
    entered = width * model.hidden / layout.sequence_split
    if layout.recompute == "full":
        return layout.recomputed * entered + (1 - layout.recomputed) * everything
    if layout.recompute == "selective":
        return everything - sum(_scores(o, layout) for o in operators if isinstance(o, Attention))
    if layout.recompute == "optimal":
        return layout.kept.bytes * everything
    if layout.recompute == "operators":
        return entered + sum(_output(o, layout) for o in operators)
    return everything


def stored_bytes(model: Model, layout: Layout) -> Number:
    """Activation bytes of one micro-batch on a stage in the mean: what a pipeline holds a number of times."""
    kept = sum(block.count * kept_block_bytes(model, block.operators, layout) for block in model.blocks)
    return kept / layout.pipeline


def _weights(share: Share, layout: Layout) -> Number:
    """The copy that matmuls read: whole below ZeRO 3; with master weights ZeRO 3 gathers from those."""
    if layout.zero < 3:
        return layout.precision.weights * share.parameters
    masters = layout.precision.master > 0 and layout.offload_optimizer == "device"
    if masters or layout.offload_parameters != "device":
        return 0.0 * share.parameters
    return layout.precision.weights * share.divided(layout)


def _kept(model: Model, layout: Layout) -> tuple[Number, Number]:
    """Activations held in flight, and what logits add to them on the fullest device."""
    block, blocks = stored_bytes(model, layout) * layout.pipeline / model.layers, stage_blocks(model, layout)
    if layout.offload_activations != "device":
        blocks = StageBlocks(first=2, middle=2, last=2)  # the block at work and the next
    second = np.minimum(1, layout.pipeline - 1)
    most = np.maximum(
        blocks.first * in_flight(layout.flow, stage=0), blocks.middle * in_flight(layout.flow, stage=second)
    )
    last = block * blocks.last * in_flight(layout.flow, stage=layout.pipeline - 1)
    logits = LOGIT_BYTES[layout.fused_loss] * layout.positions * model.vocabulary / layout.tensor
    return block * most, np.maximum(last + logits - block * most, 0)


def _working(model: Model, layout: Layout) -> Number:
    """A block being recomputed, and the gradients of its widest activation with the activation's own."""
    width = layout.positions * layout.precision.activations
    largest, widest = 0.0, 0.0
    for block in model.blocks:
        share = {"full": 1.0, "operators": 1.0, "optimal": layout.kept.working}.get(layout.recompute, 0.0)
        largest = np.maximum(largest, share * block_bytes(block.operators, layout))
        for o in (o for o in block.operators if isinstance(o, Matmul)):
            spread = layout.tensor if o.split == "columns" else layout.sequence_split
            widest = np.maximum(widest, width * o.outputs * o.active * o.positions / spread)
    return largest + 2 * widest


def _buffers(share: Share, layout: Layout) -> Number:
    """Of ZeRO 3 the unit at work and the one fetched ahead, and the gradients of one in both of their types."""
    precision = layout.precision
    if layout.zero < 3:
        return 0.0 * share.parameters
    return share.largest * (2 * precision.weights + precision.weights + precision.reduce)


def saved_bytes(operator: Operator, layout: Layout) -> Number:
    """Bytes that an operator keeps for its backward pass, of one micro-batch on one device."""
    width = layout.positions * layout.precision.activations
    if isinstance(operator, Attention):
        return width * operator.saved / layout.tensor + _scores(operator, layout)
    split = (
        operator.split == "rows"
        if isinstance(operator, Matmul)
        else isinstance(operator, Elementwise) and operator.split
    )
    return width * operator.saved / (layout.tensor if split else layout.sequence_split)


def _scores(operator: Attention, layout: Layout) -> Number:
    """Bytes of the scores, which only unfused attention keeps."""
    if layout.attention != "unfused":
        return 0.0
    width = layout.positions * layout.precision.activations
    return width * operator.saved_scores(layout.seq_len) / layout.tensor


def _output(operator: Operator, layout: Layout) -> Number:
    """Bytes that recomputation of operators keeps: every second matmul's output, and attention's.

    A compiler drops those that the backward pass does not ask for: what is added to the residual stream.
    """
    width = layout.positions * layout.precision.activations
    if isinstance(operator, Attention):
        return width * operator.heads * operator.value_width / layout.tensor
    if isinstance(operator, Lookup | Elementwise) or (layout.compiled and operator.split == "rows"):
        return 0.0
    spread = layout.tensor if operator.split == "columns" else layout.sequence_split
    return 0.5 * width * operator.outputs * operator.active * operator.positions / spread
