"""What a fit says of its evidence: how much single runs decide, and that ordinary tables are not doubted."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from froude import Runs, get_law, law, read_runs
from froude.fitting import fit
from froude.fitting.diagnostics import diagnose
from froude.fitting.evidence import FitEvidence
from froude.fitting.fits import Fit
from froude.fitting.measured import measure
from froude.fitting.options import FitOptions
from froude.fitting.problem import make_problem, search
from froude.fitting.solver import TOLERANCE
from froude.laws import Law
from froude.laws.kinds import Input, Output, Weight
from planted import planted

Published = Callable[[str], Path]
Dose = Annotated[np.ndarray, Input(unit="dose", domain="real")]
Score = Annotated[np.ndarray, Output(unit="points", residual="plain")]

CHINCHILLA = get_law("chinchilla")
PLANTED = CHINCHILLA.published["besiroglu-2024"]


@law(source="here", wrong_when="always.", domain={}, carries={"slope": {"dose": -1.0}})
def line(dose: Dose, *, level: Weight, slope: Weight) -> Score:
    """A straight line."""
    return level + slope * dose


def evidence(each: Law, runs: Runs, y: str = "loss") -> FitEvidence:
    """What a fit of a law is judged by; the starts stand for refits."""
    measured = measure(each, runs, y)
    problem = make_problem(each, measured.given, measured.y)
    minima = search(problem, 9, np.random.default_rng(0))
    return FitEvidence(runs, y, measured, problem, minima, minima, FitOptions())


def leverage_of(made: Fit) -> str:
    return "\n".join(said for said in made.warnings if "leverage" in said)


def lone_run(span: float) -> Runs:
    """Planted runs whose lengths of training span a factor, but for one of many more tokens, 3% below the law."""
    rng = np.random.default_rng(0)
    N, D = np.geomspace(1e8, 1e10, 36), 1e10 * np.exp(rng.uniform(0, np.log(span), 36))
    D[20] = 1e12
    loss = CHINCHILLA(N=N, D=D, **PLANTED) * np.exp(0.002 * rng.standard_normal(36))
    loss[20] *= 0.97
    return Runs.from_columns({"N": N, "D": D, "loss": loss, "name": [f"r{i}" for i in range(36)]})


def far_dose() -> dict[str, np.ndarray]:
    """Doses of which one lies far from the others."""
    dose = np.append(np.linspace(0.0, 1.0, 20), 30.0)
    return {"dose": dose, "score": 0.5 - 0.2 * dose + 0.01 * np.random.default_rng(0).standard_normal(21)}


# Leverage


def test_leverage_is_the_diagonal_of_the_hat_matrix() -> None:
    table = far_dose()
    table["score"][5] += 0.2  # far off, so that it pulls less
    found = evidence(line, Runs.from_columns(table), "score")
    design = np.column_stack([np.ones(21), table["dose"]])
    weights = np.minimum(1, 3 * 1.4826 * np.median(np.abs(found.residuals)) / np.abs(found.residuals))
    weighted = design * np.sqrt(weights)[:, None]
    hat = weighted @ np.linalg.inv(weighted.T @ weighted) @ weighted.T
    assert weights.min() < 0.5
    np.testing.assert_allclose(found.leverage, np.diag(hat), atol=1e-6)
    assert found.leverage.sum() == pytest.approx(2)
    assert found.leverage.argmax() == 20


def test_leverage_does_not_depend_on_the_units() -> None:
    table = planted()
    scaled = {"N": table["N"] / 1e9, "D": table["D"] / 1e12, "loss": table["loss"]}
    here, there = (evidence(CHINCHILLA, Runs.from_columns(each)).leverage for each in (table, scaled))
    np.testing.assert_allclose(here, there, atol=1e-4)


def test_a_parameter_at_a_bound_takes_no_leverage() -> None:
    x = np.logspace(15, 21, 30)
    bent_down = 90 * x**-0.06 * np.exp(-0.004 * np.log(x / 1e18) ** 2)
    found = evidence(get_law("power-floor"), Runs.from_columns({"C": x, "loss": bent_down}))
    assert found.params["E"] == 0
    assert found.leverage.sum() == pytest.approx(2)


def test_a_run_that_decides_alone_is_named_with_what_the_others_would_say() -> None:
    runs = lone_run(span=10.0)
    made = fit(CHINCHILLA, runs, draws=100)
    others = fit(CHINCHILLA, runs.take(np.arange(36) != 20), draws=100)
    (said,) = [each for each in made.warnings if "leverage" in each]
    told = re.fullmatch(r"leverage of single runs: without row 21 \(r20\) (\w+) would be (\S+), not (\S+)", said)
    assert told
    assert told[2] == f"{others.params[told[1]]:.3g}"
    assert told[3] == f"{made.params[told[1]]:.3g}"


def test_a_run_without_which_there_is_no_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = evidence(CHINCHILLA, lone_run(span=10.0))
    lost = replace(found.minima, converged=np.zeros(9, dtype=bool))
    monkeypatch.setattr(FitEvidence, "refit_without", lambda *_: lost)
    assert "leverage of single runs: without row 21 (r20) there is no fit" in diagnose(found)


def test_at_most_three_runs_are_named() -> None:
    dose = np.linspace(0.0, 1.0, 40)
    runs = Runs.from_columns({"dose": dose, "score": 0.5 - 0.2 * dose + np.cos(np.pi * dose * 4)})
    found = evidence(line, runs, "score")
    found.__dict__["leverage"] = np.where(np.arange(40) % 10 == 0, 0.9, 0.01)
    found = replace_spread(found)
    (said,) = [each for each in diagnose(found) if "leverage" in each]
    assert said.count("without row") == 3
    assert said.endswith("; 1 more decide as much")


def replace_spread(found: FitEvidence) -> FitEvidence:
    """Evidence of refits that hardly differ, so that every run moves the fit by more."""
    made = replace(found, refits=replace(found.refits, points=found.point + 1e-9 * np.arange(9)[:, None]))
    made.__dict__["leverage"] = found.leverage
    return made


def test_a_run_that_says_what_the_others_say_is_not_named() -> None:
    x = np.append(np.geomspace(1e18, 1e19, 30), 1e22)
    rng = np.random.default_rng(0)
    runs = Runs.from_columns({"C": x, "loss": 90 * x**-0.06 * np.exp(0.02 * rng.standard_normal(31))})
    found = evidence(get_law("power"), runs)
    assert found.leverage[30] > 0.5
    moved = np.abs(found.refit_without(30).points - found.point).max()
    for spread, named in ((0.1 * moved, True), (4 * moved, False)):
        refits = replace(found.refits, points=found.point + rng.normal(0, spread, (9, 2)))
        assert any("without row 31" in said for said in diagnose(replace(found, refits=refits))) == named


@pytest.mark.parametrize("seed", range(4))
def test_ordinary_runs_decide_nothing_alone(seed: int) -> None:
    made = fit(CHINCHILLA, Runs.from_columns(planted(seed=seed)), draws=50, starts=9)
    assert leverage_of(made) == ""


def test_two_runs_far_out_share_what_one_would_decide_alone() -> None:
    table = far_dose()
    twice = {name: np.append(values, values[-1]) for name, values in table.items()}
    table["score"][-1] += 3.0
    twice["score"][-2:] += 3.0
    twice["seed"] = np.arange(twice["score"].size)
    assert "without row 21 slope would be" in leverage_of(fit(line, Runs.from_columns(table), "score", draws=50))
    assert leverage_of(fit(line, Runs.from_columns(twice), "score", draws=50)) == ""


def test_where_runs_are_few_all_of_them_decide_and_none_is_named() -> None:
    made = fit(CHINCHILLA, Runs.from_columns({name: v[::7] for name, v in planted().items()}), draws=50, starts=9)
    assert any("5 parameters are fitted to 6 runs" in said for said in made.warnings)
    assert leverage_of(made) == ""


def test_the_chinchilla_points_decide_nothing_alone(published: Published) -> None:
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv"))
    for points in (runs, runs.where("D > 8.15e8")):
        assert leverage_of(fit(CHINCHILLA, points, draws=50)) == ""


def test_the_one_large_overtrained_model_decides_the_floor(published: Published) -> None:
    path = published("overtraining_mlfoundations/models_loss_and_downstream.csv")
    runs = read_runs(path, {"loss": "loss_c4_val"}).where("train_set = 'c4_original'")
    said = leverage_of(fit(CHINCHILLA, runs, draws=100))
    assert "without row 34 (c4_original-open_lm_7b-1.0) E would be 1.39, not 1.62" in said


# Outcome


@pytest.mark.parametrize("y", ["acc", "accuracy", "acc_hellaswag", "MMLU Accuracy", "1-acc", "arc_easy/acc_norm"])
def test_a_fit_of_accuracy_warns_and_names_the_masses_instead(y: str) -> None:
    found = evidence(line, Runs.from_columns({"dose": far_dose()["dose"], y: far_dose()["score"]}), y)
    (said,) = (each for each in diagnose(found) if "accuracy" in each)
    assert said == (
        f"{y} is an accuracy: where answers are choices it follows scale less closely than the mass on the right one; "
        "fit -ln of the mass on the right choice and on the wrong ones, and compose these"
    )


@pytest.mark.parametrize("y", ["score", "loss", "error", "acceleration", "mAP", "right"])
def test_an_outcome_of_another_name_is_not_taken_for_an_accuracy(y: str) -> None:
    found = evidence(line, Runs.from_columns({"dose": far_dose()["dose"], y: far_dose()["score"]}), y)
    assert not any("accuracy" in said for said in diagnose(found))


# Gradient


def test_the_gradient_of_a_fit_is_told_and_is_nothing_at_a_minimum() -> None:
    made = fit(CHINCHILLA, Runs.from_columns(planted()), draws=20)
    assert 0 <= made.gradient < TOLERANCE
    assert made.to_dict()["gradient"] == made.gradient
