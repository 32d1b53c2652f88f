"""The contests with published laws measure what they say: splits, rivals, verdicts. Never a time."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from froude import Runs, get_law, get_published
from froude.laws.levers.repetition import excess_params, repeated_tokens
from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
TIED = get_law("chinchilla-tied")
TRUTH = TIED.published["muennighoff-2023"]
MODELS = {"d=96_l=8_h=4": 1.06e7, "d=512_l=8_h=4": 7.9e7, "d=576_l=24_h=8": 1.54e8, "d=1024_l=24_h=8": 4.1e8}
Part = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Part:
    """A function from the name of a file of the benchmark to the module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return lambda name: importlib.import_module(f"contests.{name}")


def contest(part: Part, ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray | None = None):
    groups = np.arange(ours.size) if groups is None else groups
    return part("compare").Contest(name="n", split="s", rival="r", fitted=3, ours=ours, theirs=theirs, groups=groups)


def over_training() -> Runs:
    """A study like the published one on one training set, of a planted tied law and planted task errors."""
    shapes = [(model, N, m) for model, N in MODELS.items() for m in (0.25, 1, 4, 16)] + [("open_lm_1b", 1.44e9, 1.0)]
    names, N, mult = (np.array(each) for each in zip(*shapes, strict=True))
    D = 20 * mult * N
    loss = TIED(N=N, D=D, E=1.8, A=150.0, alpha=0.27, B=400.0)
    columns = {"name": [f"rpj-{name}-{m}" for name, m in zip(names, mult, strict=True)], "train_set": ["rpj"] * N.size}
    columns |= {"N": N, "D": D, "cc_mult": mult, "loss": loss}
    return Runs.from_columns(columns)


def with_tasks(runs: Runs, tasks: tuple[str, ...]) -> Runs:
    accuracy = 0.14 + 2.2 * np.exp(-0.71 * runs["loss"])
    columns = {name: runs[name] for name in ("name", "train_set", "N", "D", "cc_mult", "loss")}
    return Runs.from_columns(columns | {f"acc_{task}": accuracy for task in tasks})


def repeated(epochs: tuple[float, ...] = (1, 2, 4, 10, 20, 40, 100)) -> dict[str, np.ndarray]:
    """Sizes, unique tokens and epochs on a grid."""
    N, U, times = (
        each.ravel()
        for each in np.meshgrid([2e7, 8e7, 2e8, 1e9], [1e8, 4e8, 1.5e9, 2e10], np.array(epochs, dtype=float))
    )
    return {"N": N, "U": U, "D": U * times, "epochs": times}


def test_better_or_worse_only_where_the_interval_leaves_out_zero(part: Part) -> None:
    rng = np.random.default_rng(0)
    theirs, noise = rng.uniform(0.01, 0.03, 60), 0.001 * rng.standard_normal(60)
    assert contest(part, theirs - 0.002 + noise, theirs).verdict == "better"
    assert contest(part, theirs + 0.002 + noise, theirs).verdict == "worse"
    assert contest(part, theirs + noise - noise.mean(), theirs).verdict == "equal within noise"


def test_errors_of_one_group_widen_the_interval(part: Part) -> None:
    theirs = np.full(60, 0.02)
    ours = theirs + np.repeat(0.002 * np.random.default_rng(0).standard_normal(6), 10)
    alone, together = contest(part, ours, theirs), contest(part, ours, theirs, np.repeat(np.arange(6), 10))
    widths = [high - low for low, high in (each.interval() for each in (alone, together))]
    assert widths[1] > 2 * widths[0]
    assert alone.difference == pytest.approx(together.difference) == pytest.approx(np.mean(ours - theirs))


def test_a_row_of_the_table_says_how_many_runs_were_fitted_and_judged(part: Part) -> None:
    row = contest(part, np.full(4, 0.0144), np.full(4, 0.0181)).row()
    assert row["fitted / judged"] == "3 / 4"
    assert (row["its error"], row["Froude's"]) == ("1.81%", "1.44%")
    assert row["difference (90%)"] == "-0.37% (-0.37% to -0.37%)"


def test_the_authors_fit_the_loss_to_five_runs_and_the_error_to_six(part: Part) -> None:
    runs = over_training()
    five, six = part("overtraining").fit_points(runs)
    assert list(runs["name"][five]) == [
        "rpj-d=96_l=8_h=4-1.0",
        "rpj-d=96_l=8_h=4-16.0",
        "rpj-d=512_l=8_h=4-1.0",
        "rpj-d=576_l=24_h=8-1.0",
        "rpj-d=1024_l=24_h=8-1.0",
    ]
    assert list(runs["name"][six & ~five]) == ["rpj-open_lm_1b-1.0"]


def test_both_sides_predict_a_planted_over_training_study(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("overtraining")
    monkeypatch.setattr(module, "DRAWS", 20)
    made = module._forecast_split(with_tasks(over_training(), module.TASKS))
    np.testing.assert_allclose(made.published, made.runs["loss"], rtol=1e-6)
    np.testing.assert_allclose(made.published_error, made.task_error, rtol=1e-5)
    # Froude's average has other laws in it than the planted one: they meet at the fitted runs and part elsewhere.
    np.testing.assert_allclose(made.ours[made.five], made.runs["loss"][made.five], rtol=1e-3)
    np.testing.assert_allclose(made.ours, made.runs["loss"], rtol=0.03)
    np.testing.assert_allclose(made.ours_error, made.task_error, rtol=0.05)


def test_what_is_judged_changes_no_forecast_of_over_training(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("overtraining")
    monkeypatch.setattr(module, "DRAWS", 20)
    runs = with_tasks(over_training(), module.TASKS)
    _, six = module.fit_points(runs)
    columns = {name: runs[name].copy() for name in runs.columns}
    columns["loss"][~six] *= 1.5
    for task in module.TASKS:
        columns[f"acc_{task}"][~six] *= 0.5
    before, after = module._forecast_split(runs), module._forecast_split(Runs.from_columns(columns))
    for name in ("published", "ours", "published_error", "ours_error"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_the_published_forecasts_of_over_training_are_reproduced(part: Part, tables: None) -> None:
    module = part("overtraining")
    runs = get_published(module.STUDY).read(module.FILE).where("train_set = 'rpj'")
    five, six = module.fit_points(runs)
    N, M, loss, error = runs["N"], 20 * runs["cc_mult"], runs["loss"], module.task_error(runs)
    law, (alpha, beta, power, floor) = module.published_loss(N[five], M[five], loss[five])
    losses = law(N, M)
    errors = module.published_error(loss[six], error[six])[0](losses)
    at = [list(runs["name"]).index(f"rpj-open_lm_{which}") for which in ("1b-32.0", "7b-1.0")]
    # Printed in the authors' notebook, in percent with four decimals.
    np.testing.assert_allclose(np.abs(losses / loss - 1)[at], [0.007103, 0.007320], atol=6e-7)
    np.testing.assert_allclose(np.abs(errors / error - 1)[at], [0.036365, 0.000464], atol=6e-7)
    found = {"E": floor, "a": alpha * 6 ** (-power / 2), "b": beta, "eta": -power / 2}
    assert found == pytest.approx(get_law("overtrained").published["gadre-2024-redpajama"], rel=1e-5)


def test_no_run_of_the_repetition_study_is_both_fitted_and_judged(part: Part) -> None:
    module = part("repetition")
    grid = repeated()
    runs = Runs.from_columns({**grid, "loss": TIED(N=grid["N"], D=grid["D"], **TRUTH)})
    alone, small = module.single_epochs(runs), module.small_repeated(runs)
    assert not (alone & small).any()
    # The longest single epoch has 2e10 tokens: 2e9 are a tenth.
    np.testing.assert_array_equal(alone, (grid["epochs"] == 1) & (grid["D"] <= 2e9))
    assert grid["D"][small].max() <= 2e9
    assert grid["N"][small].max() <= 3e8
    assert set(grid["epochs"][small]) == {2, 4, 10, 20}
    judged = module.others(runs.take(~alone))
    assert [len(each) for each in judged.values()] == [(grid["epochs"] <= 40).sum() - alone.sum(), (~alone).sum()]


def test_the_rivals_repetition_is_found_again_where_it_was_planted(part: Part) -> None:
    module = part("repetition")
    grid, constants = repeated(), {name: TRUTH[name] for name in ("A", "alpha", "B")} | {"beta": TRUTH["alpha"]}
    N = excess_params(N=grid["N"], U=grid["U"], R_N=4.0, **constants)
    D = repeated_tokens(D=grid["D"], U=grid["U"], R_D=12.0)
    runs = Runs.from_columns({**grid, "loss": TIED(N=N, D=D, **TRUTH)})

    class Base:
        params = TRUTH

    half_life, excess = module.fitted_repetition(runs, Base)
    assert half_life["R_D"] == pytest.approx(12.0, rel=1e-3)
    assert excess["R_N"] == pytest.approx(4.0, rel=1e-3)


def test_a_single_epoch_is_left_as_it_is_and_a_second_costs_what_it_says(part: Part) -> None:
    wear, overfit = part("ways").ways(lambda N, D: TIED(N=N, D=D, **TRUTH))
    runs = Runs.from_columns({"N": [4e8, 4e8], "U": [1e9, 1e9], "D": [1e9, 2e9]})
    base = TIED(N=runs["N"], D=runs["D"], **TRUTH)
    np.testing.assert_allclose(overfit.at(runs, 0.01) - base, [0.0, 0.01 * 0.4], atol=1e-12)
    worth = np.array([1e9, 1e9 + 1e9 * 5.0 * (1 - np.exp(-1 / 5.0))])
    np.testing.assert_allclose(wear.at(runs, 5.0), TIED(N=runs["N"], D=worth, **TRUTH), rtol=1e-12)


@pytest.mark.parametrize(("planted", "number"), [("tokens wear out", 12.0), ("models overfit", 2e-3)])
def test_what_repetition_does_is_told_by_how_larger_models_come_out(part: Part, planted: str, number: float) -> None:
    module, grid = part("ways"), repeated((2, 4, 10, 20, 40))
    tried = module.ways(lambda N, D: TIED(N=N, D=D, **TRUTH))
    (truth,) = (way for way in tried if way.name == planted)
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(grid["N"].size))
    runs = Runs.from_columns({**grid, "loss": truth.at(Runs.from_columns(grid), number) * noise})
    best = module.best_way(runs, tried)
    assert best.name == planted
    assert best.fitted(runs) == pytest.approx(number, rel=0.05)


def test_a_translation_curve_is_judged_by_its_held_out_points_alone(part: Part) -> None:
    D = np.geomspace(5e5, 2.56e8, 10)
    loss = get_law("power-floor", "D")(D=D, E=0.3, A=60.0, alpha=0.35)
    table = {"D": D, "loss": loss, "training": [1] * 9 + [0]}
    right = Runs.from_columns(table)
    wrong = Runs.from_columns({**table, "loss": np.append(loss[:-1], loss[-1] * np.exp(0.1))})
    error, law = part("translation").error, get_law("power-floor", "D")
    assert error(right, law) == pytest.approx(0.0, abs=1e-6)
    assert error(wrong, law) == pytest.approx(0.1, abs=1e-6)


def test_rows_of_other_benchmarks_are_taken_where_they_are(part: Part, tmp_path: Path) -> None:
    module = part("elsewhere")
    assert module.contests(tmp_path) == []
    cells = [{"N": 1e8, "D": 1e9, "rule": 0.002, "Froude, without": 0.001 + k * 1e-5} for k in range(5)]
    curves = {"name": "curves", "split": "s", "rival": "multi-power law", "fitted": 3, "groups": ["a", "b"]}
    (tmp_path / "step_law.json").write_text(json.dumps({"cells": cells}))
    (tmp_path / "schedule_laws.json").write_text(
        json.dumps({"contests": [curves | {"ours": [0.002, 0.003], "theirs": [0.001, 0.002]}]})
    )
    schedules, settings = module.contests(tmp_path)
    assert (settings.rival, settings.ours.size, settings.verdict) == ("rule", 5, "better")
    assert (schedules.rival, schedules.fitted, schedules.verdict) == ("multi-power law", 3, "worse")


def test_a_reproduction_is_counted_as_it_says(part: Part) -> None:
    made = part("reproductions").Reproduction
    relative = made(what="A", published=2.0e7, found=2.02e7, relative=True, bound=0.01)
    plain = made(what="a", published=0.497, found=0.508, relative=False, bound=0.03)
    assert relative.off == pytest.approx(0.01)
    assert plain.off == pytest.approx(0.011)
    assert plain.row()["apart (at most)"] == "0.011 (0.030)"


def test_published_constants_and_exponents_are_found_again(part: Part, tables: None) -> None:
    for each in part("reproductions").reproductions():
        assert each.off <= each.bound, each.what
