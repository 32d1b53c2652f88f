"""Clusters of one side of a bipartite graph: by sparse products, or by the matrix of affinities.

"Effective Clustering on Large Attributed Bipartite Graphs" (Yang et al. 2024, arXiv:2405.11922) clusters
without ever forming the affinity of all pairs of nodes, which is a product of sparse matrices. Here the affinity is the
normalised two-hop one, N·Nᵀ with N = D^−1/2·B·C^−1/2; what is sought are the leading eigenvectors, by iterations with
blocks of vectors, and their clusters by k-means from well separated rows. Attributes are left out, and both ways do the
same but for the product. Needs SciPy.

The quality is the share of nodes whose group is recovered.

Expected: memory with exponent 1 in nodes for the products, 2 for the matrix, and equal recovery.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from froude import growth

GROUPS, DEGREE, ASSORTED = 4, 12, 0.8
ITERATIONS, ROUNDS = 20, 10
NEAR, LIKE, RECOVERED = 0.15, 0.01, 0.9


class Graph(NamedTuple):
    """Edges (n, n) between two sides, the group of each node of the first, and where the iterations start (n, k)."""

    edges: sparse.csr_array
    groups: np.ndarray
    start: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Graph:
    """A planted graph: every node of the first side draws DEGREE of the second, of its own group or of any."""
    n = int(size)
    groups = np.arange(n) % GROUPS
    node = np.repeat(np.arange(n), DEGREE)
    anyone, alike = rng.integers(0, n, node.size), GROUPS * rng.integers(0, n // GROUPS, node.size) + groups[node]
    other = np.where(rng.random(node.size) < ASSORTED, alike, anyone)
    edges = sparse.csr_array((np.ones(node.size), (node, other)), shape=(n, n))
    return Graph(edges, groups, rng.normal(size=(n, GROUPS)))


def normalised(edges: sparse.csr_array) -> sparse.csr_array:
    """Edges over the roots of both degrees."""
    rows, columns = (1 / np.sqrt(np.maximum(edges.sum(axis=axis), 1)) for axis in (1, 0))
    return sparse.csr_array(edges.multiply(rows[:, None]).multiply(columns[None]))


def implicit(data: Graph) -> np.ndarray:
    """Groups (n,) with two sparse products for each iteration."""
    edges = normalised(data.edges)
    back = sparse.csr_array(edges.T)
    return clusters(lambda vectors: edges @ (back @ vectors), data.start)


def explicit(data: Graph) -> np.ndarray:
    """Groups (n,) with the product of the matrix of affinities (n, n)."""
    edges = normalised(data.edges).toarray()
    affinity = edges @ edges.T
    return clusters(lambda vectors: affinity @ vectors, data.start)


def clusters(product: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Groups (n,) by k-means of the rows of the leading eigenvectors, found by orthogonal iteration."""
    vectors = start
    for _ in range(ITERATIONS):
        vectors = np.linalg.qr(product(vectors))[0]
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    means = rows[:1]
    for _ in range(GROUPS - 1):  # the row least like any mean so far
        means = np.concatenate([means, rows[(rows @ means.T).max(axis=1).argmin()][None]])
    for _ in range(ROUNDS):
        assigned = (rows @ means.T).argmax(axis=1)
        means = np.stack([rows[assigned == group].sum(axis=0) for group in range(GROUPS)])
        means = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return (rows @ means.T).argmax(axis=1)


def recovered(data: Graph, assigned: np.ndarray) -> float:
    """The share of nodes in their group, under the best naming of the groups."""
    counts = np.zeros((GROUPS, GROUPS))
    np.add.at(counts, (data.groups, assigned), 1)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(assigned))


def one_and_two(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether memory has exponents 1 and 2, at equal recovery."""
    statements = {}
    for method, expected in (("implicit", 1), ("explicit", 2)):
        fit = result.growth(method, "memory")
        line = f"{method}: memory has exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}), near {expected}"
        statements[line] = abs(fit.exponent - expected) <= NEAR
    shares = [
        [result.median(method, n, "quality") for method in ("implicit", "explicit")] for n in result.experiment.sizes
    ]
    apart = max(abs(one - other) for one, other in shares)
    line = f"labels recovered: at least {np.min(shares):.3f}, at most {apart:.3f} apart"
    return {**statements, line: apart <= LIKE and np.min(shares) > RECOVERED}


EXPERIMENT = growth.Experiment(
    title=f"{GROUPS} planted groups of a bipartite graph",
    source="Yang et al. 2024, arXiv:2405.11922",
    sizes=(200, 400, 800, 1600),
    methods={"implicit": implicit, "explicit": explicit},
    prepare=prepare,
    quality=recovered,
    quality_name="recovered",
    size_name="nodes",
    expected="memory with exponents 1 and 2 at equal recovery",
    claims=(growth.RowClaim(row="tpo-bipartite-clustering", holds=one_and_two),),
)
