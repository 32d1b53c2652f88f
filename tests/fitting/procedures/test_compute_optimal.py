"""The best size by every way that a table or a fit allows, and what cannot be answered."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from froude import InputError, Runs, compute_optimal, fit, get_law, optimal
from planted import planted, write_csv

pytest_plugins = ["door"]

# Runs of a mixture of experts at two budgets, which does not hold the parameters (marin-community/marin#8003).
CELLS = {
    "C": np.array([1e18] * 3 + [3e18] * 4),
    "D": np.array([5.77e9, 2.33e9, 9.23e8, 1.73e10, 7.00e9, 2.77e9, 1.57e9]),
    "loss": np.array([3.399, 3.364, 3.456, 3.298, 3.204, 3.224, 3.289]),
}
TRUTH = get_law("chinchilla").published["besiroglu-2024"]


def test_the_command_shows_the_published_minima_of_equal_compute(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = write_csv(tmp_path / "cells.csv", CELLS)
    lines = cli("optimal", path).out.splitlines()
    rows = [line.split() for line in lines]
    assert ["10¹⁸", "3", "2.84B", "3.361"] in rows
    assert ["3", "×", "10¹⁸", "4", "5.08B", "3.198"] in rows
    assert all(len(line) <= 80 for line in lines)
    told = json.loads(cli("optimal", path, "--json").out)
    assert [each["D"] for each in told["isoflop_minima"]] == pytest.approx([2.84e9, 5.08e9], rel=2e-3)
    assert [each["N"] for each in told["isoflop_minima"]] == [None, None]  # 6·N·D is no count of theirs
    (sentence,) = told["missing"]
    assert sentence == "the envelope, the parabolas and a law say what is best at a budget: give one, as in --at C=1e24"


def test_where_two_parabolas_are_exact_no_interval_is_claimed() -> None:
    best = compute_optimal(Runs.from_columns(CELLS), [1e19], draws=20)
    parabolas = next(each for each in best.approaches[0].answers if each.name.startswith("2"))
    assert parabolas.intervals == {}
    assert best.fit is not None
    assert any("N = C/(6·D) is a guess" in each for each in best.fit.warnings)


def test_all_ways_find_the_planted_best_size() -> None:
    budgets = np.repeat(np.geomspace(1e18, 1e21, 7), 9)
    N = optimal(TRUTH, budgets).N * np.tile(np.geomspace(0.5, 2, 9), 7)
    runs = Runs.from_columns({"N": N, "D": budgets / 6 / N, "C": budgets})
    runs = Runs.from_frame(runs.frame.with_columns(loss=get_law("chinchilla")(N=runs["N"], D=runs["D"], **TRUTH)))
    best = compute_optimal(runs, [1e22, 1e23], law="chinchilla", draws=20)
    for k, C in enumerate((1e22, 1e23)):
        truth = optimal(TRUTH, C)
        assert pytest.approx(truth.N, rel=1e-3) == best.allocations[k].N
        assert best.allocations[k].loss == pytest.approx(truth.loss, rel=1e-4)
        named = {each.name[0]: each.N for each in best.approaches[k].answers}
        assert named["2"] == pytest.approx(truth.N, rel=0.03)
        assert named["1"] == pytest.approx(truth.N, rel=0.3)  # of finitely many sizes
    for minimum in best.minima:
        assert pytest.approx(optimal(TRUTH, minimum.C).N, rel=0.02) == minimum.N
        assert minimum.outcome == pytest.approx(optimal(TRUTH, minimum.C).loss, rel=1e-4)


def test_a_budget_pays_for_flops_as_the_runs_of_the_table_took_them(cli: Callable, tmp_path: Path) -> None:
    columns = planted()
    columns["C"] = 9.0 * columns["N"] * columns["D"]
    path = write_csv(tmp_path / "runs.csv", columns)
    assert "a budget pays for C = 9·N·D, as these runs took in the median" in cli("optimal", path, "--at", "C=1e22").out
    found, told = (
        compute_optimal(path, 1e22, law="chinchilla", draws=20).allocations[0],
        fit("chinchilla", path, draws=20),
    )
    assert pytest.approx(optimal(told, 1e22 * 6 / 9).N, rel=1e-6) == found.N
    assert "a budget pays for C = 6·N·D\n" in compute_optimal(told, 1e22).summary()


def test_the_loss_of_the_best_size_is_as_sure_as_the_forecast_there(cli: Callable, saved: Path) -> None:
    (told,) = json.loads(cli("optimal", saved, "--at", "C=1e24", "--json").out)["optimal"]
    at = f"N={told['N']!r},D={told['D']!r}"
    (forecast,) = json.loads(cli("predict", saved, "--at", at, "--json").out)
    assert told["intervals"]["loss"] == pytest.approx(forecast["interval"], rel=1e-12)
    assert told["beyond"] == pytest.approx(forecast["beyond"], rel=1e-12)


def test_runs_on_one_side_of_the_minimum_say_where_to_go_on() -> None:
    D = np.array([1e9, 2e9, 4e9])
    falling = {"C": np.full(3, 1e18), "D": D, "loss": np.array([3.5, 3.4, 3.35])}
    twice = {**{k: np.append(v, v) for k, v in falling.items()}, "seed": np.arange(6)}
    with pytest.raises(InputError, match="no minimum among them: go on beyond the most tokens") as refused:
        compute_optimal(Runs.from_columns(twice), [1e19], law="chinchilla")
    assert "these runs do not determine E, A, alpha, B and beta of chinchilla" in str(refused.value)


def test_what_cannot_be_asked_is_refused_in_a_sentence(cli: Callable, refused: Callable, tmp_path: Path) -> None:
    power = fit("power", Runs.from_columns(planted()), x="C", draws=20)
    power.save(tmp_path / "power.json")
    assert refused("optimal", tmp_path / "power.json") == (
        "a fit is asked for the best size at a budget: give one, as in --at C=1e24"
    )
    assert "the best N and D need one of both" in refused("optimal", tmp_path / "power.json", "--at", "C=1e24")
    table = write_csv(tmp_path / "apart.csv", {"C": [1e18, 3e18], "D": [1e9, 2e9], "loss": [3.0, 2.9]})
    assert refused("optimal", table).startswith("no three runs are of equal compute")
    assert refused("optimal", table, "--at", "N=1e9") == (
        "--at 'N=1e9' is no budget of compute: give C alone, as in C=1e24"
    )
    refusal = refused("fit", table, "--law", "isoflop")
    assert refusal == "isoflop is no law but a way to the best size: froude optimal TABLE shows it"
    with pytest.raises(InputError, match="needs a column D"):
        compute_optimal(Runs.from_columns({"N": [1e9], "loss": [3.0]}))


def test_runs_none_of_which_has_all_columns_are_refused() -> None:
    apart = {"N": [1e8, np.nan], "D": [np.nan, 1e10], "C": [1e18, 1e19], "loss": [3.0, 2.9]}
    with pytest.raises(InputError, match="no run has N, D and C"):
        compute_optimal(Runs.from_columns(apart), [1e20])
