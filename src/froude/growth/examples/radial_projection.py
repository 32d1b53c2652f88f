"""Steps of momentum on weights whose scale does not matter: with and without the part of a step along the weights.

A layer followed by normalisation computes the same whatever the norm of its weights, so that its effective step is the
step over the square of that norm. Steps are at right angles to the weights and let the norm grow. "AdamP: Slowing Down
the Slowdown for Momentum Optimizers on Scale-invariant Weights" shows that momentum lets it grow faster, and takes the
part along the weights out of every step (their eq. 7).

The network is one layer of 32 normalised units and a linear one; it learns the classes of a random teacher from 20
inputs, by SGD with momentum 0.9. The size is the number of steps; the quality is the effective step over that at the
start, the mean over units.

Expected: a fall with steps for both, slower with the projection.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

INPUTS, UNITS, CLASSES, BATCH, STEP, MOMENTUM = 20, 32, 5, 64, 0.2, 0.9


class Training(NamedTuple):
    """Steps to make, the teacher (INPUTS, CLASSES), and the seed of start and batches."""

    steps: int
    teacher: np.ndarray
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Training:
    """A teacher and a start of their own in every repetition."""
    return Training(int(size), rng.normal(size=(INPUTS, CLASSES)), int(rng.integers(2**31)))


def momentum(data: Training) -> float:
    """The effective step at the end."""
    return effective_step(data, projected=False)


def projection(data: Training) -> float:
    """The effective step at the end where steps have no part along the weights."""
    return effective_step(data, projected=True)


def effective_step(data: Training, *, projected: bool) -> float:
    """1/|w|² of each unit at the end over that at the start, in the mean."""
    rng = np.random.default_rng(data.seed)
    first, last = rng.normal(size=(INPUTS, UNITS)) / np.sqrt(INPUTS), rng.normal(size=(UNITS, CLASSES)) / np.sqrt(UNITS)
    start, moving, moving_last = np.sum(first**2, axis=0), 0 * first, 0 * last
    for _ in range(data.steps):
        inputs = rng.normal(size=(BATCH, INPUTS))
        slope, slope_last = slopes(inputs, (inputs @ data.teacher).argmax(axis=1), first, last)
        moving, moving_last = MOMENTUM * moving + slope, MOMENTUM * moving_last + slope_last
        direction = first / np.linalg.norm(first, axis=0)
        step = moving - direction * np.sum(direction * moving, axis=0) if projected else moving
        first, last = first - STEP * step, last - STEP * moving_last
    return float(np.mean(start / np.sum(first**2, axis=0)))


def slopes(
    inputs: np.ndarray, classes: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the cross entropy; units are normalised over the batch, without gain and bias."""
    before = inputs @ first
    spread = before.std(axis=0)
    units = (before - before.mean(axis=0)) / spread
    active = np.maximum(units, 0)
    scores = np.exp(active @ last)
    error = (scores / scores.sum(axis=1, keepdims=True) - np.eye(CLASSES)[classes]) / BATCH
    back = (error @ last.T) * (units > 0)
    back = (back - back.mean(axis=0) - units * np.mean(back * units, axis=0)) / spread
    return inputs.T @ back, active.T @ error


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The fall of both."""
    plain, ours = (result.growth(name, "quality") for name in result.experiment.methods)
    longest = result.experiment.sizes[-1]
    left = [result.median(name, longest, "quality") for name in result.experiment.methods]
    fits = [f"{fit.exponent:.3f} ({fit.lo:.3f} to {fit.hi:.3f})" for fit in (plain, ours)]
    return {
        f"effective step with exponent {fits[0]} in steps, with projection {fits[1]}: slower, intervals apart": (
            plain.hi < ours.lo < 0
        ),
        f"after {longest:g} steps {left[0]:.3f} and {left[1]:.3f} of the start's are left": left[0] < left[1],
    }


EXPERIMENT = growth.Experiment(
    title="Effective steps of momentum with and without the radial part",
    source="AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant Weights",
    sizes=(50, 100, 200, 400, 800),
    methods={"momentum": momentum, "projection": projection},
    prepare=prepare,
    quality=lambda data, share: share,
    quality_name="effective step",
    size_name="steps",
    expected="a slower fall with the projection",
    claims=(growth.RowClaim(row="adamp", holds=holds),),
)
