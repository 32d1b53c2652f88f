"""Attention to pairs of positions: all triples, and a polynomial in place of the exponential.

A query scores a pair of keys by the sum over the entries of their product, q·(k ∘ k'), which takes n³ exponentials.
"How to Capture Higher-order Correlations? Generalizing Matrix Softmax Attention to Kronecker Computation" shows that
the output can be had in n^(1+o(1)) where entries are small, for a polynomial of low degree then stands for the
exponential, and not where they are large, unless a conjecture fails.

Taylor's polynomial of degree 4 of a sum is a sum over products of entries, and each of them falls apart into one of q,
one of k and one of k': sums over k and k' are then made once. Entries are uniform between −B and B; the quality is the
largest error, relative to the largest value. Below some hundred positions what a query costs beside its exponentials
counts, so the sizes begin there.

Expected: exponents 3 and 1; an error that grows with B.
"""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, DEGREE, BOUND, TILE, CHECKED = 8, 4, 0.7, 32, 16


class Inputs(NamedTuple):
    """Queries and keys (3, n, WIDTH) with entries up to a bound, and values (2, n, WIDTH)."""

    scored: np.ndarray
    values: np.ndarray


def made(size: float, rng: np.random.Generator, bound: float) -> Inputs:
    """Uniform queries and keys, normal values."""
    n = int(size)
    return Inputs(rng.uniform(-bound, bound, (3, n, WIDTH)), rng.normal(size=(2, n, WIDTH)) + 1)


def triples(data: Inputs) -> np.ndarray:
    """Every query with every pair of keys, a query at a time; (n, WIDTH)."""
    return attended(data.scored[0], data)


def attended(queries: np.ndarray, data: Inputs) -> np.ndarray:
    """The outputs of some queries."""
    (_, keys, others), (values, more) = data
    rows, weights = [], np.empty((len(keys), len(others)))
    for query in queries:
        np.exp(np.matmul(query * keys, others.T, out=weights), out=weights)
        rows.append(np.einsum("jd,jd->d", values, weights @ more) / weights.sum())
    return np.array(rows)


def monomials() -> np.ndarray:
    """The entries that each product of up to DEGREE takes, WIDTH standing for none: (monomials, DEGREE)."""
    return np.array(list(itertools.combinations_with_replacement(range(WIDTH + 1), DEGREE)))


def coefficients() -> np.ndarray:
    """Those of the products in the series of the exponential: one over the factorials of how often an entry occurs."""
    counts = (monomials()[:, :, None] == np.arange(WIDTH)).sum(axis=1)
    return np.array([1 / math.prod(math.factorial(int(n)) for n in row) for row in counts])


CHOSEN, WEIGHTS = monomials(), coefficients()


def features(rows: np.ndarray) -> np.ndarray:
    """Products of up to DEGREE entries, (n, monomials)."""
    padded = np.hstack([rows, np.ones((len(rows), 1))])
    product = padded[:, CHOSEN[:, 0]]
    for chosen in CHOSEN.T[1:]:
        product *= padded[:, chosen]
    return product


def polynomial(data: Inputs) -> np.ndarray:
    """Sums over keys for each product, then their sum with those of the queries; a tile of rows at a time."""
    (queries, keys, others), (values, more) = data
    sums = summed(keys, values) * summed(others, more)
    mixed = np.vstack([(WEIGHTS * features(queries[rows])) @ sums for rows in tiles(len(queries))])
    return mixed[:, :-1] / mixed[:, -1:]


def summed(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Products of keys times values and times 1, added over keys: (monomials, WIDTH + 1)."""
    ones = np.ones((TILE, 1))
    parts = (features(keys[rows]).T @ np.hstack([values[rows], ones]) for rows in tiles(len(keys)))
    return sum(parts, start=np.zeros((len(CHOSEN), WIDTH + 1)))


def tiles(n: int) -> list[slice]:
    """Rows in tiles."""
    return [slice(start, start + TILE) for start in range(0, n, TILE)]


def error(data: Inputs, result: np.ndarray) -> float:
    """The largest error of the first queries against all triples."""
    exact = attended(data.scored[0][:CHECKED], data)
    return float(np.abs(result[:CHECKED] - exact).max() / np.abs(exact).max())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    least = {method: result.fastest(method) for method in result.experiment.methods}
    # No part is constant: what a tile or a query costs beside its sums is met as often as there are tiles or queries.
    fits = {m: growth.fit_growth([*by], [[s] for s in by.values()], floor=False) for m, by in least.items()}
    slopes = {m: fit.exponent for m, fit in fits.items()}
    bounds, drawn = (0.25, 0.5, 1.0, 1.5), []
    for bound in bounds:
        data = made(64, np.random.default_rng(0), bound)
        drawn.append(error(data, polynomial(data)))
    near = {"triples": 3, "polynomial": 1}
    statements = {f"{m}: time with exponent {p:.2f}, near {near[m]}": abs(p - near[m]) < 0.3 for m, p in slopes.items()}
    errors = ", ".join(f"{e:.1g} at {b:g}" for e, b in zip(drawn, bounds, strict=True))
    return {**statements, f"error by the bound of entries: {errors}": bool(np.all(np.diff(drawn) > 0))}


EXPERIMENT = growth.Experiment(
    title="Attention to pairs of positions: all triples against a polynomial",
    source="How to Capture Higher-order Correlations?",
    sizes=(128, 192, 256, 384, 512),
    methods={"triples": triples, "polynomial": polynomial},
    prepare=lambda size, rng: made(size, rng, BOUND),
    quality=error,
    quality_name="error",
    expected="exponents 3 and 1; the error grows with the bound of entries",
    claims=(growth.RowClaim(row="kronecker-attention", holds=holds),),
)
