"""A study that cannot be written stops with one line, one that goes is waited for; the same command finishes both."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from froude.runs import Study
from limits import mounted, remount
from tiny import command, environment, outcome, wait_until, write_corpus, write_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options for a study of some seconds: its corpus and its plan."""
    folder = tmp_path_factory.mktemp("given")
    corpus, plan = write_corpus(folder / "corpus"), write_plan(folder / "plan.json", steps=80)
    return ("--corpus", str(corpus), "--plan", str(plan), "--no-check", "--device", "cpu")


@pytest.fixture(scope="module")
def whole(given: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as it becomes where nothing is in its way."""
    study = tmp_path_factory.mktemp("whole") / "study"
    assert finished(start(study, given)) == (0, [])
    return study


def start(study: Path, given: tuple[str, ...], limit: str = "unlimited") -> subprocess.Popen[str]:
    """The command in a process of its own, whose files may have so many blocks of 1024 bytes."""
    words = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash", *command("--study", study, *given)]
    return subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The exit code of a command, and its complaints."""
    _, err = process.communicate(timeout=600)
    assert "Traceback" not in err
    return process.returncode, [line for line in err.splitlines() if line.startswith("froude: ")]


def begun(whole: Path, folder: Path) -> Path:
    """A study of which the corpus and the plan are made, and no run."""
    study = Study.create(folder, Study.open(whole).settings).path
    shutil.copytree(whole / "corpus", study / "corpus")
    for name in ("plan.json", "environment.json"):
        shutil.copy(whole / name, study / name)
    return study


def check_again(study: Path, whole: Path, given: tuple[str, ...], before: Mapping[str, Any]) -> None:
    """The same command finishes the study; what was finished before is as it was."""
    assert finished(start(study, given)) == (0, [])
    assert [*study.rglob("*.tmp"), *study.glob("trunks/*.pt"), *study.glob("runs/*.part")] == []
    assert outcome(study) == outcome(whole)
    assert {id: outcome(study)[id] for id in before} == before


def test_a_limit_on_files_stops_a_worker_and_costs_nothing(given, whole, tmp_path):
    study = begun(whole, tmp_path / "study")
    code, (complaint,) = finished(start(study, given, "16"))
    assert code == 1
    assert "/trunks/" in complaint
    assert complaint.endswith(
        " may not grow as large: raise the limit (ulimit -f) and give the same command again, nothing finished is lost"
    )
    check_again(study, whole, given, outcome(study))


def test_a_full_disk_stops_a_study_and_costs_nothing(given, whole, tmp_path):
    with mounted(tmp_path / "disk", 2**19 + 2**18) as disk:
        code, (complaint,) = finished(start(disk / "study", given))
        assert code == 1
        assert "free some space" in complaint
        before = outcome(disk / "study")
        remount(disk, "size=64m")
        check_again(disk / "study", whole, given, before)


def test_a_study_whose_folder_vanishes_is_waited_for(given, whole, tmp_path):
    study = begun(whole, tmp_path / "study")
    process = start(study, given)
    wait_until(lambda: any(study.glob("runs/*.jsonl")))
    study.rename(tmp_path / "elsewhere")
    time.sleep(3)
    assert process.poll() is None
    (tmp_path / "elsewhere").rename(study)
    assert finished(process) == (0, [])
    check_again(study, whole, given, outcome(study))


def test_a_study_on_a_disk_that_is_only_read_is_refused_in_a_line(given, whole, tmp_path):
    with mounted(tmp_path / "disk", 2**23) as disk:
        study = begun(whole, disk / "study")
        remount(disk, "ro")
        code, (complaint,) = finished(start(study, given))
        assert (code, "Read-only file system" in complaint) == (1, True)
        remount(disk, "rw")
        check_again(study, whole, given, {})
    assert json.loads((whole / "forecast.json").read_text())["pilots"] == 12
