"""Personalised PageRank from an index of walks: read off, or recombined over a node's neighbours when asked.

"PowerWalk: Scalable Personalized PageRank via Random Walks with Vertex-Centric Decomposition" (Liu et al. 2016, CIKM)
keeps a few walks from every node. The vector of a node is α times itself plus (1−α) times the mean of its targets'
vectors; unfolded T times, it is T exact steps and the index of the nodes reached then. These are DEGREE^T many, each
with its own walks, so a query averages over more walks than the index holds for its node. Needs SciPy.

The size that grows is the graph, all nodes with as many targets; the quality is the error, the sum of absolute
differences from a power iteration, mean over queries.

Expected: an error several times lower with the same walks, and a query time that hardly grows with the graph. Reading
off is faster. In graphs of fewer than some thousand nodes walks end at the same ones, and vectors are shorter for it.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from froude import growth

DEGREE, ALPHA, WALKS, QUERIES, STEPS = 8, 0.15, 50, 20, 2
ITERATIONS = 100  # 0.85^100 is below 1e-7
FLAT = 0.25


class Index(NamedTuple):
    """Probabilities (n, n) of a step, shares (n, n) of walks by their ends, and the nodes (q, n) asked for."""

    step: sparse.csr_array
    ends: sparse.csr_array
    asked: sparse.csr_array


def prepare(size: float, rng: np.random.Generator) -> Index:
    """A random graph, the ends of WALKS walks from every node, and nodes drawn at random."""
    n = int(size)
    targets = rng.integers(0, n, (n, DEGREE))
    starts = np.repeat(np.arange(n), DEGREE)
    step = sparse.csr_array((np.full(n * DEGREE, 1 / DEGREE), (starts, targets.ravel())), shape=(n, n))
    of = np.repeat(np.arange(n), WALKS)
    at, walking = of.copy(), np.arange(n * WALKS)
    while walking.size:
        walking = walking[rng.random(walking.size) >= ALPHA]
        at[walking] = targets[at[walking], rng.integers(0, DEGREE, walking.size)]
    ends = sparse.csr_array((np.full(at.size, 1 / WALKS), (of, at)), shape=(n, n))
    asked = sparse.csr_array((np.ones(QUERIES), (np.arange(QUERIES), rng.integers(0, n, QUERIES))), shape=(QUERIES, n))
    return Index(step, ends, asked)


def read(data: Index) -> sparse.csr_array:
    """The vectors (q, n) as the index holds them."""
    return data.asked @ data.ends


def recombined(data: Index) -> sparse.csr_array:
    """The vectors (q, n) after STEPS exact steps: what ends on the way, and the index of where it goes on."""
    ahead, found = data.asked, ALPHA * data.asked
    for turn in range(STEPS):
        ahead = (1 - ALPHA) * (ahead @ data.step)
        found = found + (ALPHA * ahead if turn + 1 < STEPS else ahead @ data.ends)
    return found


def error(data: Index, result: sparse.csr_array) -> float:
    """The sum of absolute differences from ITERATIONS steps of a power iteration, mean over queries."""
    back, ahead = data.step.T.tocsr(), data.asked.toarray().T
    exact = np.zeros(ahead.shape)
    for _ in range(ITERATIONS):
        exact += ALPHA * ahead
        ahead = (1 - ALPHA) * (back @ ahead)
    return float(np.abs(result.toarray().T - exact).sum(axis=0).mean())


def closer_and_flat(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether recombining lowers the error at every size, and its time hardly depends on the graph."""
    sizes = result.experiment.sizes
    gains = [result.median("index", n, "quality") / result.median("recombined", n, "quality") for n in sizes]
    least = result.fastest("recombined")
    slope = np.polyfit(np.log(sizes), np.log([*least.values()]), 1)[0]
    return {
        f"error {min(gains):.1f} to {max(gains):.1f} times lower with {WALKS} walks a node": min(gains) > 1,
        f"time of a query with exponent {slope:.2f} in nodes, below {FLAT:g}": slope < FLAT,
    }


EXPERIMENT = growth.Experiment(
    title=f"Personalised PageRank from an index of {WALKS} walks a node",
    source="Liu et al. 2016, CIKM",
    sizes=(4000, 8000, 16000, 32000),
    methods={"index": read, "recombined": recombined},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="nodes",
    expected="an error several times lower by recombining, in a time that hardly grows with the graph",
    claims=(growth.RowClaim(row="powerwalk", holds=closer_and_flat),),
)
