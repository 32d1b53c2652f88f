"""A product of two sparse matrices: row by row, and as a sum of outer products.

Row by row (Gustavson 1978, ACM Transactions on Mathematical Software 4, 250-269), products of entries are added up
where they fall as soon as they are made. A sum of outer products, a column of A times a row of B, makes all of them
first and merges them afterwards. "SMASH: Sparse Matrix Atomic Scratchpad Hashing" is of the first kind.

SciPy's CSR product goes by rows; the other form is written here. Some rows are fuller than others, so what grows is n,
and times are fitted against the products of entries as well. The quality is their number.

Expected: time in proportion to the products for both; peak memory far smaller by rows.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from froude import growth

ROW, BUSY = 8, 256


class Factors(NamedTuple):
    """Two n × n matrices, the first by columns too, so that neither form has to be converted."""

    a: Any
    b: Any
    columns: Any


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """About ROW entries a row at random, half of them in BUSY columns, so that many products fall together."""
    n = int(size)

    def matrix() -> Any:
        rows = np.repeat(np.arange(n), ROW)
        columns = np.where(rng.random(rows.size) < 0.5, rng.integers(0, BUSY, rows.size), rng.integers(0, n, rows.size))
        return sparse.csr_array((rng.normal(size=rows.size), (rows, columns)), shape=(n, n))

    a = matrix()
    return Factors(a, matrix(), a.tocsc())


def by_rows(data: Factors) -> Any:
    """SciPy's product."""
    return data.a @ data.b


def outer(data: Factors) -> Any:
    """All products of entries, column by row; then those that fall together are added."""
    a, b = data.columns, data.b
    per_entry = np.repeat(np.diff(b.indptr), np.diff(a.indptr))
    starts = np.repeat(b.indptr[:-1], np.diff(a.indptr))
    firsts = np.cumsum(per_entry) - per_entry
    where = np.repeat(starts - firsts, per_entry) + np.arange(per_entry.sum())
    values = np.repeat(a.data, per_entry) * b.data[where]
    places = np.repeat(a.indices, per_entry), b.indices[where]
    return sparse.coo_array((values, places), shape=a.shape).tocsr()


def products(data: Factors, result: Any) -> float:
    """Products of entries; the result is checked on a vector."""
    vector = np.arange(result.shape[1]) / result.shape[1]
    if not np.allclose(result @ vector, data.a @ (data.b @ vector)):
        raise ValueError("the product is wrong")
    return float(np.diff(data.columns.indptr) @ np.diff(data.b.indptr))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    for method in result.experiment.methods:
        made = [result.median(method, n, "quality") for n in sizes]
        least = [[min(t.cpu_seconds for t in result.timings_of(method, n))] for n in sizes]
        fit = growth.fit_growth(made, least, floor=False)
        p = fit.exponent
        statements[f"{method}: time with exponent {p:.2f} in products of entries"] = abs(p - 1) < 0.3
    for n in sizes:
        rows, all_at_once = (result.median(method, n, "peak_bytes") for method in ("by rows", "outer"))
        statements[f"{all_at_once / rows:.1f} times the bytes for the outer form at n = {n:g}"] = all_at_once > rows
    return statements


EXPERIMENT = growth.Experiment(
    title="Sparse times sparse: by rows against a sum of outer products",
    source="SMASH",
    sizes=(1024, 2048, 4096, 8192, 16384),
    methods={"by rows": by_rows, "outer": outer},
    prepare=prepare,
    quality=products,
    quality_name="products",
    expected="time in proportion to products of entries; less memory by rows",
    claims=(growth.RowClaim(row="smash-spgemm", holds=holds),),
)
