"""A matrix product from sampled outer products, at one level and at several: error against multiplications.

Drineas, Kannan and Mahoney 2006 (SIAM Journal on Computing 36, 132-157) estimate A·B as a mean of sampled outer
products. "A Multilevel Monte Carlo Estimator for Matrix Multiplication" adds levels, after Giles 2008 (Operations
Research 56, 607-617): many samples of a cheap version, few of what is missing from it. Here the cheap version is a
coarser grid: the columns of A and rows of B are smooth with a rough part, a level takes every fourth point of the next
and interpolates, and what is missing are the differences of levels. Every level draws in proportion to the norms of
what it samples, and has the samples that its variance and its cost ask for. Multiplications are those of products on
the grid of a level, whose sum would be interpolated once; the code interpolates factors first, to the same result.

Expected: an error with exponent −1/2 in multiplications for both; the ratio of the multiplications that they need for
the same error is measured. Without smoothness a coarse grid tells nothing, and levels only cost.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

SIDE, INNER, STEP, ROUGH = 256, 400, 4, 0.05
GRIDS = (16, 64, 256)


class Factors(NamedTuple):
    """Columns of A and rows of B, both (INNER, SIDE); the multiplications to spend; the seed of the draw."""

    a: np.ndarray
    b: np.ndarray
    multiplications: float
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """The same factors at every size; a draw of its own in every repetition."""
    fixed = np.random.default_rng(0)
    places = np.linspace(0, 1, SIDE)
    waves = np.cos(np.pi * np.arange(6)[:, None] * places)
    a, b = (fixed.normal(size=(INNER, 6)) @ waves + ROUGH * fixed.normal(size=(INNER, SIDE)) for _ in range(2))
    scale = fixed.lognormal(size=(INNER, 1))
    return Factors(a * scale, b, size, int(rng.integers(2**31)))


def coarsened(rows: np.ndarray, points: int) -> np.ndarray:
    """Rows on a coarser grid of so many points, interpolated back to the finest."""
    on = np.linspace(0, SIDE - 1, points).round().astype(int)
    right = np.clip(np.searchsorted(on, np.arange(SIDE)), 1, points - 1)
    share = (np.arange(SIDE) - on[right - 1]) / (on[right] - on[right - 1])
    return rows[:, on[right - 1]] * (1 - share) + rows[:, on[right]] * share


def one_level(data: Factors) -> np.ndarray:
    """Outer products on the finest grid alone."""
    return estimate(data, GRIDS[-1:])


def levels(data: Factors) -> np.ndarray:
    """Outer products on the coarsest grid, and differences from each grid to the next."""
    return estimate(data, GRIDS)


def estimate(data: Factors, grids: tuple[int, ...]) -> np.ndarray:
    """The sum of estimates of the coarsest grid and of all differences, in the allocation of Giles 2008, eq. 12."""
    fine = [(coarsened(data.a, points), coarsened(data.b, points)) for points in grids]
    coarse = [(0 * data.a, 0 * data.b), *fine[:-1]]
    norms = [difference_norms(*both) for both in zip(fine, coarse, strict=True)]
    costs = [points**2 + (points // STEP) ** 2 * (k > 0) for k, points in enumerate(grids)]
    worth = [n.sum() / np.sqrt(cost) for n, cost in zip(norms, costs, strict=True)]
    per = data.multiplications / sum(w * cost for w, cost in zip(worth, costs, strict=True))
    rng, total = np.random.default_rng(data.seed), np.zeros((SIDE, SIDE))
    for (a, b), (c, d), norm, w in zip(fine, coarse, norms, worth, strict=True):
        samples = max(1, int(per * w))
        drawn = rng.choice(INNER, samples, p=norm / norm.sum())
        weight = (norm.sum() / (samples * norm[drawn]))[:, None]
        total += (weight * a[drawn]).T @ b[drawn] - (weight * c[drawn]).T @ d[drawn]
    return total


def difference_norms(fine: tuple[np.ndarray, np.ndarray], coarse: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Frobenius norms of the differences of outer products, by their rows."""
    (a, b), (c, d) = fine, coarse
    squared = [
        np.sum(x * y, axis=1) * np.sum(v * w, axis=1) for x, y, v, w in ((a, a, b, b), (a, c, b, d), (c, c, d, d))
    ]
    return np.sqrt(np.maximum(squared[0] - 2 * squared[1] + squared[2], 0))


def error(data: Factors, result: np.ndarray) -> float:
    """The Frobenius norm of the error, relative to that of the product."""
    exact = data.a.T @ data.b
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The slope of plain sampling, and what levels save."""
    plain, several = (result.growth(name, "quality") for name in result.experiment.methods)
    size = result.experiment.sizes[-1]
    saved = (plain.draws_at(np.array([size])) / several.draws_at(np.array([size])))[:, 0] ** -(2.0)
    low, middle, high = np.quantile(saved, (0.05, 0.5, 0.95))
    verdict = "fewer" if high < 1 else "more" if low > 1 else "as many"
    return {
        f"error of plain sampling with exponent {plain.exponent:.2f}, within 0.1 of −1/2": abs(plain.exponent + 0.5)
        < 0.1,
        f"error by levels with exponent {several.exponent:.2f}, within 0.1 of −1/2": abs(several.exponent + 0.5) < 0.1,
        f"levels need {middle:.2g} ({low:.2g} to {high:.2g}) times the products at the same error: {verdict}": bool(
            0 < low <= high < np.inf
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Matrix product from sampled outer products, at one level and at several",
    source="Giles 2008",
    sizes=(1e6, 2e6, 4e6, 8e6, 16e6),
    methods={"one level": one_level, "levels": levels},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="multiplications",
    expected="error with exponent −1/2 for both; the levels' saving is measured",
    claims=(growth.RowClaim(row="mlmc-matmul", holds=holds),),
)
