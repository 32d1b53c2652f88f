"""Training on images in tiles: one tile's activations at a time, whatever the image's size.

Deferred backpropagation (Zhang et al. 2022, ARF, arXiv:2206.06360; by tiles in PanSplat, Zhang et al. 2024,
arXiv:2412.12096): the whole image is made without activations, the loss gives every pixel's gradient, and then tile
after tile is made again and takes its part of the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable

from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.memory.device_memory import memory_bytes
from froude.errors import InputError

PIXEL_BYTES = 2 * 4 * 3
"""Bytes a pixel that stay for the whole image: three colours and their gradients in fp32 (counted)."""


def activation_bytes(model_of: Callable[[int], Model], side: int, layout: Layout, *, tiles_a_side: int = 1) -> Number:
    """Activation bytes at the peak of a step on an image of side² pixels, made in tiles_a_side² tiles.

    `model_of` makes the model of a square of pixels of a side. Where there is one tile nothing is deferred. Overlap of
    tiles is left out. InputError where tiles do not divide the side.
    """
    if side % tiles_a_side:
        raise InputError(f"{tiles_a_side} tiles do not divide a side of {side} pixels")
    tile = memory_bytes(model_of(side // tiles_a_side), layout).activations
    return tile if tiles_a_side == 1 else tile + PIXEL_BYTES * side**2 * layout.micro_batch
