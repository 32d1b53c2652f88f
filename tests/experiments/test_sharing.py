"""Nets that store fewer values than they have weights: random sharing against narrow and pruned nets, trained."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pytest
import torch
from torch import Tensor

from froude.growth.exponents import LEVEL, Growth, fit_growth
from priced import Format
from small_nets import Stack, accuracy, digits, forward, one_thread, train

pytestmark = pytest.mark.experiment

WIDTH = 384
"""Of both hidden layers of the full model."""

COMPRESSIONS = (1, 6, 32, 180, 1000)
RATES = (0.05, 0.15)
SEEDS, STEPS = 4, 250
"""The same for all kinds. With 1000 steps the order at 1000 × stays; at 180 × all three come out nearly alike."""

SLACK = 1.03
"""Times the budget that a narrow net may store, since widths are whole numbers."""

NO_WORSE = 0.01
"""The share of errors by which sharing may at most exceed the full model where both are called alike."""

ROUNDS = 30
"""Of SynFlow, each of which removes the same share of the weights that are left."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@final
@dataclass(frozen=True, kw_only=True)
class Net:
    """An MLP without biases whose weight i is scale[i] · values[index[i]]; only the values are stored and trained."""

    sizes: tuple[int, ...]
    values: Tensor  # (stored,)
    index: Tensor  # (weights,)
    scale: Tensor  # (weights,), the deviation at which a layer starts, 0 where a weight is pruned

    @property
    def stored_bytes(self) -> float:
        """Of the values alone: the mapping follows from a seed, and where a mask does not, it is not counted."""
        return Format(bits=32).bits * self.values.numel() / 8

    def weights(self, values: Tensor) -> Stack:
        """The layers for values (models, stored)."""
        flat, stack, at = values[:, self.index] * self.scale, [], 0
        for n, m in itertools.pairwise(self.sizes):
            stack.append((flat[:, at : at + n * m].view(-1, n, m), torch.zeros(1)))
            at += n * m
        return stack


def deviations(sizes: Sequence[int]) -> Tensor:
    """The deviation of each weight at the start: variance 2/fan-in, in the last layer 1/fan-in; (weights,)."""
    gains = [2.0] * (len(sizes) - 2) + [1.0]
    layers = zip(gains, itertools.pairwise(sizes), strict=True)
    return torch.cat([torch.full((n * m,), (gain / n) ** 0.5) for gain, (n, m) in layers])


def make_dense(sizes: tuple[int, ...], rng: torch.Generator) -> Net:
    """A net that stores every weight."""
    scale = deviations(sizes)
    return Net(sizes=sizes, values=torch.randn(len(scale), generator=rng), index=torch.arange(len(scale)), scale=scale)


def make_shared(sizes: tuple[int, ...], stored: int, rng: torch.Generator) -> Net:
    """STABLE-RPS: the weights in one row are cut into pieces as long as the store, each of which reads it permuted.

    So every value serves as many weights as any other, or one fewer, and at 1 × each serves one. The signs are random.
    The paper scales gradients so that the step does not depend on how many weights, and of which scale, a value
    serves (as remembered); Adam, which trains all nets here, divides by the gradient's size and so does the same.
    """
    scale = deviations(sizes)
    pieces = [torch.randperm(stored, generator=rng) for _ in range(-(-len(scale) // stored))]
    signs = torch.randint(0, 2, scale.shape, generator=rng) * 2 - 1
    values = torch.randn(stored, generator=rng)
    return Net(sizes=sizes, values=values, index=torch.cat(pieces)[: len(scale)], scale=scale * signs)


def make_narrow(sizes: tuple[int, ...], stored: int, rng: torch.Generator) -> Net:
    """The net with the most alike hidden widths that stores as many values, or a little more."""
    first, *hidden, last = sizes
    pairs = [(a, b) for a in range(1, hidden[0] + 1) for b in range(1, hidden[1] + 1)]
    fitting = [(a, b) for a, b in pairs if stored <= first * a + a * b + b * last <= SLACK * stored]
    return make_dense((first, *min(fitting, key=lambda pair: abs(np.log(pair[0] / pair[1]))), last), rng)


def make_pruned(sizes: tuple[int, ...], stored: int, rng: torch.Generator) -> Net:
    """Pruned before training by SynFlow (Tanaka et al. 2020): away goes what carries least flow, in many rounds.

    The best here of magnitude, SNIP and SynFlow, with which the paper compares (tried once at a width of 256).
    """
    full = make_dense(sizes, rng)
    total, places = len(full.scale), torch.arange(len(full.scale))
    for left in np.geomspace(total, stored, ROUNDS + 1)[1:].round().astype(int):
        mask = torch.zeros(total).index_fill_(0, places, 1.0)
        values = (full.values * mask).abs()[None].requires_grad_(True)
        (flow,) = torch.autograd.grad(forward(full.weights(values), torch.ones(1, sizes[0])).sum(), values)
        places = places[(flow * values).detach()[0, places].topk(int(left)).indices]
    index = torch.zeros(total, dtype=torch.long)
    index[places] = torch.arange(stored)
    mask = torch.zeros(total).index_fill_(0, places, 1.0)
    return Net(sizes=sizes, values=full.values[places], index=index, scale=full.scale * mask)


def errors(net: Net, seed: int) -> np.ndarray:
    """Share of the test that the trained net gets wrong at each rate, (rates,)."""
    task = digits(seed)

    def run(stack: Stack, x: Tensor) -> Tensor:
        return forward(net.weights(torch.cat(stack[0], -1)[:, 0]), x)

    start = [(net.values.expand(len(RATES), 1, -1), torch.zeros(len(RATES), 1, 0))]
    end = train(start, task, lr=torch.tensor(RATES), steps=STEPS, batch=32, seed=seed, run=run)
    return 1 - accuracy(end, task, run)


def errors_of_kinds(sizes: tuple[int, ...], stored: Sequence[int], base: int) -> dict[str, list[np.ndarray]]:
    """Errors of SEEDS seeds from `base` on at each count of stored values, the full model first, by kind of net."""

    def at_best_rate(make: Callable[[torch.Generator], Net]) -> np.ndarray:
        """(SEEDS,) at the rate that is best on average, which each kind has at each size for itself."""
        seeds = range(base, base + SEEDS)
        errors_by_seed = np.array([errors(make(torch.Generator().manual_seed(seed)), seed) for seed in seeds])
        return errors_by_seed[:, errors_by_seed.mean(0).argmin()]

    full = at_best_rate(lambda rng: make_dense(sizes, rng))
    return {
        "shared": [at_best_rate(lambda rng, m=m: make_shared(sizes, m, rng)) for m in stored],
        "narrow": [full, *(at_best_rate(lambda rng, m=m: make_narrow(sizes, m, rng)) for m in stored[1:])],
        "pruned": [full, *(at_best_rate(lambda rng, m=m: make_pruned(sizes, m, rng)) for m in stored[1:])],
    }


def fit_errors(stored: Sequence[int], errors_of: Sequence[np.ndarray]) -> Growth:
    """How the error falls with stored values, down to a floor."""
    grown = fit_growth(stored, [row.tolist() for row in errors_of])
    assert isinstance(grown, Growth), grown
    return grown


def between(fit: Growth, stored: int) -> tuple[float, float]:
    """The interval of a fitted curve at so many stored values."""
    lo, hi = np.quantile(fit.draws_at(np.array([stored])), [(1 - fit.level) / 2, (1 + fit.level) / 2])
    return float(lo), float(hi)


def mean_between(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Student's interval of the mean."""
    from scipy.stats import t

    half = t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def test_nets_of_each_kind_store_as_many_bytes() -> None:
    sizes, rng = (64, 48, 48, 10), torch.Generator().manual_seed(0)
    weights = len(deviations(sizes))
    for stored in (weights // 30, weights // 4):
        budget = 4 * stored
        kinds = [make(sizes, stored, rng) for make in (make_shared, make_narrow, make_pruned)]
        assert all(budget <= net.stored_bytes <= SLACK * budget for net in kinds)
        served = torch.bincount(kinds[0].index, minlength=stored)
        assert int(served.max() - served.min()) <= 1
        assert int((kinds[2].scale > 0).sum()) == stored
    assert torch.equal(make_shared(sizes, weights, rng).index.sort().values, torch.arange(weights))


@pytest.mark.atlas("stable-rps")
def test_random_sharing_errs_least_at_a_thousandfold(record_property) -> None:
    sizes = (64, WIDTH, WIDTH, 10)
    weights = len(deviations(sizes))
    stored = [round(weights / c) for c in COMPRESSIONS]
    errors_by_kind = errors_of_kinds(sizes, stored, base=0)
    fits = {kind: fit_errors(stored, rows) for kind, rows in errors_by_kind.items()}
    gap = mean_between(errors_by_kind["shared"][0] - errors_by_kind["narrow"][0])
    ends = {kind: between(fit, stored[-1]) for kind, fit in fits.items()}
    means = "; ".join(f"{k} {', '.join(f'{r.mean():.3f}' for r in rows)}" for k, rows in errors_by_kind.items())
    record_property(
        "found",
        f"error at {COMPRESSIONS} x: {means};"
        f" fitted at {COMPRESSIONS[-1]} x {', '.join(f'{k} {a:.2f} to {b:.2f}' for k, (a, b) in ends.items())}"
        f"; sharing at 1 x less full model {gap[0]:+.4f} to {gap[1]:+.4f}",
    )
    for kind in ("narrow", "pruned"):
        assert ends["shared"][1] < ends[kind][0]
        assert errors_by_kind["shared"][-1].mean() < errors_by_kind[kind][-1].mean()
    assert gap[0] <= 0
    assert gap[1] < NO_WORSE
    at_one, full = between(fits["shared"], weights), mean_between(errors_by_kind["narrow"][0])
    assert max(at_one[0], full[0]) <= min(at_one[1], full[1])
