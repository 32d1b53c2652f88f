"""Tables exported from W&B's pages are read: curves of a chart, and the table of runs."""

import math
from pathlib import Path

import numpy as np
import pytest

from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.wandb.exports import WandbExportReader

CURVES = (
    '"Step","a - b - train/loss","a - b - train/loss__MIN","a - b - train/loss__MAX",'
    '"c - train/loss","c - train/loss__MIN","c - train/loss__MAX"\n'
    '"0","4.5","4.5","4.5","","",""\n'
    '"10","3.5","3.25","3.75","2.5","2.5","2.5"\n'
    '"20","NaN","NaN","NaN","1.5","1.5","1.5"\n'
)
RUNS = (
    '"Name","State","Notes","User","Tags","Created","Runtime","lr","model.width","optimizer","train/loss","loss__MIN"\n'
    '"a","finished","-","me","x, y","2026-01-01","60","0.001","64","adam","2.5","2.25"\n'
    '"b","crashed","","me","","2026-01-01","60","0.002","128","adam","",""\n'
    '"a","running","","me","","2026-01-01","60","1e-4","128","adam","NaN",""\n'
    '"d","failed","","me","","2026-01-01","60","1e-4","128","adam","3.5",""\n'
)


def read(folder: Path, body: str) -> dict[str, LoggedRun]:
    path = folder / "export.csv"
    path.write_text(body)
    assert WandbExportReader().recognises(path)
    return {run.id: run for run in WandbExportReader().logs(path)}


def points(run: LoggedRun, name: str) -> list[tuple[float, float]]:
    series = run.series[name]
    return list(zip(series.at.tolist(), series.values.tolist(), strict=True))


@pytest.mark.parametrize("mark", ["", "﻿"])
def test_curves_of_a_chart_are_series_of_their_runs(tmp_path, mark):
    runs = read(tmp_path, mark + CURVES)
    assert [*runs] == ["a - b", "c"]
    assert points(runs["a - b"], "train/loss")[:2] == [(0, 4.5), (10, 3.5)]
    assert math.isnan(runs["a - b"].series["train/loss"].values[2])
    assert points(runs["c"], "train/loss") == [(10, 2.5), (20, 1.5)]
    assert [*runs["c"].series] == ["train/loss"]
    assert runs["a - b"].notes == ("1 values of 'a - b - train/loss' are means: their __MIN and __MAX differ",)
    assert runs["c"].series["train/loss"].x == "step"


def test_curves_against_another_axis_name_it(tmp_path):
    runs = read(tmp_path, CURVES.replace("Step", "tokens"))
    assert runs["c"].series["train/loss"].x == "tokens"


def test_the_table_of_runs_gives_settings_outcomes_and_states(tmp_path):
    runs = read(tmp_path, RUNS)
    assert {id: (run.name, run.state) for id, run in runs.items()} == {
        "a": ("a", "finished"),
        "b": ("b", "crashed"),
        "a (2)": ("a", "running"),
        "d": ("d", "crashed"),
    }
    assert runs["a"].config == {"lr": 0.001, "model.width": 64, "optimizer": "adam"}
    assert runs["a"].summary == {"notes": "-", "tags": "x, y", "runtime": "60", "train/loss": 2.5, "loss__MIN": 2.25}
    assert "train/loss" not in runs["b"].summary


@pytest.mark.parametrize("body", [CURVES, RUNS], ids=["curves", "runs"])
def test_a_table_cut_anywhere_gives_whole_lines_or_says_it(tmp_path, body):
    whole = read(tmp_path, body)
    path = tmp_path / "export.csv"
    for cut in range(body.index("\n") + 1, len(body)):
        path.write_text(body[:cut])
        runs = list(WandbExportReader().logs(path))
        assert body[cut - 1] == "\n" or all(run.notes for run in runs), cut
        if body[cut - 1] == "\n":
            assert all(str(run.summary) == str(whole[run.id].summary) for run in runs)  # nan is not itself
            assert all(points(run, name)[0] == points(whole[run.id], name)[0] for run in runs for name in run.series)


def test_flipped_letters_are_no_traceback(tmp_path):
    path = tmp_path / "export.csv"
    for body in (CURVES.encode(), RUNS.encode()):
        for at in np.random.default_rng(1).integers(0, len(body), 200).tolist():
            flipped = bytearray(body)
            flipped[at] ^= 1 << at % 8
            path.write_bytes(bytes(flipped))
            if WandbExportReader().recognises(path):
                list(WandbExportReader().logs(path))


def test_other_tables_are_not_taken_for_exports(tmp_path):
    for body in ("", "N,D,loss\n1,2,3\n", "step,loss\n1,2\n", "Name,loss\na,1\n", '"', "\0"):
        (tmp_path / "other.csv").write_text(body)
        assert not WandbExportReader().recognises(tmp_path / "other.csv")
    assert not WandbExportReader().recognises(tmp_path)
