"""Which parameters runs determine, and what is said and done where they do not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude import Fit, InputError, Runs, fit, get_law
from froude.fitting.distance import distance_beyond
from froude.fitting.estimation import estimate
from froude.fitting.options import FitOptions
from planted import CHINCHILLA, write_csv

pytest_plugins = ["door"]

LAW = get_law("chinchilla")


def runs_of(N: np.ndarray, D: np.ndarray, noise: float = 0.005, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"N": N, "D": D, "loss": LAW(N=N, D=D, **CHINCHILLA) * np.exp(noise * rng.standard_normal(N.size))}


def on_a_ladder(seed: int = 0) -> dict[str, np.ndarray]:
    N = np.geomspace(2e7, 2e9, 14)
    return runs_of(N, 20 * N, seed=seed)


def estimated(columns: dict[str, np.ndarray], law: str = "chinchilla") -> Fit:
    return estimate(get_law(law), Runs.from_columns(columns), options=FitOptions(draws=200, starts=8))


@pytest.mark.parametrize("few", ["N", "D"])
def test_two_sizes_do_not_determine_a_floor_a_scale_and_an_exponent(few: str) -> None:
    rng = np.random.default_rng(0)
    two, many = np.tile([1e8, 1e9], 8), 10 ** rng.uniform(9, 10.5, 16)
    columns = runs_of(two, many) if few == "N" else runs_of(many, two)
    open_ = "E, A and alpha" if few == "N" else "E, B and beta"
    with pytest.raises(InputError, match=f"do not determine {open_} of chinchilla: {few} has only 2 values"):
        fit("chinchilla", Runs.from_columns(columns))


def test_one_value_a_group_does_not_determine_a_power_law_with_a_floor() -> None:
    C = np.repeat([1e19, 1e20], 6)
    loss = 1.2 + 900 * C**-0.2 * (1 + 0.001 * np.arange(12))
    with pytest.raises(InputError, match=r"do not determine E(, A)? and (A|alpha) of power-floor: C has only 2 values"):
        fit("power-floor", Runs.from_columns({"C": C, "loss": loss}), x="C")


def test_auto_passes_over_laws_that_two_sizes_do_not_determine() -> None:
    rng = np.random.default_rng(0)
    columns = runs_of(np.tile([1e8, 1e9], 8), 10 ** rng.uniform(9, 10.5, 16))
    assert "chinchilla" not in [law.name for law, _ in fit("auto", Runs.from_columns(columns), draws=20).law.members]


@pytest.mark.slow  # refits all over a flat valley, eight times
def test_runs_on_a_ladder_leave_forecasts_off_it_wide_enough() -> None:
    held = []
    for seed in range(8):
        made = replace(estimated(on_a_ladder(seed)), drift=0.0)  # what parameters and noise alone leave open
        assert any("not identified" in each for each in made.warnings)
        there = made.predict(N=316e6, D=632e9)
        held.append(there.lo <= LAW(N=316e6, D=632e9, **CHINCHILLA) <= there.hi)
        assert there.hi / there.lo > 1.1
    assert sum(held) >= 7


def test_a_point_off_the_ladder_is_far_although_its_sizes_are_ordinary() -> None:
    ladder = on_a_ladder()
    inputs = {x: ladder[x] for x in ("N", "D")}
    at = [{"N": 2e8, "D": 4e9}, {"N": 1e8, "D": 3e10}, {"N": 2e10, "D": 4e11}]
    distances = [float(np.exp(distance_beyond(LAW, inputs, each))) for each in at]
    assert distances == pytest.approx([1.0, 15.0, 100.0])


def test_starts_that_end_elsewhere_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from froude.fitting import estimation

    monkeypatch.setattr(estimation, "check_determined", lambda *_: None)
    rng = np.random.default_rng(0)
    made = estimated(runs_of(np.tile([1e8, 1e9], 8), 10 ** rng.uniform(9, 10.5, 16)))
    assert made.starts_agree < made.starts_tried / 2
    assert any("fit as well and forecast otherwise" in each for each in made.warnings)


@pytest.mark.parametrize("count", [5, 6])
def test_as_many_parameters_as_runs_leave_them_without_an_interval(count: int) -> None:
    rng = np.random.default_rng(1)
    N = np.geomspace(2e7, 2e9, count)
    columns = runs_of(N, 20 * N * np.exp(rng.normal(0, 1, count)))
    made = estimated(columns)
    assert made.intervals == {}
    assert f"5 parameters are fitted to {count} runs: parameters have no interval" in made.warnings[0]
    near = made.predict(N=columns["N"][2], D=columns["D"][2])
    assert near.hi / near.lo > 1.03  # the noise of other studies, not the none of a curve through all points


def test_a_fit_without_intervals_is_saved_shown_and_asked(cli: Callable, tmp_path: Path) -> None:
    N = np.geomspace(2e7, 2e9, 5)
    path = write_csv(tmp_path / "runs.csv", runs_of(N, np.array([2e9, 9e8, 3e10, 4e9, 9e9])))
    shown = cli("fit", path, "--law", "chinchilla", "--draws", 20, "--out", tmp_path / "f.json").out
    assert "unknown" in shown
    done = cli("predict", tmp_path / "f.json", "--at", "N=1e9,D=1e10", "--json")
    (forecast,) = json.loads(done.out)
    assert any("parameters have no interval" in each for each in forecast["warnings"])


def test_losses_in_bits_beside_nats_are_left_out_and_said() -> None:
    rng = np.random.default_rng(0)
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(2e7, 2e9, 6), np.geomspace(1e9, 1e11, 6)))
    columns = runs_of(N, D)
    bits = rng.permutation(36)[:7]
    columns["loss"][bits] /= np.log(2)
    made = estimated(columns)
    assert made.n == 29
    assert sorted({*range(36)} - {*made.rows.tolist()}) == sorted(bits)
    assert any(
        "7 runs lie off the others by a factor of 1.443, as bits beside nats do" in each for each in made.warnings
    )


def test_noise_that_falls_with_size_narrows_forecasts_of_large_runs() -> None:
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(2e7, 2e9, 6), np.geomspace(1e9, 1e11, 6)))
    size = np.log(N * D)
    noise = 0.02 * 10 ** -((size - size.min()) / np.ptp(size))
    columns = runs_of(N, D, noise=0.0)
    columns["loss"] *= np.exp(noise * np.random.default_rng(3).standard_normal(36))
    made = estimated(columns)
    small, large = (made.predict(N=n, D=d).parts["residual"] for n, d in ((2e7, 1e9), (2e9, 1e11)))
    assert 0.012 < small < 0.035
    assert 0.0005 < large < 0.004
    even = estimated(runs_of(N, D, seed=1))
    assert even.predict(N=2e7, D=1e9).parts["residual"] == even.predict(N=2e9, D=1e11).parts["residual"]


@pytest.mark.slow  # two plans
def test_the_warnings_of_a_saved_fit_are_those_of_its_forecasts_and_plans(cli: Callable, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "runs.csv", on_a_ladder())
    cli("fit", path, "--law", "chinchilla", "--draws", 50, "--out", tmp_path / "f.json")
    warnings = Fit.load(tmp_path / "f.json").warnings
    assert any("not identified" in each for each in warnings)
    (forecast,) = json.loads(cli("predict", tmp_path / "f.json", "--at", "N=1e9,D=6e11", "--json").out)
    assert forecast["warnings"] == [*warnings]
    plan = ("plan", "train", "--machine", "8 x h100", "--fit", tmp_path / "f.json", "--budget", "1e20FLOP")
    assert json.loads(cli(*plan, "--json").out)["forecast"]["warnings"] == [*warnings]
    assert "not identified" in " ".join(cli(*plan).out.split())
