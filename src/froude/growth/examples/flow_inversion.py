"""Sampling from an autoregressive flow: position after position, and by Gauss-Seidel-Jacobi iterations.

A block of such a flow maps x to z[t] = (x[t] − μ(x[<t]))·exp(−α(x[<t])), all positions at once; its inverse, which
makes samples, needs each position for the next. "Accelerate TarFlow Sampling with GS-Jacobi Iteration" cuts the
sequence into segments, solves them one after the other, and each by Jacobi's iteration; some blocks of the flow need
many iterations, most need few.

Here μ and α are causal attention with random weights, whose strength differs from block to block as it happens to be
drawn. The quality is the mean number of iterations a block, each a pass over a segment; a result that is not the
sequential one is refused.

Expected: as many passes as positions in sequence, far fewer by segments, and not as many in all blocks.
"""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, BLOCKS, SEGMENTS, TOLERANCE = 8, 4, 4, 1e-9


class Flow(NamedTuple):
    """Noise (n, WIDTH), and the weights of each block (BLOCKS, 4, WIDTH, WIDTH): queries, keys, μ and α."""

    noise: np.ndarray
    weights: np.ndarray


class Sample(NamedTuple):
    """A sample (n, WIDTH) and the passes that each block took."""

    rows: np.ndarray
    passes: tuple[int, ...]


def prepare(size: float, rng: np.random.Generator) -> Flow:
    """Random noise and weights; a block's strength is log-normal."""
    strength = rng.lognormal(-1.0, 0.5, (BLOCKS, 1, 1, 1))
    weights = strength * rng.normal(size=(BLOCKS, 4, WIDTH, WIDTH)) / math.sqrt(WIDTH)
    return Flow(rng.normal(size=(int(size), WIDTH)), weights)


def shift_and_scale(rows: np.ndarray, start: int, end: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """μ and α of positions start to end, from the rows before each; zero for the first, which has none before it."""
    queries, keys = rows[start:end] @ weights[0], rows[:end] @ weights[1]
    queries = np.roll(queries, 1, axis=0)  # a position must not ask by what it is itself
    queries[0] = rows[start - 1] @ weights[0] if start else 0
    scores = queries @ keys.T / math.sqrt(WIDTH)
    seen = np.arange(end) < np.arange(start, end)[:, None]
    weighed = np.where(seen, np.exp(scores - np.where(seen, scores, -np.inf).max(axis=1, initial=0, keepdims=True)), 0)
    mixed = np.tanh(weighed @ rows[:end] / np.maximum(weighed.sum(axis=1, keepdims=True), 1e-300))
    return mixed @ weights[2], np.tanh(mixed @ weights[3])


def solve(noise: np.ndarray, weights: np.ndarray, segments: int) -> tuple[np.ndarray, int]:
    """The rows that a block maps to the noise, and the passes over segments, of which n are the sequential way."""
    rows, passes = np.zeros_like(noise), 0
    edges = np.linspace(0, len(noise), segments + 1).astype(int)
    for start, end in itertools.pairwise(edges):
        for _ in range(end - start + 1):  # exact after as many passes as positions
            shift, scale = shift_and_scale(rows, start, end, weights)
            last, rows[start:end] = rows[start:end].copy(), noise[start:end] * np.exp(scale) + shift
            passes += 1
            if end - start == 1 or np.abs(rows[start:end] - last).max() < TOLERANCE:
                break
    return rows, passes


def sampled(flow: Flow, segments: int) -> Sample:
    """All blocks in turn; every second one sees the sequence backwards."""
    rows, passes = flow.noise, []
    for weights in flow.weights:
        rows, needed = solve(rows[::-1], weights, segments)
        passes.append(needed)
    return Sample(rows, tuple(passes))


def sequential(flow: Flow) -> Sample:
    """Position after position."""
    return sampled(flow, len(flow.noise))


def gauss_seidel_jacobi(flow: Flow) -> Sample:
    """Segment after segment, each by Jacobi's iteration."""
    return sampled(flow, SEGMENTS)


def passes(flow: Flow, result: Sample) -> float:
    """Mean passes a block; the sample is checked by mapping it back to the noise."""
    rows = result.rows
    for weights in flow.weights[::-1]:
        shift, scale = shift_and_scale(rows, 0, len(rows), weights)
        rows = ((rows - shift) * np.exp(-scale))[::-1]
    if np.abs(rows - flow.noise).max() > 1e-6 or np.abs(result.rows - sequential(flow).rows).max() > 1e-6:
        raise ValueError("the sample is not that of the noise")
    return float(np.mean(result.passes))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    counted, longest = result.growth("GS-Jacobi", "quality"), result.experiment.sizes[-1]
    needed = result.median("GS-Jacobi", longest, "quality")
    by_block = gauss_seidel_jacobi(prepare(longest, np.random.default_rng(0))).passes
    return {
        f"the sequential sample in {needed:.0f} passes for {longest:g} positions, below a quarter": needed
        < longest / 4,
        f"passes grow with exponent {counted.exponent:.2f} in positions, below 1": counted.hi < 1,
        f"passes of the blocks: {', '.join(map(str, by_block))}": max(by_block) > min(by_block),
    }


EXPERIMENT = growth.Experiment(
    title="Inverting an autoregressive flow: in sequence against Gauss-Seidel-Jacobi",
    source="Accelerate TarFlow Sampling with GS-Jacobi Iteration",
    sizes=(32, 64, 128, 256),
    methods={"sequential": sequential, "GS-Jacobi": gauss_seidel_jacobi},
    prepare=prepare,
    quality=passes,
    quality_name="passes",
    size_name="positions",
    expected="passes with exponent 1 in sequence, far below by segments",
    claims=(growth.RowClaim(row="gs-jacobi-tarflow", holds=holds),),
)
