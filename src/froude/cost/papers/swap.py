"""Activations of long sequences, token by token: a share goes to host memory and comes back, the rest is made again.

MEMO (Zhao et al. 2024, arXiv:2407.12117): of every block its input and attention's output always go to the host, for
attention is what costs most to repeat; of all else a share α of the tokens. Compute grows as the square of the length,
what is moved as the length, so that from some length on compute hides it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.activations import block_bytes
from froude.cost.training.memory.device_memory import MemoryBytes, memory_bytes
from froude.cost.training.passes import block_passes
from froude.cost.training.step import step_seconds
from froude.cost.training.work import forward_work
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Swap:
    """What one block does in a forward pass: seconds of it, of all but attention in it, and bytes that it keeps.

    `always` bytes go to the host in any case, `others` by their share. `link` is in bytes a second, `room` the host
    memory for all `layers`.
    """

    forward_seconds: Number
    again_seconds: Number
    always: Number
    others: Number
    link: float
    room: float
    layers: Number

    @property
    def share(self) -> Number:
        """The share α of the others that compute hides and the host holds, from 0 to 1."""
        hidden = (self.forward_seconds * self.link - self.always) / self.others
        stored = (self.room / self.layers - self.always) / self.others
        return np.clip(np.minimum(hidden, stored), 0, 1)

    @property
    def hides_all(self) -> Number:
        """Whether compute is long enough to move everything beside it."""
        return self.forward_seconds * self.link >= self.always + self.others


def swap_of(model: Model, machine: Machine, layout: Layout) -> Swap:
    """What swapping finds in a model's blocks, the first kind speaking for all; elementwise over lengths.

    InputError where the machine has no host memory.
    """
    if "host" not in machine.tiers:
        raise InputError("the machine has no host memory to move activations to")
    plain = replace(layout, recompute="none", offload_activations="device")
    operators = model.blocks[0].operators
    width = layout.positions * layout.precision.activations
    attended = sum(o.heads * o.value_width for o in operators if isinstance(o, Attention)) / layout.tensor
    always = width * (model.hidden / layout.sequence_split + attended)
    rest = [forward_work(o, machine.chip, plain, constants()) for o in operators if not isinstance(o, Attention)]
    host = machine.tiers["host"]
    return Swap(
        forward_seconds=block_passes(operators, machine, plain, constants()).forward.seconds,
        again_seconds=sum(work.seconds for work in rest),
        always=always,
        others=block_bytes(operators, plain) - always,
        link=host.link.bandwidth_bytes_per_s,
        room=host.memory_bytes,
        layers=model.layers,
    )


def swapped_memory(model: Model, layout: Layout) -> MemoryBytes:
    """Bytes on a device that holds the block at work and the next: all else is on the host or made again.

    Memory is planned beforehand, as the paper does: nothing is lost between tensors, and logits lie where the next
    block's activations were before, so that they count for what they take more.
    """
    parts = memory_bytes(model, replace(layout, recompute="none", offload_activations="host"))
    return replace(parts, logits=np.maximum(parts.logits - parts.activations / 2, 0), fragmentation=0.0 * parts.logits)


def swapped_seconds(model: Model, machine: Machine, layout: Layout, swap: Swap) -> Number:
    """Seconds of a step: what is not swapped is repeated, and what compute does not hide of the rest is waited for."""
    plain = replace(layout, recompute="none", offload_activations="device")
    whole = step_seconds(model, machine, plain, constants()).total
    again = (1 - swap.share) * swap.again_seconds
    moved = (swap.always + swap.share * swap.others) / swap.link
    each = again + 2 * np.maximum(moved - swap.forward_seconds, 0)
    return whole + model.layers * layout.micro_batches * each
