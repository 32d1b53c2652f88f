"""What is damaged, copied or no file at all among the runs of a study is said and not counted; nothing waits for it."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from froude.errors import InputError
from froude.runs import Study, read_curves, read_runs
from froude.runs.study import cache


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of three finished runs, and the plan that says what made it."""
    made = Study.create(tmp_path / "study", {"kind": "pilot"})
    for seed in range(3):
        finish(made, seed)
    made.write_json("plan.json", {"command": "froude pilot --minutes 1.0"})
    return made


def finish(study: Study, seed: int, **result: Any) -> str:
    with study.writer({"seed": seed}) as writer:
        writer.step(step=1, loss=3.0)
        writer.step(step=2, loss=2.5)
        writer.finish(**({"N": 10.0, "D": 100.0, "loss": 2.0 + seed} | result))
    return writer.id


def file_of(study: Study, place: int) -> Path:
    return sorted((study.path / "runs").glob("*.jsonl"))[place]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def twice(path: Path) -> None:
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])


def deep(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"N":10.0', b'"N":' + b"[" * 10_000 + b"]" * 10_000))


def replace_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def bind_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (cut, "has no result and is not counted"),
    "empty": (lambda path: path.write_bytes(b""), "has no configuration and is not counted"),
    "zeros": (lambda path: path.write_bytes(bytes(500)), "has no configuration and is not counted"),
    "noise": (lambda path: path.write_bytes(bytes(range(256))), "has no configuration and is not counted"),
    "twice": (twice, "has two results and is not counted"),
    "deep": (deep, "has no result and is not counted"),
    "huge": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"10.0", b"1" * 400)),
        "which is beyond all numbers that can be computed with) and is not counted",
    ),
    "pipe": (replace_by(os.mkfifo), "cannot be read (it is a pipe) and is not counted"),
    "folder": (replace_by(os.mkdir), "is not counted"),
    "socket": (replace_by(bind_socket), "is not counted"),
    "dangling": (
        replace_by(lambda path: path.symlink_to("nowhere")),
        "cannot be read (No such file or directory) and is not counted",
    ),
    "endless": (replace_by(lambda path: path.symlink_to("/dev/zero")), "cannot be read (it is a device)"),
}


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and sockets")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_said_and_not_counted_and_can_be_made_again(study: Study, damage: str) -> None:
    do, says = DAMAGES[damage]
    path, whole = file_of(study, 1), study.runs()
    seed = int(whole["seed"][1])
    do(path)
    for runs in (study.runs(), read_runs(study.path)):
        assert len(runs) == 2
        note, remedy = runs.notes
        assert f"runs/{path.name} " in note
        assert says in note
        assert remedy == f"froude pilot --minutes 1.0 --study {study.path} trains again what is lost"
    assert study.finished_ids() == set(read_curves(study.path)) == set(whole["id"]) - {path.stem}

    assert finish(study, seed) == path.stem
    assert study.runs().notes == ()
    assert study.runs()["loss"].tolist() == whole["loss"].tolist()
    assert len(list(path.parent.glob("*.damaged"))) == 1


def test_a_run_file_copied_under_another_name_counts_once(study: Study) -> None:
    whole, path = study.runs(), file_of(study, 0)
    shutil.copy(path, path.with_name("00.jsonl"))
    shutil.copy(path, path.with_name("zz.jsonl"))
    runs = study.runs()
    assert runs["id"].tolist() == whole["id"].tolist()
    said = "is a copy of the run"
    assert runs.notes == tuple(
        f"runs/{name} {said} {path.stem}, which counts once" for name in ("00.jsonl", "zz.jsonl")
    )
    assert study.finished_ids() == set(read_curves(study.path)) == set(whole["id"])


def test_a_run_whose_file_was_renamed_keeps_its_name(study: Study) -> None:
    whole, path = study.runs(), file_of(study, 0)
    path.rename(path.with_name("renamed.jsonl"))
    assert study.runs()["id"].tolist() == whole["id"].tolist()
    assert study.curve(path.stem)["loss"].tolist() == [3.0, 2.5]


def test_a_copy_in_the_place_of_a_run_does_not_stand_for_it(study: Study) -> None:
    first, second = file_of(study, 0), file_of(study, 1)
    seed = json.loads(second.read_text().splitlines()[0])["config"]["seed"]
    shutil.copy(first, second)
    assert second.stem not in study.finished_ids()
    with pytest.raises(InputError, match="no run"):
        study.curve(second.stem)
    finish(study, seed)
    assert (len(study.runs()), study.runs().notes) == (3, ())


def test_a_broken_line_among_the_steps_is_left_out_and_said(study: Study) -> None:
    path = file_of(study, 0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b'{"kind":"step","st\n', *lines[2:]]))
    assert study.runs().notes == (f"runs/{path.name}: line 2 is cut short or broken and was left out",)
    assert study.curve(path.stem)["step"].tolist() == [2]


def test_an_integer_beyond_floats_in_a_curve_is_infinite(study: Study) -> None:
    path = file_of(study, 0)
    path.write_bytes(path.read_bytes().replace(b'"loss":2.5', b'"loss":1' + b"0" * 400))
    assert study.curve(path.stem)["loss"].tolist() == [3.0, float("inf")]


def test_reading_a_study_writes_nothing(study: Study) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.path.rglob("*")}
    read_runs(study.path)
    read_curves(study.path)
    assert {path: path.stat().st_mtime_ns for path in study.path.rglob("*")} == before


def test_a_study_that_goes_while_it_is_read_is_said_to_have_gone(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed_late(folder: Path, real: Any = cache._stamps) -> Any:
        found = real(folder)
        shutil.rmtree(study.path)
        return found

    monkeypatch.setattr(cache, "_stamps", listed_late)
    with pytest.raises(InputError, match="has gone while it was read"):
        study.runs()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format":1,"settings":[]}', "[" * 10_000, '{"format":[1]}', "\0"])
def test_damaged_settings_are_named_with_the_command_that_helps(study: Study, text: str) -> None:
    (study.path / "study.json").write_text(text)
    with pytest.raises(InputError) as caught:
        Study.open(study.path)
    line = str(caught.value)
    assert line.startswith(repr(str(study.path / "study.json")))
    assert line.endswith(f": froude pilot --minutes 1.0 --study {study.path} makes it again")
    (study.path / "plan.json").unlink()
    with pytest.raises(InputError, match="restore it from a copy"):
        Study.open(study.path)
