"""Softmax attention over a stream of keys: with a buffer for a row of scores, and with none.

The division by the sum of exponentials needs all scores of a row, so a pipeline that divides before it multiplies keeps
them. "Implementing and Optimizing the Scaled Dot-Product Attention on Streaming Dataflow" moves the division behind the
product with the values and rescales what was added whenever a larger score comes (Milakov and Gimelshein 2018,
arXiv:1805.02867): nothing grows with the length any more.

Keys and values come in pieces of a fixed length; they are the input and count for nothing. The quality is the largest
difference from attention computed at once.

Expected: memory with exponent 1 with the buffer, 0 without; the same values up to rounding.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, QUERIES, PIECE = 32, 2, 64


class Stream(NamedTuple):
    """Queries (QUERIES, width), and keys and values (n, width)."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Stream:
    """So many random keys and values; scores have a variance of 1."""
    scale = math.sqrt(WIDTH)
    return Stream(rng.normal(size=(QUERIES, WIDTH)) / scale, *rng.normal(size=(2, int(size), WIDTH)))


def buffered(data: Stream) -> np.ndarray:
    """One row after the other: scores, their exponentials, the division, the product."""
    values = np.zeros_like(data.q)
    for row, query in enumerate(data.q):
        weights = np.empty(len(data.k))
        for start in range(0, len(data.k), PIECE):
            weights[start : start + PIECE] = data.k[start : start + PIECE] @ query
        weights -= weights.max()
        np.exp(weights, out=weights)
        weights /= weights.sum()
        for start in range(0, len(data.k), PIECE):
            values[row] += weights[start : start + PIECE] @ data.v[start : start + PIECE]
    return values


def reordered(data: Stream) -> np.ndarray:
    """One row after the other: a running maximum, sum and product, divided in the end."""
    values = np.zeros_like(data.q)
    for row, query in enumerate(data.q):
        largest, total = -math.inf, 0.0
        for start in range(0, len(data.k), PIECE):
            scores = data.k[start : start + PIECE] @ query
            before, largest = largest, max(largest, float(scores.max()))
            weights, kept = np.exp(scores - largest), math.exp(before - largest)
            total = kept * total + weights.sum()
            values[row] = kept * values[row] + weights @ data.v[start : start + PIECE]
        values[row] /= total
    return values


def difference(data: Stream, result: np.ndarray) -> float:
    """The largest difference from attention at once."""
    scores = data.q @ data.k.T
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return float(np.abs(result - weights @ data.v / weights.sum(axis=1, keepdims=True)).max())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    for method, near in {"buffered": 1, "reordered": 0}.items():
        fit = growth.fit_growth(sizes, [[result.median(method, n, "peak_bytes")] for n in sizes], floor=False)
        p = fit.exponent
        statements[f"{method}: peak memory with exponent {p:.2f}, near {near}"] = abs(p - near) < 0.15
        worst = max(result.median(method, n, "quality") for n in sizes)
        statements[f"{method}: differs by {worst:.1g} from attention at once"] = worst < 1e-12
    return statements


EXPERIMENT = growth.Experiment(
    title="Attention over a stream: a buffer of scores against none",
    source="Implementing and Optimizing the Scaled Dot-Product Attention on Streaming Dataflow",
    sizes=(2048, 4096, 8192, 16384, 32768),
    methods={"buffered": buffered, "reordered": reordered},
    prepare=prepare,
    quality=difference,
    quality_name="difference",
    size_name="length",
    expected="memory with exponent 1 buffered, 0 reordered",
    claims=(growth.RowClaim(row="streaming-dataflow-attention", holds=holds),),
)
