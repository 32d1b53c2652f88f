"""Seconds a step of what is kept in host memory or on NVMe: moved beside compute where that is long enough.

ZeRO-Offload (Ren et al. 2021, arXiv:2101.06840) updates on the host what ZeRO divides; ZeRO-Infinity (Rajbhandari et
al. 2021, arXiv:2104.07857) also streams weights, and keeps either on NVMe.
"""

from __future__ import annotations

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.activations import stored_bytes
from froude.cost.training.passes import Passes
from froude.cost.training.share import Share
from froude.errors import InputError

HOST_UPDATE_BYTES_PER_S = 20e9
"""Host memory bandwidth that one device's share of the optimizer gets: 160 to 200 GB/s of a node with eight (guess)."""


def offload_seconds(model: Model, share: Share, machine: Machine, layout: Layout, micro: Passes) -> Number:
    """Seconds a step that offloading adds: transfers that compute does not hide, and the update on the host."""
    many = layout.micro_batches
    return (
        _optimizer(share, machine, layout)
        + many * _beside(_parameters(share, machine, layout), micro.seconds)
        + many * _beside(_activations(model, machine, layout), micro.seconds)
    )


def _optimizer(share: Share, machine: Machine, layout: Layout) -> Number:
    """Gradients down, weights up, the update's reads and writes; states read and written where they are on NVMe."""
    if layout.offload_optimizer == "device":
        return 0.0 * share.parameters
    owned, precision = share.owned(layout), layout.precision
    states = 2 * (precision.master + precision.optimizer)
    seconds = owned * (precision.reduce + precision.weights) / _rate(machine, "host")
    seconds = seconds + owned * (states + precision.gradients) / HOST_UPDATE_BYTES_PER_S
    if layout.offload_optimizer == "nvme":
        seconds = np.maximum(seconds, owned * states / _rate(machine, "nvme"))
    return seconds


def _parameters(share: Share, machine: Machine, layout: Layout) -> Number:
    """The device's part of the weights, fetched for the forward and again for the backward pass."""
    if layout.offload_parameters == "device":
        return 0.0 * share.parameters
    return 2 * share.divided(layout) * layout.precision.weights / _rate(machine, layout.offload_parameters)


def _activations(model: Model, machine: Machine, layout: Layout) -> Number:
    """What the backward pass needs, sent away and fetched again; both directions of a link work at once."""
    if layout.offload_activations == "device":
        return 0.0
    return stored_bytes(model, layout) / _rate(machine, layout.offload_activations)


def _beside(seconds: Number, compute_seconds: Number) -> Number:
    return np.maximum(seconds - compute_seconds, 0)


def _rate(machine: Machine, tier: str) -> float:
    if tier not in machine.tiers:
        raise InputError(f"the machine has no {tier} memory to offload to: it has {', '.join(machine.tiers) or 'none'}")
    return machine.tiers[tier].link.bandwidth_bytes_per_s
