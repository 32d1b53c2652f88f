"""What it takes to make a sample by calling a model many times: steps of diffusion, resolutions, scales."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from froude.cost.model.model import Model
from froude.cost.model.operators import Number


@final
@dataclass(frozen=True, kw_only=True)
class Stage:
    """Calls in a row of a model that makes a sample: over a context, a share of each call's work taken from a cache."""

    model: Model
    context: Number
    calls: Number = 1
    cached: Number = 0

    @property
    def flops(self) -> Number:
        """Matmul FLOPs of all its calls, each over the whole context."""
        return self.calls * (1 - self.cached) * self.context * self.model.forward_flops(self.context)


def staged_flops(stages: Iterable[Stage]) -> Number:
    """Matmul FLOPs of making one sample in several stages: sizes, resolutions or scales that change on the way."""
    return sum(stage.flops for stage in stages)
