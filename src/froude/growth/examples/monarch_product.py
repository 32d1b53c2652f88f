"""A Monarch matrix times a batch of columns, against a dense matrix.

A Monarch matrix of n rows is two block-diagonal ones of √n blocks each, with a transposition of the √n × √n grid of
positions before, between and after (Dao et al. 2022, arXiv:2204.00595). "Monarch Mixer: A Simple Sub-Quadratic
GEMM-Based Architecture" mixes positions and channels by them: n^1.5 operations a column instead of n², n^2.5 instead of
n³ for n columns. The quality is the number of multiplications, counted from the shapes of the products made; the result
is held against the dense form of the matrix at the smaller sizes.

Expected: exponents of time near those of the counts; a crossing at some hundred rows, where fewer multiplications
outweigh small blocks and transpositions. Fits of every second size predict it.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

COLUMNS, CHECKED = 128, 600
ASYMPTOTIC = 256  # rows from which on blocks of 16 and more rows outweigh the call that multiplies one


class Factors(NamedTuple):
    """Blocks of the two factors (2, b, b, b), the dense matrix of n = b² rows, and columns (batches, n, COLUMNS)."""

    blocks: np.ndarray
    dense: np.ndarray
    columns: np.ndarray


class Product(NamedTuple):
    """A product of the shape of the columns, and the multiplications it took."""

    matrix: np.ndarray
    multiplications: int


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """Random blocks, and as many columns as rows, rounded up to batches.

    The dense matrix is that of the blocks where n is small, and else a random one, which takes as long.
    """
    n = int(size)
    b = math.isqrt(n)
    blocks = (rng.normal(size=(2, b, b, b)) / math.sqrt(b)).astype(np.float32)
    whole = mixed(blocks, np.eye(n, dtype=np.float32)[None]).matrix[0] if n <= CHECKED else rng.normal(size=(n, n))
    columns = rng.normal(size=(-(-n // COLUMNS), n, min(n, COLUMNS)))
    return Factors(blocks, whole.astype(np.float32), columns.astype(np.float32))


def monarch(data: Factors) -> Product:
    """By the blocks."""
    return mixed(data.blocks, data.columns)


def mixed(blocks: np.ndarray, columns: np.ndarray) -> Product:
    """Both factors in turn, a batch of columns at a time; the grid is transposed between them and after."""
    b, width = len(blocks[0]), columns.shape[2]
    result = np.empty_like(columns)
    first = np.empty((b, b, width), columns.dtype)
    for batch, out in zip(columns, result, strict=True):
        np.matmul(blocks[0], batch.reshape(b, b, width), out=first)
        np.matmul(blocks[1], first.transpose(1, 0, 2), out=out.reshape(b, b, width).transpose(1, 0, 2))
    return Product(result, 2 * b * columns.size)


def dense(data: Factors) -> Product:
    """Rows times columns, a batch at a time."""
    result = np.empty_like(data.columns)
    for batch, out in zip(data.columns, result, strict=True):
        np.matmul(data.dense, batch, out=out)
    return Product(result, len(data.dense) * data.columns.size)


def multiplications(data: Factors, result: Product) -> float:
    """The multiplications; a product is checked where the dense matrix is that of the blocks."""
    if len(data.dense) <= CHECKED:
        exact = data.dense @ data.columns
        if np.abs(exact - result.matrix).max() > 1e-3 * np.abs(exact).max():
            raise ValueError("the product is wrong")
    return result.multiplications


def crossed(result: growth.GrowthResult) -> tuple[float, float]:
    """Where fits of every second size cross, and where the least times of the other sizes do; NaN for nowhere."""
    sizes, methods = result.experiment.sizes, ("Monarch", "dense")
    least = {(m, n): min(t.cpu_seconds for t in result.timings_of(m, n)) for m in methods for n in sizes}
    fits = [growth.fit_growth(sizes[::2], [[least[m, n]] for n in sizes[::2]]) for m in methods]
    x = np.geomspace(sizes[0], sizes[-1], 500)
    curves = [fit.at(x) if isinstance(fit, growth.Growth) else np.full(x.size, math.nan) for fit in fits]
    slower = np.flatnonzero(curves[0] > curves[1])
    others = sizes[1::2]
    log_ratio = np.log([least["Monarch", n] / least["dense", n] for n in others])
    falls = log_ratio[-1] < 0 < log_ratio[0]
    measured = math.exp(np.interp(0, -log_ratio, np.log(others))) if falls else math.nan
    return float(x[slower[-1]]) if slower.size else math.nan, measured


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = [n for n in result.experiment.sizes if n >= ASYMPTOTIC], {}
    for method, near in {"Monarch": 1.5, "dense": 2}.items():
        for columns, share in {"n columns": 1.0, "a column": 0.0}.items():
            seconds = [[min(t.cpu_seconds for t in result.timings_of(method, n)) / n ** (1 - share)] for n in sizes]
            fit = growth.fit_growth(sizes, seconds, floor=False)
            p = fit.exponent
            statements[f"{method}: time of {columns} with exponent {p:.2f}, near {near + share:g}"] = (
                abs(p - near - share) < 0.25
            )
    predicted, measured = crossed(result)
    statements[
        f"crossing predicted at {predicted:.0f} rows from half of the sizes, measured at {measured:.0f} on the others"
    ] = 0.5 < predicted / measured < 2
    return statements


EXPERIMENT = growth.Experiment(
    title="Monarch against dense: n rows times n columns",
    source="Monarch Mixer",
    sizes=(36, 64, 100, 144, 256, 400, 576, 784, 1024, 1296, 1600),
    methods={"Monarch": monarch, "dense": dense},
    prepare=prepare,
    quality=multiplications,
    quality_name="multiplications",
    expected="exponents 1.5 and 2 a column, 2.5 and 3 for n columns",
    claims=(growth.RowClaim(row="monarch-mixer", holds=holds),),
)
