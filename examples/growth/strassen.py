"""Products of integer matrices: Strassen's recursion against rows times columns.

Strassen 1969 (Numerische Mathematik 13, 354-356) multiplies 2 x 2 blocks with 7 products instead of 8, so that n x n
matrices take about n^2.81 multiplications, log2(7) = 2.807, instead of n³. "Fault-Tolerant Strassen-Like Matrix
Multiplication" codes the same seven products against failing nodes.

Integers, because NumPy multiplies them by its own loops: against a tuned library for floating point the crossing lies
at thousands, and both are exact here. The recursion ends at blocks of 32. The quality is the number of
multiplications of entries, counted in the recursion itself.

Expected: counted exponents 3 and 2.807 exactly; Strassen faster from some hundred rows on.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

LEAF = 32


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


EXPERIMENT = growth.Experiment(
    title="Integer matrix product: schoolbook against Strassen",
    source="Strassen 1969",
    sizes=(32, 64, 128, 256, 512),
    methods={"schoolbook": schoolbook, "Strassen": strassen},
    prepare=prepare,
    quality=multiplications,
    quality_name="multiplications",
    expected="multiplications grow with exponents 3 and 2.807; Strassen faster from some hundred rows on",
)
