"""Search inside a flow model's sampling: the same function evaluations, dealt out equally or rolled over.

"Inference-Time Scaling for Flow Models via Stochastic Generation and Rollover Budget Forcing" turns the deterministic
sampling of a flow model into a stochastic one with the same marginals, so that a step can be drawn several times, and
keeps the draw whose foreseen end has the highest reward. Equal allocation draws as often at every step and goes on with
the best draw. Rollover goes on as soon as a draw beats the one before it, and gives what is left of a step's quota to
the steps after it; a step whose quota is used up goes on with its best draw.

Here the flow learns the velocities of straight lines from noise to a ring of eight clusters in the plane. Its reward is
how near a sample is to one place on the ring. A draw costs one evaluation of the flow: its velocity tells both where
the flow would end and where it goes on. The quality is the mean reward of 2000 samples.

Expected: rewards that rise with evaluations, and higher ones with rollover.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from froude import growth

STEPS, SAMPLES, CLUSTERS, SPREAD = 10, 2000, 8, 0.1
RING = 2 * np.stack([f(2 * np.pi * np.arange(CLUSTERS) / CLUSTERS) for f in (np.cos, np.sin)], axis=1)
FEATURES, LENGTH, LINES, RIDGE = 192, 0.5, 4000, 0.1

Flow = Callable[[np.ndarray, float], np.ndarray]


class Sampling(NamedTuple):
    """Draws a step may have, and the seed of the noise."""

    quota: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Sampling:
    """Noise of its own in every repetition; the flow is trained before anything is timed."""
    flow()
    return Sampling(int(size) // STEPS, int(rng.integers(2**31)))


@cache
def flow() -> Flow:
    """Velocities (n, 2) of places (n, 2) at a time k / STEPS, 0 for noise: at each time a net of random features, whose
    output layer is fitted to the velocities of straight lines by ridge regression.
    """
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((2, FEATURES), dtype=np.float32) / LENGTH
    phases = rng.uniform(0, 2 * np.pi, FEATURES).astype(np.float32)
    noise = rng.standard_normal((LINES, 2))
    end = RING[rng.integers(0, CLUSTERS, LINES)] + SPREAD * rng.standard_normal((LINES, 2))

    def features(x: np.ndarray) -> np.ndarray:
        return np.cos(x.astype(np.float32) @ weights + phases)

    def fitted(t: float) -> np.ndarray:
        seen = features((1 - t) * noise + t * end)
        return np.linalg.solve(seen.T @ seen + RIDGE * np.eye(FEATURES), seen.T @ (end - noise)).astype(np.float32)

    outputs = [fitted(k / STEPS) for k in range(STEPS + 1)]
    return lambda x, t: features(x) @ outputs[round(t * STEPS)]


def reward(x: np.ndarray) -> np.ndarray:
    """How near places are to the middle of the first cluster, at most 1, (n,)."""
    return np.exp(-np.linalg.norm(x - RING[0], axis=1))


def drawn(x: np.ndarray, v: np.ndarray, t: float, rng: np.random.Generator) -> np.ndarray:
    """A step of the stochastic sampler that has the flow's marginals, with diffusion g² = 2·(1 - t), from time t."""
    score = (t * v - x) / (1 - t)
    drift = v + (1 - t) * score
    return x + drift / STEPS + (2 * (1 - t) / STEPS) ** 0.5 * rng.standard_normal(x.shape)


def search(data: Sampling, rolls_over: bool) -> float:
    """The mean reward of samples: what an evaluation is spent on is a draw and where the flow would end from it."""
    rng, n, velocity = np.random.default_rng(data.seed), SAMPLES, flow()
    x = rng.standard_normal((n, 2))
    v = velocity(x, 0.0)
    incumbent, left = reward(x + v), np.zeros(n, dtype=int)
    for step in range(STEPS):
        left += data.quota
        t = (step + 1) / STEPS
        best, best_x, best_v = np.full(n, -np.inf), x.copy(), v.copy()
        going = np.arange(n)
        last = step == STEPS - 1
        while going.size:
            tried = drawn(x[going], v[going], step / STEPS, rng)
            moved = velocity(tried, t)
            end = reward(tried + (1 - t) * moved)
            left[going] -= 1
            better = end > best[going]
            at = going[better]
            best[at], best_x[at], best_v[at] = end[better], tried[better], moved[better]
            stays = left[going] > 0
            if rolls_over and not last:
                stays &= end <= incumbent[going]
            going = going[stays]
        incumbent = np.maximum(incumbent, best)
        x, v = best_x, best_v
    return float(reward(x).mean())


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Both rewards rise with evaluations; rollover's is higher at every count of more than one draw a step."""
    sizes = result.experiment.sizes
    rewards = {name: [result.median(name, n, "quality") for n in sizes] for name in result.experiment.methods}
    statements = {
        f"reward of {name} rises at every doubling, {values[0]:.3f} to {values[-1]:.3f}": bool(
            np.all(np.diff(values) > 0)
        )
        for name, values in rewards.items()
    }
    pairs = list(zip(sizes, rewards["rolled over"], rewards["equal"], strict=True))
    return statements | {f"at {n:g} evaluations {a:.3f} rolled over, {b:.3f} equal": a > b for n, a, b in pairs[1:]}


EXPERIMENT = growth.Experiment(
    title="Draws in a flow model's sampling, dealt out equally and rolled over",
    source="Inference-Time Scaling for Flow Models via Stochastic Generation and Rollover Budget Forcing",
    sizes=tuple(STEPS * n for n in (1, 2, 4, 8, 16)),
    methods={"equal": lambda data: search(data, False), "rolled over": lambda data: search(data, True)},
    prepare=prepare,
    quality=lambda data, result: result,
    quality_name="reward",
    size_name="evaluations",
    expected="rewards that rise with evaluations, and higher ones with rollover",
    claims=(growth.RowClaim(row="rollover-budget-forcing", holds=holds),),
)
