"""Sweeps of 16 trainings of the tank, resampled: which runs are stopped, what that saves and what it costs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from froude.fitting.watching.course import Course
from froude.fitting.watching.ends import LearnedEnds
from froude.fitting.watching.verdicts import STOP_BELOW
from froude.sweeps.stopping import FEWEST_FINISHED
from watch_tables import RANDOM, course, trainings

SWEEPS, RUNS, MOST_DIVERGED = 100, 16, 4
LOOKS = np.arange(1, 16) / 16
Rule = Callable[[Sequence[Course]], tuple[float, float]]
"""What share of the compute a rule takes for trainings in their order, and the loss of the one that it keeps."""


def simulate(unseen: dict[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """A line for each rule, and notes; `unseen` is what other studies than the tank's teach."""
    pool = {}
    noise = {}
    for run in trainings():
        pool.setdefault(run["width"], []).append(course(run))
    for width in pool:
        noise[width] = float(np.std([r["loss"][-1] for r in trainings(seeds=True) if r["width"] == width], ddof=1))
    sweeps = [(width, draw(pool[width], seed)) for seed in range(SWEEPS) for width in [sorted(pool)[seed % len(pool)]]]
    rules: dict[str, Rule] = {
        "froude": lambda runs: by_forecast(runs, unseen),
        "successive halving": halving,
        "median rule": by_median,
    }
    lines = []
    for name, rule in rules.items():
        found = [(*rule(runs), min(run.loss[-1] for run in runs), noise[width]) for width, runs in sweeps]
        saved = [1 - taken for taken, *_ in found]
        worse = [kept - best for _, kept, best, _ in found]
        lines.append({
            "rule": name,
            "compute saved": f"{np.mean(saved):.0%}",
            "kept run worse by more than the noise between seeds": f"{lost(found)} of {SWEEPS}",
            "not the best": f"{sum(w > 0 for w in worse)} of {SWEEPS}",
            "mean loss given up": f"{np.mean(worse):.4f}",
        })  # fmt: skip
        print(lines[-1], flush=True)
    diverged = np.mean([run.loss[-1] > RANDOM for runs in pool.values() for run in runs])
    return lines, [
        f"{SWEEPS} sweeps of {RUNS} trainings of one size, drawn from {sum(map(len, pool.values()))} of "
        f"{len(pool)} sizes, one after another in random order; {diverged:.0%} of the pool end above {RANDOM} nats, "
        f"no better than single letters, at most {MOST_DIVERGED} of a sweep; none is NaN. Froude stops a run whose "
        f"chance to beat the best finished one is below {STOP_BELOW:.0%}, once {FEWEST_FINISHED} have finished. A "
        "first version, which stopped from the second run on, saved 69% and lost 35 of these sweeps; intervals and "
        "the three were then set by 30 further draws from the same pool, so that these figures are not of "
        "trainings that nobody had seen. Deviation between seeds: "
        f"{', '.join(f'{value:.3f}' for value in noise.values())} nats, of 5 seeds each.",
    ]


def lost(found: Sequence[tuple[float, float, float, float]]) -> int:
    """How many sweeps keep a run that is worse than their best by more than the noise between seeds."""
    return sum(kept - best > noise for _, kept, best, noise in found)


def draw(pool: Sequence[Course], seed: int) -> list[Course]:
    """A sweep's trainings in random order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pool))
    bad = [i for i in order if pool[i].loss[-1] > RANDOM]
    good = [i for i in order if pool[i].loss[-1] <= RANDOM]
    n = min(len(bad), MOST_DIVERGED)
    return [pool[i] for i in rng.permutation([*bad[:n], *good[: RUNS - n]])]


def by_forecast(runs: Sequence[Course], unseen: dict[str, Any]) -> tuple[float, float]:
    """Froude: one after another, each stopped once it hardly beats the best that has finished."""
    finished: list[Course] = []
    taken = 0.0
    for run in runs:
        best, share = min((one.loss[-1] for one in finished), default=0.0), 1.0
        for look in LOOKS if len(finished) >= FEWEST_FINISHED else ():
            if (
                LearnedEnds.learn(finished, float(look), unseen).forecast(run, unseen).probability_below(best)
                < STOP_BELOW
            ):
                share = float(look)
                break
        taken += share
        if share == 1.0:
            finished.append(run)
    return taken / len(runs), min(one.loss[-1] for one in finished)


def losses_until(run: Course, share: float) -> np.ndarray:
    """The losses of a training up to a share of its way."""
    return run.loss[run.at <= share * run.end]


def halving(runs: Sequence[Course]) -> tuple[float, float]:
    """Successive halving: all side by side, the better half goes on at 1/8, 1/4 and 1/2 of the way."""
    left, taken, before = list(runs), 0.0, 0.0
    for rung in (1 / 8, 1 / 4, 1 / 2, 1.0):
        taken += len(left) * (rung - before)
        before = rung
        if rung < 1:
            left = sorted(left, key=lambda one: losses_until(one, rung)[-1])[: max(1, len(left) // 2)]
    return taken / len(runs), min(one.loss[-1] for one in left)


def by_median(runs: Sequence[Course]) -> tuple[float, float]:
    """The median rule of Golovin et al. 2017: stopped where the best loss so far is above the median of the others'."""
    seen: list[tuple[Course, float]] = []
    taken, kept = 0.0, np.inf
    for run in runs:
        share = 1.0
        for look in LOOKS:
            others = [losses_until(one, look).mean() for one, far in seen if far >= look]
            if len(others) >= 3 and losses_until(run, look).min() > np.median(others):
                share = float(look)
                break
        taken += share
        seen.append((run, share))
        kept = min(kept, run.loss[-1]) if share == 1.0 else kept
    return taken / len(runs), float(kept)
