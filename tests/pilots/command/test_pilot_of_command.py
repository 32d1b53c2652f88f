"""The main job with trainers that know nothing of Froude: small ones for real, and whatever is killed."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.pilots import PilotEvent
from froude.pilots.events import ForecastReady, LadderReady
from paths import ROOT
from swept import COMMAND, by_formula, run_files

ASKED = {"dial": "width=8:128:4", "derived": {"lr": 3e-3}, "flops": 1e13}
OPTIONS = ("--command", COMMAND, "--dial", "width=8:128:4", "--set", "lr=3e-3", "--flops", "1e13", "--workers", "2")
KILLS, PATIENCE_SECONDS = 6, 900


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that nothing disturbed."""
    study = tmp_path_factory.mktemp("undisturbed") / "study"
    froude.pilot(COMMAND, **ASKED, workers=2, study=study)
    return study


def forecast_of(study: Path) -> dict[str, Any]:
    """What a study's forecast says, but when and by which call."""
    document = json.loads((study / "forecast.json").read_text())
    return {name: value for name, value in document.items() if name not in ("written", "provenance", "sha256")}


@pytest.mark.slow  # some twenty processes
def test_a_pilot_forecasts_the_trainer_before_it_trains_the_target(undisturbed: Path) -> None:
    result = json.loads((undisturbed / "result.json").read_text())
    assert result["rel_error"] < 0.01  # the toy follows a law of two powers
    assert result["inside"]
    assert result["compute_ratio"] >= 7.9
    assert result["params_ratio"] >= 4
    plan = json.loads((undisturbed / "plan.json").read_text())
    target = undisturbed / "runs" / f"{plan['target_run']}.jsonl"
    assert (undisturbed / "forecast.json").stat().st_mtime_ns < target.stat().st_mtime_ns
    assert (undisturbed / "forecast.score.json").exists()
    page = (undisturbed / "report.html").read_text()
    assert "nats" not in page.split("<style")[0]
    assert f"Forecast {result['predicted']:.3f}, measured {result['measured']:.3f}" in page.replace("</b>", "")


@pytest.mark.slow  # real kills of processes at work
def test_a_pilot_that_is_killed_anywhere_ends_as_one_left_alone(undisturbed: Path, tmp_path: Path) -> None:
    study, rng, kills = tmp_path / "study", random.Random(5), 0
    words = [sys.executable, "-m", "froude", "pilot", *OPTIONS, "--study", str(study), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1])}
    begin, code, out, err = time.monotonic(), -1, "", ""
    while code != 0:
        assert time.monotonic() - begin < PATIENCE_SECONDS, err
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if kills < KILLS:
            seen = len(list(study.rglob("*.jsonl"))) + rng.randrange(6)
            while process.poll() is None and len(list(study.rglob("*.jsonl"))) < seen:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            kills += 1
        out, err = process.communicate()
        code = process.returncode
        assert "Traceback" not in err
    assert run_files(study) == run_files(undisturbed)
    assert forecast_of(study) == forecast_of(undisturbed)
    assert (
        json.loads(out.splitlines()[-1])["measured"]
        == json.loads((undisturbed / "result.json").read_text())["measured"]
    )


@pytest.mark.slow  # some twenty processes
def test_a_function_is_a_trainer_whose_parameters_a_formula_gives(tmp_path: Path) -> None:
    events: list[PilotEvent] = []
    result = froude.pilot(
        by_formula, dial="width=8:128:2", derived={"N": "48 * width**2"}, flops="1e12", study=tmp_path / "s",
        check=False, workers=2, watch=events.append,
    )  # fmt: skip
    (ladder,) = (event.ladder for event in events if isinstance(event, LadderReady))
    assert result.target["N"] == 48 * ladder.target.size**2 == ladder.n_params
    assert result.measured is None
    assert any(isinstance(event, ForecastReady) for event in events)
    assert "command" not in json.loads((tmp_path / "s" / "plan.json").read_text())


@pytest.mark.slow  # trains for real, in processes that import torch
def test_the_pytorch_example_is_piloted_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script = ROOT / "examples" / "trainers" / "pytorch" / "after.py"
    result = froude.pilot(
        f"{sys.executable} {script} --width {{width}} --steps {{steps}}", dial="width=4:64:4", ratio=5, flops=6e11,
        derived={"steps": "tokens // 512"}, first_tokens=20_480, workers=2, study=tmp_path / "s",
    )  # fmt: skip
    assert result.measured is not None
    assert 1 < result.measured < 5.6  # nats a byte, of which there are log(256) = 5.5
    assert result.params_ratio > 3.9
    runs = froude.read_runs(tmp_path / "s")
    assert len(runs) == result.pilots + 1
    assert float(runs["N"].max()) == result.target["N"]
