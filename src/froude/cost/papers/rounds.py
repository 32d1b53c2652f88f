"""Blocks of a scene, or models of a kind, that take turns on fewer devices than there are of them.

Momentum-GS (Fan et al. 2024, arXiv:2412.04887) trains k blocks of a scene on g devices, each device one block after
another; a device holds one block at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Layout
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Seconds in which every block makes a step, and bytes on a device."""

    seconds: Number
    memory_bytes: Number


def rounds(model: Model, machine: Machine, layout: Layout, blocks: Number) -> Rounds:
    """What a step of every one of `blocks` equal models takes, each on one of the machine's devices at a time.

    `layout` is that of one block on one device; ⌈k/g⌉ rounds follow each other. Swapping blocks in and out is left out.
    InputError for a layout of several devices.
    """
    if np.any(np.asarray(layout.devices) != 1):
        raise InputError(f"a block is on one device at a time, not on {layout.devices}")
    alone = evaluate(model, machine, layout)
    turns = np.ceil(np.asarray(blocks) / machine.devices)
    return Rounds(seconds=turns * alone.step_seconds, memory_bytes=alone.memory.total + 0 * turns)
