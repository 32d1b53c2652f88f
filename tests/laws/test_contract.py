"""What every law promises of its fits: truths come back, from every start, and doubts where runs say little."""

import importlib.util
import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import designs
from froude.fitting import Fit, FitOptions, fit
from froude.fitting.estimation import estimate
from froude.fitting.identification import UndeterminedError
from froude.laws import Law, all_laws, get_law
from froude.laws.catalogue import FAMILIES
from froude.runs import Runs

pytest_plugins = ["door"]

SLOW = ("broken-2", "farseer")
EVERY_LAW = [
    pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in SLOW else [])
    for each in designs.every_law()
]


@cache
def of_planted_runs(each: Law) -> Fit:
    """The fit of a law to noisy runs drawn from it."""
    return estimate(each, designs.planted(each), options=FitOptions(draws=60))


@pytest.mark.parametrize("each", EVERY_LAW)
def test_fit_recovers_a_planted_law(each: Law) -> None:
    made = of_planted_runs(each)
    assert made.converged
    for name, true in designs.truth_of(each).items():
        low, high = made.intervals[name]
        # A 90% interval may miss by a little; twice its width never did over many seeds.
        assert low - (high - low) / 2 <= true <= high + (high - low) / 2, name


@pytest.mark.parametrize("each", EVERY_LAW)
def test_fit_of_exact_data_is_exact(each: Law) -> None:
    made = estimate(each, designs.planted(each, noise=0.0), options=FitOptions(draws=20))
    target = designs.inputs_of(each, 20, seed=5)
    exact = each(**target, **designs.truth_of(each))
    np.testing.assert_allclose(made.predict(of="run", **target).mean, exact, rtol=1e-5)


@pytest.mark.slow  # a hundred starts a law
@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_design_that_determines_a_law_gives_one_minimum(each: Law) -> None:
    made = estimate(each, designs.planted(each), options=FitOptions(starts=100, draws=20))
    assert made.starts_agree >= 99
    assert not [sentence for sentence in made.warnings if "identified" in sentence or "bound" in sentence]


@pytest.mark.slow  # bounds and far minima, at every start
@pytest.mark.parametrize("each", EVERY_LAW)
def test_runs_that_hardly_differ_are_said_not_to_determine_a_law(each: Law) -> None:
    try:
        made = estimate(each, designs.planted(each, ill_posed=True), options=FitOptions(draws=40))
    except UndeterminedError:  # so many parameters that no residual depends on some of them
        return
    (said,) = [sentence for sentence in made.warnings if "not identified" in sentence]
    assert "what is known is " in said
    assert "loss = " in said


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_saved_fit_predicts_exactly_the_same(each: Law, tmp_path: Path) -> None:
    saved = replace(of_planted_runs(each), drift=0.015)
    saved.save(tmp_path / "fit.json")
    loaded = Fit.load(tmp_path / "fit.json")
    at = designs.inputs_of(each, 20, seed=5)
    for name in ("mean", "lo", "hi"):
        here, there = (getattr(each.predict(of="run", **at), name) for each in (saved, loaded))
        np.testing.assert_array_equal(here, there)
    assert loaded.to_dict() == saved.to_dict()
    assert (loaded.rows == saved.rows).all()


# A law of somebody's own

TOY = '''"""Laws made for a test."""

from froude.laws.decorator import law
from froude.laws.kinds import Amount, Exponent, Positive, Tokens


@law(
    source="nobody",
    domain={"D": (1e6, 1e9)},
    carries={"A": {"D": "alpha"}},
    falls_in=("D",),
    wrong_when="it is used for more than a test.",
)
def toy_decay(D: Tokens, *, A: Amount, alpha: Exponent) -> Positive:
    """The outcome falls as a power of tokens."""
    return A * D**-alpha
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Law:
    """A law in a file of its own, which the catalogue lists by one line."""
    (tmp_path / "toy.py").write_text(TOY)
    spec = importlib.util.spec_from_file_location("froude.laws.families.toy", tmp_path / "toy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr("froude.laws.catalogue.FAMILIES", (*FAMILIES, module))
    return module.toy_decay


def test_a_law_in_a_listed_file_is_in_the_catalogue_and_its_list(toy: Law, cli) -> None:
    assert all_laws()[-1] is toy
    assert all_laws("toy") == (toy,)
    assert get_law("toy-decay") is toy
    assert toy.formula == "A·D^-alpha"
    listed = cli("laws", "--family", "toy").out
    assert "Laws made for a test." in listed
    assert "toy-decay" in listed
    (described,) = json.loads(cli("laws", "toy-decay", "--json").out)
    assert (described["inputs"], described["claims"]) == ({"D": "tokens"}, {"D": "falls"})


def test_a_law_in_a_listed_file_is_fitted_and_forecast_with(toy: Law, cli, tmp_path: Path) -> None:
    D = np.geomspace(1e6, 1e9, 12)
    loss = toy(D=D, A=50.0, alpha=0.2) * np.exp(0.01 * np.random.default_rng(0).standard_normal(12))
    runs = Runs.from_columns({"D": D, "loss": loss})
    low, high = fit(toy, runs, draws=50).intervals["alpha"]
    assert low <= 0.2 <= high
    runs.frame.write_csv(tmp_path / "runs.csv")
    saved = tmp_path / "fit.json"
    assert cli("fit", tmp_path / "runs.csv", "--law", "toy-decay", "--draws", 50, "--out", saved).code == 0
    (forecast,) = json.loads(cli("predict", saved, "--at", "D=1e10", "--json").out)
    assert forecast["mean"] == pytest.approx(50 * 1e10**-0.2, rel=0.02)


def test_a_law_of_a_script_has_a_family_too() -> None:
    script: dict[str, Any] = {"__name__": "__main__"}
    exec(TOY, script)
    assert script["toy_decay"].family == "main"
