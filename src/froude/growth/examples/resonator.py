"""A product of three codewords taken apart again: by a resonator network, and by one with attention's softmax.

A resonator network (Frady et al. 2020, Neural Computation 32, 2311-2331) guesses each factor from the product and the
guesses of the others, cleaned up by a sum of codewords weighted by their likeness. "Self-Attention Based Semantic
Decomposition in Vector Symbolic Architectures" weights by the softmax of likeness.

Codewords are random signs in 512 dimensions; the size is the codewords of each of three books, so that the search space
is its cube. Both have 60 rounds. The quality is the share of 60 products that are taken apart, and a thousandth.

Expected: both succeed at small books; the softmax does so at larger ones, in fewer rounds.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

DIMENSION, FACTORS, TRIALS, ROUNDS, SHARPNESS = 512, 3, 60, 60, 0.5


class Products(NamedTuple):
    """Codebooks (FACTORS, codewords, DIMENSION), the factors chosen (TRIALS, FACTORS), and their products."""

    books: np.ndarray
    chosen: np.ndarray
    products: np.ndarray


class Found(NamedTuple):
    """The share taken apart within the rounds, and the mean rounds of those."""

    share: float
    rounds: float


def prepare(size: float, rng: np.random.Generator) -> Products:
    """Random codewords and random products."""
    books = rng.choice([-1.0, 1.0], (FACTORS, int(size), DIMENSION))
    chosen = rng.integers(0, int(size), (TRIALS, FACTORS))
    return Products(books, chosen, np.prod([books[f, chosen[:, f]] for f in range(FACTORS)], axis=0))


def linear(likeness: np.ndarray) -> np.ndarray:
    """As alike as they are."""
    return likeness


def softmax(likeness: np.ndarray) -> np.ndarray:
    """Of half the likeness in standard deviations of chance: sharper ones lock in too early, softer ones never."""
    scaled = SHARPNESS * likeness / np.sqrt(DIMENSION)
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def resonate(data: Products, weigh) -> Found:
    """Rounds over the factors; right is right up to signs, for two that are turned round have the same product."""
    guesses = [np.where(book.sum(axis=0) >= 0, 1.0, -1.0) * np.ones((TRIALS, 1)) for book in data.books]
    done = np.full(TRIALS, np.inf)
    for turn in range(1, ROUNDS + 1):
        for f, book in enumerate(data.books):
            others = np.prod([guess for g, guess in enumerate(guesses) if g != f], axis=0)
            guesses[f] = np.where(weigh((data.products * others) @ book.T) @ book >= 0, 1.0, -1.0)
        right = np.all(
            [(guesses[f] @ book.T).argmax(1) == data.chosen[:, f] for f, book in enumerate(data.books)], axis=0
        )
        done = np.where(right, np.minimum(done, turn), np.inf)  # it must stay right to the end
    solved = np.isfinite(done)
    return Found(float(solved.mean()), float(done[solved].mean()) if solved.any() else float(ROUNDS))


def capacity(result: growth.GrowthResult, method: str) -> float:
    """The search space of the largest book at which 9 of 10 products are taken apart; 0 where none is."""
    able = [size for size in result.experiment.sizes if result.median(method, size, "quality") >= 0.9]
    return max(able, default=0.0) ** FACTORS


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Success, rounds and capacity of both."""
    rng, statements = np.random.default_rng(0), {}
    for name, weigh in (("linear", linear), ("softmax", softmax)):
        rates = ", ".join(f"{result.median(name, size, 'quality') - 1e-3:.2f}" for size in result.experiment.sizes)
        rounds = [resonate(prepare(size, rng), weigh).rounds for size in result.experiment.sizes]
        numbers = ", ".join(f"{r:.0f}" for r in rounds)
        statements[f"{name}: success {rates}, rounds {numbers}, capacity {capacity(result, name):g}"] = (
            capacity(result, name) > 0
        )
    return statements | {"a larger capacity by softmax": capacity(result, "softmax") > capacity(result, "linear")}


EXPERIMENT = growth.Experiment(
    title="Products of three codewords taken apart",
    source="Frady et al. 2020; Self-Attention Based Semantic Decomposition",
    sizes=(7, 9, 13, 17, 25, 33),
    methods={"linear": lambda data: resonate(data, linear), "softmax": lambda data: resonate(data, softmax)},
    prepare=prepare,
    quality=lambda data, found: found.share + 1e-3,
    quality_name="success, and a thousandth",
    size_name="codewords",
    expected="a larger capacity by softmax",
    claims=(growth.RowClaim(row="attention-resonator-network", holds=holds, shows="modelled"),),
)
