"""Residual networks grown to more FLOPs in three ways: by depth, width and resolution alike, mostly by width, by width.

"Fast and Accurate Model Scaling" (Dollár et al. 2021, arXiv:2103.06877): for s times the FLOPs, activations grow as
s^(1 − α/2), where α is the share of width; with α = 1/3, uniform compound scaling, s^(5/6); with α = 4/5, fast compound
scaling, s^0.6; by width alone √s. A forward and a backward pass of residual blocks with grouped convolutions are timed;
the quality is what their convolutions put out, the activations, counted from the tensors made.

Expected: time follows the activations, so that of networks of as many FLOPs the wider take less time.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from froude import growth
from froude.cost.papers.compound import fast_compound

DEPTH, WIDTH, SIDE, IN_A_GROUP = 8, 64, 24, 8  # of the network that grows
WAYS = {"alike": (1 / 3, 5 / 6), "fast": (0.8, 0.6), "by width": (1.0, 0.5)}
"""Ways to grow → the share of width, and the published exponent of activations."""


class Network(NamedTuple):
    """Branches of residual blocks, and an input (1, width, side, side)."""

    branches: list[nn.Sequential]
    x: Tensor


def shape(flops: float, way: str) -> tuple[int, int, int]:
    """Depth, width and side of the network grown to so many times the FLOPs, whole numbers and whole groups."""
    rule = fast_compound(flops, WAYS[way][0])
    width = IN_A_GROUP * round(WIDTH / IN_A_GROUP * float(rule.width))
    return round(DEPTH * float(rule.depth)), width, round(SIDE * float(rule.resolution))


def multiply_adds(flops: float, way: str) -> int:
    """Multiply-adds of a forward pass of that network."""
    depth, width, side = shape(flops, way)
    return depth * side**2 * (2 * width * width + 9 * IN_A_GROUP * width)


def prepare(size: float, rng: np.random.Generator) -> dict[str, Network]:
    """The network grown in each way to `size` times the FLOPs."""
    torch.set_num_threads(1)
    torch.manual_seed(int(rng.integers(2**31)))
    grown = {way: shape(size, way) for way in WAYS}
    return {
        way: Network([branch(width) for _ in range(depth)], torch.randn(1, width, side, side))
        for way, (depth, width, side) in grown.items()
    }


def branch(width: int) -> nn.Sequential:
    """A block of RegNet without squeeze and excitation: 1 × 1, 3 × 3 in groups, 1 × 1."""
    return nn.Sequential(
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, groups=width // IN_A_GROUP, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def passes(network: Network) -> int:
    """Forward and backward; the values that convolutions put out."""
    y, activations = network.x, 0
    for one in network.branches:
        added = one(y)
        activations += sum(isinstance(layer, nn.Conv2d) for layer in one) * added.numel()
        y = torch.relu(y + added)
    y.sum().backward()
    return activations


def activations(data: dict[str, Network], counted: int) -> float:
    """The quality."""
    return counted


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    statements, sizes = {}, result.experiment.sizes
    for way, (_, published) in WAYS.items():
        time = growth.fit_growth(
            sizes, [[min(t.cpu_seconds for t in result.timings_of(way, s))] for s in sizes], floor=False
        )
        counted = result.growth(way, "quality").exponent
        flops = growth.fit_growth(sizes, [[multiply_adds(s, way)] for s in sizes], floor=False).exponent
        p = time.exponent
        statements[f"{way}: activations with exponent {counted:.2f}, near {published:.2f}"] = (
            abs(counted - published) < 0.03
        )
        statements[f"{way}: time with exponent {p:.2f}, nearer to theirs than to {flops:.2f} of FLOPs"] = abs(
            p - counted
        ) < abs(p - flops)
    return statements


EXPERIMENT = growth.Experiment(
    title="Residual networks grown in three ways",
    source="Fast and Accurate Model Scaling",
    sizes=(1, 2, 4, 8, 16, 32),
    size_name="times the FLOPs",
    methods={way: lambda data, way=way: passes(data[way]) for way in WAYS},
    prepare=prepare,
    quality=activations,
    quality_name="activations",
    expected="exponents of time near 5/6, 0.6 and 0.5 of activations",
    claims=(growth.RowClaim(row="fast-compound-scaling", holds=holds),),
)
