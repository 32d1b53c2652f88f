"""Seconds of one training step, by part: the step-time model.

A device works through its micro-batches: matmuls, attention and memory-bound kernels (`work`), the communication that
the layout asks for, the pipeline's fill and drain; then the optimizer. What runs beside compute costs a share of its
own time, and all of what is longer than the compute it hides behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.collectives import send_seconds
from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.data_parallel import data_seconds
from froude.cost.training.layout import Layout
from froude.cost.training.memory.offload import offload_seconds
from froude.cost.training.passes import Passes, block_passes, end_passes, longer
from froude.cost.training.pipeline.closed_form import bubble_seconds
from froude.cost.training.pipeline.split import stage_blocks
from froude.cost.training.reliability import straggler_factor
from froude.cost.training.share import Share, share_of
from froude.cost.training.work import moving_seconds

OPTIMIZER_PASSES = 2
"""The optimizer reads and writes what it holds: states and master weights; it reads gradients and writes weights."""


@final
@dataclass(frozen=True, kw_only=True)
class StepSeconds:
    """Seconds of a step on the slowest device, by part; they add up to the step.

    `compute` is matmuls and attention of forward and backward, `recompute` all that is done again, `memory` kernels
    that move bytes. Communication is what is not hidden: of `tensor`, `context` and `expert` parallelism, and of `data`
    parallelism with ZeRO. `bubble` is the pipeline's fill, drain and sends. `fixed` is launches and what
    happens once a step, `waiting` is for the slowest of all devices.
    """

    compute: Number
    recompute: Number
    memory: Number
    tensor: Number
    context: Number
    expert: Number
    data: Number
    bubble: Number
    optimizer: Number
    offload: Number
    fixed: Number
    waiting: Number

    @property
    def total(self) -> Number:
        """The step."""
        return sum(vars(self).values())


def step_seconds(model: Model, machine: Machine, layout: Layout, constants: Constants) -> StepSeconds:
    """Seconds of a step by part, elementwise over the layout's arrays; the layout must be legal."""
    stages = pipeline_stages(model, machine, layout, constants)
    busiest = stages.busiest
    bubble = bubble_seconds(
        layout.flow,
        stages.middle.forward.seconds,
        stages.middle.backward.seconds,
        hand_over_seconds(model, machine, layout, constants),
        first=stages.first.seconds / stages.middle.seconds,
        last=stages.last.seconds / stages.middle.seconds,
    )
    share = share_of(model, layout)
    passes = (busiest.forward + busiest.backward).times(layout.micro_batches)
    parts = {
        **passes.by_part(),
        "data": data_seconds(share, machine, layout, constants, busiest),
        "bubble": bubble,
        "optimizer": _optimizer_seconds(share, machine, layout, constants),
        "offload": offload_seconds(model, share, machine, layout, busiest),
    }
    parts["fixed"] = parts["fixed"] + constants.step
    waits = straggler_factor(layout.devices, constants.jitter) - 1
    return StepSeconds(**parts, waiting=waits * sum(parts.values()))


@final
@dataclass(frozen=True, kw_only=True)
class PipelineStages:
    """Both passes of one micro-batch on the first stage, the fullest between, and the last, which has head and loss.

    A single stage is first, middle and last but for head and loss, which only `last` has.
    """

    first: Passes
    middle: Passes
    last: Passes

    @property
    def busiest(self) -> Passes:
        """The stage that takes longest, elementwise."""
        between = longer(self.middle, self.first)
        return longer(self.last, between)


def pipeline_stages(model: Model, machine: Machine, layout: Layout, constants: Constants) -> PipelineStages:
    """The passes of a pipeline's stages by the blocks that each holds."""
    blocks = stage_blocks(model, layout)
    block = stage_passes(model, machine, layout, constants).times(layout.pipeline / model.layers)
    ends = end_passes(model, machine, layout, constants)
    return PipelineStages(
        first=block.times(blocks.first), middle=block.times(blocks.middle), last=block.times(blocks.last) + ends
    )


def stage_passes(model: Model, machine: Machine, layout: Layout, constants: Constants) -> Passes:
    """Forward and backward pass of one micro-batch through a stage in the mean: an equal part of all blocks."""
    blocks = (
        block_passes(block.operators, machine, layout, constants).times(block.count / layout.pipeline)
        for block in model.blocks
    )
    first = next(blocks)
    return sum(blocks, start=first)


def hand_over_seconds(model: Model, machine: Machine, layout: Layout, constants: Constants) -> Number:
    """Seconds of sending one micro-batch's activations to the next stage; tensor-parallel devices send a part each."""
    sent = layout.positions * model.hidden * layout.precision.activations / layout.tensor
    stride = layout.tensor * layout.context * layout.data_parallel
    seconds = send_seconds(stride, sent, machine, constants)
    return np.where(np.asarray(layout.pipeline) > 1, seconds, 0.0)


def _optimizer_seconds(share: Share, machine: Machine, layout: Layout, constants: Constants) -> Number:
    """The update of the parameters that a device owns, where they are in its own memory."""
    if layout.offload_optimizer != "device":
        return 0.0 * share.parameters
    precision = layout.precision
    moved_bytes = OPTIMIZER_PASSES * (precision.master + precision.optimizer) + precision.gradients + precision.weights
    return moving_seconds(moved_bytes * share.owned(layout), machine.chip, layout, constants)
