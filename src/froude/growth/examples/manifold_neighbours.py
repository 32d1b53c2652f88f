"""Learning from neighbours on manifolds of planted dimension: error against examples.

"The Effect of Intrinsic Dataset Properties on Generalization: Unraveling Learning Differences Between Natural and
Medical Images" measures a data set's intrinsic dimension d by the estimator of Levina and Bickel 2004 (Advances in
Neural Information Processing Systems 17) and finds that error falls the more slowly with examples n the higher it is;
their bound falls as n^(−1/d).

Data are flat tori of dimension 2, 4 and 6, turned at random into 32 coordinates; the label is a smooth function of the
angles, and what is learned is the label of the nearest example. The quality is the mean absolute error.

Expected: estimates of d within a tenth; exponents that rise towards 0 with d and lie near −1/d. At dimension 8 as many
examples are too few: neighbours lie so far off that the torus bends between them, and the estimate is above 9.
"""

import itertools
from typing import NamedTuple

import numpy as np

from froude import growth

DIMENSIONS, COORDINATES, TESTS, NEIGHBOURS = (2, 4, 6), 32, 300, 10


class Sample(NamedTuple):
    """Points (examples, coordinates) with labels, and those of tests."""

    points: np.ndarray
    labels: np.ndarray
    test_points: np.ndarray
    test_labels: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> dict[int, Sample]:
    """So many examples on each manifold."""
    return {d: torus(int(size), d, rng) for d in DIMENSIONS}


def torus(examples: int, dimension: int, rng: np.random.Generator) -> Sample:
    """Uniform on a torus of so many angles; each angle adds its sine to the label."""
    angles = 2 * np.pi * rng.random((examples + TESTS, dimension))
    turn = np.linalg.qr(rng.normal(size=(COORDINATES, 2 * dimension)))[0]
    points = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) @ turn.T
    labels = np.sin(angles).sum(axis=1) / np.sqrt(dimension)
    return Sample(points[TESTS:], labels[TESTS:], points[:TESTS], labels[:TESTS])


def squared_distances(sample: Sample) -> np.ndarray:
    """From every test to every example."""
    a, b = sample.test_points, sample.points
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def nearest(sample: Sample) -> float:
    """The mean absolute error of the nearest example's label."""
    return float(np.abs(sample.labels[squared_distances(sample).argmin(axis=1)] - sample.test_labels).mean())


def estimated_dimension(sample: Sample) -> float:
    """Levina and Bickel's estimate, with the mean taken of inverses (MacKay and Ghahramani 2005, as remembered)."""
    near = np.sqrt(np.partition(squared_distances(sample), NEIGHBOURS, axis=1)[:, :NEIGHBOURS])
    near.sort(axis=1)
    inverse = np.log(near[:, -1:] / near[:, :-1]).sum(axis=1) / (NEIGHBOURS - 1)
    return float(1 / inverse.mean())


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Estimates of dimension at the largest size, and the order of exponents."""
    samples = prepare(result.experiment.sizes[-1], np.random.default_rng(0))
    estimates = {d: estimated_dimension(sample) for d, sample in samples.items()}
    statements = {
        f"dimension {d} estimated as {e:.2f}, within a tenth": abs(e / d - 1) < 0.1 for d, e in estimates.items()
    }
    fits = [result.growth(f"dimension {d}", "quality") for d in DIMENSIONS]
    numbers = ", ".join(f"{fit.exponent:.3f} ({fit.lo:.3f} to {fit.hi:.3f})" for fit in fits)
    apart = all(a.hi < b.lo < 0 for a, b in itertools.pairwise(fits))
    return statements | {
        f"exponents {numbers} for dimensions 2, 4, 6: each flatter than the last, intervals apart": apart
    }


EXPERIMENT = growth.Experiment(
    title="Nearest neighbours on manifolds of dimension 2, 4 and 6",
    source="Levina and Bickel 2004",
    sizes=(250, 500, 1000, 2000, 4000, 8000),
    methods={f"dimension {d}": lambda data, d=d: nearest(data[d]) for d in DIMENSIONS},
    prepare=prepare,
    quality=lambda data, error: error,
    quality_name="error",
    size_name="examples",
    expected="exponents that rise towards 0 with dimension, near −1/2, −1/4, −1/6",
    claims=(growth.RowClaim(row="intrinsic-dataset-properties", holds=holds),),
)
