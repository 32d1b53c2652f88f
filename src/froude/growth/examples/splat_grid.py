"""Attributes of splats in a grid, coded by a stock codec: in random order and sorted so that neighbours are alike.

"Compact 3D Scene Representation via Self-Organizing Gaussian Grids" sorts the splats of a scene into a square grid
where neighbours have like attributes, which image codecs then compress; it reports scenes 8 to 26 times smaller, with
quantisation and a smoothness term in training besides.

Splats here have 8 attributes, each a smooth function of the place in space and noise; the size is the share of the
variance that is smooth. They are sorted along a Z-order curve of their places that also lays out the grid. Attributes
have 8 bits, are predicted from the left neighbour as in PNG, and coded by deflate. The quality is bytes.

Expected: bytes of the sorted grid that fall as the smooth share rises; those of the shuffled grid do not.
"""

import zlib
from typing import NamedTuple

import numpy as np

from froude import growth

SIDE, ATTRIBUTES, BITS = 64, 8, 6
PUBLISHED = (8, 26)


class Splats(NamedTuple):
    """Places in the unit cube (splats, 3) and attributes in 8 bits (splats, ATTRIBUTES)."""

    places: np.ndarray
    attributes: np.ndarray


def prepare(share: float, rng: np.random.Generator) -> Splats:
    """A grid's number of splats."""
    places = rng.random((SIDE**2, 3))
    waves = np.sin(places @ rng.normal(size=(3, ATTRIBUTES)) * 2 + 6 * rng.random(ATTRIBUTES))
    mixed = np.sqrt(share) * waves / waves.std(axis=0) + np.sqrt(1 - share) * rng.normal(size=waves.shape)
    return Splats(places, np.clip(128 + 40 * mixed, 0, 255).astype(np.uint8))


def z_order(cells: np.ndarray) -> np.ndarray:
    """The bits of whole coordinates (k, d), interleaved."""
    dimensions = cells.shape[1]
    bits = [((cells[:, d] >> b) & 1) << (b * dimensions + d) for b in range(BITS) for d in range(dimensions)]
    return np.sum(bits, axis=0)


def shuffled(splats: Splats) -> bytes:
    """As they come."""
    return coded(splats.attributes.reshape(SIDE, SIDE, ATTRIBUTES))


def sorted_grid(splats: Splats) -> bytes:
    """The curve through space laid along the curve through the grid."""
    order = np.argsort(z_order((splats.places * 2**BITS).astype(int)))
    cells = np.argwhere(np.ones((SIDE, SIDE), dtype=bool))
    grid = np.empty((SIDE**2, ATTRIBUTES), dtype=np.uint8)
    grid[np.argsort(z_order(cells))] = splats.attributes[order]
    return coded(grid.reshape(SIDE, SIDE, ATTRIBUTES))


def coded(grid: np.ndarray) -> bytes:
    """Differences from the left neighbour, attribute by attribute, by deflate."""
    differences = np.diff(grid, axis=1, prepend=np.zeros((SIDE, 1, ATTRIBUTES), dtype=np.uint8))
    return zlib.compress(np.moveaxis(differences, 2, 0).tobytes(), 9)


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The ratio of bytes by share."""
    shares = result.experiment.sizes
    ratios = [result.median("shuffled", s, "quality") / result.median("sorted", s, "quality") for s in shares]
    numbers = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    low, high = PUBLISHED
    return {
        f"bytes shuffled over bytes sorted {numbers} with shares {shares} (published with quantisation and training: "
        f"{low} to {high}): rising": bool(np.all(np.diff(ratios) > 0)),
        f"the last {ratios[-1]:.2f} is above 1": ratios[-1] > 1,
    }


EXPERIMENT = growth.Experiment(
    title="Splat attributes in a grid: bytes shuffled and sorted",
    source="Compact 3D Scene Representation via Self-Organizing Gaussian Grids",
    sizes=(0.3, 0.6, 0.9, 0.99, 0.999),
    methods={"shuffled": shuffled, "sorted": sorted_grid},
    prepare=prepare,
    quality=lambda splats, code: float(len(code)),
    quality_name="bytes",
    size_name="smooth share",
    expected="a ratio of bytes that rises with the smooth share",
    claims=(growth.RowClaim(row="self-organizing-gaussians", holds=holds),),
)
