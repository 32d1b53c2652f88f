"""Patterns with blank entries in a Hebbian network: many recalled at once, with overlaps that fall by rank.

"Parallel Learning by Multitasking Neural Networks" dilutes patterns, a share d of whose entries is 0. Neurons that the
first pattern leaves free settle on the second, those that both leave free on the third: ranked overlaps (1 − d)·d^k,
a geometric series (Agliari et al. 2012, Physical Review Letters 109, 268101). The network learns from examples of which
each entry is turned with chance (1 − r)/2, with a teacher (means of the examples of each pattern) or without (all
examples added up).

The size is the dilution at 10,000 neurons and 6 patterns, from starts at the first pattern, blanks at random. Free
neurons may also settle on a mixture of all the other patterns (at a dilution of 0.15 they mostly do), so that of five
starts the end of lowest energy counts. The quality is the ratio of neighbouring ranked overlaps, from the first three:
later ones are hidden by chance overlaps.

Expected: a ratio of d as long as dilution is mild; examples to an overlap of 0.95 of what is possible from both ways.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

NEURONS, PATTERNS, SWEEPS, PARTS, RANKS = 10_000, 6, 12, 20, 3
RIGHT, DILUTION, MOST = 0.5, 0.25, 64  # of the examples
DRAWS, STARTS = 9, 5


class Task(NamedTuple):
    """Diluted patterns (PATTERNS, NEURONS), and the seed of the start."""

    patterns: np.ndarray
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Task:
    """Patterns with that share of blanks."""
    patterns = diluted(size, NEURONS, rng)
    return Task(patterns, int(rng.integers(2**31)))


def diluted(blank: float, neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Patterns (PATTERNS, neurons) of signs and a share of blanks."""
    return rng.choice([-1.0, 1.0], (PATTERNS, neurons)) * (rng.random((PATTERNS, neurons)) >= blank)


def recalled(task: Task) -> np.ndarray:
    """Overlaps with all patterns, ranked, of the lowest energy that so many starts settle on."""
    ends = [settle(task.patterns, task.patterns, task.seed + start) for start in range(STARTS)]
    return np.sort(np.abs(max(ends, key=lambda overlaps: np.sum(overlaps**2))))[::-1]


def settle(stored: np.ndarray, true: np.ndarray, seed: int) -> np.ndarray:
    """Overlaps (PATTERNS,) with true patterns of what a network of stored rows settles on from the first of them."""
    rng = np.random.default_rng(seed)
    state = np.where(true[0] == 0, rng.choice([-1.0, 1.0], true.shape[1]), true[0])
    own = np.sum(stored**2, axis=0)
    for _ in range(SWEEPS):
        for part in np.array_split(
            rng.permutation(true.shape[1]), PARTS
        ):  # not all at once, so that nothing oscillates
            fields = (stored @ state) @ stored[:, part] - own[part] * state[part]
            state[part] = np.where(fields == 0, state[part], np.sign(fields))
    return true @ state / true.shape[1]


def ranked(blank: float) -> np.ndarray:
    """Ranked overlaps (PATTERNS,), the medians of DRAWS draws of patterns."""
    return np.median([recalled(prepare(blank, np.random.default_rng(k))) for k in range(DRAWS)], axis=0)


def ratio(task: Task, overlaps: np.ndarray) -> float:
    """Of neighbours among the first ranks: a line through logarithms."""
    return float(np.exp(np.polyfit(np.arange(RANKS), np.log(overlaps[:RANKS]), 1)[0]))


def examples_needed(taught: bool, rng: np.random.Generator) -> float:
    """The fewest examples of each pattern, doubled from 1, with which the first pattern stays; infinite above MOST."""
    true, count = diluted(DILUTION, NEURONS // 5, rng), 1
    while count <= MOST:
        turned = np.where(rng.random((count, *true.shape)) < (1 - RIGHT) / 2, -1.0, 1.0) * true
        stored = turned.mean(axis=0) if taught else turned.reshape(-1, true.shape[1])
        if settle(stored, true, 0)[0] >= 0.95 * np.mean(true[0] ** 2):
            return float(count)
        count *= 2
    return float("inf")


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Ratios beside the dilution, and examples with and without a teacher."""
    sizes = result.experiment.sizes
    ratios = {d: result.median("recall", d, "quality") for d in sizes}
    numbers = ", ".join(f"{r:.3f} at {d:g}" for d, r in ratios.items())
    needed = {
        way: np.median([examples_needed(way == "with", np.random.default_rng(k)) for k in range(3)])
        for way in ("with", "without")
    }
    near = all(abs(r - d) < 0.05 for d, r in ratios.items())
    off = max(np.abs(ranked(d)[:RANKS] - (1 - d) * d ** np.arange(RANKS)).max() for d in sizes)
    examples = " with a teacher, ".join(f"{count:g}" for count in needed.values())
    return {
        f"ranked overlaps fall by {numbers}: within 0.05 of the dilution": near,
        f"the first {RANKS} are off the series (1 − d)·d^k by {off:.3f} at most, below 0.03": off < 0.03,
        f"examples to 0.95 of the first overlap: {examples} without": bool(np.isfinite(list(needed.values())).all()),
    }


EXPERIMENT = growth.Experiment(
    title="Ranked overlaps of diluted patterns",
    source="Agliari et al. 2012; Parallel Learning by Multitasking Neural Networks",
    sizes=(0.15, 0.2, 0.25, 0.3, 0.35),
    methods={"recall": recalled},
    prepare=prepare,
    quality=ratio,
    quality_name="ratio",
    size_name="dilution",
    expected="a ratio of the dilution",
    claims=(growth.RowClaim(row="multitasking-hebbian", holds=holds),),
)
