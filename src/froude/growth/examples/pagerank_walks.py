"""Personalised PageRank by random walks: error against the number of walks.

The share of walks from a node, each ending with probability α at every step, that end at another node estimates that
node's personalised PageRank (Fogaras et al. 2005, Internet Mathematics 2, 333-358); distributed algorithms for all
nodes of a large graph rest on such walks ("Distributed Algorithms for Fully Personalized PageRank on Large Graphs").

The graph is a sparse matrix of SciPy, the reference what NetworkX's pagerank finds. Needs both.

Expected: an error with exponent −1/2 in walks, for the estimate is a mean of independent ones; time with exponent 1
above a constant part, the overhead of steps.
"""

from typing import NamedTuple

import networkx
import numpy as np
from scipy import sparse

from froude import growth

NODES, DEGREE, ALPHA, SOURCE = 200, 8, 0.15, 0
CLOSE = 1e-12  # of the reference, far below the error of walks


class Walks(NamedTuple):
    """A graph as a CSR matrix, the walks to make, and the seed of their steps."""

    graph: sparse.csr_array
    walks: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Walks:
    """The same random graph at every size, walks of their own in every repetition."""
    targets = np.random.default_rng(0).random((NODES, NODES)).argpartition(DEGREE, axis=1)[:, :DEGREE]
    starts = DEGREE * np.arange(NODES + 1)
    graph = sparse.csr_array((np.ones(targets.size), targets.ravel(), starts), shape=(NODES, NODES))
    return Walks(graph, int(size), int(rng.integers(2**31)))


def walk(data: Walks) -> np.ndarray:
    """The share of walks that end at each node: all walk a step at once, and those that end are counted."""
    rng = np.random.default_rng(data.seed)
    at, counts = np.full(data.walks, SOURCE), np.zeros(NODES)
    while at.size:
        ends = rng.random(at.size) < ALPHA
        counts += np.bincount(at[ends], minlength=NODES)
        at = at[~ends]
        at = data.graph.indices[data.graph.indptr[at] + rng.integers(0, DEGREE, at.size)]
    return counts / data.walks


def error(data: Walks, estimate: np.ndarray) -> float:
    """The Euclidean distance from the exact solution."""
    graph = networkx.from_scipy_sparse_array(data.graph, create_using=networkx.DiGraph)
    exact = networkx.pagerank(graph, 1 - ALPHA, personalization={SOURCE: 1}, tol=CLOSE, max_iter=1000)
    return float(np.linalg.norm(estimate - [exact[node] for node in range(NODES)]))


def slopes(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the error has exponent −1/2 and time exponent 1."""
    off, seconds = result.growth("walks", "quality"), result.growth("walks")
    return {
        f"error from NetworkX's pagerank: exponent {off.exponent:.2f} ({off.lo:.2f} to {off.hi:.2f}), near -1/2": (
            abs(off.exponent + 0.5) < 0.1
        ),
        f"time: exponent {seconds.exponent:.2f} ({seconds.lo:.2f} to {seconds.hi:.2f}), near 1": (
            abs(seconds.exponent - 1) < 0.2
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Personalised PageRank by random walks",
    source="Fogaras et al. 2005",
    sizes=(1e3, 3e3, 1e4, 3e4, 1e5, 3e5),
    methods={"walks": walk},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="walks",
    expected="error with exponent −1/2, time with exponent 1",
    claims=(growth.RowClaim(row="distributed-full-ppr", holds=slopes),),
)
