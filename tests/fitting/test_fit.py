"""Fits: planted laws come back, symmetries hold, warnings are given, files round-trip."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude.errors import InputError
from froude.fitting import Fit, fit
from froude.fitting.diagnostics import diagnose
from froude.fitting.evidence import FitEvidence
from froude.fitting.extrapolation import shipped
from froude.fitting.measured import measure
from froude.fitting.options import FitOptions
from froude.fitting.problem import make_problem
from froude.fitting.solver import minimise
from froude.laws import Law, get_law, law
from froude.laws.kinds import Floor, Input, Output, Scale
from froude.runs import Runs

Score = Annotated[np.ndarray, Output(unit="points", residual="plain")]
Dose = Annotated[np.ndarray, Input(unit="grams")]
TRUTH: dict[str, dict[str, float]] = {
    "power": {"A": 8.0, "alpha": 0.06},
    "power-floor": {"E": 1.2, "A": 900.0, "alpha": 0.2},
    "chinchilla": {"E": 1.1, "A": 60.0, "alpha": 0.33, "B": 300.0, "beta": 0.36},
}


def inputs_of(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    N = 10 ** rng.uniform(5, 8, n)
    D = N * 10 ** rng.uniform(1, 2.5, n)
    return {"N": N, "D": D, "C": 6 * N * D}


def columns(each: Law, n: int = 60, noise: float = 0.002, seed: int = 0) -> dict[str, np.ndarray]:
    inputs = inputs_of(n, seed)
    exact = each(**{x: inputs[x] for x in each.inputs}, **TRUTH[each.name])
    return {**inputs, "loss": exact * np.exp(noise * np.random.default_rng(seed + 1).standard_normal(n))}


def planted(each: Law, **options: Any) -> Runs:
    return Runs.from_columns(columns(each, **options))


CHINCHILLA = get_law("chinchilla")


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(40):
        made = fit("power", planted(get_law("power"), n=40, noise=0.01, seed=seed), draws=200, starts=3)
        low, high = made.intervals["alpha"]
        held.append(low <= TRUTH["power"]["alpha"] <= high)
    # 36 expected of 40 at 90%; fewer than 30 happens by chance once in a thousand.
    assert 30 <= sum(held) < 40


@pytest.mark.slow  # three hundred tables
def test_intervals_of_four_runs_hold_the_truth_too() -> None:
    held, law = [], get_law("power")
    for seed in range(300):
        made = fit(law, planted(law, n=4, noise=0.01, seed=seed), draws=200, starts=3)
        low, high = made.intervals["alpha"]
        held.append(low <= TRUTH["power"]["alpha"] <= high)
    # Resampled runs, whose noise is not pooled, hold 252.
    assert 262 <= sum(held) <= 290


@pytest.mark.slow
def test_forecast_of_one_run_holds_new_runs_about_as_often_as_it_says() -> None:
    inside = []
    for seed in range(8):
        made = fit(CHINCHILLA, planted(CHINCHILLA, n=100, noise=0.01, seed=seed), draws=100, starts=6)
        new = columns(CHINCHILLA, n=400, noise=0.01, seed=100 + seed)
        forecast = made.predict(N=new["N"], D=new["D"])
        inside.append(np.mean((forecast.lo <= new["loss"]) & (new["loss"] <= forecast.hi)))
    # A hundred runs leave 4% of doubt about the spread of each table's noise.
    assert 0.85 <= np.mean(inside) <= 0.94


@pytest.mark.slow
@settings(max_examples=8)
@given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
def test_a_change_of_unit_changes_parameters_and_no_forecast(factor: float, seed: int) -> None:
    table = columns(CHINCHILLA, n=30, seed=seed)
    other = {**table, "N": table["N"] / factor, "C": table["C"] / factor}
    here, there = (fit(CHINCHILLA, Runs.from_columns(t), draws=20) for t in (table, other))
    expected = CHINCHILLA.rescale(here.params, {"N": factor})
    # The scaled problems differ by rounding only, but each solver stops within 1e-6.
    for name, value in there.params.items():
        assert value == pytest.approx(expected[name], rel=1e-3)
    assert there.predict(N=1e9 / factor, D=1e11).mean == pytest.approx(here.predict(N=1e9, D=1e11).mean, rel=1e-6)
    assert there.objective == pytest.approx(here.objective, rel=1e-6)


def test_the_order_of_rows_does_not_matter() -> None:
    table = columns(CHINCHILLA)
    order = np.random.default_rng(3).permutation(60)
    here = fit(CHINCHILLA, Runs.from_columns(table), draws=20)
    there = fit(CHINCHILLA, Runs.from_columns({x: v[order] for x, v in table.items()}), draws=20)
    assert there.objective == pytest.approx(here.objective, rel=1e-6)
    assert there.predict(N=1e9, D=1e11).mean == pytest.approx(here.predict(N=1e9, D=1e11).mean, rel=1e-6)


def test_one_seed_gives_one_fit_and_another_the_same_minimum() -> None:
    runs = planted(CHINCHILLA)
    first, again, other = (fit(CHINCHILLA, runs, draws=50, seed=seed) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict()
    assert (first.draws == again.draws).all()
    assert not np.allclose(first.draws, other.draws, rtol=1e-3)
    assert other.objective == pytest.approx(first.objective, rel=1e-6)


def test_a_wild_run_moves_a_robust_fit_little_and_is_named() -> None:
    table = columns(CHINCHILLA)
    clean = fit(CHINCHILLA, Runs.from_columns(table), draws=20)
    table["loss"][16] *= 1.5
    wild = fit(CHINCHILLA, Runs.from_columns(table), draws=20)
    assert wild.predict(N=1e8, D=1e10).mean == pytest.approx(clean.predict(N=1e8, D=1e10).mean, rel=2e-3)
    assert any("1 run lies far off the law: row 17" in w for w in wild.warnings)
    assert not clean.warnings


def test_ordinary_noise_makes_no_run_an_outlier() -> None:
    assert "far off the law" not in warnings_of("power", columns(get_law("power"), noise=0.03))


def test_diverged_runs_are_counted_named_and_not_fitted() -> None:
    table = columns(CHINCHILLA)
    kept = fit(CHINCHILLA, Runs.from_columns({x: v[2:] for x, v in table.items()}), draws=20)
    table["loss"][:2] = [np.nan, np.inf]
    made = fit(CHINCHILLA, Runs.from_columns(table), draws=20)
    assert (made.n, made.diverged) == (58, 2)
    assert made.params == kept.params
    assert "2 runs diverged and were left out: row 1, row 2" in made.warnings


def test_residuals_are_log_predicted_less_log_measured_at_the_rows_named() -> None:
    table = columns(CHINCHILLA)
    table["loss"][3] = np.nan
    made = fit(CHINCHILLA, Runs.from_columns(table), draws=20)
    predicted = CHINCHILLA(N=table["N"][made.rows], D=table["D"][made.rows], **made.params)
    np.testing.assert_allclose(made.residuals, np.log(predicted / table["loss"][made.rows]), atol=1e-12)
    size = np.abs(made.residuals)
    huber = np.where(size <= 1e-3, size**2 / 2, 1e-3 * (size - 5e-4)).sum()
    assert made.objective == pytest.approx(huber, rel=1e-12)


def test_repeated_runs_add_certainty_unless_they_are_resampled_together() -> None:
    table = columns(get_law("power"), n=15, noise=0.02)
    repeated = {x: np.tile(v, 4) for x, v in table.items()}
    runs = Runs.from_columns({**repeated, "trunk": np.tile(np.arange(15), 4), "seed": np.arange(60)})
    one, apart, together = (
        fit("power", r, draws=400, cluster=c)
        for r, c in ((Runs.from_columns(table), None), (runs, None), (runs, "trunk"))
    )
    width = [np.ptp(made.intervals["alpha"]) for made in (one, apart, together)]
    assert width[1] < 0.7 * width[0]
    assert width[2] == pytest.approx(width[0], rel=0.15)


def test_an_outcome_of_any_sign_is_fitted_by_a_law_with_plain_residuals() -> None:
    @law(source="here", wrong_when="always.", domain={}, carries={"A": {"dose": -1.0}})
    def line(dose: Dose, *, E: Floor, A: Scale) -> Score:
        return A * dose - E

    dose = np.linspace(1, 9, 20)
    runs = Runs.from_columns({"dose": dose, "score": 0.5 * dose - 2.0})
    made = fit(line, runs, "score", draws=20)
    assert made.residual == "plain"
    assert made.params == pytest.approx({"E": 2.0, "A": 0.5}, rel=1e-6)
    assert made.predict(dose=2.0).mean == pytest.approx(-1.0, rel=1e-6)


# Doubts


def warnings_of(each: Law | str, table: dict[str, np.ndarray], **options: Any) -> str:
    return "\n".join(fit(each, Runs.from_columns(table), draws=100, **options).warnings)


def test_a_floor_at_zero_is_said() -> None:
    x = np.logspace(15, 21, 30)
    bent_down = 90 * x**-0.06 * np.exp(-0.004 * np.log(x / 1e18) ** 2)
    assert "E ended at its bound 0: these runs show no floor" in warnings_of("power-floor", {"C": x, "loss": bent_down})


@pytest.mark.filterwarnings("error")
def test_a_forecast_absurdly_far_out_warns_of_no_overflow() -> None:
    made = fit("power", planted(get_law("power"), n=4, noise=1.0), draws=20, starts=2)
    assert made.predict(C=1e-300).hi == np.inf


def test_a_scale_far_from_the_runs_is_said_with_what_is_known() -> None:
    table = columns(CHINCHILLA, n=20, noise=0.03, seed=1)
    text = warnings_of(CHINCHILLA, table)
    assert "B is not identified: its interval spans" in text
    middle = np.exp(np.log(table["D"]).mean())
    assert f"what is known is B·D^-beta at D = {middle:.3g}" in text


def test_too_little_range_is_said() -> None:
    rng = np.random.default_rng(0)
    table = {"N": 10 ** rng.uniform(6, 6.1, 30), "D": 10 ** rng.uniform(8, 10, 30)}
    table["loss"] = CHINCHILLA(**table, **TRUTH["chinchilla"])
    assert "N spans only a factor of 1.2" in warnings_of(CHINCHILLA, table)


def test_few_runs_for_the_parameters_are_said() -> None:
    said = warnings_of(CHINCHILLA, columns(CHINCHILLA, n=7))
    assert "5 parameters are fitted to 7 runs: only forecasts near them mean something" in said


def test_a_fit_that_did_not_converge_says_that_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from froude.fitting import solver

    monkeypatch.setattr(solver, "TOLERANCE", 0.0)
    monkeypatch.setattr(solver, "_STAGE_TOLERANCE", np.zeros(5))
    made = fit("power", planted(get_law("power"), n=10), draws=20, starts=2)
    assert not made.converged
    assert made.starts_agree == 0
    assert made.warnings[0].startswith("no start converged")
    assert "20 of 20 bootstrap refits did not converge: the intervals may be too narrow" in made.warnings


@pytest.mark.parametrize(("agree", "said"), [(2, True), (4, True), (5, False), (27, False)])
def test_starts_that_rarely_agree_are_said(agree: int, said: bool) -> None:
    runs = planted(get_law("power"), n=10)
    measured = measure(get_law("power"), runs, "loss")
    problem = make_problem(get_law("power"), measured.inputs, measured.y)
    points = problem.starts(27, np.random.default_rng(0))
    found = minimise(problem.residuals, points, np.ones((27, 10)), problem.space())
    # All starts find the one minimum of a power law; here all but a few are made to end above it.
    above = np.where(np.arange(27) < agree, 1.0, 2.0)
    scattered = replace(found, objectives=found.objectives.min() * above)
    told = diagnose(FitEvidence(runs, "loss", measured, problem, scattered, found, FitOptions()))
    assert any(f"only {agree} of 27 random starts ended at this one" in sentence for sentence in told) == said


# Mistakes


def mistake(message: str) -> Any:
    return pytest.raises(InputError, match=message)


def test_fewer_runs_than_parameters_are_refused() -> None:
    with mistake("chinchilla has 5 parameters and there are only 4 runs with a finite loss: add runs"):
        fit(CHINCHILLA, planted(CHINCHILLA, n=4))


def test_one_distinct_value_of_an_input_is_refused() -> None:
    table = columns(CHINCHILLA)
    with mistake("N has one value, 1e[+]09: chinchilla needs runs that differ in N"):
        fit(CHINCHILLA, Runs.from_columns({"N": np.full(60, 1e9), "D": table["D"], "loss": table["loss"]}))


def test_equal_losses_are_refused() -> None:
    with mistake("every run has the same loss, 2.5: there is nothing to fit"):
        fit(CHINCHILLA, Runs.from_columns({**inputs_of(20), "loss": np.full(20, 2.5)}))


def test_a_loss_that_is_not_positive_is_refused_with_its_row() -> None:
    table = columns(CHINCHILLA)
    table["loss"][4] = -0.5
    with mistake("row 5 has loss = -0.5: chinchilla is fitted to logarithms and needs loss > 0"):
        fit(CHINCHILLA, Runs.from_columns(table))


def test_a_missing_input_is_refused_with_the_way_to_name_it() -> None:
    with mistake("power needs a column C and there is none among N, loss: name it with --columns C=COLUMN"):
        fit("power", Runs.from_columns({"N": [1e6, 2e6], "loss": [3.0, 2.0]}))


def test_an_input_or_outcome_that_is_no_number_is_refused() -> None:
    strings = {"size": ["s", "m"], "loss": [3.0, 2.0]}

    @law(source="here", wrong_when="always.", domain={}, carries={})
    def flat(size: Annotated[np.ndarray, Input(unit="none")], *, A: Scale) -> Score:
        return A + 0 * size

    with mistake("column size holds no numbers: name another with --columns size=COLUMN"):
        fit(flat, Runs.from_columns(strings))
    with mistake("column 'size' holds String, no numbers"):
        fit("power", Runs.from_columns({**strings, "C": [1e18, 1e19]}), "size")


def test_an_empty_table_is_refused() -> None:
    with mistake("there are only 0 runs"):
        fit(CHINCHILLA, planted(CHINCHILLA).where("N > 1e30"))


def test_a_cluster_of_one_is_refused() -> None:
    with mistake("trunk has one value, 1"):
        fit(CHINCHILLA, Runs.from_columns({**columns(CHINCHILLA), "trunk": np.ones(60)}), cluster="trunk")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"draws": 3}, "draws = 3"), ({"starts": 0}, "starts = 0"), ({"level": 90}, "level = 90")],
)
def test_options_without_meaning_are_refused(options: dict[str, Any], message: str) -> None:
    with mistake(message):
        fit(CHINCHILLA, planted(CHINCHILLA), **options)


# Forecasts


@pytest.fixture(scope="module")
def made() -> Fit:
    return fit(CHINCHILLA, planted(CHINCHILLA), draws=300)


def test_a_forecast_of_many_points_equals_those_of_each(made: Fit) -> None:
    N, D = np.array([1e8, 1e9]), np.array([[1e10], [1e11], [1e12]])
    drifting = replace(made, drift=0.01)
    together = drifting.predict(N=N, D=D)
    assert together.mean.shape == together.lo.shape == together.parts["parameters"].shape == (3, 2)
    alone = drifting.predict(N=1e9, D=1e11)
    assert isinstance(alone.mean, float)
    assert (together.mean[1, 1], together.lo[1, 1], together.hi[1, 1]) == (alone.mean, alone.lo, alone.hi)
    assert alone.parts == {name: part[1, 1] for name, part in together.parts.items()}


def test_the_mean_of_many_runs_is_surer_than_one_run(made: Fit) -> None:
    one, many = made.predict(N=1e8, D=1e10), made.predict(of="mean", N=1e8, D=1e10)
    assert one.mean == many.mean
    assert one.lo < many.lo < many.mean < many.hi < one.hi
    assert many.parts["residual"] == 0.0
    assert one.parts["residual"] == pytest.approx(0.002, rel=0.4)  # the noise that was planted


def test_the_probability_of_a_goal_is_that_of_the_interval(made: Fit) -> None:
    forecast = made.predict(N=[7e9, 7e10], D=1e12)
    for i, (mean, lo, hi) in enumerate(zip(forecast.mean, forecast.lo, forecast.hi, strict=True)):
        at = [forecast.probability_below(goal)[i] for goal in (lo, mean, hi)]
        np.testing.assert_allclose(at, [0.05, 0.5, 0.95], atol=1e-9)
    assert made.predict(N=7e9, D=1e12).probability_below(100.0) == 1.0
    with pytest.raises(InputError, match=r"^a goal of -1: give a loss above 0$"):
        forecast.probability_below(-1)


@pytest.mark.slow
def test_goals_are_reached_about_as_often_as_is_said() -> None:
    said, reached = [], []
    for seed in range(40):
        made = fit(CHINCHILLA, planted(CHINCHILLA, n=40, noise=0.01, seed=seed), draws=60, starts=4)
        new = columns(CHINCHILLA, n=50, noise=0.01, seed=100 + seed)
        goal = float(np.median(new["loss"]))
        said += made.predict(N=new["N"], D=new["D"]).probability_below(goal).tolist()
        reached += (new["loss"] < goal).tolist()
    near = (np.array(said) > 0.2) & (np.array(said) < 0.8)
    assert np.mean(np.array(reached)[near]) == pytest.approx(np.mean(np.array(said)[near]), abs=0.15)


def test_drift_widens_a_forecast_by_the_distance_beyond_the_runs_only(made: Fit) -> None:
    drifting = replace(made, drift=0.02)
    inside = {"N": made.inputs["N"][0], "D": made.inputs["D"][0]}
    assert drifting.predict(**inside).lo == made.predict(**inside).lo
    assert drifting.predict(**inside).parts["extrapolation"] == 0.0
    ahead = drifting.predict(N=made.farthest * np.e**3 / made.inputs["D"].max(), D=made.inputs["D"].max())
    beyond = 0.06 * shipped().other.stretch_at(0.9)
    assert ahead.parts["extrapolation"] == pytest.approx(beyond, rel=1e-9)
    # At 90% a normal reaches 1.645 deviations.
    half = (np.log(ahead.hi) - np.log(ahead.lo)) / 2
    assert half == pytest.approx(1.645 * np.sqrt(sum(part**2 for part in ahead.parts.values())), rel=1e-3)
    assert half > 1.6 * beyond


def test_a_forecast_without_its_inputs_is_refused(made: Fit) -> None:
    with mistake("chinchilla needs D to predict: give N and D"):
        made.predict(N=1e9)
    with mistake("chinchilla takes no C: give N and D"):
        made.predict(N=1e9, D=1e10, C=1e20)
    with mistake("D = -1: chinchilla needs D > 0 and finite"):
        made.predict(N=1e9, D=[1e10, -1.0])
    with mistake("of = 'best': give 'run' or 'mean'"):
        made.predict(of="best", N=1e9, D=1e10)  # type: ignore[arg-type]


# Files


def test_a_law_of_one_input_is_saved_with_its_input(tmp_path: Path) -> None:
    fit("power", planted(CHINCHILLA), x="N", draws=20).save(tmp_path / "fit.json")
    assert Fit.load(tmp_path / "fit.json").law.inputs == ("N",)


def test_to_dict_is_what_the_command_line_prints(made: Fit) -> None:
    printed = json.loads(json.dumps(made.to_dict()))
    assert list(printed) == [
        *("law", "n", "diverged", "params", "intervals", "level"),
        *("residual", "objective", "gradient", "starts", "warnings", "error", "drift"),
        *("bias", "hold_outs", "provenance"),
    ]
    assert printed["starts"] == {"tried": 27, "agree": 27}
    assert list(printed["intervals"]) == list(CHINCHILLA.parameters)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"fit.json' is no fit file \(it is no JSON: "),
        ('{"law": "power"}', r"fit.json' is no fit file \(format is None, not 'froude-fit'\): give a file that"),
        ("[1]", r"fit.json' is no fit file \(its content is \[1\], not a table"),
        ('{"format": "froude-fit", "version": 7}', "is a fit of version 7 and this Froude reads 2 to 3"),
        ('{"format": "froude-fit", "version": 2}', r"is no fit file \(law is missing\): give a file"),
        ('{"format": "froude-fit", "version": 2, "law": 3}', r"is no fit file \(law is 3, not a text"),
    ],
)
def test_a_file_that_is_no_fit_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "fit.json").write_text(text)
    with mistake(message):
        Fit.load(tmp_path / "fit.json")


def test_a_file_that_is_not_there_is_refused(made: Fit, tmp_path: Path) -> None:
    with mistake("there is no file .*none.json"):
        Fit.load(tmp_path / "none.json")
    with mistake("cannot write"):
        made.save(tmp_path / "no folder" / "fit.json")
