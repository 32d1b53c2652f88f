"""Choice of a law by what it foretells, and the interval that knows of its errors."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from froude import Fit, InputError, Runs, get_law, read_runs
from froude.answers.registry import answer_of
from froude.fitting import FitOptions, choose, fit
from froude.fitting.extrapolation import shipped
from froude.fitting.held_out import HeldOut, update_drift
from froude.fitting.options import FitKeywords
from froude.fitting.problem import make_problem
from planted import write_csv

pytest_plugins = ["door"]

SIZES = (10_000, 14_000, 20_000, 28_000, 40_000)
TRUTHS = {
    "chinchilla": {"E": 1.0, "A": 30.0, "alpha": 0.45, "B": 500.0, "beta": 0.5},
    "varying-exponent": {"E": 0.9, "A": 20.0, "alpha": 0.4, "Dc": 5e4, "beta": 0.02, "kappa": 0.3},
}
N, D = 160_000.0, 6e6  # the target


def pilots(law: str, noise: float, seed: int) -> Runs:
    """Runs of five sizes, two trunks each, whose points share half of their noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for size in SIZES:
        for trunk in range(2):
            shared = rng.standard_normal()
            for tokens in (8e5, 1.6e6, 3.2e6):
                deviation = noise * (shared + rng.standard_normal()) / np.sqrt(2)
                loss = get_law(law)(N=size, D=tokens, **TRUTHS[law]) * np.exp(deviation)
                rows.append({"N": size, "D": tokens, "loss": loss, "trunk": f"{size}-{trunk}"})
    return Runs.from_rows(rows)


@pytest.mark.parametrize("law", TRUTHS)
def test_laws_that_can_have_made_the_runs_weigh_most(law: str) -> None:
    choice = choose(pilots(law, noise=1e-4, seed=0), cluster="trunk", draws=100)
    wrong = {"chinchilla": {"chinchilla-tied"}, "varying-exponent": {"chinchilla", "chinchilla-tied"}}[law]
    shares = {each.fit.law.name: share for each, share in zip(choice.candidates, choice.shares, strict=True)}
    assert sum(shares[name] for name in wrong) < 0.2
    truth = get_law(law)(N=N, D=D, **TRUTHS[law])
    assert choice.fit.predict(N=N, D=D).mean == pytest.approx(truth, rel=0.01)


def test_candidates_are_ordered_by_error_and_shares_sum_to_one() -> None:
    choice = choose(pilots("chinchilla", noise=3e-3, seed=1), cluster="trunk", draws=100)
    errors = [candidate.error for candidate in choice.candidates]
    assert errors == sorted(errors)
    assert list(choice.shares) == sorted(choice.shares, reverse=True)
    assert sum(choice.shares) == pytest.approx(1)


def test_an_average_predicts_the_geometric_mean_of_its_members(tmp_path: Path) -> None:
    choice = choose(pilots("chinchilla", noise=3e-3, seed=1), cluster="trunk", draws=100)
    logs = [np.log(each.fit.predict(N=N, D=D).mean) for each in choice.candidates]
    forecast = choice.fit.predict(N=N, D=D)
    assert forecast.taken_out == pytest.approx(np.expm1(-choice.fit.bias * choice.fit.reach({"N": N, "D": D})))
    expected = np.dot(choice.shares, logs) + np.log1p(forecast.taken_out)
    assert np.log(forecast.mean) == pytest.approx(expected, rel=1e-12)
    choice.fit.save(tmp_path / "fit.json")
    again = Fit.load(tmp_path / "fit.json").predict(N=N, D=D)
    first = choice.fit.predict(N=N, D=D)
    assert (again.mean, again.lo, again.hi) == (first.mean, first.lo, first.hi)


def test_a_law_of_one_input_is_chosen_where_only_one_varies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tokens = np.geomspace(1e6, 1e9, 16)
    loss = (1.2 + 900 * tokens**-0.4) * np.exp(2e-3 * rng.standard_normal(16))
    made = fit("auto", Runs.from_columns({"D": tokens, "loss": loss}), draws=50)
    assert made.law.inputs == ("D",)
    made.save(tmp_path / "fit.json")
    assert Fit.load(tmp_path / "fit.json").predict(D=1e10).hi == made.predict(D=1e10).hi


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = get_law("chinchilla")(N=N, D=D, **TRUTHS["chinchilla"])
    inside = []
    for seed in range(8):
        made = choose(pilots("chinchilla", noise=3e-3, seed=seed), cluster="trunk", draws=40, starts=9).fit
        forecast = made.predict(N=N, D=D)
        inside.append(forecast.lo <= truth <= forecast.hi)
    # Eight forecasts at 90%: fewer than 5 inside has a probability below 0.5%.
    assert sum(inside) >= 5


def test_hold_outs_that_miss_by_more_widen_the_interval() -> None:
    reaches = np.array([1.0, 1.0])
    good = HeldOut(n=10, errors=np.array([0.001, -0.001]), reaches=reaches)
    bad = HeldOut(n=10, errors=np.array([0.05, 0.05]), reaches=reaches)
    assert update_drift(0.02, [good, good]) < update_drift(0.02, [good]) < update_drift(0.02, []) == pytest.approx(0.02)
    assert update_drift(0.02, []) < update_drift(0.02, [bad]) < update_drift(0.02, [bad, bad]) < 0.05


def test_a_forecast_inside_the_runs_carries_no_extrapolation_error() -> None:
    choice = choose(pilots("chinchilla", noise=3e-3, seed=2), cluster="trunk", draws=100)
    assert choice.fit.predict(N=20_000, D=1.6e6).parts["extrapolation"] == 0
    assert choice.fit.predict(N=N, D=D).parts["extrapolation"] > 0


def test_too_few_runs_to_hold_any_out_leave_laws_equal() -> None:
    runs = pilots("chinchilla", noise=3e-3, seed=3).where("D < 2e6")
    choice = choose(runs, draws=50)
    assert choice.held_out == ()
    assert max(choice.shares) - min(choice.shares) < 0.002
    assert choice.fit.drift == pytest.approx(shipped().other.drift)


def test_a_law_that_is_named_is_taken_alone_with_its_drift_updated() -> None:
    runs = pilots("chinchilla", noise=3e-3, seed=1)
    choice = choose(runs, laws="chinchilla", draws=50)
    assert choice.fit.law.name == "chinchilla"
    assert choice.shares == (1.0,)
    assert choice.fit.drift == pytest.approx(update_drift(shipped().other.drift, choice.held_out))


def test_runs_in_which_nothing_varies_are_refused() -> None:
    runs = Runs.from_columns({"N": [1e6] * 4, "loss": [3.0, 2.9, 2.8, 2.7]})
    with pytest.raises(InputError, match="no input of the runs varies among N, D and C"):
        choose(runs)


def test_python_and_the_command_forecast_alike(cli: Callable, tmp_path: Path) -> None:
    runs = pilots("chinchilla", noise=3e-3, seed=1)
    columns = {role: runs[role] for role in ("N", "D", "loss")}
    table = write_csv(tmp_path / "runs.csv", columns)
    assert cli("fit", table, "--draws", 50, "--seed", 3, "--out", tmp_path / "fit.json").code == 0
    command = Fit.load(tmp_path / "fit.json")
    python = fit("chinchilla", read_runs(table), draws=50, seed=3)
    assert python.drift == command.drift != shipped().other.drift
    near, far = (each.predict(N=1e9, D=1e11) for each in (python, command))
    assert (near.mean, near.lo, near.hi) == (far.mean, far.lo, far.hi)


def test_options_by_name_are_those_of_one_value() -> None:
    assert {*FitKeywords.__annotations__} == {each.name for each in fields(FitOptions)}
    runs = pilots("chinchilla", noise=3e-3, seed=1)
    options = FitOptions(draws=30, seed=4, level=0.8, cluster="trunk")
    here = fit("chinchilla", runs, options=options)
    there = fit("chinchilla", runs, draws=30, seed=4, level=0.8, cluster="trunk")
    assert here.level == there.level == 0.8
    np.testing.assert_array_equal(here.draws, there.draws)
    with pytest.raises(InputError, match="draws = 3: give a whole number from 20"):
        fit("chinchilla", runs, options=options, draws=3)


def test_outcomes_of_zero_leave_the_drift_finite() -> None:
    C = np.geomspace(1e18, 1e22, 30)
    score = np.clip(0.2 + 0.08 * np.log(C / 1e22) / np.log(10), 0.0, None)
    fitted = fit("ceiling", Runs.from_columns({"C": C, "mAP": score}), "mAP", x="C", draws=20)
    assert (score == 0).sum() > 3
    assert np.isfinite(fitted.drift)


def large(seed: int, noise: float = 0.01) -> Runs:
    """Runs of models as large as those of published studies."""
    size, tokens = (grid.ravel() for grid in np.meshgrid(np.geomspace(2e7, 6e8, 6), np.geomspace(1e9, 3e10, 5)))
    rng = np.random.default_rng(seed)
    loss = get_law("chinchilla")(N=size, D=tokens, E=1.7, A=400.0, alpha=0.34, B=410.0, beta=0.28)
    return Runs.from_columns({"N": size, "D": tokens, "loss": loss * np.exp(noise * rng.standard_normal(30))})


def test_what_such_laws_have_erred_by_is_taken_out_and_said(tmp_path: Path) -> None:
    made = choose(large(seed=0), draws=50).fit
    beyond = {"N": 6e9, "D": 1e12}
    forecast = made.predict(N=6e9, D=1e12)
    law = made.law(**beyond, **made.params)
    reach = min(made.reach(beyond), shipped().farthest)
    assert made.bias > 0
    assert forecast.mean == pytest.approx(law * np.exp(-made.bias * reach))
    assert forecast.taken_out == pytest.approx(forecast.mean / law - 1)
    (said,) = answer_of(forecast).notes
    assert said == f"laws of this kind have been {-forecast.taken_out:.1%} too high so far out; taken out"
    assert made.predict(N=1e8, D=2e9).taken_out == 0.0
    made.save(tmp_path / "fit.json")
    assert Fit.load(tmp_path / "fit.json").predict(N=6e9, D=1e12).lo == forecast.lo


@pytest.mark.slow
def test_of_small_models_of_single_laws_and_of_one_input_no_bias_is_known() -> None:
    assert choose(pilots("chinchilla", noise=3e-3, seed=1), draws=20).fit.bias == 0.0
    assert fit("chinchilla", large(seed=0), draws=20).bias == 0.0
    assert fit("auto", large(seed=0), x="D", draws=20).bias == 0.0


def test_large_runs_weigh_more_by_a_power_of_their_size() -> None:
    size = np.array([1e8, 1e9, 1e10])
    weights = make_problem(get_law("power", "N"), {"N": size}, np.array([3.0, 2.5, 2.0]), 0.5).weights
    np.testing.assert_allclose(weights / weights[0], [1, np.sqrt(10), 10])
    assert weights.mean() == pytest.approx(1)
    with pytest.raises(InputError, match=r"^emphasis = 3: give a number from 0 to 2$"):
        fit("power", large(seed=0), x="N", emphasis=3)


def names_of(runs: Runs) -> set[str]:
    return {each.fit.law.name for each in choose(runs, cluster="trunk", draws=20).candidates}


@pytest.mark.slow
def test_seeds_tell_of_noise_and_not_of_shape() -> None:
    runs = pilots("chinchilla", noise=3e-3, seed=1)
    assert "varying-exponent" in names_of(runs)  # six parameters, fifteen places
    assert "varying-exponent" not in names_of(runs.where("D < 2e6"))  # six parameters, ten places
    assert "varying-exponent" in names_of(runs.where("D < 2e6").where("trunk LIKE '%-0'"))  # ten, none of them twice


@pytest.mark.slow
def test_a_pilot_rests_on_pilots_before_as_far_as_theirs_went(tmp_path: Path) -> None:
    runs, record = pilots("chinchilla", noise=3e-3, seed=1), shipped().tank
    made, other = (choose(runs, cluster="trunk", draws=50, of_tank=tank).fit for tank in (True, False))
    near, far = ({"N": 4e4 * np.exp(beyond), "D": 3.2e6} for beyond in (0.9 * record.farthest, 2 * record.farthest))
    assert made.drift == record.drift < other.drift
    assert made.predict(**near).parts["extrapolation"] == pytest.approx(0.9 * record.farthest * record.drift)
    assert made.predict(**far).parts["extrapolation"] > 3 * made.predict(**near).parts["extrapolation"]
    made.save(tmp_path / "fit.json")
    assert Fit.load(tmp_path / "fit.json").predict(**far).lo == made.predict(**far).lo
