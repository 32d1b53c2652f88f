"""Backtests: held-out runs are predicted from the rest, and judged."""

from typing import Any

import numpy as np
import pytest

from froude.errors import InputError
from froude.fitting import backtest, choose
from froude.fitting.outcomes import LAWS
from froude.laws import get_law
from froude.runs import Runs

CHINCHILLA = get_law("chinchilla")
TRUTH = {"E": 1.1, "A": 60.0, "alpha": 0.33, "B": 300.0, "beta": 0.36}


def table(n: int = 200, noise: float = 0.002) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    N = 10 ** rng.uniform(5, 8, n)
    D = N * 10 ** rng.uniform(1, 2.5, n)
    loss = CHINCHILLA(N=N, D=D, **TRUTH) * np.exp(noise * rng.standard_normal(n))
    return {"N": N, "D": D, "loss": loss}


def test_a_true_law_predicts_held_out_runs_to_within_their_noise() -> None:
    (judged,) = backtest("chinchilla", Runs.from_columns(table()), "C > 1e17", draws=300)
    # The mean absolute value of normal noise of 0.2% is 0.16%; extrapolation adds some.
    assert 0.0012 < judged.mean_abs_rel_error < 0.0025
    # A true law errs less beyond its runs than those of published studies, and its hold-outs say so in part.
    assert judged.coverage > 0.85
    # 1.645 deviations of noise are 0.33%.
    assert 0.0028 < judged.mean_half_width < 0.04


def test_the_true_law_beats_wrong_ones() -> None:
    judged = backtest(["power", CHINCHILLA, "kaplan-joint"], Runs.from_columns(table()), "C > 1e16", draws=50)
    errors = {each.law.name: each.mean_abs_rel_error for each in judged}
    assert list(errors) == ["power", "chinchilla", "kaplan-joint"]
    assert errors["chinchilla"] < min(errors["power"], errors["kaplan-joint"])


def test_a_backtest_is_a_fit_to_the_rest_and_its_forecast() -> None:
    columns = table()
    columns["loss"][:2] = np.nan
    runs = Runs.from_columns(columns)
    (judged,) = backtest(CHINCHILLA, runs, "N > 1e7", draws=50, seed=3)
    large = columns["N"] > 1e7
    rest = choose(runs.take(~large), laws=CHINCHILLA, draws=50, seed=3).fit
    finite = large & np.isfinite(columns["loss"])
    forecast = rest.predict(N=columns["N"][finite], D=columns["D"][finite])
    np.testing.assert_array_equal(judged.predicted, forecast.mean)
    np.testing.assert_array_equal(judged.hi, forecast.hi)
    np.testing.assert_array_equal(judged.measured, columns["loss"][judged.rows])
    assert judged.n_held_out == finite.sum()
    assert judged.n_fit == (~large & np.isfinite(columns["loss"])).sum()


@pytest.mark.slow
def test_auto_is_one_row_and_about_as_good_as_the_best() -> None:
    runs = Runs.from_columns(table())
    auto, *single = backtest(["auto", *LAWS["loss"][0]], runs, "C > 1e16", draws=50)
    assert all(law.name in LAWS["loss"][0] for law, _ in auto.law.members)
    assert auto.law.name == " + ".join(f"{law.name} {100 * share:.3g}%" for law, share in auto.law.members)
    # Of planted runs no law is too high; what is taken out of them all the same is little.
    assert auto.mean_abs_rel_error < 0.005 + min(each.mean_abs_rel_error for each in single)


def test_the_scores_are_those_of_the_arrays() -> None:
    (judged,) = backtest("power", Runs.from_columns(table()), "N > 1e7", x="N", draws=50)
    assert judged.law.inputs == ("N",)
    off = np.abs(judged.predicted - judged.measured) / judged.measured
    inside = (judged.lo <= judged.measured) & (judged.measured <= judged.hi)
    assert judged.to_dict() == judged.origin | {
        "law": "power",
        "hold_out": "N > 1e7",
        "mean_abs_rel_error": pytest.approx(off.mean()),
        "worst_abs_rel_error": pytest.approx(off.max()),
        "coverage": inside.mean(),
        "mean_half_width": pytest.approx(((judged.hi - judged.lo) / judged.predicted).mean() / 2),
        "level": 0.9,
        "n_fit": judged.n_fit,
        "n_held_out": judged.predicted.size,
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("N > 1e30", "'N > 1e30' holds out no run with a finite loss: loosen the condition"),
        ("N > 0", "'N > 0' holds out every run: leave some to fit"),
        ("C > 5e16", None),
    ],
)
def test_a_split_that_leaves_nothing_on_a_side_is_refused(condition: str, message: str | None) -> None:
    runs = Runs.from_columns(table())
    options: dict[str, Any] = {"draws": 20, "starts": 3}
    if message is None:
        assert backtest("power", runs, condition, **options)[0].n_held_out > 0
        return
    with pytest.raises(InputError, match=message):
        backtest("power", runs, condition, **options)


def test_a_law_named_twice_is_judged_once_and_hundreds_are_refused() -> None:
    runs = Runs.from_columns(table())
    twice = backtest(["power", "power"], runs, "C > 5e16", x="C", draws=20, starts=3)
    assert [each.law.name for each in twice] == ["power"]
    with pytest.raises(InputError, match="give at most 100 at once"):
        backtest([f"power{k}" for k in range(500)], runs, "C > 5e16")
