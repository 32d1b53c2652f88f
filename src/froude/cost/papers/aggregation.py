"""A round of federated training: updates of clients summed up a tree, each hop copying what it passes on.

LIFL (Qi et al. 2024, arXiv:2405.10968): aggregators on one machine hand updates over in shared memory, without the
copies through a broker's sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.operators import Number
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Hop:
    """How an update goes from one aggregator to the next: seconds a byte of each of its `copies`, and a fixed time."""

    seconds_per_byte: float
    copies: int
    fixed_s: float = 0.0

    def seconds(self, update_bytes: Number) -> Number:
        """Seconds of one hand-over."""
        return self.fixed_s + self.copies * self.seconds_per_byte * update_bytes


def tree_levels(clients: Number, fan_in: int) -> Number:
    """Levels of a tree in which every aggregator takes `fan_in` updates. InputError for a fan-in below 2."""
    if fan_in < 2:
        raise InputError(f"fan-in {fan_in}: an aggregator takes at least 2 updates")
    return np.maximum(np.ceil(np.log(np.asarray(clients, dtype=float)) / np.log(fan_in) - 1e-9), 1)


def round_seconds(
    clients: Number, fan_in: int, update_bytes: Number, hop: Hop, sum_seconds_per_byte: float, client_seconds: Number
) -> Number:
    """Seconds of a round: the slowest client's training, then level by level `fan_in` hand-overs and their sum.

    Aggregators of a level work side by side, each taking its updates one after another.
    """
    each = hop.seconds(update_bytes) + sum_seconds_per_byte * update_bytes
    return client_seconds + tree_levels(clients, fan_in) * fan_in * each
