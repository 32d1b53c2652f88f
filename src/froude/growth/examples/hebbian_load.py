"""Patterns that a Hebbian network of order P holds: critical load against neurons, examples against their quality.

A network with interactions of P neurons holds patterns in number N^(P−1) (Gardner 1987, Journal of Physics A 20, 3453;
Krotov and Hopfield 2016, arXiv:1606.01164). "Dense Hebbian neural networks: a replica symmetric picture of supervised
learning" stores means of noisy examples, each of whose bits is right with chance (1 + r)/2.

The critical load is found by bisection: the largest number of random patterns of which, after one step from
themselves, the mean overlap is still 0.97. The size is N; the quality is that number. At so few neurons order 2 holds
a dozen patterns at most, so that its exponent comes out low: it is fitted to more neurons too. Examples needed are
counted at order 2, by the same step from the true patterns, a twentieth of N of which are stored.

Expected: exponents 1 and 3 for orders 2 and 4; examples that fall as a power of r.
"""

import numpy as np

from froude import growth

OVERLAP, PROBES, NEURONS = 0.97, 12, 200
QUALITIES = (0.1, 0.14, 0.2, 0.28, 0.4)
MORE_NEURONS = (100, 200, 400, 800)


def prepare(size: float, rng: np.random.Generator) -> tuple[int, int]:
    """Neurons, and the seed of patterns."""
    return int(size), int(rng.integers(2**31))


def overlap(stored: np.ndarray, true: np.ndarray, order: int) -> float:
    """Of true patterns with what one step makes of them; fields without the neuron's own part."""
    likeness = true @ stored.T / true.shape[1]
    fields = (likeness ** (order - 1)) @ stored
    own = (likeness ** (order - 2)) @ stored**2 / true.shape[1] * (order - 1) * true
    return float(np.mean(np.sign(fields - own) * true))


def load(data: tuple[int, int], order: int) -> float:
    """The largest number of patterns, to a twentieth, in the mean of so many draws."""
    neurons, seed = data
    found = [critical(neurons, order, np.random.default_rng([seed, draw])) for draw in range(3)]
    return float(np.mean(found))


def critical(neurons: int, order: int, rng: np.random.Generator) -> float:
    """By bisection between one pattern and N^(P−1)."""
    low, high = 1.0, float(neurons ** (order - 1))
    while high / low > 1.05:
        middle = np.sqrt(low * high)
        patterns = rng.choice([-1.0, 1.0], (max(1, int(middle)), neurons))
        good = overlap(patterns, patterns[:PROBES], order) >= OVERLAP
        low, high = (middle, high) if good else (low, middle)
    return low


def examples_needed(right: float, rng: np.random.Generator) -> float:
    """The fewest examples of each pattern, to a twentieth, whose means recall the pattern."""
    low, high = 1.0, 1e5
    while high / low > 1.05:
        middle = np.sqrt(low * high)
        true = rng.choice([-1.0, 1.0], (NEURONS // 20, NEURONS))
        flips = rng.binomial(int(middle), (1 - right) / 2, true.shape)
        stored = true * (1 - 2 * flips / int(middle)) / right
        good = overlap(stored, true, 2) >= OVERLAP
        low, high = (low, middle) if good else (middle, high)
    return high


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Exponents of the load, and of examples in quality."""
    statements, rng = {}, np.random.default_rng(0)
    for order in (2, 4):
        fit = result.growth(f"order {order}", "quality")
        numbers = f"order {order}: load with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})"
        statements[f"{numbers}, within 0.3 of {order - 1}"] = abs(fit.exponent - (order - 1)) < 0.3
    loads = [[load((neurons, seed), 2) for seed in range(5)] for neurons in MORE_NEURONS]
    more = growth.fit_growth(MORE_NEURONS, loads, floor=False)
    if isinstance(more, growth.Unfitted):
        return statements | {more.reason: False}
    numbers = f"order 2 with {MORE_NEURONS[0]} to {MORE_NEURONS[-1]} neurons: exponent {more.exponent:.2f}"
    statements[f"{numbers} ({more.lo:.2f} to {more.hi:.2f}), within 0.1 of 1"] = abs(more.exponent - 1) < 0.1
    needed = [[examples_needed(right, rng) for _ in range(7)] for right in QUALITIES]
    fit = growth.fit_growth(QUALITIES, needed, floor=False)
    if isinstance(fit, growth.Unfitted):
        return statements | {fit.reason: False}
    return statements | {
        f"examples with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) in quality: falls": fit.hi < 0
    }


EXPERIMENT = growth.Experiment(
    title="Critical load of Hebbian networks of order 2 and 4",
    source="Gardner 1987; Krotov and Hopfield 2016",
    sizes=(16, 24, 32, 48, 64),
    methods={f"order {order}": lambda data, order=order: load(data, order) for order in (2, 4)},
    prepare=prepare,
    quality=lambda data, patterns: patterns,
    quality_name="patterns",
    size_name="neurons",
    expected="exponents 1 and 3",
    claims=(growth.RowClaim(row="dense-hebbian", holds=holds),),
)
