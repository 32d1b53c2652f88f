"""Words that attention moves between a small and a large memory, counted by a machine that has no more than M.

"The I/O Complexity of Attention, or How Optimal is Flash Attention?" proves that FlashAttention's traffic N²d²/M is the
best for M ≥ d², and that a smaller memory does better with the scores as a product of matrices, N²d/√M.

The simulator computes attention (without the exponential and the division, which move nothing more) on words that it
must load first and store afterwards, refuses to hold more than M of them, and counts. Flash: tiles of queries and their
sums stay while keys and values pass. Product: both products by square tiles, with the scores in the large memory.

Expected: exponents 2 in N, 2 in d and −1 in M for Flash; 2, 1 and −1/2 for the product; below M = d² the latter less.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, MEMORY = 8, 128


class Input(NamedTuple):
    """Queries, keys and values (3, n, width), and the words of the small memory."""

    rows: np.ndarray
    memory: int


class Small:
    """A small memory: counts the words that pass, refuses to hold more than it has."""

    def __init__(self, words: int) -> None:
        self.words, self.held, self.moved = words, 0, 0

    def load(self, part: np.ndarray) -> np.ndarray:
        """A part of the large memory, held until it is dropped."""
        self.moved += part.size
        return self.make(part.copy())

    def make(self, part: np.ndarray) -> np.ndarray:
        """A part that is computed here. Raises ValueError where there is no room."""
        self.held += part.size
        if self.held > self.words:
            raise ValueError(f"{self.held} words in a memory of {self.words}")
        return part

    def drop(self, *parts: np.ndarray) -> None:
        """Room again."""
        self.held -= sum(part.size for part in parts)

    def store(self, part: np.ndarray, where: np.ndarray) -> None:
        """Write a part to the large memory and drop it."""
        self.moved += part.size
        where[...] = part
        self.drop(part)


class Output(NamedTuple):
    """(Q Kᵀ) V, and the words moved."""

    values: np.ndarray
    moved: int


def made(size: float, width: int, memory: int, rng: np.random.Generator) -> Input:
    """Random rows."""
    return Input(rng.normal(size=(3, int(size), width)), memory)


def flash(data: Input) -> Output:
    """Tiles of queries and of sums stay in half of the memory; keys and values pass, a row at a time."""
    (q, k, v), small = data.rows, Small(data.memory)
    width, out = q.shape[1], np.empty_like(q)
    tile = max((data.memory - 2 * width) // (2 * width + 1), 1)
    for start in range(0, len(q), tile):
        rows = slice(start, start + tile)
        queries = small.load(q[rows])
        sums = small.make(np.zeros_like(queries))
        for j in range(len(k)):
            key, value = small.load(k[j]), small.load(v[j])
            scores = small.make(queries @ key)
            sums += np.outer(scores, value)
            small.drop(key, value, scores)
        small.store(sums, out[rows])
        small.drop(queries)
    return Output(out, small.moved)


def product(data: Input) -> Output:
    """Two products of matrices by square tiles."""
    (q, k, v), small = data.rows, Small(data.memory)
    scores, out = np.empty((len(q), len(k))), np.empty_like(q)
    multiply(q, k.T, scores, small)
    multiply(scores, v, out, small)
    return Output(out, small.moved)


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, small: Small) -> None:
    """Tiles of the result stay while a column of a and a row of b pass."""
    side = max(int(math.sqrt(small.words + 1)) - 1, 1)
    for i in (slice(start, start + side) for start in range(0, len(a), side)):
        for j in (slice(start, start + side) for start in range(0, b.shape[1], side)):
            sums = small.make(np.zeros((len(a[i]), b[:, j].shape[1])))
            for t in range(a.shape[1]):
                column, row = small.load(a[i, t]), small.load(b[t, j])
                sums += np.outer(column, row)
                small.drop(column, row)
            small.store(sums, out[i, j])


def moved(data: Input, result: Output) -> float:
    """The words moved; the values are checked first."""
    q, k, v = data.rows
    if not np.allclose(result.values, q @ k.T @ v):
        raise ValueError("the values are wrong")
    return result.moved


def counted(method: Callable[[Input], Output], n: int, width: int, memory: int) -> float:
    """The words moved at one size."""
    data = made(n, width, memory, np.random.default_rng(0))
    return moved(data, method(data))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """Exponents by each of the three sizes, and which way is better on either side of M = d²."""
    widths, wide = (8, 12, 16, 24, 32), (128, 256, 512, 1024, 2048)
    by_width = growth.fit_growth(widths, [[counted(flash, 512, d, 1024)] for d in widths], floor=False)
    by_memory = growth.fit_growth(wide, [[counted(flash, 512, 8, m)] for m in wide], floor=False)
    little = (32, 64, 96, 128, 192, 256)
    below = growth.fit_growth(little, [[counted(product, 96, 16, m)] for m in little], floor=False)
    fits = {
        "Flash in N": (result.growth("flash", "quality"), 2),
        "Flash in d": (by_width, 2),
        "Flash in M above d²": (by_memory, -1),
        "product in M below d²": (below, -0.5),
    }
    statements = {}
    for what, (fit, near) in fits.items():
        p = fit.exponent
        statements[f"words moved by {what}: exponent {p:.2f}, near {near:g}"] = abs(p - near) < 0.15
    for memory, better in {96: product, 1024: flash}.items():
        words = {method: counted(method, 96, 16, memory) for method in (flash, product)}
        statements[f"d = 16, M = {memory}: Flash moves {words[flash]:.0f}, the product {words[product]:.0f} words"] = (
            min(words, key=lambda method: words[method]) is better
        )
    return statements


EXPERIMENT = growth.Experiment(
    title="Words that attention moves through a small memory",
    source="The I/O Complexity of Attention, or How Optimal is Flash Attention?",
    sizes=(48, 96, 192, 384),
    methods={"flash": flash, "product": product},
    prepare=lambda size, rng: made(size, WIDTH, MEMORY, rng),
    quality=moved,
    quality_name="words moved",
    expected="exponents 2 in N, 2 in d, −1 in M; the product of matrices moves less below M = d²",
    claims=(growth.RowClaim(row="attention-io-complexity", holds=holds, shows="modelled"),),
)
