"""A matrix product estimated from sampled columns and rows: error against the number of samples.

Drineas, Kannan and Mahoney 2006 (SIAM Journal on Computing 36, 132-157) estimate A·B as the mean of sampled outer
products, column k of A with row k of B drawn with probability in proportion to the product of their norms: unbiased,
with least variance. "A Multilevel Monte Carlo Estimator for Matrix Multiplication" and "Pruning at Initialization -- A
Sketching Perspective" start from it. A draw that takes all k alike is unbiased too, but pays for unequal norms.

Expected: an error with exponent −1/2 in samples for both, lower by a constant factor where norms guide the draw.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

ROWS, INNER = 100, 400


class Factors(NamedTuple):
    """Two factors, the samples to take, and the seed of the draw."""

    a: np.ndarray
    b: np.ndarray
    samples: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """The same factors at every size, with norms that differ between columns; a draw of its own in every repetition."""
    fixed = np.random.default_rng(0)
    scale = fixed.lognormal(size=INNER)
    a, b = fixed.normal(size=(ROWS, INNER)) * scale, fixed.normal(size=(INNER, ROWS))
    return Factors(a, b, int(size), int(rng.integers(2**31)))


def by_norms(data: Factors) -> np.ndarray:
    """Drawn in proportion to norms."""
    norms = np.linalg.norm(data.a, axis=0) * np.linalg.norm(data.b, axis=1)
    return estimate(data, norms / norms.sum())


def uniformly(data: Factors) -> np.ndarray:
    """All drawn alike."""
    return estimate(data, np.full(INNER, 1 / INNER))


def estimate(data: Factors, probability: np.ndarray) -> np.ndarray:
    """The mean of sampled outer products, each divided by its probability."""
    drawn = np.random.default_rng(data.seed).choice(INNER, data.samples, p=probability)
    return (data.a[:, drawn] / (data.samples * probability[drawn])) @ data.b[drawn]


def error(data: Factors, result: np.ndarray) -> float:
    """The Frobenius norm of the error, relative to that of the product."""
    exact = data.a @ data.b
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact))


EXPERIMENT = growth.Experiment(
    title="Matrix product from sampled outer products",
    source="Drineas, Kannan and Mahoney 2006",
    sizes=(30, 100, 300, 1000, 3000, 10000),
    methods={"by norms": by_norms, "uniform": uniformly},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="samples",
    expected="error with exponent −1/2 for both, lower by norms",
)
