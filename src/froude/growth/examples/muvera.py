"""Documents of many vectors each: retrieval by an encoding of fixed dimension against search by single tokens.

"MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings" (Dhulipala et al. 2024, arXiv:2405.19504): random
planes part the space; the encoding of a query holds the sum of its tokens in every part, that of a document their mean
(in an empty part the token that is nearest by signs), once for each of several draws of planes. The inner product
estimates the similarity of Chamfer, Σ over query tokens of the best product with a document token. The paper finds 2 to
5 times fewer candidates at equal recall than search by single tokens, where each query token ranks all document tokens
and documents are candidates in that order.

Documents here are made of a common vocabulary with noise, queries of eight tokens of one document with more noise. The
quality is the candidates that hold the best document for 9 queries in 10.

Expected: fewer candidates with growing encodings, twice fewer than by tokens at the largest. The squared error of the
estimate has exponent −1 above a floor: it is the variance of a mean of independent draws, and a bias of parts that hold
unlike tokens.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

DIMENSION, WORDS, DOCUMENTS, TOKENS, QUERIES, QUERY_TOKENS = 32, 2000, 400, 16, 30, 8
DOCUMENT_NOISE, QUERY_NOISE = 0.3, 1.0
PLANES = 3
CODES = np.arange(2**PLANES)
SIGNS = 2.0 * (CODES[:, None] >> np.arange(PLANES) & 1) - 1  # of each part (parts, PLANES)
RECALL = 0.9
SEEDS = 3


class Corpus(NamedTuple):
    """Tokens of documents (n, t, d) and queries (q, s, d), the similarity (q, n), and planes (draws, PLANES, d)."""

    documents: np.ndarray
    queries: np.ndarray
    similarity: np.ndarray
    planes: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Corpus:
    """A corpus, its exact similarities, and planes for an encoding of that many numbers."""
    vocabulary = unit(rng.normal(size=(WORDS, DIMENSION)))
    share = 1 / np.arange(1, WORDS + 1)
    words = rng.choice(WORDS, (DOCUMENTS, TOKENS), p=share / share.sum())
    documents = noisy(vocabulary[words], DOCUMENT_NOISE, rng)
    asked = rng.integers(0, DOCUMENTS, QUERIES)
    queries = noisy(documents[asked][:, rng.permutation(TOKENS)[:QUERY_TOKENS]], QUERY_NOISE, rng)
    products = queries @ documents.reshape(-1, DIMENSION).T
    similarity = products.reshape(QUERIES, QUERY_TOKENS, DOCUMENTS, TOKENS).max(axis=3).sum(axis=1)
    draws = int(size) // (len(CODES) * DIMENSION)
    return Corpus(documents, queries, similarity, rng.normal(size=(draws, PLANES, DIMENSION)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def noisy(vectors: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors with noise of that length added, of length 1 again."""
    return unit(vectors + noise / DIMENSION**0.5 * rng.normal(size=vectors.shape))


def encode(tokens: np.ndarray, planes: np.ndarray, *, mean: bool) -> np.ndarray:
    """The parts (n, parts·d) of tokens (n, t, d) by one draw of planes: sums, or means with empty parts filled."""
    signs = np.where(tokens @ planes.T > 0, 1.0, -1.0)
    agreement = signs @ SIGNS.T  # PLANES where the token lies in the part
    inside = (agreement == PLANES).astype(float)
    parts = inside.swapaxes(1, 2) @ tokens
    if mean:
        count = inside.sum(axis=1)[..., None]
        nearest = np.take_along_axis(tokens, agreement.argmax(axis=1)[..., None], axis=1)
        parts = np.where(count > 0, parts / np.maximum(count, 1), nearest)
    return parts.reshape(len(tokens), -1)


def by_encoding(data: Corpus) -> np.ndarray:
    """Estimated similarities (q, n): the mean over draws of products of encodings."""
    scores = np.zeros(data.similarity.shape)
    for planes in data.planes:
        scores += encode(data.queries, planes, mean=False) @ encode(data.documents, planes, mean=True).T
    return scores / len(data.planes)


def by_tokens(data: Corpus) -> np.ndarray:
    """Minus the rank (q, n) at which a document's first token comes up among those nearest to any query token."""
    order = np.argsort(-(data.queries @ data.documents.reshape(-1, DIMENSION).T), axis=-1)
    ranks = np.empty(order.shape)
    np.put_along_axis(ranks, order, np.arange(order.shape[-1], dtype=float)[None, None], axis=-1)
    turns = ranks + np.arange(QUERY_TOKENS)[:, None] / QUERY_TOKENS  # tokens of the query take turns
    return -turns.reshape(QUERIES, QUERY_TOKENS, DOCUMENTS, TOKENS).min(axis=(1, 3))


def candidates(data: Corpus, scores: np.ndarray) -> float:
    """The documents, best scores first, that hold the best one for a share RECALL of queries."""
    best = scores[np.arange(QUERIES), data.similarity.argmax(axis=1)]
    return float(np.quantile((scores >= best[:, None]).sum(axis=1), RECALL, method="higher"))


def squared_error(size: float) -> list[float]:
    """The mean square, of each of SEEDS corpora, of estimate less similarity, both about their means over documents,
    over the variance of the similarity."""
    return [_squared_error(prepare(size, np.random.default_rng([seed, int(size)]))) for seed in range(SEEDS)]


def _squared_error(data: Corpus) -> float:
    estimate, exact = (s - s.mean(axis=1, keepdims=True) for s in (by_encoding(data), data.similarity))
    return float(np.mean((estimate - exact) ** 2) / exact.var())


def fewer_and_closer(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the largest encoding needs half the candidates at most, and the error falls along a curve."""
    sizes = result.experiment.sizes
    encoded, tokens = (result.median(method, sizes[-1], "quality") for method in result.experiment.methods)
    fit = growth.fit_growth(sizes, [squared_error(size) for size in sizes])
    if isinstance(fit, growth.Unfitted):
        return {f"squared error has no exponent: {fit.reason}": False}
    falls = f"squared error {fit.a:.2f} + b·n^{fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})"
    return {
        f"{encoded:g} candidates by {sizes[-1]:g} numbers, {tokens:g} by tokens, at recall {RECALL}": 2 * encoded
        <= tokens,
        falls: fit.hi < 0,
    }


EXPERIMENT = growth.Experiment(
    title=f"{DOCUMENTS} documents of {TOKENS} vectors: encodings of fixed dimension against single tokens",
    source="Dhulipala et al. 2024, arXiv:2405.19504",
    sizes=(256, 512, 1024, 2560, 5120),
    methods={"encoding": by_encoding, "tokens": by_tokens},
    prepare=prepare,
    quality=candidates,
    quality_name="candidates",
    size_name="numbers",
    expected="2 to 5 times fewer candidates than by tokens at large encodings, a squared error that falls to a floor",
    claims=(growth.RowClaim(row="muvera", holds=fewer_and_closer),),
)
