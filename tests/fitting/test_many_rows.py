"""Fits of more rows than are searched, beside fits in which all rows take part in everything."""

from dataclasses import replace

import numpy as np
import pytest

from froude import Runs, fit, get_law
from froude.fitting import Fit, many_rows
from froude.fitting.estimation import solve
from froude.fitting.evidence import best_row
from froude.fitting.measured import measure
from planted import CHINCHILLA

N_ROWS = 3600
WITH_OUTLIERS = 0.01  # of the rows


def many_runs(noise: float = 0.01, seed: int = 0) -> Runs:
    """Runs of all sizes, up to noise on the published law, of which one in a hundred is far off."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(6, 9.5, N_ROWS), 10 ** rng.uniform(8, 11, N_ROWS)
    wild = 0.3 * (rng.random(N_ROWS) < WITH_OUTLIERS) if noise else 0.0
    loss = get_law("chinchilla")(N=N, D=D, **CHINCHILLA) * np.exp(noise * rng.standard_normal(N_ROWS) + wild)
    return Runs.from_columns({"N": N, "D": D, "loss": loss})


def fit_all(monkeypatch: pytest.MonkeyPatch, law: str, runs: Runs, draws: int) -> tuple[Fit, Fit]:
    """A fit that is searched among some rows, and one in which all take part in everything."""
    some = fit(law, runs, draws=draws)
    monkeypatch.setattr(many_rows, "MANY", N_ROWS)
    return some, fit(law, runs, draws=draws)


def test_a_fit_of_many_rows_is_the_lowest_minimum_of_all_of_them() -> None:
    runs, law = many_runs(), get_law("chinchilla")
    _, minima = solve(law, measure(law, runs, "loss"), 8, np.random.default_rng(1))
    found = fit(law, runs, draws=20)
    assert found.starts_agree == found.starts_tried
    assert found.objective == pytest.approx(minima.objectives[best_row(minima)], rel=1e-9)
    assert found.residuals.size == found.n == N_ROWS


@pytest.mark.parametrize("law", ["chinchilla", "power-floor"])
def test_the_drift_of_many_rows_is_that_of_full_hold_outs(monkeypatch: pytest.MonkeyPatch, law: str) -> None:
    some, full = fit_all(monkeypatch, law, many_runs(), draws=20)
    assert some.hold_outs == full.hold_outs == 6
    assert some.drift == pytest.approx(full.drift, rel=1e-3)
    assert some.params == pytest.approx(full.params, rel=1e-4)


def test_refits_of_some_rows_scatter_like_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    some, full = fit_all(monkeypatch, "chinchilla", many_runs(), draws=200)
    widths = [np.diff([*each.intervals.values()], axis=1).ravel() for each in (some, full)]
    # A width of 200 draws scatters by 7%, and what 1000 rows show of the scatter of refits by as much.
    assert widths[0] == pytest.approx(widths[1], rel=0.25)


def test_all_starts_agree_where_many_rows_lie_on_the_law() -> None:
    found = fit("chinchilla", many_runs(noise=0.0), draws=20)
    assert found.starts_agree == found.starts_tried
    assert found.params == pytest.approx(dict(CHINCHILLA), rel=1e-6)


def test_rows_that_are_searched_are_of_all_sizes() -> None:
    law = get_law("chinchilla")
    measured = measure(law, many_runs(), "loss")
    rows = many_rows.spread_rows(law, measured, np.random.default_rng(0))
    ranks = np.argsort(np.argsort(measured.inputs["N"] * measured.inputs["D"]))[rows]
    assert np.unique(rows).size == many_rows.SOME
    assert np.diff(np.sort(ranks), prepend=0, append=N_ROWS).max() < 2 * N_ROWS / many_rows.SOME + 1


def test_rows_of_clusters_are_resampled_together_however_many() -> None:
    runs, rng = many_runs(), np.random.default_rng(0)
    cluster = np.arange(N_ROWS) % 40
    shared = np.exp(0.02 * rng.standard_normal(40)[cluster])
    frame = runs.frame.with_columns(loss=runs["loss"] * shared, cluster=cluster)
    alone, together = (fit("chinchilla", replace(runs, frame=frame), draws=20, cluster=c) for c in (None, "cluster"))
    # Forty clusters tell what they share as well as forty rows would, and 3600 rows are taken for far more.
    mean = [each.predict(of="mean", N=1e8, D=1e10).parts["parameters"] for each in (alone, together)]
    assert mean[1] > 2 * mean[0]
