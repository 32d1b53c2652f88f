"""Optima of a sweep and rules fitted to them: known bowls, brute force, and the sweeps of the Step Law."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import froude
from froude import InputError, Runs, SweepOptima, sweep_optima
from froude.fitting.estimation import estimate
from froude.fitting.options import FitOptions
from froude.fitting.procedures.quadratics import fit_quadratics
from froude.laws import get_law

STEP_LAW = get_law("step-law-lr")
TURN = 0.3  # how much the bowl below is turned: its best batch depends on the rate


def bowl(lr: np.ndarray, batch: np.ndarray, best_lr: float, best_batch: float) -> np.ndarray:
    """A loss of 2 at its best, which rises faster along the rate than along the batch, and leans."""
    u, v = np.log(lr / best_lr), np.log(batch / best_batch)
    return 2 * np.exp(0.01 * u**2 + TURN * 0.01 * u * v + 0.004 * v**2)


def swept(rates: int = 7, batches: int = 5, shift: float = 1.0, noise: float = 0.0) -> Runs:
    """Sweeps of three sizes, best at lr 0.002·√(1e8/N) and a batch of 3e5, `shift` times beyond the middle of rates."""
    rows = []
    for N in (1e8, 3e8, 9e8):
        best = 0.002 * (N / 1e8) ** -0.5
        for lr in best / shift * np.geomspace(1 / 4, 4, rates):
            rows += [(N, 20 * N, lr, B, float(bowl(lr, B, best, 3e5))) for B in np.geomspace(1e5, 9e5, batches)]
    N, D, lr, B, loss = (np.array(column) for column in zip(*rows, strict=True))
    loss = loss * np.exp(noise * np.random.default_rng(0).standard_normal(len(loss)))
    return Runs.from_columns({"N": N, "D": D, "lr": lr, "B": B, "loss": loss})


def test_the_least_of_a_quadratic_is_where_a_fine_grid_has_it() -> None:
    rng = np.random.default_rng(3)
    u = rng.uniform(-1, 1, (40, 2))
    outcome = 1 + (u[:, 0] - 0.3) ** 2 + 0.4 * u[:, 0] * u[:, 1] + (u[:, 1] + 0.2) ** 2 + 0.01 * rng.standard_normal(40)
    surface = fit_quadratics(u, outcome, np.ones((1, 40)))
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 401)] * 2), axis=-1).reshape(-1, 2)
    lowest = grid[surface_at(surface, grid).argmin()]
    assert surface.least()[0] == pytest.approx(lowest, abs=0.003)


def surface_at(surface: object, u: np.ndarray) -> np.ndarray:
    """The values of one surface at many places, by hand."""
    level, slope, bend = (getattr(surface, name)[0] for name in ("level", "slope", "bend"))
    return level + u @ slope + 0.5 * np.array([each @ bend @ each for each in u])


def test_each_size_has_its_own_best_and_the_cost_of_missing_it() -> None:
    optima = sweep_optima(swept(), draws=20)
    assert [each.best["lr"] for each in optima.optima] == pytest.approx([0.002, 0.002 / 3**0.5, 0.002 / 3], rel=1e-6)
    for each in optima.optima:
        assert each.best["B"] == pytest.approx(3e5, rel=1e-6)
        twice = float(bowl(np.array(2 * each.best["lr"]), np.array(3e5), each.best["lr"], 3e5))
        assert each.costs["lr"][0] == pytest.approx(twice - 2, rel=1e-6)


def test_intervals_of_an_optimum_widen_with_noise_and_hold_the_truth() -> None:
    still, noisy = (sweep_optima(swept(9, 9, noise=noise), draws=200) for noise in (2e-4, 2e-3))
    for before, after in zip(still.optima, noisy.optima, strict=True):
        (low, high), (lower, higher) = before.intervals["lr"], after.intervals["lr"]
        assert higher / lower > high / low
        assert lower < 0.002 * (after.sizes["N"] / 1e8) ** -0.5 < higher


def test_a_size_whose_best_lies_at_the_edge_is_left_out_and_said() -> None:
    runs = swept()
    kept = (runs["N"] > 1e8) | (runs["lr"] <= 0.002)
    optima = sweep_optima(runs.take(kept), draws=20)
    assert len(optima.optima) == 2
    assert optima.warnings == (
        "1 of 3 sizes left out, the best run has the largest lr that was tried: N = 100M, D = 2B",
    )
    assert optima.runs.warnings == optima.warnings


def test_a_size_with_two_rates_is_refused_in_a_sentence() -> None:
    runs = swept()
    two = runs["lr"] >= np.sort(np.unique(runs["lr"][runs["N"] == 1e8]))[-2]
    optima = sweep_optima(runs.take((runs["N"] > 1e8) | two), draws=20)
    assert "1 of 3 sizes left out, 2 values of lr tried, and it takes three: N = 100M" in optima.warnings[0]
    with pytest.raises(InputError, match="no size tells its best lr and B: 1 value of lr tried"):
        sweep_optima(runs.take([0, 1, 2, 3, 4]))


def test_sizes_that_differ_by_a_few_steps_are_one_size() -> None:
    runs = swept()
    D = runs["D"] * (1 + 0.004 * np.arange(len(runs)) % 3)
    columns = {name: runs[name] for name in ("N", "lr", "B", "loss")}
    assert len(sweep_optima(Runs.from_columns({**columns, "D": D}), draws=20).optima) == 3


def test_a_rule_is_fitted_to_the_optima_and_not_to_every_run() -> None:
    choice = froude.choose(swept(), laws="compute-lr", draws=20)
    assert isinstance(choice.optima, SweepOptima)
    assert (choice.fit.n, choice.fit.y) == (3, "lr")
    # C is 120·N²: a rate that falls as N^-0.5 falls as C^-0.25.
    assert choice.fit.params["alpha"] == pytest.approx(0.25, abs=1e-4)


def test_a_table_of_optima_is_fitted_as_it_is() -> None:
    optima = sweep_optima(swept(), draws=20)
    choice = froude.choose(optima.runs, "lr", laws="compute-lr", draws=20)
    assert choice.optima is None
    assert choice.fit.params["alpha"] == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    ("laws", "y", "message"),
    [
        ("step-law-lr", "lr", "the runs sweep lr, 3 sizes with several each"),
        (["step-law-lr", "chinchilla"], "loss", "step-law-lr gives the best lr and chinchilla gives an outcome: fit"),
        (["step-law-lr", "step-law-batch"], "loss", "gives the best lr and step-law-batch gives the best B: fit"),
        ("step-law-lr", "accuracy", "no column 'accuracy'"),
    ],
)
def test_what_no_rule_can_be_fitted_to_is_refused(laws: str | list[str], y: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        froude.choose(swept(), y, laws=laws, draws=20)


def test_the_best_size_is_not_asked_of_a_rule() -> None:
    with pytest.raises(InputError, match="step-law-lr gives the best lr, no outcome"):
        froude.optimal(STEP_LAW.published["step-law-2025"], 1e22, law="step-law-lr")


def step_law_sweeps(path: Path) -> Runs:
    """The dense sweeps with the smoothed loss, as the authors judge them."""
    return froude.read_runs(path, {"loss": "smooth_loss"})


def held_out_sizes(runs: Runs) -> Iterator[tuple[Runs, Runs]]:
    """The runs of each size beside those of all others."""
    sizes = np.column_stack([runs["N"], runs["D"]])
    for size in np.unique(sizes, axis=0):
        mine = np.all(sizes == size, axis=1)
        yield runs.take(mine), runs.take(~mine)


def nearest_best(size: Runs, others: Runs) -> float:
    """The rate of the best run of the nearest other size, in logarithms of N and D."""
    off = np.log(others["N"] / size["N"][0]) ** 2 + np.log(others["D"] / size["D"][0]) ** 2
    there = others.take(off <= off.min() + 1e-9)
    return float(there["lr"][np.argmin(there["loss"])])


@pytest.mark.slow
def test_optima_of_other_sizes_tell_the_best_rate_of_a_step_law_size(published: Callable[[str], Path]) -> None:
    runs = step_law_sweeps(published("steplaw/dense.csv"))
    off: dict[str, list[float]] = {"optima": [], "every run": [], "nearest": [], "published": []}
    for size, others in held_out_sizes(runs):
        place = {"N": float(size["N"][0]), "D": float(size["D"][0])}
        best = float(size["lr"][np.argmin(size["loss"])])
        options = FitOptions(draws=20, starts=8)
        optima = estimate(STEP_LAW, sweep_optima(others, draws=20).runs, "lr", options=options)
        every = estimate(STEP_LAW, others, "lr", options=options)
        told = {
            "optima": STEP_LAW(**place, **optima.params),
            "every run": STEP_LAW(**place, **every.params),
            "nearest": nearest_best(size, others),
            "published": STEP_LAW(**place, **STEP_LAW.published["step-law-2025"]),
        }
        for name, rate in told.items():
            off[name].append(abs(np.log(float(rate) / best)))
    ratio = {name: float(np.exp(np.mean(each))) for name, each in off.items()}
    # The rates that were tried lie a factor 1.41 apart: the best run itself is known to no better than 1.19.
    assert ratio["optima"] < 1.25
    assert ratio["optima"] < min(ratio["every run"], ratio["nearest"])
    # What the authors found from all sizes at once, these among them, is no nearer.
    assert ratio["optima"] < ratio["published"]


@pytest.mark.slow
def test_the_optima_of_the_step_law_give_its_published_exponents(published: Callable[[str], Path]) -> None:
    runs = step_law_sweeps(published("steplaw/dense.csv"))
    rate = froude.fit("step-law-lr", runs, draws=200)
    batch = froude.fit("step-law-batch", runs, draws=200)
    for fit, name, exponent in ((rate, "alpha", 0.713), (rate, "beta", 0.307), (batch, "beta", 0.571)):
        low, high = fit.intervals[name]
        assert low < exponent < high
        assert fit.params[name] == pytest.approx(exponent, abs=0.1)
