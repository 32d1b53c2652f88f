"""Encoding a set by pooling: all elements at once, and a stream of chunks.

Slots ask for elements through a sigmoid, which no other element enters, so that sums over a set are sums over its
parts, whatever they are ("mini-batch consistency"). "Scalable Set Encoding with Universal Mini-Batch Consistency and
Unbiased Full Set Gradient Approximation" pools sets that no memory holds in this way. Elements come from outside, and
are not counted. The quality is the largest difference from the full set in twice the precision.

Expected: peak memory with exponent 1 for the full set, 0 for chunks; the same encoding.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, SLOTS, CHUNK = 16, 8, 512


class Elements(NamedTuple):
    """A set (n, WIDTH), the slots (SLOTS, WIDTH), and matrices of keys and values (2, WIDTH, WIDTH)."""

    rows: np.ndarray
    slots: np.ndarray
    weights: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Elements:
    """So many random elements."""
    shapes = (int(size), WIDTH), (SLOTS, WIDTH), (2, WIDTH, WIDTH)
    return Elements(*(rng.normal(size=shape).astype(np.float32) / 4 for shape in shapes))


def sums(rows: np.ndarray, data: Elements) -> tuple[np.ndarray, np.ndarray]:
    """What the slots take of elements: weighted values (SLOTS, WIDTH), and weights (SLOTS, 1)."""
    weights = 1 / (1 + np.exp(-data.slots @ (rows @ data.weights[0]).T))
    return weights @ (rows @ data.weights[1]), weights.sum(axis=1, keepdims=True)


def full(data: Elements) -> np.ndarray:
    """All elements at once."""
    values, weights = sums(data.rows, data)
    return values / weights


def streamed(data: Elements) -> np.ndarray:
    """Chunk after chunk."""
    values, weights = np.zeros((SLOTS, WIDTH)), np.zeros((SLOTS, 1))
    for start in range(0, len(data.rows), CHUNK):
        more = sums(data.rows[start : start + CHUNK], data)
        values += more[0]
        weights += more[1]
    return values / weights


def difference(data: Elements, result: np.ndarray) -> float:
    """The largest difference from the full set in twice the precision."""
    return float(np.abs(result - full(Elements(*(part.astype(float) for part in data)))).max())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    for method, near in {"full": 1, "streamed": 0}.items():
        fit = growth.fit_growth(sizes, [[result.median(method, n, "peak_bytes")] for n in sizes], floor=False)
        p = fit.exponent
        statements[f"{method}: peak memory with exponent {p:.2f}, near {near}"] = abs(p - near) < 0.15
        worst = max(result.median(method, n, "quality") for n in sizes)
        statements[f"{method}: differs by {worst:.1g} from the full set"] = worst < 1e-5
    return statements


EXPERIMENT = growth.Experiment(
    title="Encoding a set: all at once against a stream of chunks",
    source="Scalable Set Encoding with Universal Mini-Batch Consistency",
    sizes=(4096, 8192, 16384, 32768, 65536),
    methods={"full": full, "streamed": streamed},
    prepare=prepare,
    quality=difference,
    quality_name="difference",
    size_name="elements",
    expected="peak memory with exponent 1 at once, 0 streamed; the same encoding",
    claims=(growth.RowClaim(row="umbc-set-encoding", holds=holds),),
)
