"""The benchmark of fitting speed measures what it says: one problem, one score, whole grids. Never a time."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from froude import Runs, get_law, read_runs
from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
TRUTH = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37}
Part = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Part:
    """A function from the name of a module of the benchmark to the module."""
    monkeypatch.syspath_prepend(BENCHMARKS / "rivals")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def planted(n: int = 80) -> dict[str, np.ndarray]:
    """A noisy table of the planted law, with a few runs far off."""
    rng = np.random.default_rng(3)
    N, D = 10 ** rng.uniform(7.8, 10.2, n), 10 ** rng.uniform(8.5, 11.5, n)
    noise = 0.01 * rng.standard_t(3, n)
    return {"N": N, "D": D, "loss": get_law("chinchilla")(N=N, D=D, **TRUTH) * np.exp(noise)}


def handed(runs: dict[str, np.ndarray]) -> dict[str, Any]:
    """The same as a script reads it."""
    return {name: column.tolist() for name, column in runs.items()}


def test_the_classic_grid_is_that_of_the_paper(part: Part) -> None:
    grid = np.array(part("classic").GRID)
    assert grid.shape == (4500, 5) == np.unique(grid, axis=0).shape
    axes = [sorted(set(column)) for column in grid.T]
    steps = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]
    halves = [0.0, 0.5, 1.0, 1.5, 2.0]
    assert axes == [steps, steps, [-1.0, -0.5, 0.0, 0.5, 1.0], halves, halves]


def test_the_classic_objective_is_the_law_under_the_common_score(part: Part) -> None:
    runs, classic = planted(), part("classic")
    point = np.array([np.log(TRUTH["A"]), np.log(TRUTH["B"]), np.log(TRUTH["E"]), TRUTH["alpha"], TRUTH["beta"]])
    expected = np.log(get_law("chinchilla")(N=runs["N"], D=runs["D"], **TRUTH))
    found = classic.log_loss(point, np.log(runs["N"]), np.log(runs["D"]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_score_is_the_objective_of_froudes_solver(part: Part) -> None:
    runs, solver = planted(), part("froude_starts")
    problem = solver.posed(runs)
    ends = solver.from_starts(problem, np.ones((1, 80)), seed=0)
    best = int(ends.objectives.argmin())
    predicted = get_law("chinchilla")(N=runs["N"], D=runs["D"], **problem.parameters(ends.points[[best]]))
    score = part("handed").huber_of_logs(np.log(predicted), np.log(runs["loss"]))
    assert score == pytest.approx(ends.objectives[best], rel=1e-9)


def test_froude_is_no_worse_than_the_classic_recipe_on_a_planted_table(part: Part) -> None:
    pytest.importorskip("scipy.optimize")
    speed = part("fit_speed")
    given = handed(planted())
    ours = speed.run("froude_starts", sys.executable, given)
    classic = speed.run("classic", sys.executable, given, 40, 151)
    assert len(classic["objectives"]) == len(part("classic").GRID[40::151])
    # Finite differences stop a little short of the minimum, never below it.
    assert ours["score"] <= classic["score"] * (1 + 1e-6)
    assert classic["score"] == pytest.approx(ours["score"], rel=1e-3)
    assert ours["succeeded"] == ours["starts"] == len(ours["objectives"])
    assert ours["score"] == pytest.approx(min(ours["objectives"]), rel=1e-9)


def test_turns_divide_the_grid_and_leave_no_axis_out(part: Part) -> None:
    speed, grid = part("fit_speed"), part("classic").GRID
    for thin in (1, speed.QUICK):
        taken = [i for turn in range(speed.TURNS) for i in range(len(grid))[turn * thin :: speed.TURNS * thin]]
        assert sorted(taken) == list(range(0, len(grid), thin))
        tried = np.array(grid)[taken]
        assert all(set(column) == set(whole) for column, whole in zip(tried.T, np.array(grid).T, strict=True))


def test_a_grid_of_which_only_some_starts_were_tried_is_scaled_up(part: Part) -> None:
    found = {"seconds": 2.0, "starts": 4500, "objectives": [1.0] * 45, "succeeded": 45, "score": 1.0}
    speed = part("fit_speed")
    assert speed.whole_seconds(found) == pytest.approx(200.0)
    shown = speed.row("classic", found, ours=0.05)
    assert shown["CPU-seconds"] == "200"
    assert shown["× Froude's starts"] == "4,000"
    assert shown["starts"] == "4500 (45 starts, CPU scaled up)"
    whole = speed.together([found] * 100, seconds=200.0)
    assert speed.row("classic", whole, ours=0.05)["starts"] == "4500"
    assert speed.whole_seconds(whole) == pytest.approx(200.0)


def test_starts_agree_that_end_within_one_part_in_a_million_of_the_lowest(part: Part) -> None:
    assert part("fit_speed").share_that_agree([1.0, 1.0 + 9e-7, 1.0 + 2e-6, 3.0]) == 0.5


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0%"), (1, "0.032%"), (222, "7.1%"), (3124, "99.968%"), (3125, "100%")]
)
def test_a_share_is_shown_as_none_or_all_only_where_it_is(part: Part, count: int, shown: str) -> None:
    assert part("fit_speed").percent(count / 3125) == shown


@pytest.mark.parametrize(("ratio", "shown"), [(1.0, "1"), (1.618, "1.6"), (99.7, "100"), (3461.2, "3,461")])
def test_a_ratio_is_shown_in_digits(part: Part, ratio: float, shown: str) -> None:
    assert part("fit_speed").times(ratio) == shown


def test_bootstrap_refits_equal_the_best_of_27_starts_on_a_planted_table(part: Part) -> None:
    found = part("froude_refits").bootstrap(part("froude_starts").posed(planted()), draws=100, checked=20)
    assert found["converged"] == found["draws"] == 100
    assert found["apart"] < 1e-6


def test_bootstrap_refits_equal_the_best_of_27_starts(part: Part, published: Callable[[str], Path]) -> None:
    runs = part("fit_speed").points(read_runs(published("chinchilla_epoch/chinchilla_fig4.csv")))
    given = {name: np.array(column) for name, column in runs.items()}
    found = part("froude_refits").bootstrap(part("froude_starts").posed(given), draws=400, checked=20)
    assert found["converged"] == 400
    assert found["apart"] < 1e-6


def test_only_the_five_runs_with_the_fewest_tokens_are_left_out(part: Part) -> None:
    runs = planted()
    kept = part("fit_speed").points(Runs.from_columns(runs))
    assert len(kept["N"]) == 75
    assert min(kept["D"]) == np.sort(runs["D"])[5]
    assert kept["loss"] == [y for y, d in zip(runs["loss"], runs["D"], strict=True) if d in kept["D"]]


def test_a_missing_package_gets_its_install_line_and_no_number(part: Part, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        part("handed").leave_if_missing("no_such_package", "no-such-package==1.0")
    assert ended.value.code == 0
    missing = json.loads(capsys.readouterr().out)["missing"]
    shown = part("fit_speed").missing_row("a tool", missing)
    assert shown["CPU-seconds"] == "not installed: `pip install no-such-package==1.0`"
    assert [value for head, value in shown.items() if head not in ("tool", "CPU-seconds")] == [""] * (len(shown) - 2)
    part("handed").leave_if_missing("json", "json")
