"""The cache of a study of many runs changes nothing that is read, whatever happens to it or to the runs."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from froude.runs import Study
from froude.runs.study import cache
from froude.runs.study.curve import curve_of
from froude.runs.study.run_file import FinishedRun, read_folder, read_run_file

N = 12


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache is written from three runs on, four to a file."""
    monkeypatch.setattr(cache, "FEWEST", 3)
    monkeypatch.setattr(cache, "SHARD", 4)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Runs of several lengths, with what tables and curves may hold, a broken line, a copy and no run."""
    study = Study.create(tmp_path / "s", {})
    for i in range(N):
        add(study, i)
    first = sorted((study.path / "runs").glob("*.jsonl"))[0]
    first.with_name("copy.jsonl").write_bytes(first.read_bytes())
    with first.open("ab") as file:
        file.write(b'{"kind": "step", "step": 9, "lo')
    (study.path / "runs" / "torn.jsonl").write_text("{")
    return study


def add(study: Study, i: int) -> Path:
    """A run of the study; its file."""
    config: dict[str, Any] = {"number": i, "shape": {"width": 8 * i, "tags": ["a", "é"]}, "big": 2**70}
    with study.writer(config) as writer:
        for step in range(i % 4):
            odd = {"note": "text", "on": True, "lr": [1e-3]} if i % 3 == 2 else {"lr": 1e-3 / (1 + step)}
            writer.step(step=step, loss=math.nan if i == 5 else 3.0 / (1 + step), **odd)
        writer.finish(N=1e6 + i, D=2e7, loss=math.inf if i == 5 else 2.0 + i, **({"extra": 1} if i % 2 else {}))
    return writer.path


def plain_curves(study: Study) -> dict[str, dict[str, np.ndarray]]:
    """The curves as the files of runs have them."""
    runs = [run for run in read_folder(study.path / "runs") if isinstance(run, FinishedRun)]
    return {run.id: curve_of(run.steps) for run in sorted(runs, key=lambda run: run.id)}


def check(study: Study) -> None:
    """Table, notes, ids and curves are those of the files."""
    cache._load.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "FEWEST", 10**9)
        plain, ids = study.runs(), study.finished_ids()
    runs, curves, wanted = study.runs(), study.curves(), plain_curves(study)
    assert_frame_equal(runs.frame, plain.frame)
    assert (runs.notes, study.finished_ids()) == (plain.notes, ids)
    assert [*curves] == [*wanted]
    for id, curve in wanted.items():
        assert [*curves[id]] == [*curve]
        for name, values in curve.items():
            np.testing.assert_array_equal(curves[id][name], values)


def files(study: Study) -> list[Path]:
    """The files of the cache."""
    return sorted((study.path / "cache").glob("*.parquet"))


def test_what_is_read_is_the_same_with_a_cache_and_without(study):
    check(study)
    assert len(files(study)) == 2 * 4
    check(study)


def test_runs_are_read_from_the_cache_and_not_again(study, monkeypatch):
    study.runs()
    read: list[str] = []
    monkeypatch.setattr(cache, "read_run_file", lambda path: read.append(path.name) or read_run_file(path))
    assert len(study.curves()) == len(study.runs()) == N
    assert {*read} == {"torn.jsonl"}


def test_a_run_that_changes_is_read_anew(study):
    study.runs()
    run = sorted((study.path / "runs").glob("*.jsonl"))[2]
    run.write_text(run.read_text().replace('"N":1', '"N":77'))
    assert (study.runs().frame["N"] > 7e6).sum() == 1
    check(study)
    same_size = run.read_text().replace('"N":77', '"N":78')
    run.write_text(same_size)
    os.utime(run, ns=(1, 1))
    assert (study.runs().frame["N"] > 7.8e7).sum() == 1
    check(study)


def test_runs_come_and_go(study):
    study.runs()
    for i in range(N, N + 2):
        add(study, i)
    check(study)
    for i in range(N + 2, N + 9):
        add(study, i)
    check(study)
    for run in sorted((study.path / "runs").glob("*.jsonl"))[::2]:
        run.unlink()
    check(study)


def test_a_cache_of_runs_that_have_gone_is_cleared(study):
    for start in range(100, 140, 10):
        paths = [add(study, i) for i in range(start, start + 10)]
        check(study)
        for path in paths:
            path.unlink()
    check(study)
    assert len(files(study)) <= 2 * 20


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more", None])
@pytest.mark.parametrize("kind", ["runs", "curves"])
def test_a_damaged_cache_costs_nothing(study, kind, damage):
    study.runs()
    for path in files(study):
        if kind in path.name:
            path.unlink() if damage is None else path.write_bytes(damage)
    check(study)
    check(study)


def test_a_folder_that_cannot_be_written_is_read(study, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *words: False)
    check(study)
    assert files(study) == []
    monkeypatch.undo()
    monkeypatch.setattr(cache, "FEWEST", 3)
    (study.path / "cache").write_text("a file where the folder should be")
    check(study)


def test_a_study_of_few_runs_has_no_cache(tmp_path, monkeypatch):
    monkeypatch.undo()
    study = Study.create(tmp_path / "s", {})
    for i in range(N):
        add(study, i)
    assert len(study.curves()) == len(study.runs()) == N
    assert not (study.path / "cache").exists()
