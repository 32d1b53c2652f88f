"""A sparse matrix times a dense one: entry by entry, and by dense blocks after a permutation of the rows.

"High Performance Unstructured SpMM Computation Using Tensor Cores" permutes rows so that entries fall into fewer
blocks, which are then multiplied as dense ones. Blocks pay where they are full enough: entry by entry, time goes with
the entries, by blocks with the blocks, whatever is in them.

The matrix has hidden blocks of SIDE rows and columns, a share FILL of each not zero; its rows are shuffled, and found
again by sorting them by the blocks they touch. Formats are SciPy's CSR and BSR. What grows is the number of hidden
blocks; the quality is the number of blocks multiplied (of entries for CSR).

Expected: exponent 1 of time in entries and in permuted blocks; fewer of these than of shuffled ones, which overflow the
cache here; and, from what an entry and a block take, the fill above which blocks win. That holds for few columns: with
8 and more of them SciPy's blocks lost even when full.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from froude import growth

SIDE, ROWS, FILL, COLUMNS = 16, 2048, 0.5, 2


class Factors(NamedTuple):
    """The matrix with shuffled rows by entries and by blocks, the same by blocks with rows permuted, and the order."""

    entries: Any
    shuffled: Any
    permuted: Any
    order: np.ndarray
    columns: np.ndarray


class Product(NamedTuple):
    """A product, and the blocks or entries multiplied."""

    rows: np.ndarray
    parts: int


def made(blocks: float, fill: float, rng: np.random.Generator) -> Factors:
    """So many hidden blocks, at random, so full."""
    grid = ROWS // SIDE
    chosen = rng.choice(grid * grid, int(blocks), replace=False)
    inside = rng.random((chosen.size, SIDE, SIDE)) < fill
    which, i, j = np.nonzero(inside)
    rows, columns = chosen[which] // grid * SIDE + i, chosen[which] % grid * SIDE + j
    rows = rng.permutation(ROWS)[rows]
    entries = sparse.csr_array((rng.normal(size=rows.size), (rows, columns)), shape=(ROWS, ROWS))
    order = found_order(entries)
    shuffled, permuted = (matrix.tobsr((SIDE, SIDE)) for matrix in (entries, entries[order]))
    return Factors(entries, shuffled, permuted, order, rng.normal(size=(ROWS, COLUMNS)))


def found_order(entries: Any) -> np.ndarray:
    """Rows in clusters: each opens with a row not yet placed, and takes the SIDE − 1 others that touch most of its
    blocks, for the blocks that they add."""
    touched = np.zeros((ROWS, ROWS // SIDE), np.float32)
    rows = np.repeat(np.arange(ROWS), np.diff(entries.indptr))
    touched[rows, entries.indices // SIDE] = 1
    likeness = 2 * touched @ touched.T - touched.sum(axis=1)
    left, order = np.ones(ROWS, bool), []
    for row in np.argsort(-touched.sum(axis=1), kind="stable"):
        if left[row]:
            left[row] = False
            alike = np.where(left, likeness[row], -np.inf)
            mates = np.argsort(-alike, kind="stable")[: SIDE - 1]
            left[mates] = False
            order += [int(row), *map(int, mates)]
    return np.array(order)


def by_entries(data: Factors) -> Product:
    """CSR."""
    return Product(data.entries @ data.columns, data.entries.nnz)


def by_shuffled_blocks(data: Factors) -> Product:
    """BSR of the rows as they are."""
    return Product(data.shuffled @ data.columns, len(data.shuffled.data))


def by_permuted_blocks(data: Factors) -> Product:
    """BSR of the permuted rows."""
    result = np.empty_like(data.columns)
    result[data.order] = data.permuted @ data.columns
    return Product(result, len(data.permuted.data))


def parts(data: Factors, result: Product) -> float:
    """Blocks or entries; the product is checked first."""
    if not np.allclose(result.rows, data.entries @ data.columns):
        raise ValueError("the product is wrong")
    return result.parts


def faster_by_blocks(fill: float, blocks: float) -> float:
    """Seconds by entries over seconds by permuted blocks at another fill, the median of five."""
    ratios = []
    for seed in range(5):
        data = made(blocks, fill, np.random.default_rng(seed))
        csr, bsr = (
            growth.time_call(functools.partial(method, data)).cpu_seconds for method in (by_entries, by_permuted_blocks)
        )
        ratios.append(csr / bsr)
    return float(np.median(ratios))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements, each = result.experiment.sizes, {}, {}
    for method in ("CSR", "BSR, permuted"):
        counts = [result.median(method, n, "quality") for n in sizes]
        least = [[seconds] for seconds in result.fastest(method).values()]
        fit = growth.fit_growth(counts, least, floor=False)
        p, at = (fit.exponent, float(fit.at(counts[-1]))) if isinstance(fit, growth.Growth) else (np.nan, np.nan)
        each[method] = at / counts[-1]
        statements[f"{method}: time with exponent {p:.2f} in what it multiplies"] = abs(p - 1) < 0.3
    fewer = result.median("BSR, permuted", sizes[-1], "quality") / result.median("BSR", sizes[-1], "quality")
    statements[f"the permutation leaves {fewer:.0%} of the blocks"] = fewer < 0.5
    hidden = result.median("BSR, permuted", sizes[-1], "quality") / sizes[-1]
    even = hidden * each["BSR, permuted"] / (each["CSR"] * SIDE**2)
    below, above = (faster_by_blocks(min(1.0, even * factor), sizes[-1]) for factor in (0.5, 1.6))
    statements[
        f"blocks predicted to win above a fill of {even:.2f}; at half of it they are {below:.2f} times as fast, at 1.6 "
        f"times it {above:.2f}"
    ] = below < 1 < above
    return statements


EXPERIMENT = growth.Experiment(
    title="Sparse times dense: entries against blocks after a permutation",
    source="High Performance Unstructured SpMM Computation Using Tensor Cores",
    sizes=(512, 1024, 2048, 4096),
    methods={"CSR": by_entries, "BSR": by_shuffled_blocks, "BSR, permuted": by_permuted_blocks},
    prepare=lambda size, rng: made(size, FILL, rng),
    quality=parts,
    quality_name="parts",
    size_name="blocks",
    expected="time in proportion to entries and to blocks; fewer blocks permuted",
    claims=(growth.RowClaim(row="smat-spmm", holds=holds),),
)
