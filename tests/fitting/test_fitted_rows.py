"""What a fit says of each row of its table: in Python as columns, in JSON as rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude import Fit, InputError, Runs, fit
from froude.answers.fits import about_starts
from planted import QUICK, planted

pytest_plugins = ["door"]


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Planted runs with names, of which two diverged, one has no loss, and one lies far off."""
    table = planted()
    loss = table["loss"].tolist()
    loss[3], loss[7], loss[11], loss[20] = float("nan"), float("inf"), None, 1.3 * loss[20]
    return Runs.from_columns({**table, "loss": loss, "name": [f"r{k}" for k in range(36)]})


@pytest.fixture(scope="module")
def made(runs: Runs) -> Fit:
    """A fit to them."""
    return fit("chinchilla", runs, draws=20, starts=5)


def test_every_row_has_its_status_prediction_and_residual(runs: Runs, made: Fit) -> None:
    columns = made.columns(runs)
    assert list(columns) == ["row", "id", "N", "D", "loss", "predicted", "residual", "status"]
    assert columns["status"][[3, 7, 11, 20]].tolist() == ["diverged", "diverged", "skipped", "outlier"]
    assert (columns["status"] == "fitted").sum() == 32
    assert (columns["row"][5], columns["id"][5]) == (6, "r5")
    np.testing.assert_allclose(columns["predicted"], made.law(N=runs["N"], D=runs["D"], **made.params), rtol=1e-12)
    of_loss = np.log(columns["predicted"][made.rows] / columns["loss"][made.rows])
    np.testing.assert_allclose(columns["residual"][made.rows], of_loss, atol=1e-12)
    assert np.isnan(columns["residual"][[3, 7, 11]]).all()


def test_the_columns_of_an_average_are_those_of_its_own_residuals(runs: Runs) -> None:
    average = fit("auto", runs, draws=20, starts=5)
    columns = average.columns(runs)
    np.testing.assert_array_equal(columns["residual"][average.rows], average.residuals)


def test_another_table_than_the_fitted_one_is_refused(runs: Runs, made: Fit) -> None:
    for other in (runs.where("N > 1e9"), runs.take(np.arange(36)[::-1])):
        with pytest.raises(InputError, match="these are not the runs that were fitted"):
            made.columns(other)


def test_the_rows_in_json_are_the_columns_in_python(cli: Callable, runs: Runs, tmp_path: Path) -> None:
    runs.frame.write_csv(tmp_path / "runs.csv")
    told = json.loads(cli("fit", tmp_path / "runs.csv", *QUICK, "--where", "N < 5e9", "--json").out)["rows"]
    some = runs.where("N < 5e9")
    columns = fit("chinchilla", some, draws=50).columns(some)
    assert [each["id"] for each in told] == columns["id"].tolist()
    assert [each["row"] for each in told] == columns["row"].tolist()
    assert [each["status"] for each in told] == columns["status"].tolist()
    known = np.isfinite(columns["residual"])
    assert [each["residual"] for each in told if each["residual"] is not None] == columns["residual"][known].tolist()


@pytest.mark.parametrize(
    ("agree", "said"),
    [(27, "all 27 random starts end at these numbers"), (6, "6 of 27 random starts end at these numbers"), (3, None)],
)
def test_starts_are_told_by_what_they_mean(made: Fit, agree: int, said: str | None) -> None:
    told = about_starts(replace(made, starts_tried=27, starts_agree=agree))
    assert told is None if said is None else (told is not None and told.startswith(said))


def test_the_line_that_says_where_a_fit_was_saved_can_be_copied(cli: Callable, table: Path, tmp_path: Path) -> None:
    done = cli("fit", table, *QUICK, "--out", tmp_path / "my fit.json")
    assert done.out.splitlines()[-1] == f"saved: froude predict '{tmp_path / 'my fit.json'}' --at N=…,D=…"
