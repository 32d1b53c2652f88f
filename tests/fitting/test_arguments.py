# pyright: reportArgumentType=false
"""What public functions take: runs in any form, quantities as they are written, arguments in the right order."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import froude
from froude import InputError, get_law
from froude.runs import Study
from planted import planted, write_csv

QUICK: dict[str, Any] = {"draws": 20, "starts": 3}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of planted runs."""
    path = tmp_path_factory.mktemp("given") / "runs.csv"
    write_csv(path, planted())
    return path


@pytest.fixture(scope="module")
def law_fit(table: Path) -> froude.Fit:
    """Chinchilla fitted to it."""
    return froude.fit("chinchilla", table, **QUICK)


def test_every_form_of_one_table_gives_the_same_fit(table, law_fit):
    for form in (str(table), froude.read_runs(table), pl.read_csv(table), pl.read_csv(table).to_pandas()):
        assert froude.fit("chinchilla", form, **QUICK).params == law_fit.params


def test_a_study_is_taken_as_the_runs_in_it(tmp_path):
    study = Study.create(tmp_path / "study", {})
    for k, (N, loss) in enumerate(((1e6, 3.0), (2e6, 2.8), (4e6, 2.7))):
        with study.writer({"N": N, "seed": k}) as writer:
            writer.finish(D=1e8, loss=loss)
    assert froude.read_runs(study)["loss"].tolist() == froude.read_runs(tmp_path / "study")["loss"].tolist()
    assert len(froude.frontier(study)) == 3


@pytest.mark.parametrize(
    "verb",
    [
        lambda table: froude.backtest("chinchilla", table, "N > 2e9", **QUICK),
        lambda table: froude.approaches(table, 1e24, draws=20),
        lambda table: froude.frontier(table),
        lambda table: froude.count_flops(table, "6nd"),
    ],
)
def test_verbs_on_runs_take_a_path(verb, table):
    assert repr(verb(table)) == repr(verb(froude.read_runs(table)))


def test_forecasts_read_quantities_as_the_command_line_does(law_fit):
    there = law_fit.predict(N=7e9, D=1e12)
    for N, D in (("7B", "1T"), ("7e9", "1,000,000,000,000"), (np.float32(7e9), np.int64(10**12)), ("7 billion", 1e12)):
        assert law_fit.predict(N=N, D=D).mean == pytest.approx(there.mean, rel=1e-6)
    several = law_fit.predict(N=["7B", 70e9], D="1T")
    assert several.mean == pytest.approx(law_fit.predict(N=np.array([7e9, 70e9]), D=1e12).mean)
    assert get_law("chinchilla")(N="7B", D="1T", **law_fit.params) == there.mean


def test_budgets_read_quantities(law_fit, table):
    assert froude.optimal(law_fit, "1e24 FLOP").N == froude.optimal(law_fit, 1e24).N
    assert froude.optimal(law_fit, ["1e22", "1e24"]).N.tolist() == froude.optimal(law_fit, [1e22, 1e24]).N.tolist()
    assert (
        froude.approaches(table, "1e24", draws=20).answers[0].N == froude.approaches(table, 1e24, draws=20).answers[0].N
    )


def test_saved_fits_are_taken_by_their_path(law_fit, tmp_path):
    law_fit.save(tmp_path / "fit.json")
    assert froude.optimal(tmp_path / "fit.json", 1e24).N == froude.optimal(law_fit, 1e24).N
    assert froude.predict(tmp_path / "fit.json", N="7B", D="1T").mean == law_fit.predict(N=7e9, D=1e12).mean


@pytest.mark.parametrize("value", ["seven", "7 GBB", "1TB", "7 days", "$7B", None, object()])
def test_what_is_no_quantity_is_refused_in_a_sentence(value, law_fit):
    with pytest.raises(InputError, match=r"quantity|unit|give a count or FLOP"):
        law_fit.predict(N=value, D=1e12)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda runs, path: froude.fit(runs, "chinchilla"),
            r"froude.fit takes the law first.*fit\('chinchilla', runs\)",
        ),
        (lambda runs, path: froude.fit(path, "chinchilla"), r"write froude.fit\('chinchilla', '.*runs.csv'\)"),
        (lambda runs, path: froude.fit(str(path), get_law("power")), r"write froude.fit\('power', '.*runs.csv'\)"),
        (lambda runs, path: froude.fit(runs.frame, "auto"), r"froude.fit takes the law first"),
        (lambda runs, path: froude.fit(runs, runs), r"takes a law first"),
        (lambda runs, path: froude.fit(runs.frame, path), r"takes a law first"),
        (
            lambda runs, path: froude.backtest(runs, ["chinchilla", "power"], "N > 2e9"),
            r"\(\['chinchilla', 'power'\], runs",
        ),
        (lambda runs, path: froude.backtest("chinchilla", runs, runs), r"backtest takes laws, runs and a condition"),
        (lambda runs, path: froude.choose("auto", runs), r"choose takes the runs first: write froude.choose"),
        (lambda runs, path: froude.approaches(1e24, runs), r"approaches takes the runs first"),
        (
            lambda runs, path: froude.choose(runs, "chinchilla"),
            r"'chinchilla' is a law.*write froude.choose",
        ),
        (lambda runs, path: froude.predict(runs, N=1e9), r"a Runs is no fit: fit a law first"),
        (lambda runs, path: froude.compare(runs, runs, 1e24), r"a Runs is no fit: fit a law first"),
        (lambda runs, path: froude.train_cost(froude.get_machine("h100"), "gpt2"), r"takes the model first"),
        (lambda runs, path: froude.plan_training(froude.get_model("gpt2"), "h100"), r"takes the machine first"),
        (lambda runs, path: froude.optimal(1e24, froude.fit("chinchilla", runs, **QUICK)), r"takes the fit first"),
    ],
)
def test_swapped_arguments_get_the_right_order_in_one_sentence(call, sentence, table):
    with pytest.raises(InputError, match=sentence) as error:
        call(froude.read_runs(table), table)
    assert "\n" not in str(error.value)
