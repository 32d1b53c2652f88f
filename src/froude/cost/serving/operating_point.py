"""At what point a model is served where nobody says: the devices and the batch at which a token costs least."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.formats import BF16, FP32
from froude.cost.model.model import Model
from froude.cost.serving.iteration import Serving, price_iteration
from froude.cost.serving.memory import largest_batch, serving_bytes

MOST_SEQUENCES = 256
"""Sequences that are served at once at most: the default of vLLM's `max_num_seqs` (as remembered)."""


@final
@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """How a model is served, and the seconds of an iteration, from which follows what a token costs.

    In every iteration each sequence yields a token, and as many tokens of prompts enter: half of all tokens are
    prompts (a guess).
    """

    serving: Serving
    iteration_seconds: float

    @property
    def tokens(self) -> float:
        """Tokens of an iteration, those of prompts too."""
        return float(self.serving.positions)

    @property
    def device_seconds_per_token(self) -> float:
        """Seconds of one device for a token."""
        return self.iteration_seconds * float(self.serving.devices) / self.tokens


def operating_point(
    model: Model, machine: Machine, *, context: int, kind: str, most_sequences: int = MOST_SEQUENCES
) -> OperatingPoint:
    """The point at which a token costs least, by the calibrated rates of the machine's chips.

    Matmuls, weights, keys and values have the 16-bit (or fp32) type `kind`. Devices are 1, 2, 4, … up to a node, all
    tensor-parallel, or as many nodes as hold the weights and a sequence. The batch is the largest for which there is
    room beside the weights, up to `most_sequences`; all its sequences are `context` long. InputError where the chip
    lacks the type.
    """
    stored, width = (FP32, 4) if kind == "fp32" else (BF16, 2)
    serving = Serving(
        context=context,
        weights=stored,
        others=stored,
        kv=stored,
        activations=width,
        matmuls=kind,
        scores=kind,
        constants=constants(),
    )
    serving = replace(serving, devices=_groups(machine, float(serving_bytes(model, serving))))
    batch = np.clip(largest_batch(model, machine, serving), 1, most_sequences)
    serving = replace(serving, batch=batch, prefilled=batch)
    seconds = np.asarray(price_iteration(model, machine, serving).seconds)
    best = int(np.argmin(seconds * serving.devices / serving.positions))
    devices, batch = int(np.asarray(serving.devices)[best]), int(batch[best])
    return OperatingPoint(
        serving=replace(serving, devices=devices, batch=batch, prefilled=batch),
        iteration_seconds=float(seconds[best]),
    )


def _groups(machine: Machine, least_bytes: float) -> np.ndarray:
    """Numbers of devices that hold so many bytes: powers of two up to a node, or the whole nodes that are needed."""
    node = machine.devices_per_node
    needed = least_bytes / max(machine.chip.memory_bytes - RUNTIME_BYTES, 1.0)
    within = 2 ** np.arange(int(np.log2(node)) + 1)
    enough = within[within > needed]
    return enough if enough.size else np.array([node * int(np.floor(needed / node) + 1)])
