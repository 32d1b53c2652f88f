"""Seconds of compute: what one micro-batch costs on one device, operator by operator.

A matmul takes its FLOPs at the rate that large ones reach, plus what every output costs besides; attention goes at the
pace of its kernel; all else moves bytes at the memory's bandwidth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Chip
from froude.cost.machine.rates import matmul_rate, special_per_s
from froude.cost.model.operators import Attention, Lookup, Matmul, Number, Operator
from froude.cost.training.layout import Layout
from froude.cost.training.share import is_expert

BACKWARD_MOVES = 1.8
"""Bytes that elementwise kernels move backward over forward: 33 values of a width for 18 in a GPT block, gradients of
norms, activation and residual sums and the sums that make the gradients of biases (counted)."""

LOSS_BYTES = {False: 24, True: 6}
"""Bytes moved a logit by the cross entropy, forward and backward, by whether it is fused: to fp32, log-softmax, its
gradient, and back; fused, bf16 logits read twice and their gradient written once (counted)."""

FLASH_BACKWARD = 2.5
"""Matmuls of FlashAttention's backward pass over those of its forward pass: five, one of them a repetition, over two
(Dao 2023, arXiv:2307.08691, section 3.1)."""

FUSED = 0.5
"""Bytes that compiled elementwise kernels move, over those of one kernel an operator (a guess: norm with residual,
activation with product)."""

SCAN_VALUES, SCAN_STATES, SCAN_CHUNK = 6.0, 8.0, 128
"""What a scan moves forward: values a channel, with inputs, steps and outputs read again by each kernel, and values a
channel and state for every chunk of positions, whose states are written, passed on and read in fp32 (counted in the
kernels of Mamba-2, Dao and Gu 2024, arXiv:2405.21060, section 6; the chunk is theirs, as remembered)."""

SCAN_BACKWARD = 2.5
"""Bytes that a scan moves backward over forward: states are made again, and every input has a gradient (a guess)."""

GENERATIONS = {"flash": 1.0, "flash-2": 2.0, "flash-3": 3.5}
"""Speed of attention kernels over FlashAttention's first: "around 2×" (Dao 2023, arXiv:2307.08691, abstract) and on
Hopper 1.5 to 2 × more (Shah et al. 2024, arXiv:2407.08608, abstract; its middle)."""

HALF_WIDTHS = {"flash": 10.0, "flash-2": 10.0, "flash-3": 48.0}
"""Width of a head at which a kernel is half as fast as with very wide ones. As remembered, FlashAttention 2 forward on
an A100 reaches some 190 and 203 TFLOP/s at 64 and 128 (Dao 2023, arXiv:2307.08691, figure 4), FlashAttention 3 on an
H100 some 500, 650 and 750 at 64, 128 and 256 (Shah et al. 2024, arXiv:2407.08608, figure 5). What FlashAttention 3
does beside matmuls counts as so many of their FLOPs as an H100 has for each of its special units."""

HOPPER_SPECIAL = 989 / 3.86
"""FLOPs of bf16 matmuls of an H100 for each slot of its special function units."""

UNFUSED_BACKWARD = 1.4
"""Bytes that unfused attention moves backward over forward: 8.5 values a score for 6 (counted)."""

UNFUSED_VALUES = {True: 6.0, False: 3.5}
"""Values moved a score by unfused attention forward, with dropout and without: the product's result, a causal softmax
that reads half, dropout and its mask, and the second product's operand (counted)."""


@final
@dataclass(frozen=True, kw_only=True)
class Work:
    """Seconds of one micro-batch on one device, by what binds it."""

    matmul: Number = 0.0
    attention: Number = 0.0
    memory: Number = 0.0

    def times(self, factor: Number) -> Work:
        """The same work, `factor` times."""
        return Work(matmul=self.matmul * factor, attention=self.attention * factor, memory=self.memory * factor)

    @property
    def seconds(self) -> Number:
        """All of it."""
        return self.matmul + self.attention + self.memory


def moving_seconds(moved_bytes: Number, chip: Chip, layout: Layout, constants: Constants) -> Number:
    """Seconds of elementwise work that moves so many bytes; a compiler's fused kernels move fewer."""
    fused = FUSED if layout.compiled else 1.0
    return fused * moved_bytes / (chip.memory_bandwidth_bytes_per_s * constants.bandwidth)


def forward_work(operator: Operator, chip: Chip, layout: Layout, constants: Constants) -> Work:
    """Work of an operator's forward pass over one micro-batch on one device."""
    if isinstance(operator, Matmul):
        return _matmul(operator, chip, layout, constants)
    if isinstance(operator, Attention):
        return _attention(operator, chip, layout, constants)
    spread = layout.tensor if isinstance(operator, Lookup) or operator.split else layout.sequence_split
    moved = operator.moved * layout.positions / spread * layout.precision.activations
    return Work(memory=moving_seconds(moved, chip, layout, constants))


def backward_work(operator: Operator, chip: Chip, layout: Layout, constants: Constants) -> Work:
    """Work of an operator's backward pass: two matmuls for one; attention as its kernel does; memory as counted."""
    if isinstance(operator, Matmul):
        return _matmul(operator, chip, layout, constants, backward=True)
    work = forward_work(operator, chip, layout, constants)
    if not isinstance(operator, Attention):
        return work.times(BACKWARD_MOVES)
    if operator.scan:
        return work.times(SCAN_BACKWARD)
    if layout.attention != "unfused":
        return work.times(FLASH_BACKWARD)
    return Work(attention=2 * work.attention, memory=UNFUSED_BACKWARD * work.memory)


def loss_work(vocabulary: Number, chip: Chip, layout: Layout, constants: Constants) -> Work:
    """Work of the cross entropy over the vocabulary, forward and backward."""
    moved = LOSS_BYTES[layout.fused_loss] * layout.positions * vocabulary / layout.tensor
    return Work(memory=moved / (chip.memory_bandwidth_bytes_per_s * constants.bandwidth))


def _matmul(operator: Matmul, chip: Chip, layout: Layout, constants: Constants, *, backward: bool = False) -> Work:
    """One product forward; backward two, one of which makes the inputs' gradient and one the weights'.

    Loads hide behind multiplication as far as that lasts; the write of a result does not. On a chip whose matmuls were
    timed these times are taken instead.
    """
    rows, tensor = layout.positions * operator.positions * operator.active, layout.tensor
    rate = matmul_rate(chip, layout.precision.matmuls, constants)
    if is_expert(operator):  # where fewer devices divide an expert, each has fewer of the group's rows
        rows, tensor = rows * layout.tensor_of_experts / tensor, layout.tensor_of_experts
        rate = rate * _grouped(layout, constants)
    inputs = operator.inputs / (tensor if operator.split == "rows" else 1)
    outputs = operator.outputs / (tensor if operator.split == "columns" else 1)
    weights = np.maximum(operator.experts / layout.expert, 1) * inputs * outputs
    width = layout.precision.activations
    if layout.precision.matmuls in chip.matmul_time:
        timing = chip.matmul_time[layout.precision.matmuls]
        if not backward:
            return Work(matmul=timing.seconds(rows, inputs, outputs) / constants.timed)
        backward_seconds = timing.seconds(rows, outputs, inputs) + timing.seconds(inputs, rows, outputs)
        return Work(matmul=backward_seconds / constants.timed)
    products = 2 if backward else 1
    multiplying = products * 2 * rows * inputs * outputs / rate
    loads = products * width * (rows * (inputs + outputs) / products + weights)
    stores = constants.matmul_memory * rows * width * (inputs if backward else outputs)
    if backward:
        stores = stores + 2 * weights * layout.precision.gradients  # added to what other micro-batches gave
    bandwidth = chip.memory_bandwidth_bytes_per_s
    shown = np.maximum(loads / bandwidth - multiplying, 0)
    return Work(matmul=multiplying, memory=shown + stores / bandwidth)


def _grouped(layout: Layout, constants: Constants) -> float:
    """Rate of experts' matmuls over that of one matmul of all their rows.

    In a step that is one CUDA graph the device itself knows how many rows an expert has, and one kernel does them all
    (Megatron Core 0.19.2, full_iteration; it was measured to be as fast). Otherwise each expert has a kernel.
    """
    return 1.0 if layout.graphs == "full" else constants.grouped


def _attention(operator: Attention, chip: Chip, layout: Layout, constants: Constants) -> Work:
    """A scan's bytes, or attention's scores and values.

    A fused kernel computes half of a causal square, in the time that its vector work takes (Triton's and CUDA's kernels
    before Hopper's are bound by it, measured: the same FLOPs a slot on A100 and H100), with wide heads in that of its
    matmuls; unfused scores are whole and pass through memory.
    """
    if operator.scan:
        channels = layout.positions * operator.heads * operator.score_width / layout.tensor
        moved = channels * (SCAN_VALUES + SCAN_STATES * operator.value_width / SCAN_CHUNK)
        return Work(
            memory=layout.precision.activations * moved / (chip.memory_bandwidth_bytes_per_s * constants.bandwidth)
        )
    flops = layout.positions * operator.forward_flops(layout.seq_len) / layout.tensor
    if layout.attention != "unfused":
        rate = special_per_s(chip) * constants.attention * GENERATIONS[layout.attention]
        rate = rate * width_factor(layout.attention, operator.score_width, chip)
        rate = np.minimum(rate, matmul_rate(chip, layout.precision.matmuls, constants))
        return Work(attention=(0.5 if operator.causal else 1.0) * flops / rate)
    scores = layout.positions * operator.heads * operator.keys(layout.seq_len) / layout.tensor
    moved = scores * UNFUSED_VALUES[operator.dropout] * layout.precision.activations
    rate = matmul_rate(chip, layout.precision.matmuls, constants) * constants.unfused_attention
    return Work(attention=flops / rate, memory=moving_seconds(moved, chip, layout, constants))


def width_factor(kernel: str, width: Number, chip: Chip) -> Number:
    """Speed of fused attention at a width of heads over that at 128: narrow heads leave less to do an exponential."""
    half = HALF_WIDTHS[kernel]
    if kernel == "flash-3" and "bf16" in chip.peak_flops:
        half = half * chip.peak_flops["bf16"] / special_per_s(chip) / HOPPER_SPECIAL
    return width / (width + half) * (128 + half) / 128
