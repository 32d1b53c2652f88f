"""The benchmark of kills falls on every file of a study and sees what is lost, doubled, changed or left lying about."""

import importlib
import itertools
import json
import random
from pathlib import Path
from types import ModuleType

import pytest

from froude.runs import Study
from paths import ROOT


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("kills")


def finished(folder: Path) -> Path:
    study = Study.create(folder, {})
    for seed in range(3):
        with study.writer({"seed": seed}) as writer:
            writer.finish(loss=2.0 + seed)
    study.write_json("forecast.json", {"predicted": 2.0})
    return study.path


def test_kills_fall_before_and_after_the_replacement_of_every_file(kills: ModuleType) -> None:
    files = (*kills.PARENTS_FILES, *kills.WORKERS_FILES)
    first = list(itertools.islice(kills.schedule(random.Random(0)), 4 * len(files)))
    assert {(kill.file, kill.when) for kill in first[::2]} == {(f, w) for f in files for w in ("before", "after")}
    assert {kill.file for kill in first[1::2]} == {"command", "worker"}


def test_a_run_that_is_lost_doubled_or_changed_is_seen(kills: ModuleType, tmp_path: Path) -> None:
    whole, study = finished(tmp_path / "whole"), finished(tmp_path / "study")
    assert kills.compare(study, whole) == kills.Damage(lost=0, doubled=0, unequal=0, left=0)
    first, second, _ = sorted((study / "runs").iterdir())
    first.with_name("copy.jsonl").write_bytes(first.read_bytes())
    second.unlink()
    (study / "forecast.json").write_text(json.dumps({"predicted": 2.5}))
    (study / "runs" / "x.jsonl.part").touch()
    assert kills.compare(study, whole) == kills.Damage(lost=1, doubled=2, unequal=1, left=1)
