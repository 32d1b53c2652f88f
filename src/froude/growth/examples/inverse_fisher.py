"""Products with the inverse of an empirical Fisher matrix of m gradients of d weights, without ever forming it.

"M-FAC: Efficient Matrix-Free Approximations of Second-Order Information" applies the formula of Sherman, Morrison and
Woodbury gradient by gradient to F = λI + (1/m)·Σ g·gᵀ: O(d·m²) to prepare, O(d·m) a product, where a dense inverse
takes d³ and d².

The size that grows is m at fixed d; a second experiment grows d at fixed m. Products are held against dense solutions
in small cases, with fewer gradients than weights and with more.

Expected: exponents 2 to prepare and 1 for a product in m, 1 and 1 in d; errors of rounding.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

DAMPING, WEIGHTS, GRADIENTS = 0.1, 4_000, 16  # 1 to 6 MB of gradients: all of a size in the same cache
SMALL = ((1, 5), (30, 60), (60, 30))  # gradients and weights of cases that a dense solution checks

NEAR = 0.4  # less than half of what tells m from m²; caches alone make exponents of time a fifth too high


class Gradients(NamedTuple):
    """Gradients (m, d), a vector to multiply, and what was prepared from the gradients."""

    gradients: np.ndarray
    vector: np.ndarray
    prepared: "Prepared"


class Prepared(NamedTuple):
    """Rows F_i⁻¹·g (m, d), F_i of the gradients before each, and their divisors m + gᵀ·F_i⁻¹·g."""

    rows: np.ndarray
    divisors: np.ndarray


def by_gradients(size: float, rng: np.random.Generator) -> Gradients:
    """So many gradients of a fixed number of weights."""
    return gradients(int(size), WEIGHTS, rng)


def by_weights(size: float, rng: np.random.Generator) -> Gradients:
    """A fixed number of gradients of so many weights."""
    return gradients(GRADIENTS, int(size), rng)


def gradients(count: int, weights: int, rng: np.random.Generator) -> Gradients:
    """Random gradients, prepared."""
    made = rng.normal(size=(count, weights))
    return Gradients(made, rng.normal(size=weights), prepared(made))


def prepared(gradients: np.ndarray) -> Prepared:
    """One gradient after the other, each multiplied by the inverse of those before."""
    count = len(gradients)
    rows, divisors = np.empty_like(gradients), np.empty(count)
    for k, gradient in enumerate(gradients):
        rows[k] = inverse_times(gradient, Prepared(rows[:k], divisors[:k]), gradients[:k])
        divisors[k] = count + gradient @ rows[k]
    return Prepared(rows, divisors)


def inverse_times(vector: np.ndarray, done: Prepared, gradients: np.ndarray) -> np.ndarray:
    """F⁻¹ times a vector, F of the gradients that are done: the rows are their own left factors, F being symmetric."""
    return vector / DAMPING - ((done.rows @ vector) / done.divisors) @ done.rows


def prepare_all(data: Gradients) -> np.ndarray:
    """The rows prepared."""
    return prepared(data.gradients).rows


def product(data: Gradients) -> np.ndarray:
    """The inverse times the vector."""
    return inverse_times(data.vector, data.prepared, data.gradients)


def error_of_rounding(count: int, weights: int) -> float:
    """The largest error relative to the largest entry of a dense solution."""
    data = gradients(count, weights, np.random.default_rng(0))
    fisher = DAMPING * np.eye(weights) + data.gradients.T @ data.gradients / count
    exact = np.linalg.solve(fisher, data.vector)
    return float(np.abs(product(data) - exact).max() / np.abs(exact).max())


def experiment(prepare, sizes: tuple[float, ...], size_name: str, claims: tuple[growth.RowClaim, ...] = ()):
    """The same two methods over one of the two sizes."""
    return growth.Experiment(
        title=f"Inverse Fisher products by {size_name}",
        source="M-FAC: Efficient Matrix-Free Approximations of Second-Order Information",
        sizes=sizes,
        methods={"preparation": prepare_all, "product": product},
        prepare=prepare,
        size_name=size_name,
        expected="exponent 2 in gradients to prepare, 1 for a product, 1 in weights",
        claims=claims,
    )


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The exponents in both sizes, and the error."""
    grown = growth.grow(experiment(by_weights, (20e3, 40e3, 60e3, 80e3, 120e3), "weights"), seconds=15)
    statements = {}
    for run, method, exponent in ((result, "preparation", 2), (result, "product", 1), (grown, "preparation", 1)):
        fit = run.growth(method)
        numbers = (
            f"{method} with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) in {run.experiment.size_name}"
        )
        statements[f"{numbers}, within {NEAR} of {exponent}"] = abs(fit.exponent - exponent) < NEAR
    error = max(error_of_rounding(*case) for case in SMALL)
    return statements | {
        f"error of {error:.1g} against dense solutions of {len(SMALL)} cases, below 1e-9": error < 1e-9
    }


EXPERIMENT = experiment(
    by_gradients, (32, 48, 64, 96, 128, 192), "gradients", (growth.RowClaim(row="m-fac", holds=holds),)
)
