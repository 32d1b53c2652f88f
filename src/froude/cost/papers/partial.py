"""Training a part of a model's parameters: what is left of gradients, states, activations and the backward pass.

A matmul whose weights are frozen needs no input for their gradient, and one product of its backward pass instead of
two; with no trained weight before it none at all. What is trained is described by an adapter
(`froude.cost.papers.adapters`) or by a share of the model's own parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Lookup, Matmul, Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.activations import saved_bytes
from froude.cost.training.memory.device_memory import FRAGMENTATION, MemoryBytes, memory_bytes
from froude.cost.training.work import Work, backward_work, forward_work, loss_work, moving_seconds
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Trained:
    """What is trained: so many parameters, `inside` of which are the model's own matmuls', and others added beside.

    `through` says whether the backward pass goes through the model; a side network needs none. `kept` is the share of
    the model's matmul inputs that trained weights need, `added` the activation bytes of what stands beside over the
    model's own.
    """

    parameters: Number
    through: bool = True
    kept: Number = 0.0
    added: Number = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.kept <= 1:
            raise InputError(f"kept {self.kept}: the share of inputs that trained weights need is from 0 to 1")


def partly_trained_bytes(model: Model, layout: Layout, trained: Trained) -> MemoryBytes:
    """Bytes at the peak on one device that holds the whole model, nothing recomputed.

    Frozen weights have the copy that matmuls read and nothing else. Where the backward pass does not go through the
    model only its outputs to the side network stay, which `added` counts.
    """
    whole, precision = memory_bytes(model, layout), layout.precision
    blocks = [(block.count, o) for block in model.blocks for o in block.operators]
    inputs = sum(n * saved_bytes(o, layout) for n, o in blocks if isinstance(o, Matmul))
    needed = (whole.activations - (1 - trained.kept) * inputs) if trained.through else 0.0
    parts = {
        "weights": precision.weights * (model.n_params + trained.parameters * (not trained.kept)),
        "gradients": precision.gradients * trained.parameters,
        "optimizer": (precision.master + precision.optimizer) * trained.parameters,
        "activations": needed + trained.added * whole.activations,
        "logits": whole.logits,
        "working": whole.working,
        "buffers": whole.buffers,
    }
    return replace(whole, **parts, fragmentation=FRAGMENTATION * sum(parts.values()))


def partly_trained_seconds(model: Model, machine: Machine, layout: Layout, trained: Trained) -> Number:
    """Seconds of a step on one device: forward, the part of the backward pass that is left, and the update.

    Products for the gradients of frozen weights are left out; what an added adapter computes is not counted.
    """
    chip, each = machine.chip, constants()
    share = trained.parameters / model.n_params if trained.kept else 0.0
    total = loss_work(model.vocabulary, chip, layout, each).seconds
    for count, operator in model.operator_counts():
        forward = forward_work(operator, chip, layout, each)
        backward = backward_work(operator, chip, layout, each) if trained.through else Work()
        if isinstance(operator, Matmul):
            backward = Work(matmul=(1 + share) / 2 * backward.matmul, memory=(1 + share) / 2 * backward.memory)
        elif isinstance(operator, Lookup):
            backward = Work()
        total = total + count * (forward.seconds + backward.seconds)
    precision = layout.precision
    update_bytes = 2 * (precision.master + precision.optimizer) + precision.gradients + precision.weights
    update = moving_seconds(update_bytes * trained.parameters, chip, layout, each)
    return total * layout.micro_batches + model.layers * each.launch * layout.micro_batches + update
