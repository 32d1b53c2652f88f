"""ResNet-RS: residual networks with a stem of small kernels, squeeze and excitation, made deeper rather than wider.

Bello et al. 2021, arXiv:2103.07579: a model is a number of blocks a stage and a resolution, the width is that of
ResNet-50.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from froude.cost.model.families.convolutions import GROUP, convnet
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Matmul, Operator

FAMILY: Mapping[int, tuple[tuple[int, ...], int]] = {
    50: ((3, 4, 6, 3), 160),
    101: ((3, 4, 23, 3), 192),
    152: ((3, 8, 36, 3), 256),
    200: ((3, 24, 36, 3), 256),
    270: ((4, 29, 53, 4), 256),
    350: ((4, 36, 72, 4), 288),
    420: ((4, 44, 87, 4), 320),
}
"""Depth → blocks a stage and pixels a side, as timm has them."""

WIDTH = 64
SQUEEZED = 0.25
"""Channels between squeeze and excitation, over those of the block (section 4 of the paper)."""


def resnet_rs(depth: int, *, classes: int = 1000) -> Model:
    """The model of the family with so many layers, at its own resolution."""
    stages, image = FAMILY[depth]
    return small_kernels(f"resnet-rs-{depth}", stages, image, classes)


def small_kernels(name: str, stages: Sequence[int], image: int, classes: int) -> Model:
    """A residual network whose stem has four 3 × 3 convolutions, and whose blocks weigh their channels."""
    plain = convnet(name=name, stages=stages, width=WIDTH, image=image, classes=classes, channels=3)
    blocks = tuple(replace(block, operators=(*block.operators, *_squeeze(block))) for block in plain.blocks)
    half, quarter = image // 2, image // 4
    stem = (
        plain.embedding[0],
        *_convolution_and_norm(3, WIDTH // 2, half),
        *_convolution_and_norm(WIDTH // 2, WIDTH // 2, half),
        *_convolution_and_norm(WIDTH // 2, WIDTH, half),
        *_convolution_and_norm(WIDTH, WIDTH, quarter),
    )
    return replace(plain, embedding=stem, blocks=blocks)


def _squeeze(block: Block) -> tuple[Operator, ...]:
    """The mean of every channel of a block's output through two small layers, and the product with it."""
    last = [o for o in block.operators if isinstance(o, Matmul) and o.name == f"{GROUP}.1x1"][-1]
    channels, places = float(last.outputs), float(last.positions)
    inner = SQUEEZED * channels
    return (
        Matmul(name="squeeze", inputs=channels, outputs=inner, biased=True),
        Matmul(name="squeeze", inputs=inner, outputs=channels, biased=True),
        Elementwise(name="squeeze.product", moved=3 * channels * places, saved=channels * places),
    )


def _convolution_and_norm(inputs: int, outputs: int, side: int) -> tuple[Operator, ...]:
    """A 3 × 3 convolution to side² places, a batch norm and a rectifier."""
    places = outputs * side**2
    return (
        Matmul(name=f"{GROUP}.3x3", inputs=9 * inputs, outputs=outputs, positions=side**2, saves_input=False),
        Elementwise(name="norm", moved=2 * places, saved=places, parameters=2 * outputs),
        Elementwise(name="activation", moved=2 * places, saved=places),
    )
