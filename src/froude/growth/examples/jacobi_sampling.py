"""Sampling from an autoregressive model: pixel after pixel, and all pixels at once until nothing changes.

A sample is the solution of a triangular system of equations, x[i] = f(x[0 … i−1]) with the random numbers fixed.
"Accelerating Feedforward Computation via Parallel Nonlinear Equation Solving" solves it by Jacobi's iteration: all
equations at once, from any start; after n iterations it is exact, mostly long before.

The model is a sigmoid belief network without hidden units (Frey 1998), fitted to the handwritten digits of
scikit-learn, 64 pixels in black and white, and read in order. What grows is how many of them are sampled. The quality
counts iterations; a sample that is not bit for bit that of the sequential order is refused.

Expected: as many iterations as pixels in sequence; fewer by Jacobi, with an exponent below 1. The ratio is the speed
that a machine with room for all equations at once would gain.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

SAMPLES, STEPS, RATE = 512, 150, 0.5


class Model(NamedTuple):
    """Weights (n, n) of the pixels before each, its bias (n,), and the uniform numbers of each sample (SAMPLES, n)."""

    weights: np.ndarray
    bias: np.ndarray
    uniform: np.ndarray


class Sample(NamedTuple):
    """Pixels (SAMPLES, n) and the iterations that they took."""

    pixels: np.ndarray
    iterations: int


@functools.cache
def fitted() -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of all pixels: a logistic regression of each on those before, by gradient descent."""
    from sklearn.datasets import load_digits  # slow to import

    pixels = (load_digits(return_X_y=True)[0] > 7).astype(float)
    mask = np.tri(pixels.shape[1], k=-1)
    weights, bias = np.zeros_like(mask), np.zeros(len(mask))
    for _ in range(STEPS):
        wrong = pixels - 1 / (1 + np.exp(-(pixels @ weights.T + bias)))
        weights += RATE * mask * (wrong.T @ pixels) / len(pixels)
        bias += RATE * wrong.mean(axis=0)
    return weights, bias


def prepare(size: float, rng: np.random.Generator) -> Model:
    """The model of the first so many pixels, and random numbers."""
    weights, bias = fitted()
    n = int(size)
    return Model(weights[:n, :n], bias[:n], rng.random((SAMPLES, n)))


def sequential(model: Model) -> Sample:
    """Pixel after pixel."""
    pixels = np.zeros_like(model.uniform)
    for i in range(pixels.shape[1]):
        scores = pixels[:, :i] @ model.weights[i, :i] + model.bias[i]
        pixels[:, i] = model.uniform[:, i] < 1 / (1 + np.exp(-scores))
    return Sample(pixels, pixels.shape[1])


def jacobi(model: Model) -> Sample:
    """All pixels of all samples at once until none changes."""
    pixels = np.zeros_like(model.uniform)
    for iteration in range(1, pixels.shape[1] + 2):
        last = pixels
        pixels = (model.uniform < 1 / (1 + np.exp(-(last @ model.weights.T + model.bias)))).astype(float)
        if np.array_equal(last, pixels):
            return Sample(pixels, iteration)
    raise ValueError("not solved, against what was proved")


def iterations(model: Model, result: Sample) -> float:
    """The iterations; the pixels are checked first."""
    if not np.array_equal(sequential(model).pixels, result.pixels):
        raise ValueError("the sample is not that of the sequential order")
    return result.iterations


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """A good part of what the sentence on this paper says."""
    counted, longest = result.growth("Jacobi", "quality"), result.experiment.sizes[-1]
    needed = result.median("Jacobi", longest, "quality")
    return {
        f"the same {SAMPLES} samples bit for bit, in {needed:g} iterations for {longest:g} pixels": needed < longest,
        f"iterations with exponent {counted.exponent:.2f} ({counted.lo:.2f} to {counted.hi:.2f})": counted.hi < 1,
    }


EXPERIMENT = growth.Experiment(
    title="Sampling from an autoregressive model: in sequence against Jacobi's iteration",
    source="Accelerating Feedforward Computation via Parallel Nonlinear Equation Solving",
    sizes=(8, 16, 24, 32, 48, 64),
    methods={"sequential": sequential, "Jacobi": jacobi},
    prepare=prepare,
    quality=iterations,
    quality_name="iterations",
    size_name="pixels",
    expected="iterations with exponent 1 in sequence, below 1 by Jacobi",
    claims=(growth.RowClaim(row="jacobi-feedforward", holds=holds, shows="modelled"),),
)
