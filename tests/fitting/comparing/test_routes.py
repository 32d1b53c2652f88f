"""Methods compared by laws of N and D, along a ratio D/N or on the frontier: against brute force and truth."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from froude import Fit, InputError, Runs, compare, fit, fit_methods, get_law, rank
from froude.fitting.comparing.drawn import SHARED, shared_deviations
from planted import write_csv

pytest_plugins = ["door"]

LAW = get_law("chinchilla")
HOFFMANN = dict(LAW.published["hoffmann-2022"])
GRID = [each.ravel() for each in np.meshgrid(np.geomspace(5e7, 2e9, 6), np.geomspace(1e9, 8e10, 6))]


def table(factor: float = 1.0, seed: int = 0, ratios: tuple[float, float] | None = None) -> dict[str, np.ndarray]:
    """Runs of a method that makes each parameter and each token worth `factor` of them, on a grid or at some D/N."""
    N, D = GRID
    if ratios is not None:
        N, ratio = (each.ravel() for each in np.meshgrid(np.geomspace(5e7, 2e9, 6), np.geomspace(*ratios, 5)))
        D = N * ratio
    noise = 0.002 * np.random.default_rng(seed).standard_normal(N.size)
    return {"N": N, "D": D, "loss": LAW(N=factor * N, D=factor * D, **HOFFMANN) * np.exp(noise)}


def fitted(factor: float = 1.0, seed: int = 0) -> Fit:
    """Chinchilla's law fitted to runs of a method."""
    return fit("chinchilla", Runs.from_columns(table(factor, seed)), draws=200, seed=seed)


@pytest.fixture(scope="module")
def fits() -> tuple[Fit, Fit]:
    """A method, and one that makes parameters and tokens worth twice as much: four times the compute."""
    return fitted(), fitted(2.0, 1)


def loss(each: Fit, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """The law of a fit."""
    return np.asarray(each.law(N=N, D=D, **each.params))


def least(each: Fit, C: float) -> float:
    """The least loss of C under the law of a fit, among twenty thousand sizes."""
    N = np.geomspace(1e6, 1e13, 20_000)
    return float(loss(each, N, C / (6 * N)).min())


def test_on_the_frontier_each_has_its_own_best_size(fits: tuple[Fit, Fit]) -> None:
    found = compare(*fits, 1e23)
    for each, forecast in zip(fits, found.forecasts, strict=True):
        assert 6 * forecast.at["N"] * forecast.at["D"] == pytest.approx(1e23)
        assert forecast.mean == pytest.approx(least(each, 1e23), rel=1e-7)
    assert found.ratio.value == pytest.approx(least(fits[0], 1e23) / least(fits[1], 1e23), rel=1e-7)
    times = np.geomspace(1, 100, 2001)
    nearest = times[np.argmin([abs(least(fits[0], m * 1e23) - least(fits[1], 1e23)) for m in times[::20]]) * 20]
    assert found.multiplier.value == pytest.approx(nearest, rel=0.03)  # the steps are of 5%


def test_at_a_ratio_compute_grows_along_it(fits: tuple[Fit, Fit]) -> None:
    found, times = compare(*fits, {"N": "7B", "D": "140B"}), np.geomspace(1, 100, 100_001)
    first = loss(fits[0], 7e9 * np.sqrt(times), 140e9 * np.sqrt(times))
    nearest = times[np.argmin(np.abs(first - loss(fits[1], np.array(7e9), np.array(140e9))))]
    assert found.multiplier.value == pytest.approx(nearest, rel=0.002)
    assert found.at == pytest.approx(6 * 7e9 * 140e9)
    assert found.best_multiplier is not None
    assert found.best_multiplier.value == pytest.approx(compare(*fits, found.at).multiplier.value, rel=1e-9)


@pytest.mark.parametrize("at", [1e22, {"N": 2e9, "D": 8e10}])
def test_twice_the_worth_of_both_is_four_times_the_compute(fits: tuple[Fit, Fit], at: object) -> None:
    found = compare(*fits, at)  # pyright: ignore[reportArgumentType]
    assert found.winner == "second"
    for each in filter(None, (found.multiplier, found.best_multiplier)):
        assert each.lo is not None
        assert each.hi is not None
        assert each.lo <= 4 <= each.hi


def test_the_same_method_trained_longer_is_no_other(cli: Callable, refused: Callable, tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / f"{name}.csv", table(seed=k, ratios=ratios))
        for k, (name, ratios) in enumerate({"short": (10.0, 90.0), "long": (160.0, 2560.0)}.items())
    ]
    answer = json.loads(cli("compare", *paths, "--law", "chinchilla", "--draws", 200, "--at", "C=1e22", "--json").out)
    assert answer["along"] == "frontier"
    assert answer["ratio"]["lo"] < 1 < answer["ratio"]["hi"]
    refusal = refused("compare", *paths, "--law", "power-floor", "--at", "C=1e22")
    assert refusal.startswith(f"{paths[1]}: D/N goes from 160 to 2.56e+03, and a law of C holds only for runs at the")


def test_a_column_parts_one_table_as_two_tables_do(cli: Callable, refused: Callable, tmp_path: Path) -> None:
    one, other = table(), table(2.0, 1)
    paths = [write_csv(tmp_path / f"{k}.csv", each) for k, each in enumerate((one, other))]
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    whole = write_csv(tmp_path / "both.csv", {"who": np.repeat(["a", "b"], 36), **both})
    words = ("--law", "chinchilla", "--draws", 100, "--at", "N=7B,D=140B", "--json")
    apart, by = (json.loads(cli("compare", *each, *words).out) for each in (paths, (whole, "--by", "who")))
    assert {**apart, "provenance": 0, "notes": 0} == {**by, "provenance": 0, "notes": 0}
    asked = ("--law", "chinchilla", "--at", "C=1e22")
    assert refused("compare", whole, *asked).endswith("name another, or the column of its methods, as --by method")
    assert refused("compare", whole, "--by", "whom", *asked) == "no column 'whom': did you mean 'who'?"
    assert refused("compare", whole, "--by", "loss", *asked).startswith("column 'loss' has 72 values, as ")
    assert refused("compare", paths[0], paths[0], *asked) == f"{paths[0]} is given twice: name another table"
    assert refused("compare", *paths, "--by", "who", *asked).startswith("--by who tells the methods of one table apart")
    assert refused("compare", *paths, "--law", "chinchilla", "--at", "D=1e12").startswith(
        "at D: chinchilla is compared"
    )


def test_three_alike_are_each_the_best_as_often() -> None:
    runs = {name: table(seed=k) for k, name in enumerate("abc")}
    found = rank(fit_methods({name: Runs.from_columns(each) for name, each in runs.items()}, "chinchilla"), 1e22)
    assert sum(found.probabilities) == pytest.approx(1)
    assert min(found.probabilities) > 0.1  # a third each, but for what noise tells
    means = [found.comparisons[0].forecasts[1].mean, *(each.forecasts[0].mean for each in found.comparisons)]
    assert means == sorted(means)


def test_errors_beyond_the_runs_are_partly_shared() -> None:
    deviations = shared_deviations(3, 100_000, np.random.default_rng(0))
    assert np.std(deviations, axis=1) == pytest.approx(1, abs=0.01)
    assert np.corrcoef(deviations)[np.triu_indices(3, 1)] == pytest.approx(SHARED, abs=0.01)


def test_one_method_is_not_compared() -> None:
    with pytest.raises(InputError, match="1 method: give two or more to compare"):
        fit_methods({"a": Runs.from_columns(table())}, "chinchilla")
    with pytest.raises(InputError, match="one table: name the column"):
        fit_methods(Runs.from_columns(table()), "chinchilla")
    with pytest.raises(InputError, match=r"N = 1e\+200 is beyond anything that is run"):
        compare(fitted(), fitted(), {"N": 1e200, "D": 1e200})
    with pytest.raises(InputError, match=r"froude\.rank takes two fits or more by their names"):
        rank({}, 1e22)
