"""How an image network grows or shrinks in depth, width and resolution together, and what its activations do.

FLOPs of convolutions grow as depth · width² · resolution², activations as depth · width · resolution²: what grows in
width costs FLOPs and few activations (Dollár et al. 2021, arXiv:2103.06877).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.operators import Number
from froude.errors import InputError

LONG_TRAINING = 100
"""Epochs from which depth is the better choice: between those at which width and at which depth won."""

SLOW_RESOLUTION = 0.2
"""Exponent of the resolution in FLOPs from ResNet-RS-50 at 160² to ResNet-RS-420 at 320² (counted: 0.208, rounded)."""


@final
@dataclass(frozen=True, kw_only=True)
class CompoundGrowth:
    """Factors of depth, width and resolution."""

    depth: Number
    width: Number
    resolution: Number

    @property
    def flops(self) -> Number:
        """The factor of FLOPs that they make: depth · width² · resolution²."""
        return self.depth * self.width**2 * self.resolution**2

    @property
    def activations(self) -> Number:
        """The factor of activations: depth · width · resolution²."""
        return self.depth * self.width * self.resolution**2


def fast_compound(flops: Number, alpha: Number) -> CompoundGrowth:
    """Factors for `flops` times the FLOPs, of which width takes the share `alpha` and depth and resolution the rest.

    Depth s^((1 − α)/2), width s^(α/2), resolution s^((1 − α)/4): activations grow as s^(1 − α/2). α = 1/3 is uniform
    compound scaling, 4/5 what the paper takes, 1 width alone. InputError for α outside 0 to 1 and FLOPs below 0.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha {alpha}: the share of width is from 0 to 1")
    rest = (1 - alpha) / 2
    return CompoundGrowth(depth=flops**rest, width=flops ** (alpha / 2), resolution=flops ** (rest / 2))


def efficientnet(flops: Number) -> CompoundGrowth:
    """Factors of EfficientNet's compound scaling: depth 1.2^φ, width 1.1^φ, resolution 1.15^φ.

    FLOPs grow by 1.2 · 1.1² · 1.15² = 1.92 for each unit of φ (Tan and Le 2019, arXiv:1905.11946, section 3.3).
    """
    unit = CompoundGrowth(depth=1.2, width=1.1, resolution=1.15)
    steps = np.log(flops) / np.log(unit.flops)
    return CompoundGrowth(depth=unit.depth**steps, width=unit.width**steps, resolution=unit.resolution**steps)


def resnet_rs_growth(flops: Number, epochs: float) -> CompoundGrowth:
    """Factors of ResNet-RS: resolution grows slowly, and depth takes the rest where training is long, else width.

    Depth where an example is seen often enough to overfit, as in 350 epochs; width where it is not, as in 10 (Bello et
    al. 2021, arXiv:2103.07579, section 6; at 100 neither won, as remembered). InputError for epochs that are not
    positive.
    """
    if not epochs > 0:
        raise InputError(f"{epochs:g} epochs: give a positive number")
    resolution = flops**SLOW_RESOLUTION
    rest = flops / resolution**2
    if epochs >= LONG_TRAINING:
        return CompoundGrowth(depth=rest, width=1.0 + 0 * rest, resolution=resolution)
    return CompoundGrowth(depth=1.0 + 0 * rest, width=rest**0.5, resolution=resolution)
