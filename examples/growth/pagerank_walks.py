"""Personalised PageRank by random walks: error against the number of walks.

The share of walks from a node, each ending with probability α at every step, that end at another node estimates that
node's personalised PageRank (Fogaras et al. 2005, Internet Mathematics 2, 333-358); distributed algorithms for all
nodes of a large graph rest on such walks ("Distributed Algorithms for Fully Personalized PageRank on Large Graphs").

The reference is the exact solution of (I − (1−α)Pᵀ)x = α·e.

Expected: an error with exponent −1/2 in walks, for the estimate is a mean of independent ones; time with exponent 1
above a constant part, the overhead of steps.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

NODES, DEGREE, ALPHA, SOURCE = 200, 8, 0.15, 0


class Walks(NamedTuple):
    """A graph as the targets of each node's edges, the walks to make, and the seed of their steps."""

    targets: np.ndarray
    walks: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Walks:
    """The same random graph at every size, walks of their own in every repetition."""
    targets = np.random.default_rng(0).integers(0, NODES, (NODES, DEGREE))
    return Walks(targets, int(size), int(rng.integers(2**31)))


def walk(data: Walks) -> np.ndarray:
    """The share of walks that end at each node: all walk a step at once, and those that end are counted."""
    rng = np.random.default_rng(data.seed)
    at, counts = np.full(data.walks, SOURCE), np.zeros(NODES)
    while at.size:
        ends = rng.random(at.size) < ALPHA
        counts += np.bincount(at[ends], minlength=NODES)
        at = at[~ends]
        at = data.targets[at, rng.integers(0, DEGREE, at.size)]
    return counts / data.walks


def error(data: Walks, estimate: np.ndarray) -> float:
    """The Euclidean distance from the exact solution."""
    step = np.zeros((NODES, NODES))
    np.add.at(step, (np.arange(NODES)[:, None], data.targets), 1 / DEGREE)
    exact = np.linalg.solve(np.eye(NODES) - (1 - ALPHA) * step.T, ALPHA * np.eye(NODES)[SOURCE])
    return float(np.linalg.norm(estimate - exact))


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
)
