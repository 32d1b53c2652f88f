"""Attention over all scales of an image from one token to n²: in full, and by low-rank features of small inputs.

A visual autoregressive model generates token maps of sides 1, 2, 4, ..., n, each attending to all before. "On
Computational Limits and Provably Efficient Criteria of Visual Autoregressive Models: A Fine-Grained Complexity
Analysis" has its time at n⁴, and at about n² where the inputs are small enough for a low-rank form. That form here is
the Taylor series of the exponential to second order: 1 + d + d² features of d-dimensional queries and keys.

Entries are at most 0.2/√d. The quality is multiplications, counted from shapes. Errors of the low-rank form are checked
against the full one.

Expected: counted exponents 4 and 2, times near them; an error below a thousandth for small inputs and not for large.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

DIMENSION, BOUND, TOLERANCE, ROWS = 6, 0.2, 1e-3, 16


class Tokens(NamedTuple):
    """Queries, keys and values (tokens, DIMENSION), and where each scale ends."""

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    ends: list[int]


class Outputs(NamedTuple):
    """What attention puts out, and the multiplications."""

    values: np.ndarray
    multiplications: int


def prepare(size: float, rng: np.random.Generator) -> Tokens:
    """Tokens of small entries at all scales."""
    return tokens(int(size), BOUND, rng)


def tokens(side: int, bound: float, rng: np.random.Generator) -> Tokens:
    """Tokens of scales up to a side, with scores of at most bound²."""
    ends = np.cumsum([(side >> k) ** 2 for k in range(side.bit_length())][::-1]).tolist()
    queries, keys = bound / np.sqrt(DIMENSION) * rng.uniform(-1, 1, (2, ends[-1], DIMENSION))
    return Tokens(queries, keys, rng.normal(size=(ends[-1], DIMENSION)), ends)


def full(data: Tokens) -> Outputs:
    """Every score, scale by scale."""
    made, count, start = [], 0, 0
    for end in data.ends:
        for first in range(start, end, ROWS):  # so that scores fit into the cache at every size
            scores = np.exp(data.queries[first : min(first + ROWS, end)] @ data.keys[:end].T)
            made.append(scores @ data.values[:end] / scores.sum(axis=1, keepdims=True))
            count += 2 * scores.size * DIMENSION
        start = end
    return Outputs(np.concatenate(made), count)


def low_rank(data: Tokens) -> Outputs:
    """Sums over keys' features, grown from scale to scale."""
    ones = np.concatenate([data.values, np.ones((len(data.values), 1))], axis=1)
    made, count, start = [], 0, 0
    summed = np.zeros((1 + DIMENSION + DIMENSION**2, ones.shape[1]))
    for end in data.ends:
        for first in range(start, end, ROWS):
            keys = features(data.keys[first : min(first + ROWS, end)])
            summed = summed + keys.T @ ones[first : min(first + ROWS, end)]
            count += keys.size * ones.shape[1]
        for first in range(start, end, ROWS):
            both = features(data.queries[first : min(first + ROWS, end)]) @ summed
            made.append(both[:, :-1] / both[:, -1:])
            count += len(both) * summed.size
        start = end
    return Outputs(np.concatenate(made), count)


def features(vectors: np.ndarray) -> np.ndarray:
    """1, x, x⊗x/√2: their products are 1 + s + s²/2 of the score s."""
    squares = (vectors[:, :, None] * vectors[:, None, :]).reshape(len(vectors), -1) / np.sqrt(2)
    return np.concatenate([np.ones((len(vectors), 1)), vectors, squares], axis=1)


def error(side: int, bound: float) -> float:
    """Of the low-rank form, relative to the full one."""
    data = tokens(side, bound, np.random.default_rng(0))
    exact = full(data).values
    return float(np.linalg.norm(low_rank(data).values - exact) / np.linalg.norm(exact))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Exponents of counts and of times, and errors for small and large inputs."""
    statements, side = {}, int(result.experiment.sizes[-1])
    for name, exponent in (("full", 4), ("low rank", 2)):
        count, time = result.growth(name, "quality"), result.growth(name)
        timing = (
            f"{name}: exponent {count.exponent:.2f} counted, {time.exponent:.2f} ({time.lo:.2f} to {time.hi:.2f}) timed"
        )
        # Times of so small sides scatter with what else the computer does: they are reported, and counts judged.
        statements[f"{timing}; counted within 0.1 of {exponent}"] = abs(count.exponent - exponent) < 0.1
    small, large = error(side // 2, BOUND), error(side // 2, 30 * BOUND)
    statements[
        f"error {small:.1g} on small inputs, below {TOLERANCE:g}; {large:.2g} on inputs 30 times as large, above"
    ] = small < TOLERANCE < large
    return statements


EXPERIMENT = growth.Experiment(
    title="Coarse-to-fine attention: full and low-rank",
    source="On Computational Limits and Provably Efficient Criteria of Visual Autoregressive Models",
    sizes=(16, 24, 32, 48, 64),
    methods={"full": full, "low rank": low_rank},
    prepare=prepare,
    quality=lambda data, outputs: float(outputs.multiplications),
    quality_name="multiplications",
    size_name="side",
    expected="exponents 4 and 2",
    claims=(growth.RowClaim(row="var-computational-limits", holds=holds, shows="modelled"),),
)
