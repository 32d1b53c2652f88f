"""What every law promises of its fits: truths come back, from every start, and doubts where runs say little."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import designs
from froude.fitting import Fit, fit
from froude.laws import Law

EVERY_LAW = [pytest.param(each, id=each.name) for each in designs.every_law()]


@pytest.mark.parametrize("each", EVERY_LAW)
def test_fit_recovers_a_planted_law(each: Law) -> None:
    made = fit(each, designs.planted(each), draws=60)
    assert made.converged
    for name, true in designs.truth_of(each).items():
        low, high = made.intervals[name]
        # A 90% interval may miss by a little; twice its width never did over many seeds.
        assert low - (high - low) / 2 <= true <= high + (high - low) / 2, name


@pytest.mark.parametrize("each", EVERY_LAW)
def test_fit_of_exact_data_is_exact(each: Law) -> None:
    made = fit(each, designs.planted(each, noise=0.0), draws=20)
    target = designs.inputs_of(each, 20, seed=5)
    exact = each(**target, **designs.truth_of(each))
    np.testing.assert_allclose(made.predict(of="run", **target).mean, exact, rtol=1e-5)


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_design_that_determines_a_law_gives_one_minimum(each: Law) -> None:
    made = fit(each, designs.planted(each), starts=100, draws=20)
    assert made.starts_agree >= 99
    assert not [sentence for sentence in made.warnings if "identified" in sentence or "bound" in sentence]


@pytest.mark.parametrize("each", EVERY_LAW)
def test_runs_that_hardly_differ_are_said_not_to_determine_a_law(each: Law) -> None:
    made = fit(each, designs.planted(each, ill_posed=True), draws=40)
    assert any("not identified" in sentence for sentence in made.warnings)
    assert made.warnings[-1].startswith("what is known is loss = ")


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_saved_fit_predicts_exactly_the_same(each: Law, tmp_path: Path) -> None:
    saved = replace(fit(each, designs.planted(each), draws=30), drift=0.015)
    saved.save(tmp_path / "fit.json")
    loaded = Fit.load(tmp_path / "fit.json")
    at = designs.inputs_of(each, 20, seed=5)
    for name in ("mean", "lo", "hi"):
        here, there = (getattr(each.predict(of="run", **at), name) for each in (saved, loaded))
        np.testing.assert_array_equal(here, there)
    assert loaded.to_dict() == saved.to_dict()
    assert (loaded.rows == saved.rows).all()
