"""What rows of the atlas say of settings that are searched for: those of trainings, by halving, and a rescale."""

import heapq
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor

from froude import Runs
from froude.fitting import fit
from small_nets import (
    Stack,
    Task,
    digits,
    exponent,
    forward,
    held_out_loss,
    in_words,
    mlps,
    one_thread,
    python_text,
    train,
)

pytestmark = pytest.mark.experiment

EPOCHS, PLACES, BATCH = 27, 4_000, 128
DEPTHS, WIDTHS, EACH = (1, 2), (8, 16, 32), 32
RATES, GAINS = (1e-4, 1.0), (0.2, 5.0)
WORKERS, ETA, FIRST, MORE = 4, 3, 8, 2.0
RUNGS = (1, 3, 9, 27)
SEARCHES, RANDOM_SEARCHES, REACHED_BY, PREDICTED = 12, 400, 0.03, 12

Seen = Mapping[tuple[int, int], float]
"""Losses by trial and rung."""


@final
@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Settings (n, 4) on scales from 0 to 1, held-out losses (n, epochs), and what an epoch takes (n,), relative."""

    settings: np.ndarray
    losses: np.ndarray
    seconds: np.ndarray


Propose = Callable[[Trainings, Seen, np.ndarray, np.random.Generator], int]
"""Which of the untried settings comes next, by what was seen."""


@cache
def trainings(seed: int) -> Trainings:
    """MLPs that tell the next byte of Python sources, of all depths and widths, with rates and gains drawn at random.

    Each is trained once, to the end, at a constant rate. An epoch is `PLACES` places out of `EPOCHS` times as many:
    no net sees many of them often, as language models do not.
    """
    task, rng, steps = python_text(seed, EPOCHS * PLACES), np.random.default_rng(seed), PLACES // BATCH
    settings, losses, seconds = [], [], []
    for (i, depth), (j, width) in itertools.product(enumerate(DEPTHS), enumerate(WIDTHS)):
        drawn = rng.random((EACH, 2))
        rate, gain = (low * (high / low) ** u for (low, high), u in zip((RATES, GAINS), drawn.T, strict=True))
        sizes = (task.x.shape[1], *[width] * depth, 64)
        stack = [(w * torch.tensor(gain, dtype=torch.float32)[:, None, None], b) for w, b in mlps(EACH, sizes, seed)]
        curve: list[np.ndarray] = []

        def note(step: int, net: Stack, loss: object, curve: list[np.ndarray] = curve) -> None:
            if step and step % steps == 0:
                curve.append(held_out_loss([(w.detach(), b.detach()) for w, b in net], task))

        lr = torch.tensor(rate, dtype=torch.float32)
        train(stack, task, lr=lr, steps=EPOCHS * steps + 1, batch=BATCH, seed=seed, each=note, decay=False)
        place = [i / (len(DEPTHS) - 1), j / (len(WIDTHS) - 1)]
        settings += [[*place, *row] for row in drawn]
        losses += np.transpose(curve).tolist()
        seconds += [float(sum(a * b for a, b in itertools.pairwise(sizes)))] * EACH
    return Trainings(settings=np.array(settings), losses=np.array(losses), seconds=np.array(seconds))


def at_random(known: Trainings, seen: Seen, untried: np.ndarray, rng: np.random.Generator) -> int:
    """Any of the settings."""
    return int(rng.choice(untried))


class BySurrogate:
    """Expected improvement of a Gaussian process over settings and epochs, at the highest rung with a few losses."""

    def __init__(self) -> None:
        self.kernel: Any = None
        self.fitted_at = 0

    def __call__(self, known: Trainings, seen: Seen, untried: np.ndarray, rng: np.random.Generator) -> int:
        if len(seen) < FIRST:
            return at_random(known, seen, untried, rng)
        from scipy.stats import norm

        trials, rungs = np.array(list(seen)).T
        losses = np.log(list(seen.values()))
        losses = (losses - losses.mean()) / losses.std()
        process = self.process(features(known, trials, rungs), losses)
        level = max(r for r in RUNGS if r == RUNGS[0] or np.sum(rungs == r) >= ETA)
        mean, deviation = process.predict(features(known, untried, np.full(len(untried), level)), return_std=True)
        z = (losses[rungs == level].min() - mean) / deviation
        return int(untried[np.argmax(deviation * (z * norm.cdf(z) + norm.pdf(z)))])

    def process(self, x: np.ndarray, y: np.ndarray) -> Any:
        """The process of what was seen, its kernel fitted again whenever there are so many times as many losses."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        again = self.kernel is None or len(y) >= MORE * self.fitted_at
        regressor: Any = GaussianProcessRegressor
        matern: Any = Matern
        start = self.kernel or ConstantKernel() * matern(np.ones(x.shape[1]), (0.05, 20.0), nu=2.5) + WhiteKernel(0.01)
        process = regressor(start, optimizer="fmin_l_bfgs_b" if again else None).fit(x, y)
        if again:
            self.kernel, self.fitted_at = process.kernel_, len(y)
        return process


def features(known: Trainings, trials: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Settings and the logarithm of epochs, from 0 to 1: (n, settings + 1)."""
    return np.column_stack([known.settings[trials], np.log(epochs) / math.log(EPOCHS)])


def epochs_to(
    target: float, known: Trainings, rungs: Sequence[int], propose: Propose, seed: int
) -> tuple[float, list[int]]:
    """Epochs that all workers have trained when the first loss of any is at the target, infinite where none gets there;
    and the settings that came to the last rung but one.

    Asynchronous successive halving: a free worker goes on with a setting that is in the best third of its rung, the
    highest rung first, and has not gone on yet; else it starts another one. With one rung every training is whole.
    """
    rng, spent = np.random.default_rng(seed), 0.0
    seen: dict[tuple[int, int], float] = {}
    started: list[int] = []
    gone_on: set[tuple[int, int]] = set()

    def next_job() -> tuple[int, int, int] | None:
        for low, high in reversed(list(itertools.pairwise(rungs))):
            done = sorted((loss, trial) for (trial, rung), loss in seen.items() if rung == low)
            for _, trial in done[: len(done) // ETA]:
                if (trial, low) not in gone_on:
                    gone_on.add((trial, low))
                    return trial, low, high
        untried = np.setdiff1d(np.arange(len(known.losses)), started)
        if not untried.size:
            return None
        started.append(propose(known, seen, untried, rng))
        return started[-1], 0, rungs[0]

    running: list[tuple[float, int, int, int]] = []

    def start(at: float) -> None:
        job = next_job()
        if job is not None:
            heapq.heappush(running, (at + known.seconds[job[0]], *job))

    for _ in range(WORKERS):
        start(0.0)
    while running:
        now, trial, epoch, goal = heapq.heappop(running)
        spent += 1
        loss = float(known.losses[trial, epoch])
        if loss <= target:
            break
        if epoch + 1 < goal:
            heapq.heappush(running, (now + known.seconds[trial], trial, epoch + 1, goal))
        else:
            seen[trial, goal] = loss
            start(now)
    else:
        spent = math.inf
    return spent, [trial for trial, rung in seen if rung == RUNGS[-2]]


def predict_last_loss(known: Trainings, trial: int) -> tuple[float, float, float, float]:
    """Of the loss at the end, by Froude's fit to what the last rung but one saw: the mean, its interval, the truth."""
    seen = np.arange(1, RUNGS[-2] + 1)
    runs = Runs.from_columns({"D": seen * float(PLACES), "loss": known.losses[trial, : len(seen)]})
    forecast = fit("power-floor", runs, x="D", starts=9, draws=200).predict(D=np.array([EPOCHS * float(PLACES)]))
    return float(forecast.mean[0]), float(forecast.lo[0]), float(forecast.hi[0]), float(known.losses[trial, -1])


@pytest.mark.atlas("mobster")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_by_a_surrogate_needs_fewer_epochs_than_random_search(
    record_property,
) -> None:
    seed = 0
    with one_thread():
        known = trainings(seed)
    target = float(np.quantile(known.losses.min(axis=1), REACHED_BY))
    rng = np.random.default_rng(seed)
    whole = [
        epochs_to(target, known, (EPOCHS,), at_random, int(s))[0] for s in rng.integers(2**31, size=RANDOM_SEARCHES)
    ]
    seeds = [int(s) for s in rng.integers(2**31, size=SEARCHES)]
    halved = [epochs_to(target, known, RUNGS, at_random, s)[0] for s in seeds]
    searched = [epochs_to(target, known, RUNGS, BySurrogate(), s) for s in seeds]
    mine = [epochs for epochs, _ in searched]
    low, high = (np.quantile(ratios(whole, mine, rng), q) for q in (0.05, 0.95))
    trials = list(dict.fromkeys(trial for _, reached in searched for trial in reached))[:PREDICTED]
    mean, lo, hi, truth = np.array([predict_last_loss(known, trial) for trial in trials]).T
    last = known.losses[trials, RUNGS[-2] - 1]
    error, carried = (float(np.abs(np.log(estimate / truth)).mean()) for estimate in (mean, last))
    coverage = float(np.mean((lo <= truth) & (truth <= hi)))
    record_property(
        "found",
        f"epochs to {target:.3f} nats, median: random {np.median(whole):g}, halving alone {np.median(halved):g}, with "
        f"the surrogate {np.median(mine):g}, {low:.2f} to {high:.2f} times fewer; losses at the end of {len(trials)} "
        f"curves predicted within {error:.1%} (last loss seen: {carried:.1%}), {coverage:.0%} within the interval",
    )
    assert low > 1
    assert error < carried


def ratios(one: Sequence[float], other: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Bootstrap of the ratio of medians, (draws,)."""
    drawn = [np.median(rng.choice(values, (1000, len(values))), axis=1) for values in (one, other)]
    return drawn[0] / drawn[1]


# --- the rescaling of what is left of a fine-tuning -----------------------------------------------------------


DROPPED = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
HIGH, MASKS, FACTORS, SEEDS = 0.9, 8, np.geomspace(0.02, 1.0, 24), 4


@cache
def fine_tuned(seed: int) -> tuple[Stack, Stack, Task]:
    """A net trained on digits, as many copies as there are masks; after fine-tuning on digits turned by a quarter; and
    those.
    """
    task = digits(seed)
    turned = replace(task, x=quarter_turn(task.x), x_test=quarter_turn(task.x_test))
    base = train(mlps(1, (64, 128, 128, 10), seed), task, lr=0.003, steps=400, batch=64, seed=seed)
    tuned = train(base, turned, lr=0.001, steps=400, batch=64, seed=seed)
    return copies(base), copies(tuned), turned


def quarter_turn(x: Tensor) -> Tensor:
    """Digits (n, 64) turned by 90 degrees."""
    return x.view(-1, 8, 8).rot90(1, (1, 2)).flatten(1)


def copies(stack: Stack) -> Stack:
    """As many equal nets as there are masks."""
    return [(w.repeat(MASKS, 1, 1), b.repeat(MASKS, 1, 1)) for w, b in stack]


def output_errors(seed: int, dropped: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared error of the outputs on the test, over their variance, where a share of the weights' changes is dropped
    at random, by mask: rescaled by 1/(1 - p), by the factor that 256 training inputs are best with; and this factor
    over 1/(1 - p).
    """
    base, tuned, task = fine_tuned(seed)
    rng = torch.Generator().manual_seed(seed)
    masks = [(torch.rand(w.shape, generator=rng) > dropped).float() for w, _ in base]

    def error(factor: Tensor, x: Tensor) -> np.ndarray:
        scale = factor.reshape(-1, 1, 1).float() / (1 - dropped)
        left = [
            (w + (other - w) * mask * scale, b) for (w, _), (other, b), mask in zip(base, tuned, masks, strict=True)
        ]
        exact = forward(tuned, x)
        return ((forward(left, x) - exact).square().mean((1, 2)) / exact.var((1, 2))).numpy()

    errors = np.array([error(torch.full((MASKS,), f), task.x[:256]) for f in FACTORS])
    best = FACTORS[errors.argmin(axis=0)]
    return error(torch.ones(MASKS), task.x_test), error(torch.tensor(best), task.x_test), best


@pytest.mark.slow
@pytest.mark.atlas("darex")
def test_a_tuned_rescale_errs_less_where_most_changes_are_dropped(
    record_property,
) -> None:
    base_seed = 0
    with one_thread():
        measured = np.array([[output_errors(base_seed + s, p) for s in range(SEEDS)] for p in DROPPED])
    plain, tuned, factors = measured.mean(axis=3).transpose(2, 0, 1)
    unbiased = [1 / (1 - p) for p in DROPPED]
    plain_growth, tuned_growth = exponent(unbiased, plain), exponent(unbiased, tuned)
    record_property(
        "found",
        f"error over variance at {DROPPED}: {plain.mean(1).round(2).tolist()} rescaled by 1/(1-p), "
        f"{tuned.mean(1).round(2).tolist()} tuned, to {factors.mean(1).round(2).tolist()} of that; "
        f"growth in 1/(1-p) {in_words(plain_growth)} and {in_words(tuned_growth)}",
    )
    high = np.array(DROPPED) >= HIGH
    assert (tuned < plain)[high].all()
    assert tuned_growth.hi < plain_growth.lo
