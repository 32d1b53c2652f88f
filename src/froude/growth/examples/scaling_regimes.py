"""Regression on random features with a planted spectrum: the four regimes of a loss against data and width.

"Explaining Neural Scaling Laws" tells them apart. Where the other of data and width is infinite, the loss is limited by
resolution, and falls with an exponent α that the spectrum sets: eigenvalues i^−(1+α) give it in data and in width
alike. Where the other is small and fixed, what is above the limit of infinite data or width is variance, and falls with
exponent 1 whatever the spectrum.

Inputs are normal in the eigenbasis, teachers normal with unit variance, and the loss is the exact mean over teachers.
Infinite width is regression on the eigenfunctions themselves; infinite data is regression on their covariance.

Expected: the exponent −α = −1.5 for both losses limited by resolution, −1 for both limited by variance.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

ALPHA = 1.5
RESOLVED, VARIED = 6000, 200  # eigenfunctions: far above all sizes; enough for variance, which they do not bear on
OTHER, DRAWS = 4, 20  # the fixed width or data of the two limited by variance, and the draws in their mean


class Size(NamedTuple):
    """Examples or features, and the seed of the draws."""

    number: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Size:
    """Draws of their own in every repetition."""
    return Size(int(size), int(rng.integers(2**31)))


def spectrum(terms: int) -> np.ndarray:
    """The planted eigenvalues."""
    return np.arange(1.0, terms + 1) ** -(1 + ALPHA)


def wide_loss(inputs: np.ndarray, eigenvalues: np.ndarray) -> float:
    """The loss of infinite width on inputs (examples, terms): what no combination of examples tells."""
    numbers = (inputs * eigenvalues) @ inputs.T
    return float(eigenvalues.sum() - np.trace(np.linalg.solve(inputs @ inputs.T, numbers)))


def informed_loss(weights: np.ndarray, eigenvalues: np.ndarray) -> float:
    """The loss of infinite data with features of weights (terms, features)."""
    covered = weights * eigenvalues[:, None]
    return float(eigenvalues.sum() - np.trace(np.linalg.solve(weights.T @ covered, covered.T @ covered)))


def loss(inputs: np.ndarray, weights: np.ndarray, eigenvalues: np.ndarray) -> float:
    """The loss of least squares, of least norm where features outnumber examples: both finite."""
    found = weights @ np.linalg.pinv(inputs @ weights)
    cross = np.sum((inputs * eigenvalues) * found.T)
    return float(eigenvalues.sum() - 2 * cross + np.sum((found.T * eigenvalues @ found) * (inputs @ inputs.T)))


def drawn(rng: np.random.Generator, examples: int, eigenvalues: np.ndarray) -> np.ndarray:
    """Inputs (examples, terms)."""
    return rng.normal(size=(examples, eigenvalues.size)) * np.sqrt(eigenvalues)


def resolution_in_data(size: Size) -> float:
    """Infinite width."""
    eigenvalues = spectrum(RESOLVED)
    return wide_loss(drawn(np.random.default_rng(size.seed), size.number, eigenvalues), eigenvalues)


def resolution_in_width(size: Size) -> float:
    """Infinite data."""
    rng = np.random.default_rng(size.seed)
    return informed_loss(rng.normal(size=(RESOLVED, size.number)), spectrum(RESOLVED))


def variance_in_data(size: Size) -> float:
    """Few features: above the limit of infinite data, which has the same features."""
    rng, eigenvalues = np.random.default_rng(size.seed), spectrum(VARIED)
    above = []
    for _ in range(DRAWS):
        weights = rng.normal(size=(VARIED, OTHER))
        inputs = drawn(rng, size.number, eigenvalues)
        above.append(loss(inputs, weights, eigenvalues) - informed_loss(weights, eigenvalues))
    return float(np.mean(above))


def variance_in_width(size: Size) -> float:
    """Few examples: above the limit of infinite width, which has the same examples."""
    rng, eigenvalues = np.random.default_rng(size.seed), spectrum(VARIED)
    above = []
    for _ in range(DRAWS):
        weights = rng.normal(size=(VARIED, size.number))
        inputs = drawn(rng, OTHER, eigenvalues)
        above.append(loss(inputs, weights, eigenvalues) - wide_loss(inputs, eigenvalues))
    return float(np.mean(above))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The exponents of all four."""
    statements = {}
    for name in METHODS:
        fit = result.growth(name, "quality")
        numbers = f"{name}: exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})"
        if name.startswith("resolution"):
            statements[f"{numbers} holds −{ALPHA:g} of the spectrum"] = fit.lo <= -ALPHA <= fit.hi
        else:
            statements[f"{numbers} is within 0.1 of −1"] = abs(fit.exponent + 1) < 0.1
    return statements


METHODS = {
    "resolution in data": resolution_in_data,
    "resolution in width": resolution_in_width,
    "variance in data": variance_in_data,
    "variance in width": variance_in_width,
}

EXPERIMENT = growth.Experiment(
    title="Random features of a planted spectrum: four regimes",
    source="Explaining Neural Scaling Laws",
    sizes=(32, 64, 128, 256, 512),
    methods=METHODS,
    prepare=prepare,
    quality=lambda size, result: result,
    quality_name="loss",
    size_name="examples or features",
    expected="loss with exponents −1.5 where resolution limits it, −1 where variance does",
    claims=(growth.RowClaim(row="explaining-scaling-laws", holds=holds),),
)
