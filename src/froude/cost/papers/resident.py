"""A model larger than what is kept of it on a device: a window of layers passes over it, the next fetched ahead.

Superpipeline (2024, arXiv:2410.08791, as remembered): of L layers k are on the device; while one computes, those that
come next are copied to where the last ones were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.layout import Layout
from froude.cost.training.work import forward_work
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Window:
    """A window of `layers` on the device, of which at most `ahead` are fetched before they are needed."""

    layers: int
    ahead: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.ahead < self.layers:
            raise InputError(f"a window of {self.layers} layers fetches 1 to {self.layers - 1} ahead, not {self.ahead}")


@final
@dataclass(frozen=True, kw_only=True)
class LayerSeconds:
    """Seconds of one layer: its forward pass, and its way from host memory."""

    compute: float
    transfer: float


def layer_seconds(model: Model, machine: Machine, layout: Layout) -> LayerSeconds:
    """Both times of a model's layers in the mean; InputError where the machine has no host memory."""
    if "host" not in machine.tiers:
        raise InputError("the machine has no host memory to keep layers in")
    work = sum(
        float(block.count * forward_work(operator, machine.chip, layout, constants()).seconds)
        for block in model.blocks
        for operator in block.operators
    )
    link = machine.tiers["host"].link.bandwidth_bytes_per_s
    return LayerSeconds(compute=work / float(model.layers), transfer=layer_bytes(model, layout) / link)


def layer_bytes(model: Model, layout: Layout) -> float:
    """Weight bytes of a layer in the mean."""
    parameters = sum(block.count * sum(o.parameters for o in block.operators) for block in model.blocks)
    return float(parameters / model.layers * layout.precision.weights)


def window_bytes(model: Model, layout: Layout, window: Window) -> float:
    """Weight bytes of the layers on the device: k/L of them all."""
    return min(window.layers, float(model.layers)) * layer_bytes(model, layout)


def window_seconds(layers: int, each: LayerSeconds, window: Window) -> float:
    """Seconds of one forward pass that begins with the first k layers on the device.

    A layer is fetched after the one before it, when the one k before it is done, and no earlier than `ahead` layers
    before its turn. Over many layers each takes the longer of compute and transfer.
    """
    computed, fetched = np.zeros(layers), np.zeros(layers)
    for i in range(layers):
        if i >= window.layers:
            begin = max(fetched[i - 1], computed[i - window.layers], computed[i - window.ahead - 1])
            fetched[i] = begin + each.transfer
        computed[i] = max(computed[i - 1] if i else 0.0, fetched[i]) + each.compute
    return float(computed[-1])
