"""A study that Froude 0.1.0 made, kept as it was left on disk: it is read by every later version."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import froude
from froude.runs import read_curves, run_id
from paths import ROOT

pytest_plugins = ["door"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the study, as reading leaves a cache in its folder."""
    return Path(shutil.copytree(ROOT / "tests" / "fixtures" / "study_0_1_0", tmp_path / "study"))


@pytest.fixture
def lines(folder: Path) -> dict[str, list[dict]]:
    """The lines of each run's file, by its id."""
    files = sorted((folder / "runs").glob("*.jsonl"))
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in files}


def test_its_runs_bear_the_names_that_their_configurations_give(folder: Path, lines: dict[str, list[dict]]) -> None:
    study = froude.Study.open(folder)
    assert study.settings["kind"] == "pilot"
    assert study.finished_ids() == {run_id(config["config"]) for config, *_ in lines.values()} == set(lines)
    assert froude.Study.create(folder, study.settings).finished_ids() == set(lines)


def test_its_thirteen_runs_are_read_of_which_one_diverged(folder: Path, lines: dict[str, list[dict]]) -> None:
    runs = froude.read_runs(folder)
    assert len(runs) == 13
    assert runs["id"].tolist() == list(lines)
    configs = [each[0]["config"] for each in lines.values()]
    results = [each[-1] for each in lines.values()]
    np.testing.assert_array_equal(runs["loss"], [result["loss"] for result in results])
    assert runs["N"].tolist() == [result["N"] for result in results]
    assert runs["D"].tolist() == [config["D"] for config in configs]
    assert runs["id"][runs.diverged()].tolist() == ["3728548d263410e8"]


def test_its_curves_are_the_steps_of_its_files(folder: Path, lines: dict[str, list[dict]]) -> None:
    curves = read_curves(folder)
    assert list(curves) == list(lines)
    for name, curve in curves.items():
        steps = [line for line in lines[name] if line["kind"] == "step"]
        assert curve["step"].tolist() == [line["step"] for line in steps]
        np.testing.assert_array_equal(curve["loss"], [line["loss"] for line in steps])


def test_its_page_is_written_again_with_what_was_measured(cli, folder: Path) -> None:
    done = cli("report", folder, "--json")
    assert (done.code, done.err) == (0, "")
    page = Path(json.loads(done.out)["report"]).read_text()
    result = json.loads((folder / "result.json").read_text())
    for number in (result["predicted"], *result["interval"], result["measured"]):
        assert f"{number:.3f}" in page
