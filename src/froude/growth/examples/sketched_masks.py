"""Weights of a linear model pruned at random by norms or evenly: error against the share kept, beside its bound.

"Pruning at Initialization -- A Sketching Perspective" reads a mask at initialisation as a sketch of the product X·w: s
weights drawn with chance p, each scaled by 1/(s·p). Drawn in proportion to the norm of its column times the weight, the
expected squared error is at most (Σ |x_k|·|w_k|)²/s, itself at most |X|²·|w|²/s (Drineas, Kannan and Mahoney 2006, SIAM
Journal on Computing 36, 132-157, lemma 4).

The size that grows is the draws as a share of all weights. The quality is the error over |X|·|w|.

Expected: an error with exponent −1/2 below the bound by norms, above that evenly.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

EXAMPLES, WEIGHTS, DRAWS = 200, 1000, 30


class Model(NamedTuple):
    """Data (examples, weights), weights at initialisation, draws, and their seed."""

    data: np.ndarray
    weights: np.ndarray
    samples: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Model:
    """Columns of data of unequal norms."""
    data = rng.normal(size=(EXAMPLES, WEIGHTS)) * rng.lognormal(size=WEIGHTS)
    return Model(data, rng.normal(size=WEIGHTS), max(1, round(size * WEIGHTS)), int(rng.integers(2**31)))


def by_norms(model: Model) -> float:
    """Masks drawn in proportion to norms."""
    return masked(model, np.linalg.norm(model.data, axis=0) * np.abs(model.weights))


def evenly(model: Model) -> float:
    """Masks that know neither data nor weights."""
    return masked(model, np.ones(WEIGHTS))


def masked(model: Model, worth: np.ndarray) -> float:
    """The root mean square error of masked models, over |X|·|w|."""
    rng, chance = np.random.default_rng(model.seed), worth / worth.sum()
    counts = rng.multinomial(model.samples, chance, size=DRAWS)
    kept = model.weights * counts / (model.samples * chance)
    squared = np.sum(((kept - model.weights) @ model.data.T) ** 2, axis=1).mean()
    return float(np.sqrt(squared) / np.linalg.norm(model.data) / np.linalg.norm(model.weights))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Errors beside the bound."""
    sizes = result.experiment.sizes
    pairs = [[result.median(name, size, "quality") for name in ("by norms", "evenly")] for size in sizes]
    bounds = [1 / np.sqrt(size * WEIGHTS) for size in sizes]
    numbers = ", ".join(
        f"{norms:.3f}/{even:.3f}/{bound:.3f}" for (norms, even), bound in zip(pairs, bounds, strict=True)
    )
    return {
        f"errors by norms, evenly, and the bound, {numbers}: by norms under the bound": all(
            norms <= bound for (norms, _), bound in zip(pairs, bounds, strict=True)
        ),
        "by norms below evenly at every share": all(norms < even for norms, even in pairs),
    }


EXPERIMENT = growth.Experiment(
    title="Masks at initialisation as sketches",
    source="Pruning at Initialization -- A Sketching Perspective",
    sizes=(0.01, 0.03, 0.1, 0.3, 1.0),
    methods={"by norms": by_norms, "evenly": evenly},
    prepare=prepare,
    quality=lambda model, error: error,
    quality_name="error",
    size_name="share drawn",
    expected="exponent −1/2 under the bound by norms, above it evenly",
    claims=(growth.RowClaim(row="pruning-init-sketching", holds=holds),),
)
