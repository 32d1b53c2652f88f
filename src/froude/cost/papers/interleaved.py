"""An offloaded optimizer's update, shared between host and device: which part goes to the device and comes back.

Deep Optimizer States (Maurya et al. 2024, arXiv:2410.21316) updates some subgroups of parameters on the device while
the host updates others; states of the former pass the link both ways beside the host's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.offload import HOST_UPDATE_BYTES_PER_S
from froude.cost.training.share import share_of
from froude.cost.training.work import moving_seconds
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Updates:
    """Seconds of a whole update by either: all on the host, or all sent to the device, updated there and sent back."""

    host_seconds: Number
    device_seconds: Number

    def seconds(self, device_share: Number) -> Number:
        """Seconds where the device updates a share and the host the rest at the same time."""
        return np.maximum(device_share * self.device_seconds, (1 - device_share) * self.host_seconds)

    @property
    def best_share(self) -> Number:
        """The share of the device at which both end together: host / (host + device)."""
        return self.host_seconds / (self.host_seconds + self.device_seconds)

    @property
    def best_seconds(self) -> Number:
        """Seconds at the best share, half of the harmonic mean of both; less than either alone."""
        return self.seconds(self.best_share)


def updates(model: Model, machine: Machine, layout: Layout) -> Updates:
    """Both ways to update what a device owns of a model, its optimizer states in host memory.

    On the host states are read and written and the new weights sent up. For the device states go up and come down, both
    directions of the link at work at once. InputError where the machine has no host memory.
    """
    if "host" not in machine.tiers:
        raise InputError("the machine has no host memory to keep optimizer states in")
    owned, precision = share_of(model, layout).owned(layout), layout.precision
    link = machine.tiers["host"].link.bandwidth_bytes_per_s
    states = precision.master + precision.optimizer
    touched = 2 * states + precision.gradients
    return Updates(
        host_seconds=owned * (touched / HOST_UPDATE_BYTES_PER_S + precision.weights / link),
        device_seconds=owned * states / link + moving_seconds(owned * touched, machine.chip, layout, constants()),
    )
