"""Positions routed to experts: what a capacity pads and drops, and what uneven routing makes devices wait.

Buffers of `capacity` times the mean load pad experts that get fewer positions and drop those beyond (GShard, Lepikhin
et al. 2020, arXiv:2006.16668); block-sparse products do neither (MegaBlocks, Gale et al. 2022, arXiv:2211.15841).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.operators import Number
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Padding:
    """Of a trace of routing: positions computed that nobody sent, and positions dropped, over those that were sent."""

    padded: float
    dropped: float

    @property
    def computed(self) -> float:
        """Positions computed over positions sent."""
        return 1 + self.padded - self.dropped


DROPLESS = Padding(padded=0.0, dropped=0.0)
"""What products over blocks of exactly the positions sent pad and drop."""


def padding(loads: np.ndarray, capacity: float) -> Padding:
    """What buffers of `capacity` times the mean pad and drop of `loads`, positions by step and expert, (n, experts).

    InputError for loads that are negative or all zero.
    """
    _check(loads)
    room = capacity * np.mean(loads, axis=-1, keepdims=True)
    sent = np.sum(loads)
    return Padding(
        padded=float(np.sum(np.maximum(room - loads, 0)) / sent),
        dropped=float(np.sum(np.maximum(loads - room, 0)) / sent),
    )


def dropping_none(loads: np.ndarray) -> np.ndarray:
    """The least capacity of each step that drops nothing: its fullest expert over the mean, (steps,)."""
    _check(loads)
    return np.max(loads, axis=-1) / np.mean(loads, axis=-1)


def device_imbalance(loads: np.ndarray, devices: Number) -> np.ndarray:
    """Load of the fullest device over the mean where `devices` share the experts in order, (steps,).

    InputError where devices do not divide the experts.
    """
    _check(loads)
    steps, experts = loads.shape
    if experts % int(devices):
        raise InputError(f"{devices} devices do not divide {experts} experts")
    return dropping_none(loads.reshape(steps, int(devices), -1).sum(axis=-1))


def _check(loads: np.ndarray) -> None:
    if np.any(loads < 0) or not np.all(np.sum(loads, axis=-1) > 0):
        raise InputError("a trace of routing has loads of at least 0, and some in every step")
