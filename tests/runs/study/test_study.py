import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.errors import InputError
from froude.files import write_file
from froude.runs import Study, read_runs, run_id
from limits import file_limit

SETTINGS = {"minutes": 5, "shape": {"width": 64, "depths": [1, 2]}}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study", SETTINGS)


def train(study: Study, config: dict[str, Any], steps: int = 3, **result: Any) -> str:
    with study.writer(config) as writer:
        for step in range(steps):
            writer.step(step=step, tokens=10 * step, loss=5.0 - step)
        writer.finish(**({"N": 10.0, "D": 100.0, "loss": 2.0} | result))
    return writer.id


def part(study: Study, id: str) -> Path:
    return study.path / "runs" / f"{id}.jsonl.part"


# The folder


def test_a_study_is_opened_again_by_equal_settings(tmp_path: Path) -> None:
    made = Study.create(tmp_path / "deep" / "s", {"a": 1, "b": {"c": (1, 2)}})
    assert Study.create(tmp_path / "deep" / "s", {"b": {"c": [1, 2]}, "a": 1}).path == made.path
    assert Study.open(made.path).settings == {"a": 1, "b": {"c": [1, 2]}}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"minutes": 5, "shape": {"width": 32, "depths": [1, 2]}}, "shape.width = 64, now 32"),
        ({"minutes": 5, "shape": {"width": 64, "depths": [1]}}, "shape.depths = [1, 2], now [1]"),
        ({"minutes": 5}, "shape.depths = [1, 2], now not set"),
        (SETTINGS | {"seed": 1}, "seed = not set, now 1"),
    ],
)
def test_a_study_made_by_other_settings_is_refused(study: Study, settings: dict[str, Any], says: str) -> None:
    before = (study.path / "study.json").read_bytes()
    with pytest.raises(InputError) as caught:
        Study.create(study.path, settings)
    assert says in str(caught.value)
    assert "--study" in str(caught.value)
    assert (study.path / "study.json").read_bytes() == before


def test_a_folder_of_other_files_becomes_no_study(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="holds other files"):
        Study.create(tmp_path, SETTINGS)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match="is no study"):
        Study.open(tmp_path)


def test_a_folder_killed_before_its_settings_becomes_a_study(tmp_path: Path) -> None:
    (tmp_path / ".study.json.0a1b.tmp").write_text('{"form')
    assert Study.create(tmp_path, SETTINGS).finished_ids() == set()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot be written .* --study"):
        Study.create(tmp_path / "file" / "study", SETTINGS)


def test_settings_that_are_damaged_or_of_another_format_are_refused(study: Study) -> None:
    (study.path / "study.json").write_text('{"format": 99, "settings": {}}')
    with pytest.raises(InputError, match="format 99, not 1"):
        Study.open(study.path)
    (study.path / "study.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        Study.open(study.path)


def test_documents_are_read_as_written(study: Study) -> None:
    study.write_json("plan.json", {"target": [1, 2.5], "text": "6·N·D"})
    assert study.read_json("plan.json") == {"target": [1, 2.5], "text": "6·N·D"}
    with pytest.raises(InputError, match=r"none\.json' cannot be read"):
        study.read_json("none.json")


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False)))
def test_a_run_is_named_by_its_configuration_in_any_order(config: dict[str, Any]) -> None:
    assert run_id(config) == run_id(dict(reversed(config.items())))
    assert run_id(config) != run_id({**config, "one more": 1})
    assert len(run_id(config)) == 16


def test_the_name_of_a_run_does_not_change_between_versions() -> None:
    assert run_id({"width": 64, "seed": 0, "shape": {"b": 1, "a": [1.5, None]}}) == "cfb9f3cc74ebcaf1"


# Writing a run


def test_a_run_is_finished_only_by_its_result(study: Study) -> None:
    with study.writer({"seed": 0}) as writer:
        writer.step(step=0, loss=5.0)
        assert study.curve(writer.id)["loss"].tolist() == [5.0]
    assert study.finished_ids() == set()
    assert len(study.runs()) == 0
    assert train(study, {"seed": 0}) == writer.id
    assert study.finished_ids() == {writer.id}
    assert not part(study, writer.id).exists()


def test_a_run_file_is_a_config_line_then_steps_then_a_result(study: Study) -> None:
    name = train(study, {"seed": 0}, steps=2)
    lines = (study.path / "runs" / f"{name}.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"kind": "config", "id": name, "config": {"seed": 0}},
        {"kind": "step", "step": 0, "tokens": 0, "loss": 5.0},
        {"kind": "step", "step": 1, "tokens": 10, "loss": 4.0},
        {"kind": "result", "N": 10.0, "D": 100.0, "loss": 2.0},
    ]


def test_a_run_goes_on_after_the_step_of_its_checkpoint(study: Study) -> None:
    with study.writer({"seed": 0}) as writer:
        for step in range(6):
            writer.step(step=step, loss=5.0 - step)
    with open(part(study, writer.id), "ab") as file:
        file.write(b'{"kind":"step","step":6,"lo')
    with study.writer({"seed": 0}, keep=3) as again:
        again.step(step=4, loss=9.0)
    assert study.curve(again.id)["loss"].tolist() == [5.0, 4.0, 3.0, 2.0, 9.0]
    with study.writer({"seed": 0}):
        assert study.steps(again.id) == ()


def test_a_branch_starts_with_the_curve_of_its_trunk(study: Study) -> None:
    trunk = train(study, {"tokens": 30})
    with study.writer({"tokens": 20}, prefix=study.steps(trunk)[:2]) as branch:
        branch.step(step=2, tokens=20, loss=1.0, lr=math.nan)
    curve = study.curve(branch.id)
    assert curve["step"].tolist() == [0, 1, 2]
    assert curve["loss"].tolist() == [5.0, 4.0, 1.0]
    assert np.isnan(curve["lr"]).all()


def test_a_finished_run_is_never_overwritten(study: Study) -> None:
    name = train(study, {"seed": 0}, loss=2.0)
    assert train(study, {"seed": 0}, loss=3.0) == name
    assert study.runs()["loss"].tolist() == [2.0]
    assert not part(study, name).exists()


def test_a_dying_process_that_lost_its_run_writes_into_nothing(study: Study) -> None:
    old = study.writer({"seed": 0})
    old.step(step=0, loss=5.0)
    with study.writer({"seed": 0}) as new:
        old.step(step=1, loss=4.0)
        old.finish(loss=1.0)
        assert study.finished_ids() == set()
        new.step(step=0, loss=7.0)
        new.finish(loss=2.0)
    assert study.curve(new.id)["loss"].tolist() == [7.0]
    assert study.runs()["loss"].tolist() == [2.0]


def test_a_run_that_is_finished_while_it_is_looked_up_is_found(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = study.writer({"seed": 0})
    writer.step(step=0, loss=5.0)
    read_bytes = Path.read_bytes

    def read_late(path: Path) -> bytes:
        try:
            return read_bytes(path)
        finally:
            if not study.finished_ids():
                writer.finish(loss=1.0)

    monkeypatch.setattr(Path, "read_bytes", read_late)
    assert study.curve(writer.id)["loss"].tolist() == [5.0]


def test_an_unknown_run_has_no_curve(study: Study) -> None:
    with pytest.raises(InputError, match="no run 'abc'"):
        study.curve("abc")


# Reading the runs


def test_finished_runs_are_rows_sorted_by_id(study: Study) -> None:
    names = [train(study, {"seed": seed, "shape": {"width": 8}}, loss=2.0 + seed) for seed in range(5)]
    runs = study.runs()
    assert runs["id"].tolist() == sorted(names)
    assert dict(zip(runs["id"], runs["loss"] - runs["seed"], strict=True)) == dict.fromkeys(names, 2.0)
    assert set(runs["shape.width"]) == {8}
    assert runs.derived == ("C = 6·N·D",)
    assert runs.row_name(0) == f"row 1 ({sorted(names)[0]})"
    assert read_runs(study.path)["loss"].tolist() == runs["loss"].tolist()


def test_diverged_runs_are_counted(study: Study) -> None:
    train(study, {"seed": 0}, loss=math.nan)
    train(study, {"seed": 1}, loss=math.inf)
    assert study.runs().diverged().tolist() == [True, True]


def test_the_result_counts_where_it_shares_a_key_with_configuration(study: Study) -> None:
    train(study, {"seed": 0, "D": 128}, D=96.0)
    assert study.runs()["D"].tolist() == [96.0]


def test_a_study_has_no_notes_on_the_columns_that_it_wrote_itself(study: Study) -> None:
    with study.writer({"seed": 0, "D": 2.0e6}) as writer:
        writer.finish(loss=2.5, train_loss=2.4, N=1e4, N_total=2e4, C=3e11, C_6nd=1.2e11)
    assert study.runs().notes == ()


def test_damaged_files_are_told_of_and_not_counted(study: Study) -> None:
    train(study, {"seed": 0})
    (study.path / "runs" / "aa.jsonl").write_text('{"kind":"config","config":{}}\n{"kind":"res')
    (study.path / "runs" / "bb.jsonl").write_bytes(b"\xff\xfe\x00")
    runs = study.runs()
    assert len(runs) == 1
    assert any("aa.jsonl has no result" in note for note in runs.notes)
    assert any("bb.jsonl has no config" in note for note in runs.notes)


# A full disk and a kill


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_document_and_nothing_else(
    study: Study, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    study.write_json("plan.json", {"good": 1})
    names = set(os.listdir(study.path))
    monkeypatch.setattr(os, at, full_disk)
    with pytest.raises(OSError, match=r"No space left.*plan\.json"):  # the file, which the system does not name
        study.write_json("plan.json", {"new": 2})
    assert study.read_json("plan.json") == {"good": 1}
    assert set(os.listdir(study.path)) == names


def test_a_checkpoint_that_fails_half_way_leaves_the_old_one(study: Study) -> None:
    path = study.trunks / "a.pt"
    write_file(path, b"good")
    with file_limit(2), pytest.raises(OSError, match=r"File too large.*a\.pt"):
        write_file(path, b"new")
    assert path.read_bytes() == b"good"
    assert os.listdir(study.trunks) == ["a.pt"]


class HalfFile:
    """A file on a disk that takes seven more bytes."""

    def __init__(self, file: Any) -> None:
        self.file, self.left = file, 7

    def write(self, data: bytes) -> int:
        if not self.left:
            full_disk()
        taken, self.left = min(self.left, len(data)), 0
        return self.file.write(data[:taken])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("last", ["step", "finish"])
def test_a_full_disk_while_writing_a_run_costs_only_that_line(study: Study, last: str) -> None:
    writer = study.writer({"seed": 0})
    writer.step(step=0, loss=5.0)
    writer._file = HalfFile(writer._file)  # type: ignore[assignment]
    act: Callable[..., None] = getattr(writer, last)
    with pytest.raises(OSError, match="No space left"):
        act(loss=1.0)
    with pytest.raises(ValueError, match="closed"):
        writer._file.file.write(b"x")  # type: ignore[attr-defined]
    assert study.finished_ids() == set()
    assert study.curve(writer.id)["loss"].tolist() == [5.0]
    with study.writer({"seed": 0}, keep=0) as again:
        again.step(step=1, loss=4.0)
        again.finish(N=1.0, D=1.0, loss=4.0)
    assert study.curve(writer.id)["loss"].tolist() == [5.0, 4.0]


def test_a_run_whose_last_bytes_do_not_reach_the_disk_is_not_finished(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with study.writer({"seed": 0}) as writer:
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space left"):
            writer.finish(loss=1.0)
    assert study.finished_ids() == set()


def test_a_run_whose_folder_has_vanished_is_not_taken_for_finished(study: Study) -> None:
    with study.writer({"seed": 0}) as writer:
        shutil.rmtree(study.path / "runs")
        with pytest.raises(FileNotFoundError, match=rf"{writer.id}\.jsonl"):
            writer.finish(loss=1.0)
    assert study.finished_ids() == set()


APPEND = textwrap.dedent("""
    import itertools, sys
    from froude.runs.study.folder import Study

    study = Study.open(sys.argv[1])
    for seed in itertools.count():
        with study.writer({"seed": seed}, keep=10**9) as writer:
            for step in range(len(study.steps(writer.id)), 50):
                writer.step(step=step, loss=1.0, text="x" * 3000)
                print(seed, step, flush=True)
            writer.finish(N=1.0, D=1.0, loss=1.0)
""")


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_loses_at_most_the_line_it_was_writing(study: Study) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", APPEND, str(study.path)],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(rng.integers(1, 400))]
        process.send_signal(signal.SIGKILL)
        said += process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGKILL
        seed, step = (int(word) for word in [line for line in said if len(line.split()) == 2][-1].split())
        curve = study.curve(run_id({"seed": seed}))["step"]
        assert curve.tolist() == list(range(len(curve)))
        assert len(curve) >= step + 1
        runs = study.runs()
        assert runs.notes == ()
        assert set(runs["id"] if len(runs) else ()) == study.finished_ids()
        assert all(len(study.steps(id)) == 50 for id in study.finished_ids())
