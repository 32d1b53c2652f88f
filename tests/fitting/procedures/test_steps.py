"""Kaplan's law of whole trainings from curves of small models: stages, joint fit, a model thirty times larger."""

import numpy as np
import pytest

from froude.errors import InputError
from froude.fitting.procedures.training_steps import estimate_steps, step_stages
from froude.laws import get_law
from froude.laws.families.kaplan import s_min
from froude.runs import Runs

LAW = get_law("kaplan-trajectory")
SU = LAW.published["su-2024-c4"]
LARGE = {"N": 1.8e9, "S": np.geomspace(1e3, 3e5, 40), "B": 2e6}  # thirty times the largest of the small models
SIZES, BATCHES, POINTS = np.geomspace(1e6, 6e7, 5), np.array([3e4, 2e5, 1e6, 4e6]), np.geomspace(2e3, 1e5, 16)


def curves(noise: float = 0.0, seed: int = 0) -> Runs:
    """Loss curves of five sizes up to 60M at four batch sizes."""
    N, B, S = (grid.ravel() for grid in np.meshgrid(SIZES, BATCHES, POINTS, indexing="ij"))
    loss = LAW(N=N, S=S, B=B, **SU) * np.exp(noise * np.random.default_rng(seed).standard_normal(N.size))
    curve = np.repeat(np.arange(SIZES.size * BATCHES.size), POINTS.size)
    return Runs.from_columns({"N": N, "B": B, "S": S, "curve": curve, "loss": loss})


def off(params: dict[str, float]) -> float:
    """The largest relative error along the whole trajectory of the large model."""
    return float(np.abs(LAW(**LARGE, **params) / LAW(**LARGE, **SU) - 1).max())


def test_stages_on_exact_curves_give_the_planted_constants() -> None:
    stages = step_stages(curves())
    for name, true in SU.items():
        assert np.log(stages[name]) == pytest.approx(np.log(true), rel=5e-3, abs=5e-3), name


def test_small_models_predict_the_trajectory_of_a_30_times_larger_one() -> None:
    runs = curves(noise=0.005, seed=2)
    made = estimate_steps(runs, cluster="curve", draws=100, starts=5)
    assert made.starts_agree == 5
    assert made.warnings == ()
    # Over ten seeds of this noise, half a percent, the fit was 0.1 to 0.7% off and the stages 0.3 to 1.0%.
    assert off(dict(made.params)) < 0.01
    assert off(step_stages(runs)) < 0.015
    forecast = made.predict(of="mean", **LARGE)
    truth = LAW(**LARGE, **SU)
    assert np.mean((forecast.lo <= truth) & (truth <= forecast.hi)) > 0.9


def test_curves_on_which_fit_and_stages_disagree_are_pointed_at() -> None:
    runs = curves()
    # One batch was logged in other units: the robust fit and the straight lines take this differently.
    wrong = np.where((runs["B"] == 2e5) & (runs["N"] > 2e7), 1.25, 1.0)
    broken = Runs.from_columns({x: runs[x] * (wrong if x == "loss" else 1.0) for x in ("N", "B", "S", "loss")})
    assert any("estimated in stages" in sentence for sentence in estimate_steps(broken, draws=20, starts=3).warnings)


def test_curves_that_do_not_tell_the_constants_are_refused() -> None:
    runs = curves()
    with pytest.raises(InputError, match="curves of two sizes N"):
        step_stages(runs.where("N < 1.1e6"))
    with pytest.raises(InputError, match="of one size N at two batches B"):
        step_stages(runs.where("B = 1e6"))
    with pytest.raises(InputError, match="need a column S"):
        step_stages(Runs.from_columns({"N": [1.0], "B": [1.0], "loss": [1.0]}))
    N, B, loss = (grid.ravel() for grid in np.meshgrid(SIZES[:2], BATCHES, np.linspace(6.0, 3.5, 12), indexing="ij"))
    shrinking = 1e4 * loss**3  # a critical batch that falls with the loss
    steps = s_min(1.0, B, shrinking) ** -1 * 1e6 * loss**-4
    with pytest.raises(InputError, match="does not grow as the loss falls"):
        step_stages(Runs.from_columns({"N": N, "B": B, "S": steps, "loss": loss}))
