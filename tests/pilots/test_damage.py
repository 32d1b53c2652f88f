"""What is damaged in a pilot's study is said in one line and made again by the same command, to the same losses."""

import functools
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from froude import InputError, Runs, Study
from froude.engines import ENGINES, Notice, RunFinished
from froude.fitting import Choice, choose
from froude.pilots import PilotEvent, forecast, pilot
from froude.pilots.result import LEVEL
from froude.reporting import write_report
from froude.tank import Design
from in_process import InProcess
from tiny import outcome, write_corpus, write_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A corpus, a plan of tiny trainings, and the engine of this process."""
    folder = tmp_path_factory.mktemp("given")
    plan = write_plan(folder / "plan.json", steps=40)
    return {"corpus": write_corpus(folder / "corpus"), "plan": plan, "engine": "here"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, given: Mapping[str, Any]) -> Path:
    """A study that is finished."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "here", InProcess)
        patch.setattr(forecast, "choose", quick_choice)
        pilot(study=folder, **given)
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to damage, whose page is not drawn anew."""
    monkeypatch.setitem(ENGINES, "here", InProcess)
    monkeypatch.setattr(forecast, "choose", quick_choice)
    monkeypatch.setattr("froude.reporting.write_report", lambda study: None)
    return Path(shutil.copytree(finished, tmp_path / "study"))


@functools.cache
def choice_of(sha256: str, seed: int) -> Choice:
    """The choice of a law by these runs, made once for all tests."""
    return choose(TABLES[sha256], cluster="trunk", level=LEVEL, seed=seed, draws=50)


def quick_choice(runs: Runs, *, seed: int, **_: Any) -> Choice:
    """The choice of a law, with few draws."""
    TABLES[runs.sha256] = runs
    return choice_of(runs.sha256, seed)


TABLES: dict[str, Runs] = {}


def again(study: Path, given: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Gives the same command again; what it notes, and the runs that it trains."""
    heard: list[PilotEvent] = []
    pilot(study=study, watch=heard.append, **given)
    notes = [event.text for event in heard if isinstance(event, Notice)]
    return notes, [event.run for event in heard if isinstance(event, RunFinished)]


def design_of(study: Path) -> Design:
    return Design.from_dict(json.loads((study / "plan.json").read_text())["design"])


def file_of_a_run(study: Path) -> Path:
    trunk = design_of(study).pilots[1]
    return study / "runs" / f"{trunk.run_id(trunk.tokens[0])}.jsonl"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def change_loss(study: Path) -> None:
    path = file_of_a_run(study)
    loss = json.loads(path.read_text().splitlines()[-1])["loss"]
    change(path, f'"loss":{loss!r},"div', f'"loss":{loss * 1.01!r},"div')


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGED_RUNS: dict[str, Callable[[Path], object]] = {
    "cut": lambda study: cut(file_of_a_run(study)),
    "pipe": lambda study: make_pipe(file_of_a_run(study)),
    "loss": change_loss,
    "config": lambda study: change(file_of_a_run(study), '"lr":0.01', '"lr":0.02'),
    "size": lambda study: change(file_of_a_run(study), '"N":1728', '"N":1729'),
    "windows": lambda study: cut(study / "validation" / f"{file_of_a_run(study).stem}.npy"),
    "no windows": lambda study: (study / "validation" / f"{file_of_a_run(study).stem}.npy").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGED_RUNS)
def test_a_damaged_run_alone_is_trained_again_to_the_same_loss(
    study: Path, finished: Path, given: Mapping[str, Any], damage: str
) -> None:
    path = file_of_a_run(study)
    DAMAGED_RUNS[damage](study)
    (note,), trained = again(study, given)
    assert note.startswith(f"1 run will be trained again: runs/{path.name} ")
    assert trained == [path.stem]
    assert outcome(study) == outcome(finished)
    assert again(study, given) == ([], [])


def damage_corpus(study: Path) -> None:
    side = study / "corpus" / "train.bin"
    side.write_bytes(side.read_bytes()[:-1000])


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


DAMAGED_CORPORA: dict[str, Callable[[Path], object]] = {
    "short": damage_corpus,
    "flipped": lambda study: flip(study / "corpus" / "validation.bin"),
    "manifest": lambda study: cut(study / "corpus" / "manifest.json"),
    "gone": lambda study: shutil.rmtree(study / "corpus"),
    "wrong hash": lambda study: change(study / "corpus" / "manifest.json", '"hash": "', '"hash": "0'),
}


@pytest.mark.parametrize("damage", DAMAGED_CORPORA)
def test_a_damaged_corpus_is_gathered_again_and_gives_the_same_losses(
    study: Path, finished: Path, given: Mapping[str, Any], damage: str
) -> None:
    DAMAGED_CORPORA[damage](study)
    file_of_a_run(study).unlink()
    notes, trained = again(study, given)
    assert [note.startswith("corpus was damaged (") for note in notes] == ([] if damage == "gone" else [True])
    assert trained == [file_of_a_run(study).stem]
    assert outcome(study) == outcome(finished)


def test_a_damaged_corpus_whose_sources_have_changed_is_refused(
    study: Path, given: Mapping[str, Any], tmp_path: Path
) -> None:
    damage_corpus(study)
    other = {**given, "corpus": tmp_path / "corpus"}
    shutil.copytree(given["corpus"], other["corpus"])
    change(study / "study.json", str(given["corpus"]), str(other["corpus"]))
    next(other["corpus"].iterdir()).write_bytes(b"other text" * 1000)
    with pytest.raises(InputError, match=r"has changed since: restore it from a copy, or begin anew with another"):
        again(study, other)


def damage_plan(study: Path) -> None:
    change(study / "plan.json", '"tokens"', '"token"')


def in_forecast(old: str, new: str) -> Callable[[Path], None]:
    return lambda study: change(study / "forecast.json", old, new)


def fill(name: str, text: str) -> Callable[[Path], object]:
    return lambda study: (study / name).write_text(text)


DAMAGED_DOCUMENTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "study of a list": ("study.json", fill("study.json", '{"format":1,"settings":[]}')),
    "no study": ("study.json", lambda study: (study / "study.json").unlink()),
    "plan without tokens": ("plan.json", damage_plan),
    "plan of zeros": ("plan.json", fill("plan.json", "\0" * 100)),
    "plan of another": ("plan.json", lambda study: change(study / "plan.json", '"minutes": 5.0', '"minutes": 6.0')),
    "forecast of nothing": ("forecast.json", fill("forecast.json", "[]")),
    "forecast elsewhere": ("forecast.json", in_forecast('"N": 12288', '"N": 12289')),
    "forecast outside": ("forecast.json", in_forecast('"predicted": ', '"predicted": 1')),
    "forecast of another level": ("forecast.json", in_forecast('"level": 0.9', '"level": 0.8')),
    "forecast cut": ("forecast.json", lambda study: cut(study / "forecast.json")),
    "fit cut": ("fit.json", lambda study: cut(study / "fit.json")),
    "seconds of text": ("seconds.json", fill("seconds.json", '{"pilots": "a"}')),
    "seconds below": ("seconds.json", fill("seconds.json", '{"pilots": -1}')),
    "environment deep": ("environment.json", fill("environment.json", "[" * 10_000)),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED_DOCUMENTS)
def test_a_damaged_document_is_said_and_made_again(
    study: Path, finished: Path, given: Mapping[str, Any], damage: str
) -> None:
    name, do = DAMAGED_DOCUMENTS[damage]
    do(study)
    (note,), trained = again(study, given)
    assert note.startswith(f"{name} was damaged (")
    assert len(note) < 300
    assert trained == []
    fleeting = {"written", "provenance", "sha256", "seconds.json"}
    for each in ("study.json", "plan.json", "forecast.json"):
        here, there = (json.loads((folder / each).read_text()) for folder in (study, finished))
        assert {k: v for k, v in here.items() if k not in fleeting} == {
            k: v for k, v in there.items() if k not in fleeting
        }
    assert again(study, given) == ([], [])


def test_seconds_that_are_lost_are_not_known_rather_than_none(study: Path, given: Mapping[str, Any]) -> None:
    (study / "seconds.json").write_text("{")
    file_of_a_run(study).unlink()
    again(study, given)
    result = json.loads((study / "result.json").read_text())
    assert "pilot_seconds" not in result
    assert json.loads((study / "seconds.json").read_text()) == {"pilots": None, "target": None}


@pytest.mark.parametrize("name", ["plan.json", "forecast.json", "result.json", "fit.json", "environment.json"])
@pytest.mark.parametrize("text", ["[]", "{", "3", '{"design":{"target":3},"at":3,"target":3,"cores":"x"}'])
def test_a_report_of_a_damaged_document_names_it_and_the_command(
    study: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(study.parent)
    (study / name).write_text(text)
    with pytest.raises(InputError) as caught:
        write_report(Study.open(study.name))
    line = str(caught.value)
    assert line.startswith(f"'study/{name}'")
    assert "--study" in line
    assert len(line) < 400


def test_settings_are_not_written_again_for_another_command(study: Path, given: Mapping[str, Any]) -> None:
    (study / "study.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot be read .* makes it again"):
        again(study, {**given, "seed": 5})
    assert (study / "study.json").read_text() == "{"
