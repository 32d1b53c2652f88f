"""Search with a noisy scorer: particle filtering against greedy beams, by samples.

"A Probabilistic Inference Approach to Inference-Time Scaling of LLMs using Particle-Based Monte Carlo Methods" reads
steps of an answer as states and a process reward model's scores as noisy evidence of them. Particles are resampled in
proportion to what the evidence says, so that those which look bad are kept sometimes; a beam keeps the best-looking
alone, and loses the answer where the scorer errs. The paper reports scaling 4 to 16 times faster.

Here an answer is a path of 6 steps with 4 choices each, one of them right; the base policy takes the right one with
chance 0.3, and a wrong one ends the hope. The scorer adds normal noise to whether a path is right so far, the same
noise whenever it is asked about the same path. Both take as many samples in every step and go on by the last score: the
beam keeps the best quarter of its paths and goes on from each four times. Both answer with the path whose scores add
up to most.

Expected: accuracy that grows with samples for both, at first faster for the beam, in the end for particles. The budget
multiplier is how many times fewer samples the particles need for what the beam reaches with the most.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from froude import growth

STEPS, CHOICES, RIGHT, NOISE, PROBLEMS, EXPANSION = 6, 4, 0.3, 1.0, 1000, 4
ROWS = np.arange(PROBLEMS)[:, None]


class Search(NamedTuple):
    """What the scorer says of every path by step, (problems, paths) with the right one first; samples; a seed."""

    scores: list[np.ndarray]
    samples: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Search:
    """Problems of their own in every repetition."""
    scores = [NOISE * rng.standard_normal((PROBLEMS, CHOICES**step), dtype=np.float32) for step in range(1, STEPS + 1)]
    for statements in scores:
        statements[:, 0] += 1
    return Search(scores, int(size), int(rng.integers(2**31)))


def particles(data: Search) -> float:
    """Accuracy where paths go on as often as the evidence of a score, exp(score/noise²), has it."""

    def resampled(statements: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        weights = np.exp(statements / NOISE**2).cumsum(axis=1)
        drawn = rng.random(statements.shape) * weights[:, -1:]
        return np.stack([np.searchsorted(w, u) for w, u in zip(weights, drawn, strict=True)])

    return accuracy(data, resampled)


def beam(data: Search) -> float:
    """Accuracy where the best-scored quarter of paths goes on."""

    def kept(statements: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(np.argsort(-statements, axis=1)[:, : data.samples // EXPANSION], EXPANSION, axis=1)

    return accuracy(data, kept)


def accuracy(data: Search, choose: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> float:
    """The share of problems whose answer is right; `choose` maps scores (problems, samples) to who goes on."""
    rng = np.random.default_rng(data.seed)
    paths, total = np.zeros((PROBLEMS, data.samples), dtype=int), np.zeros((PROBLEMS, data.samples))
    for step, scores in enumerate(data.scores):
        wrong = rng.integers(1, CHOICES, paths.shape)
        paths = CHOICES * paths + np.where(rng.random(paths.shape) < RIGHT, 0, wrong)
        statements = scores[ROWS, paths]
        total += statements
        if step < STEPS - 1:
            on = choose(statements, rng)
            paths, total = paths[ROWS, on], total[ROWS, on]
    return float(np.mean(paths[ROWS[:, 0], total.argmax(axis=1)] == 0))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """How accuracy grows, and how many times fewer samples the particles need for the beam's accuracy with the most."""
    fits = {name: result.growth(name, "quality") for name in result.experiment.methods}
    statements = {
        f"accuracy of the {name} grows with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})": fit.lo > 0
        for name, fit in fits.items()
    }
    most = result.experiment.sizes[-1]
    reached = fits["beam"].draws_at(np.array([most]))[:, 0]
    _, scale, exponent = fits["particles"].draws.T
    low, middle, high = np.quantile(most / (reached / scale) ** (1 / exponent), (0.05, 0.5, 0.95))
    times = f"{middle:.2g} ({low:.2g} to {high:.2g}) times"
    numbers = f"for what the beam reaches with {most:g} samples, particles need {times} fewer"
    return statements | {numbers: bool(low > 1 and np.isfinite(high))}


EXPERIMENT = growth.Experiment(
    title="Search with a noisy scorer: particles against beams",
    source="A Probabilistic Inference Approach to Inference-Time Scaling of LLMs",
    sizes=(4, 8, 16, 32, 64, 128),
    methods={"particles": particles, "beam": beam},
    prepare=prepare,
    quality=lambda data, accuracy: accuracy,
    quality_name="accuracy",
    size_name="samples",
    expected="accuracy that grows with samples for both, and a budget multiplier between them",
    claims=(growth.RowClaim(row="particle-inference-scaling", holds=holds),),
)
