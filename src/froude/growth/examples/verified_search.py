"""Test-time search learnt with and without a verifier: what each falls short by, against the horizon.

"Scaling Test-Time Compute Without Verification or RL is Suboptimal" compares cloning of successful search traces with
learning from rewards. Its rewards are bi-level: 0 at every step until a trace has solved the problem, 1 from then on.
Its base policy is heterogeneous: some of its traces solve early, others late. A clone of successful traces takes the
late ones too; who learns rewards leaves them out.

Here a trace is of one of 64 styles, each with its own chance of solving per step, spread evenly in logarithm between
1/1024 and 1/2. Either learner sees as many traces as the horizon has steps, and stays within 4 times the base policy.
The clone takes styles as often as they are among successful traces; the verifier is the mean reward of a style, and its
learner takes the quarter of styles that it ranks highest. The quality is the expected reward lost to the best policy
within the same bound, averaged over problems.

Expected: a gap between the two that grows with the horizon; none where all styles are alike.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

STYLES, BOUND, PROBLEMS = 64, 4, 200
MIXED = np.geomspace(1 / 1024, 1 / 2, STYLES)
ALIKE = np.full(STYLES, 1 / 32)


class Horizon(NamedTuple):
    """Steps of a trace, and the seed of the traces."""

    steps: int
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Horizon:
    """Traces of their own in every repetition."""
    return Horizon(int(size), int(rng.integers(2**31)))


def expected_reward(chances: np.ndarray, steps: int) -> np.ndarray:
    """Steps after the solution, in the mean: the sum over steps of the chance to have solved by then."""
    step = np.arange(1, steps)
    return (1 - (1 - chances[:, None]) ** step).sum(axis=1)


def traces(chances: np.ndarray, data: Horizon, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As many traces of the base policy as steps: their styles and their rewards."""
    styles = rng.integers(0, STYLES, data.steps)
    return styles, np.maximum(data.steps - rng.geometric(chances[styles]), 0)


def cloned(chances: np.ndarray, data: Horizon, rng: np.random.Generator) -> np.ndarray:
    """The policy without a verifier: as often as among traces that solve; the base policy where none does."""
    styles, rewards = traces(chances, data, rng)
    counts = np.bincount(styles[rewards > 0], minlength=STYLES) + 1e-9
    return counts / counts.sum()


def verified(chances: np.ndarray, data: Horizon, rng: np.random.Generator) -> np.ndarray:
    """The policy with a verifier: the quarter of styles with the highest mean reward; unseen styles have the mean."""
    styles, rewards = traces(chances, data, rng)
    seen = np.bincount(styles, minlength=STYLES)
    verifier = (np.bincount(styles, rewards, minlength=STYLES) + rewards.mean()) / (seen + 1)
    return best(verifier)


def best(rewards: np.ndarray) -> np.ndarray:
    """The best policy within the bound: evenly the highest rewards."""
    policy = np.zeros(STYLES)
    policy[np.argsort(rewards)[-STYLES // BOUND :]] = BOUND / STYLES
    return policy


def lost(chances: np.ndarray, learner, data: Horizon) -> float:
    """Reward lost to the best policy within the bound, over problems."""
    rng, rewards = np.random.default_rng(data.seed), expected_reward(chances, data.steps)
    return float(np.mean([(best(rewards) - learner(chances, data, rng)) @ rewards for _ in range(PROBLEMS)]))


def gap(chances: np.ndarray, data: Horizon) -> float:
    """What the clone loses above what the verifier's learner does."""
    return lost(chances, cloned, data) - lost(chances, verified, data)


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The growth of the gap, and its absence where traces are alike."""
    fit, longest = result.growth("gap", "quality"), result.experiment.sizes[-1]
    mixed, alike = result.median("gap", longest, "quality"), gap(ALIKE, Horizon(int(longest), 0))
    return {
        f"the gap grows with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) in the horizon": fit.lo > 0,
        f"at {longest:g} steps it is {mixed:.3g}, and {alike:.2g} where styles are alike": abs(alike) < 0.01 * mixed,
    }


EXPERIMENT = growth.Experiment(
    title="Reward lost by search learnt without and with a verifier",
    source="Scaling Test-Time Compute Without Verification or RL is Suboptimal",
    sizes=(16, 32, 64, 128, 256, 512),
    methods={
        "cloned": lambda data: lost(MIXED, cloned, data),
        "verified": lambda data: lost(MIXED, verified, data),
        "gap": lambda data: gap(MIXED, data),
    },
    prepare=prepare,
    quality=lambda data, result: result,
    quality_name="lost reward",
    size_name="steps",
    expected="a gap that grows with the horizon",
    claims=(growth.RowClaim(row="verifier-test-time", holds=holds),),
)
