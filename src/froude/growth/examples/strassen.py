"""Products of integer matrices: Strassen's recursion against rows times columns.

Strassen 1969 (Numerische Mathematik 13, 354-356) multiplies 2 x 2 blocks with 7 products instead of 8, so that n x n
matrices take about n^2.81 multiplications, log2(7) = 2.807, instead of n³. "Fault-Tolerant Strassen-Like Matrix
Multiplication" codes the same seven products against failing nodes: each node makes one product, and beside Strassen's
seven there are Winograd's seven (1971, Linear Algebra and its Applications 4, 381-388) and two parities, 16 nodes in
the place of 21 for three copies. What survives suffices where the four blocks of the result lie in its span. The two
parities here were found by search: they cover the only two pairs of nodes that the other 14 cannot lose.

Integers, because NumPy multiplies them by its own loops: against a tuned library for floating point the crossing lies
at thousands, and both are exact here. The recursion ends at blocks of 32. The quality is the number of
multiplications of entries, counted in the recursion itself.

Expected: counted exponents 3 and 2.807 exactly; Strassen faster from some hundred rows on; 16 nodes that survive
failures nearly as often as 21, and far more often than two copies on 14.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from froude import growth

LEAF = 32
FAILURES, TRIALS = (0.05, 0.1, 0.2), 4000
A11, A12, A21, A22 = B11, B12, B21, B22 = np.eye(4)
STRASSEN = ((A11 + A22, B11 + B22), (A21 + A22, B11), (A11, B12 - B22), (A22, B21 - B11), (A11 + A12, B22),
            (A21 - A11, B11 + B12), (A12 - A22, B21 + B22))  # fmt: skip
S, T = A21 + A22 - A11, B22 - B12 + B11
WINOGRAD = ((A11, B11), (A12, B21), (A12 - S, B22), (A22, T - B21), (A21 + A22, B12 - B11), (S, T),
            (A11 - A21, B22 - B12))  # fmt: skip
PARITIES = ((A21 - A22, B12 - B22), (A12 - A22, B21 + B22))
BLOCKS = (((A11, B11), (A12, B21)), ((A11, B12), (A12, B22)), ((A21, B11), (A22, B21)), ((A21, B12), (A22, B22)))


class Product(NamedTuple):
    """A product and the multiplications of entries it took."""

    matrix: np.ndarray
    multiplications: int


def prepare(size: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two square matrices of small integers; their rows are a power of two."""
    return rng.integers(-9, 10, (int(size), int(size))), rng.integers(-9, 10, (int(size), int(size)))


def schoolbook(data: tuple[np.ndarray, np.ndarray]) -> Product:
    """Rows times columns."""
    return Product(data[0] @ data[1], len(data[0]) ** 3)


def strassen(data: tuple[np.ndarray, np.ndarray]) -> Product:
    """Seven products of halves, each made in the same way."""
    a, b = data
    if len(a) <= LEAF:
        return schoolbook(data)
    h = len(a) // 2
    a11, a12, a21, a22 = a[:h, :h], a[:h, h:], a[h:, :h], a[h:, h:]
    b11, b12, b21, b22 = b[:h, :h], b[:h, h:], b[h:, :h], b[h:, h:]
    parts = [
        strassen(pair)
        for pair in (
            (a11 + a22, b11 + b22),
            (a21 + a22, b11),
            (a11, b12 - b22),
            (a22, b21 - b11),
            (a11 + a12, b22),
            (a21 - a11, b11 + b12),
            (a12 - a22, b21 + b22),
        )
    ]
    m1, m2, m3, m4, m5, m6, m7 = (part.matrix for part in parts)
    matrix = np.block([[m1 + m4 - m5 + m7, m3 + m5], [m2 + m4, m1 - m2 + m3 + m6]])
    return Product(matrix, sum(part.multiplications for part in parts))


def multiplications(data: tuple[np.ndarray, np.ndarray], result: Product) -> float:
    """The multiplications counted; the product is checked on a vector first."""
    vector = np.arange(len(data[0]))
    if not np.array_equal(result.matrix @ vector, data[0] @ (data[1] @ vector)):
        raise ValueError("the product is wrong")
    return result.multiplications


def bilinear(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Products of combinations of blocks as coefficients of all a·b, (products, 16)."""
    return np.array([np.kron(a, b) for a, b in pairs])


def lost(nodes: np.ndarray, failing: float, rng: np.random.Generator) -> float:
    """How often the survivors of nodes (n, 16) do not span the four blocks; each node fails with the given chance."""
    wanted = np.array([bilinear(pairs).sum(axis=0) for pairs in BLOCKS])
    kept = nodes * (rng.random((TRIALS, len(nodes), 1)) > failing)
    both = np.concatenate([kept, np.broadcast_to(wanted, (TRIALS, *wanted.shape))], axis=1)
    return float(np.mean(np.linalg.matrix_rank(both) > np.linalg.matrix_rank(kept)))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The counted exponent, and how often each code loses the result."""
    fit, rng, copy = result.growth("Strassen", "quality"), np.random.default_rng(0), bilinear(STRASSEN)
    coded = bilinear((*STRASSEN, *WINOGRAD, *PARITIES))
    statements = {f"multiplications with exponent {fit.exponent:.3f}, near 2.81": abs(fit.exponent - 2.81) < 0.03}
    for failing in FAILURES:
        one, two, three = (lost(np.tile(copy, (k, 1)), failing, rng) for k in (1, 2, 3))
        mixed = lost(coded, failing, rng)
        numbers = (
            f"copies on 7, 14, 21 nodes lose {one:.3f}, {two:.3f}, {three:.4f}, the code on {len(coded)} {mixed:.4f}"
        )
        near = abs(mixed - three) < 0.05 and mixed - three < 0.25 * (two - three)
        statements[f"where nodes fail with chance {failing:g}, {numbers}: near 21 nodes"] = near
    return statements


EXPERIMENT = growth.Experiment(
    title="Integer matrix product: schoolbook against Strassen",
    source="Strassen 1969",
    sizes=(32, 64, 128, 256, 512),
    methods={"schoolbook": schoolbook, "Strassen": strassen},
    prepare=prepare,
    quality=multiplications,
    quality_name="multiplications",
    expected="multiplications grow with exponents 3 and 2.807; Strassen faster from some hundred rows on",
    claims=(growth.RowClaim(row="ft-strassen", holds=holds),),
)
