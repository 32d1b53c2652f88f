"""What rows of the atlas say of choosing training data, shown by trainings whose errors Froude's fits judge."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from scipy.special import ndtri

from froude import Runs, law
from froude.fitting import Choice, choose, fit
from froude.laws import get_law
from froude.laws.inverse import first_zero, input_giving
from froude.laws.kinds import Pivot, Positive, Scale, Size
from froude.laws.levers.filtering import fading_tokens
from priced import claimed
from small_nets import Task, accuracy, digits, forward, losses, mlps, one_thread, train

pytestmark = pytest.mark.experiment

Noted = Callable[[str, object], None]


# --- the hardest examples of a perceptron -------------------------------------------------------------------
#
# A student of 3 inputs learns a teacher's signs with the widest margin (Sorscher et al. 2022, arXiv:2206.14486). Kept
# are P examples with the smallest margins to the teacher. As fewer of more are kept they lie in the plane across it,
# where, signed, they are as good as normal: by Cover's count P·2^(1-P) is the chance that all P lie on one side and
# tell next to nothing; else they leave the student no room beyond their margins. So the error at the best share falls
# as P·2^-P, that of random examples as 1/P. Sizes begin at four examples an input: with fewer, random examples are not
# yet on their power (its slope is 0.6 at first), and from four examples in all some samples prefer a broken law for
# them too. With few inputs the pruned curve is seen over some sizes: it falls by half with every example.

SHARES = 0.5 ** np.arange(0, 21, 4)
SIZES = np.array([12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26])
RANDOM_SIZES = np.unique(np.geomspace(12, 512, 24).round()).astype(int)
ORDERS = 250  # samples of each stratum
ALIKE = 1.25  # times the least error: shares between which samples do not tell
MOST_FOLDS = 500  # of e, which a double still holds
UNBENT = ("power", "power-floor", "m3")


@law(
    source="here",
    wrong_when="here alone: no paper's constants.",
    over={"D": {}},
    domain={"D": (12, 512)},
    carries={"D0": {"x": 1.0}},
    falls_in=("x",),
)
def exponential(x: Size, *, A: Scale, D0: Pivot) -> Positive:
    """Error falls by the same factor with every D0 examples."""
    return A * np.exp(-np.minimum(x / D0, MOST_FOLDS))


def hardest(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """The margins, without signs, of the examples closest to the teacher's boundary, (kept,).

    They are that share of a pool of normal ones, drawn as order statistics: no pool, of 10^9 say, need be drawn.
    """
    gaps = rng.standard_exponential(count).cumsum()
    beyond = rng.gamma(count / share + 1 - count)
    return ndtri(0.5 + gaps / (gaps[-1] + beyond) / 2)


def angles(n: int, one_sided: bool, rng: np.random.Generator) -> np.ndarray:
    """Uniform directions in the plane, (n,), given that they all lie within some half of it, or that they do not."""
    if one_sided:
        return rng.uniform(0, 2 * np.pi) + rng.permutation(np.append(np.pi * rng.random(n - 1), 0.0))
    while True:
        drawn = rng.uniform(0, 2 * np.pi, n)
        if not within_half(drawn):
            return drawn


def within_half(directions: np.ndarray) -> bool:
    """Whether some half of the plane holds all of them."""
    around = np.sort(directions % (2 * np.pi))
    return bool(np.diff(around, append=around[0] + 2 * np.pi).max() > np.pi)


def student_error(margins: np.ndarray, directions: np.ndarray, rng: np.random.Generator) -> float:
    """How often the widest-margin student errs that saw examples of these margins and directions across the teacher.

    Exact: Lawson and Hanson's least distance, in units of the largest margin for the sake of digits.
    """
    across = np.sqrt(2 * rng.standard_exponential(margins.size))
    rows = np.stack([margins, across * np.cos(directions), across * np.sin(directions), 0 * margins + margins.max()])
    x, y, z, _ = np.array([0.0, 0.0, 0.0, 1.0]) - rows @ nnls(rows, np.array([0.0, 0.0, 0.0, 1.0]))[0]
    return float(np.arctan2(np.hypot(y, z), -x) / np.pi)


def mean_error(count: int, share: float, rng: np.random.Generator, orders: int = ORDERS) -> float:
    """A student's mean error: one-sided samples and others are drawn apart and weighed by how likely they are."""
    one_sided, other = (
        np.mean([student_error(hardest(count, share, rng), angles(count, side, rng), rng) for _ in range(orders)])
        for side in (True, False)
    )
    chance = count * 2.0 ** (1 - count)
    return float(chance * one_sided + (1 - chance) * other)


@pytest.mark.slow
def test_errors_drawn_by_strata_are_those_drawn_plainly() -> None:
    rng, count, orders = np.random.default_rng(0), 7, 1500
    for share in (1.0, 0.125):
        turn = 2 * np.pi
        plain = [student_error(hardest(count, share, rng), rng.uniform(0, turn, count), rng) for _ in range(orders)]
        off = mean_error(count, share, rng, orders) - np.mean(plain)
        assert abs(off) < 4 * np.std(plain) * (2 / orders) ** 0.5


def choose_law(sizes: np.ndarray, errors: np.ndarray) -> Choice:
    """Froude's choice among plain, flattening, exponential and broken falls."""
    runs = Runs.from_columns({"D": sizes.astype(float), "loss": errors})
    return choose(runs, laws=(*UNBENT, exponential, "broken-1"), x="D", draws=50)


def errors_of(choice: Choice) -> dict[str, float]:
    """Relative error on held-out sizes by law, the best first."""
    return {each.fit.law.name: each.error for each in choice.candidates}


@pytest.mark.slow
@pytest.mark.atlas("beyond-power-law-pruning")
@pytest.mark.parametrize("seed", range(3))
def test_the_hardest_examples_beat_the_power_law_of_random_ones(seed: int, record_property: Noted) -> None:
    rng = np.random.default_rng(seed)
    table = np.array([[mean_error(int(count), share, rng) for share in SHARES] for count in SIZES])
    random = np.array([mean_error(int(count), 1.0, rng) for count in RANDOM_SIZES])
    best = table.min(axis=1)
    shares = np.array([SHARES[row <= ALIKE * row.min()].max() for row in table])
    plain, pruned = choose_law(RANDOM_SIZES, random), choose_law(SIZES, best)
    power = next(each.fit for each in plain.candidates if each.fit.law.name == "power")
    slopes = -np.diff(np.log(best)) / np.diff(np.log(SIZES))
    below = best / power.predict(D=SIZES.astype(float)).mean
    low, high = power.intervals["alpha"]
    record_property(
        "found",
        f"random, {RANDOM_SIZES[0]} to {RANDOM_SIZES[-1]}: exponent {power.params['alpha']:.2f} ({low:.2f} to "
        f"{high:.2f}), held-out errors {in_words(plain)}; hardest, {SIZES[0]} to {SIZES[-1]}: shares {shares[0]:.1g} "
        f"to {shares[-1]:.1g}, {below[0]:.2g} to {below[-1]:.1g} of random's law, slope {slopes[0]:.1f} to "
        f"{slopes[-1]:.1f}, {in_words(pruned)}",
    )
    errors = errors_of(plain)
    assert next(iter(errors)) in UNBENT
    assert 2 * errors["power"] < min(errors["exponential"], errors["broken-1"])
    errors = errors_of(pruned)
    assert next(iter(errors)) in ("exponential", "broken-1")
    assert 2 * next(iter(errors.values())) < min(errors[name] for name in UNBENT)
    assert np.all(below < 1)
    assert np.all(np.diff(below) < 0), "ever farther below random's power"
    assert np.all(np.diff(shares) <= 0), "ever harder ones are best"
    assert shares[-1] < shares[0]


def in_words(choice: Choice) -> str:
    """Held-out errors in words."""
    return ", ".join(f"{name} {error:.0%}" for name, error in errors_of(choice).items())


# --- pools of data of several qualities ---------------------------------------------------------------------

NOISE = {"strict": 0.0, "middle": 0.8, "loose": 1.2}
"""Pools of digits, the cleanest first: the noise on their pixels, in units of the pixels' own deviation."""
POOL, BATCH, DRAWS, EPOCHS = 150, 10, 24, 40
SEEN = np.unique(np.geomspace(POOL, EPOCHS * POOL, 16).round(-1)).astype(int)
MIXTURES = [tuple(NOISE)[:k] for k in (1, 2, 3)]
SINGLE = [((name,), size) for name in NOISE for size in (POOL, POOL // 2, POOL // 4)]


def learning_curves(sets: Sequence[tuple[tuple[str, ...], int]], seed: int) -> np.ndarray:
    """Test error after SEEN samples of each set, so many unique ones of each of its pools, for each draw of the pools.

    (seen, sets, draws). Small nets by plain SGD at one rate, whose samples come in a new order every epoch.
    """
    task, rng, torch_rng = digits(seed), np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    rows = np.array([rng.permutation(len(task.x))[: POOL * len(NOISE)] for _ in range(DRAWS)]).ravel()
    scale = torch.tensor(list(NOISE.values())).repeat_interleave(POOL).repeat(DRAWS)[:, None]
    x, y = task.x[rows] + scale * torch.randn(len(rows), 64, generator=torch_rng), task.y[rows]
    first = {name: k * POOL for k, name in enumerate(NOISE)}
    unique = [
        np.concatenate([draw * POOL * len(NOISE) + first[name] + np.arange(size) for name in pools])
        for pools, size in sets
        for draw in range(DRAWS)
    ]
    orders = torch.tensor(np.array([in_epochs(each, int(SEEN[-1]), rng) for each in unique]))
    values = [p.clone().requires_grad_(True) for layer in mlps(len(unique), (64, 64, 10), seed) for p in layer]
    stack, errors = [(values[0], values[1]), (values[2], values[3])], []
    for end in range(BATCH, int(SEEN[-1]) + 1, BATCH):
        at = orders[:, end - BATCH : end]
        gradients = torch.autograd.grad(losses(forward(stack, x[at]), y[at]).sum(), values)
        with torch.no_grad():
            for p, gradient in zip(values, gradients, strict=True):
                p -= 0.05 * gradient
        if end in SEEN:
            errors.append(1 - accuracy(stack, task).reshape(len(sets), DRAWS))
    return np.array(errors)


def in_epochs(unique: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n of these in a new order every epoch."""
    return np.concatenate([rng.permutation(unique) for _ in range(-(-n // len(unique)))])[:n]


@pytest.mark.slow
@pytest.mark.atlas("data-filtering-laws")
@pytest.mark.parametrize("seed", range(3))
def test_laws_of_single_pools_predict_trainings_on_their_mixtures(seed: int, record_property: Noted) -> None:
    with one_thread():
        errors = learning_curves([*SINGLE, *((pools, POOL) for pools in MIXTURES[1:])], seed)
    middle, seen = errors.mean(axis=2), SEEN.astype(float)
    utility = get_law("power", x="D").replacing(D=fading_tokens)
    fits = {}
    for name in NOISE:
        of = [(size, middle[:, i]) for i, (pools, size) in enumerate(SINGLE) if pools == (name,)]
        table = {"D": np.tile(seen, len(of)), "U": np.repeat([float(size) for size, _ in of], len(seen))}
        fits[name] = fit(utility, Runs.from_columns(table | {"loss": np.concatenate([y for _, y in of])}), draws=100)
    columns = (SINGLE.index((("strict",), POOL)), len(SINGLE), len(SINGLE) + 1)
    measured = {pools: middle[:, column] for pools, column in zip(MIXTURES, columns, strict=True)}

    def predict_mixture(pools: tuple[str, ...], unique: float) -> np.ndarray:
        each = [np.log(fits[name].predict(D=seen, U=np.full(len(seen), unique)).mean) for name in pools]
        return np.exp(np.mean(each, axis=0))

    def off(predictions: Callable[[tuple[str, ...]], np.ndarray]) -> float:
        """Mean error of what is said of mixtures, relative to what is measured."""
        return float(np.mean([np.abs(predictions(pools) / measured[pools] - 1) for pools in MIXTURES[1:]]))

    predictions = {pools: predict_mixture(pools, float(POOL * len(pools))) for pools in MIXTURES}
    best = np.array([min(range(3), key=lambda k: predictions[MIXTURES[k]][i]) for i in range(len(SEEN))]) + 1
    truly = np.array([min(range(3), key=lambda k: measured[MIXTURES[k]][i]) for i in range(len(SEEN))]) + 1
    lost = [measured[MIXTURES[k - 1]][i] / min(m[i] for m in measured.values()) - 1 for i, k in enumerate(best)]
    whole, fresh = off(predictions.__getitem__), off(lambda pools: predict_mixture(pools, seen[-1]))
    cleanest = off(lambda pools: predict_mixture(("strict",), float(POOL * len(pools))))
    taus = ", ".join(f"{name} {fits[name].params['alpha']:.2f} and {fits[name].params['tau']:.1f}" for name in NOISE)
    record_property(
        "found",
        f"utility and half-life: {taus}; mixtures off by {whole:.1%} ({fresh:.0%} without wear, {cleanest:.0%} as if "
        f"all were strict); pools in the best set by budget {best.tolist()}, measured {truly.tolist()}; the set "
        f"chosen errs by {np.mean(lost):.1%} more than the best, {max(lost):.1%} at worst",
    )
    assert whole < 0.1
    assert whole < min(fresh, cleanest)
    assert (best[0], best[-1]) == (truly[0], truly[-1]) == (1, 3)
    assert np.all(np.diff(best) >= 0), "ever looser"
    assert np.mean(lost) < 0.05


# --- clusters of redundant data -----------------------------------------------------------------------------
#
# A pool of 40 concepts, of which the narrower are the more populous: their examples are near copies. Classes are those
# of a random net, so that a wide concept has many and a narrow one has few to learn. The test is drawn as the pool is.
# "Effective pruning of web-scale datasets based on complexity of concept clusters" (Abbas et al. 2024) also weighs how
# far clusters lie apart; here the rate follows the spread alone, and examples within a cluster are kept at random.

CONCEPTS, WIDTHS, CLUSTERS, DIMENSIONS = 40, (0.03, 1.0), 80, 8
WHOLE, TRAINED_EPOCHS, HIDDEN = 6000, 15, 64
RANDOM_SHARES = (0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.0)


def redundant_task(seed: int) -> Task:
    """A pool of WHOLE embeddings and a test like it, with the classes that a random net gives."""
    rng = np.random.default_rng(seed)
    centres, spread = rng.standard_normal((CONCEPTS, DIMENSIONS)), np.geomspace(*WIDTHS, CONCEPTS)
    concept = rng.choice(CONCEPTS, WHOLE + 4000, p=1 / spread / (1 / spread).sum())
    x = torch.tensor(centres[concept] + spread[concept, None] * rng.standard_normal((len(concept), DIMENSIONS))).float()
    logits = forward(mlps(1, (DIMENSIONS, HIDDEN, 10), seed + 1), x)[0]
    y = ((logits - logits.mean(0)) / logits.std(0)).argmax(-1)
    return Task(x=x[:WHOLE], y=y[:WHOLE], x_test=x[WHOLE:], y_test=y[WHOLE:])


def by_spread(embeddings: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Rows that are kept, about so many: of each cluster a share as its mean distance to its centre, at most all."""
    from sklearn.cluster import KMeans

    clusters = KMeans(CLUSTERS, random_state=0)
    labels = np.asarray(clusters.fit_predict(embeddings))
    distance = np.linalg.norm(embeddings - np.asarray(clusters.cluster_centers_)[labels], axis=1)
    count = np.bincount(labels, minlength=CLUSTERS)
    spread = np.bincount(labels, weights=distance, minlength=CLUSTERS) / count
    rate = first_zero(lambda r: (count * np.minimum(1, r[..., None] * spread)).sum(-1) - wanted, (1e-3, 1e3))
    each = np.round(count * np.minimum(1, rate * spread)).astype(int)
    return np.concatenate([rng.choice(np.flatnonzero(labels == j), k, replace=False) for j, k in enumerate(each)])


def trained_error(task: Task, rows: np.ndarray, seed: int) -> float:
    """The test error of two nets trained for TRAINED_EPOCHS on some rows, their mean."""
    start, steps = mlps(2, (DIMENSIONS, HIDDEN, 10), seed), TRAINED_EPOCHS * len(rows) // 64
    stack = train(start, task.take(torch.tensor(rows)), lr=0.01, steps=steps, batch=64, seed=seed)
    return float((1 - accuracy(stack, task)).mean())


@pytest.mark.slow
@pytest.mark.atlas("concept-density-pruning", "modelled")  # worth more, but not clearly: 1.3 to 1.5 times
@pytest.mark.parametrize("seed", range(3))
def test_data_kept_by_the_spread_of_clusters_are_worth_more_random_data(seed: int, record_property: Noted) -> None:
    pytest.importorskip("sklearn")
    task, rng = redundant_task(seed), np.random.default_rng(seed)
    count = round(claimed("concept-density-pruning", "data and training compute used")[0] / 100 * WHOLE)
    with one_thread():
        rows = [
            {"D": float(round(share * WHOLE)), "loss": trained_error(task, rng.permutation(WHOLE)[:n], repeat)}
            for share in RANDOM_SHARES
            for n in [round(share * WHOLE)]
            for repeat in range(3)
        ]
        picks = [by_spread(task.x.numpy(), count, rng) for _ in range(3)]
        pruned = [trained_error(task, pick, repeat) for repeat, pick in enumerate(picks)]
    law_fit = fit("power-floor", Runs.from_rows(rows), x="D", draws=300)
    drawn = dict(zip(law_fit.law.parameters, law_fit.draws.T, strict=True))
    outcomes = rng.choice(pruned, (len(law_fit.draws), len(pruned))).mean(axis=1)
    ends = (WHOLE / 100, 100.0 * WHOLE)
    equal = float(input_giving(law_fit.law, np.mean(pruned), "D", ends, **law_fit.params))
    low, high = np.nanquantile(input_giving(law_fit.law, outcomes, "D", ends, **drawn), [0.05, 0.95])
    largest = max(len(pick) for pick in picks)
    params = float(DIMENSIONS * HIDDEN + HIDDEN * 10)
    passes = np.array([largest, equal]) * TRAINED_EPOCHS
    cost = Runs.from_columns({"N": np.full(2, params), "D": passes, "loss": np.full(2, np.mean(pruned))})["C"]
    random = np.mean([row["loss"] for row in rows if row["D"] == round(0.28 * WHOLE)])
    record_property(
        "found",
        f"{largest / WHOLE:.1%} of the data by spread: error {np.mean(pruned):.2%} (random {random:.2%}), as with "
        f"{equal / WHOLE:.0%} ({low / WHOLE:.0%} to {high / WHOLE:.0%}) at random; saves {1 - cost[0] / cost[1]:.0%} "
        f"of {cost[1]:.2g} FLOP",
    )
    assert largest / WHOLE < 0.29
    assert low > largest
    assert cost[0] < cost[1]
