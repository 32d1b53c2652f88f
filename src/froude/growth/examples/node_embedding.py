"""Vectors of a graph's nodes: a very sparse random projection against skip-gram on random walks.

"Fast and Accurate Network Embeddings via Very Sparse Random Projection" (Chen et al. 2019, arXiv:1908.11512) projects
powers of the transition matrix, by as many sparse products, and reports over 4000 times the speed of DeepWalk and
node2vec at like quality. It is here the package fastrp, whose products are in Rust. The other is node2vec with p = q =
1, which is DeepWalk, in NumPy: walks, and skip-gram with negative samples by plain gradient steps; a compiled one is
faster, with settings usual in papers (80 walks of 40 steps, ten neighbours on each side) much slower again.

GraphVite (Zhu et al. 2019, arXiv:1903.00757) spreads the latter over four GPUs: a minute for 5 million edges, 20 hours
for 1.8 billion.

Graphs are planted: nodes of CLASSES groups, and edges that join a group with itself ASSORTED of the time. The quality
is the share of nodes whose group the nearest group mean tells, means of a fifth of the nodes. Needs fastrp and SciPy.

Expected: exponent 1 in edges for both, at least 100 times the speed for the projection, like accuracy.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from froude import growth

CLASSES, DEGREE, ASSORTED, DIMENSION = 5, 20, 0.7, 32
WEIGHTS = [0.0, 0.0, 1.0, 6.0]  # of powers of the transition matrix; later ones count more, as in the paper
WALKS, LENGTH, WINDOW = 5, 12, 2
BATCH, NEGATIVES, RATE = 256, 20, 0.05
LABELLED = 0.2
GAP, LIKE, NEAR = 100, 0.05, 0.25
LARGER, SECONDS = (10_000, 20_000, 40_000, 80_000, 160_000), 10.0  # edges that the projection has time for
PUBLISHED_EDGES, PUBLISHED_S = (5e6, 1.8e9), (60, 20 * 3600)  # GraphVite, as said above


class Graph(NamedTuple):
    """Edges (n, n) in both directions, the group (n,) of each node, and a seed."""

    edges: sparse.csr_array
    groups: np.ndarray
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Graph:
    """A planted graph of about so many edges: every node draws DEGREE/2 others, of its own group or of any."""
    n = int(2 * size / DEGREE)
    groups = np.arange(n) % CLASSES
    start = np.repeat(np.arange(n), DEGREE // 2)
    anyone, alike = rng.integers(0, n, start.size), CLASSES * rng.integers(0, n // CLASSES, start.size) + groups[start]
    end = np.where(rng.random(start.size) < ASSORTED, alike, anyone)
    one_way = sparse.csr_array((np.ones(start.size), (start, end)), shape=(n, n))
    both = sparse.csr_array(one_way + one_way.T)
    return Graph(both, groups, int(rng.integers(2**31)))


def projection(data: Graph) -> np.ndarray:
    """The vectors (n, DIMENSION) of fastrp."""
    import fastrp

    edges, n = data.edges, len(data.groups)
    return fastrp.fit_csr(
        edges.indptr, edges.indices, edges.data, n, DIMENSION, weights=WEIGHTS, seed=data.seed, undirected=False
    )


def walks(data: Graph, rng: np.random.Generator) -> np.ndarray:
    """Nodes (walks, LENGTH) of WALKS walks from every node."""
    starts, degrees = data.edges.indptr[:-1], np.diff(data.edges.indptr)
    at: Any = np.tile(np.arange(len(data.groups)), WALKS)
    path = [at]
    for _ in range(LENGTH - 1):
        at = data.edges.indices[starts[at] + (rng.random(at.size) * degrees[at]).astype(int)]
        path.append(at)
    return np.stack(path, axis=1)


def skip_gram(data: Graph) -> np.ndarray:
    """Vectors (n, DIMENSION) that tell nodes near each other on walks from random nodes."""
    rng = np.random.default_rng(data.seed)
    path, n = walks(data, rng), len(data.groups)
    near = [(path[:, k:].ravel(), path[:, :-k].ravel()) for k in range(1, WINDOW + 1)]
    pairs = np.concatenate([np.stack(both) for a, b in near for both in ((a, b), (b, a))], axis=1)
    vectors, contexts = rng.normal(size=(n, DIMENSION)) / DIMENSION, np.zeros((n, DIMENSION))
    order = rng.permutation(pairs.shape[1])
    for first in range(0, order.size, BATCH):
        step(vectors, contexts, pairs[:, order[first : first + BATCH]], rng.integers(0, n, NEGATIVES))
    return vectors


def step(vectors: np.ndarray, contexts: np.ndarray, pairs: np.ndarray, negatives: np.ndarray) -> None:
    """One gradient step on pairs (2, BATCH), whose negatives are shared and weigh as five for each pair; in place."""
    center, context = vectors[pairs[0]], contexts[pairs[1]]
    against = contexts[negatives]
    right = RATE * (1 - sigmoid((center * context).sum(axis=1)))[:, None]
    wrong = RATE * 5 / NEGATIVES * sigmoid(center @ against.T)
    np.add.at(vectors, pairs[0], right * context - wrong @ against)
    np.add.at(contexts, pairs[1], right * center)
    np.add.at(contexts, negatives, -wrong.T @ center)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1/(1 + e^−x), without overflow."""
    return 0.5 * (1 + np.tanh(x / 2))


def accuracy(data: Graph, vectors: np.ndarray) -> float:
    """The share of unlabelled nodes nearest, by angle, to the mean of their own group's labelled nodes."""
    vectors = np.asarray(vectors, dtype=float)
    vectors = vectors - vectors.mean(axis=0)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    labelled = np.random.default_rng(data.seed).random(len(vectors)) < LABELLED
    means = np.stack([vectors[labelled & (data.groups == group)].mean(axis=0) for group in range(CLASSES)])
    means = means / np.linalg.norm(means, axis=1, keepdims=True)
    assigned = (vectors @ means.T).argmax(axis=1)
    return float((assigned == data.groups)[~labelled].mean())


def linear(result: growth.GrowthResult, method: str) -> dict[str, bool]:
    """A statement that a method's time is near-linear in edges: a power without a constant part."""
    sizes = [size for size in result.experiment.sizes if result.timings_of(method, size)]
    fit = growth.fit_growth(sizes, [[t.cpu_seconds for t in result.timings_of(method, n)] for n in sizes], floor=False)
    if isinstance(fit, growth.Unfitted):
        return {f"{method} has no exponent: {fit.reason}": False}
    statements = f"{method}: exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) in edges, near 1"
    return {statements: abs(fit.exponent - 1) <= NEAR}


def faster_and_alike(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the projection's time is near-linear in edges, and the fits' gap at least GAP at like accuracy."""
    alone = replace(EXPERIMENT, sizes=LARGER, methods={"projection": projection})
    largest = max(size for size in result.experiment.sizes if result.timings_of("walks", size))
    gap = float(result.growth("walks").at(largest) / result.growth("projection").at(largest))
    score, other = (result.median(method, largest, "quality") for method in ("projection", "walks"))
    return {
        **linear(growth.grow(alone, seconds=SECONDS, repeats=3), "projection"),
        f"{gap:.0f} times faster by the fits at {largest:g} edges": gap >= GAP,
        f"accuracy {score:.3f} against {other:.3f} of walks": abs(score - other) <= LIKE and other > 2 / CLASSES,
    }


def edge_exponent(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether walks grow near-linearly in edges, and the published times with the exponent that the row says."""
    published = np.log(PUBLISHED_S[1] / PUBLISHED_S[0]) / np.log(PUBLISHED_EDGES[1] / PUBLISHED_EDGES[0])
    near = abs(published - 1.2) < 0.05
    return {**linear(result, "walks"), f"GraphVite's published times have exponent {published:.2f}, near 1.2": near}


EXPERIMENT = growth.Experiment(
    title=f"{DIMENSION} numbers for each node of a graph: random projection against walks",
    source="Chen et al. 2019, arXiv:1908.11512",
    sizes=(2000, 4000, 6000, 10000, 16000),
    methods={"projection": projection, "walks": skip_gram},
    prepare=prepare,
    quality=accuracy,
    quality_name="accuracy",
    size_name="edges",
    expected="exponent 1 in edges, the projection 100 times faster at like accuracy",
    claims=(
        growth.RowClaim(row="fastrp", holds=faster_and_alike),
        growth.RowClaim(row="graphvite", holds=edge_exponent, shows="modelled"),
    ),
)
