"""A study that goes away while it is worked on is waited for, and work that it cost is done again."""

from pathlib import Path

import pytest

from froude.runs import Study
from froude.runs.study.shared import held, while_there


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr("froude.runs.study.shared.AWAY_SECONDS", 0.1)
    monkeypatch.setattr("froude.runs.study.shared.LOOK_SECONDS", 0.01)


def test_work_that_failed_while_its_study_was_away_is_done_again(tmp_path):
    study, away, told = Study.create(tmp_path / "s", {}), tmp_path / "away", []

    def work() -> str:
        if not told:
            study.path.rename(away)
        (study.path / "runs" / "a").touch()
        return "done"

    def notify(text: str) -> None:
        told.append(text)
        away.rename(study.path)

    assert while_there(study.path, work, notify) == "done"
    assert told == [f"{str(study.path)!r} has gone: waiting until it is back"]
    assert (study.path / "runs" / "a").exists()


def test_work_on_a_study_that_stays_away_fails(tmp_path):
    study, told = Study.create(tmp_path / "s", {}), list[str]()

    def work() -> None:
        study.path.rename(tmp_path / "away")
        (study.path / "runs" / "a").touch()

    with pytest.raises(FileNotFoundError):
        while_there(study.path, work, told.append)
    assert told == [f"{str(study.path)!r} has gone: waiting until it is back"]


def test_work_that_fails_in_a_study_that_is_there_fails_at_once(tmp_path):
    study, told = Study.create(tmp_path / "s", {}), []
    with pytest.raises(FileNotFoundError):
        while_there(study.path, (study.path / "none").unlink, told.append)
    assert told == []


def test_work_that_begins_while_the_study_is_away_waits(tmp_path):
    study, away = Study.create(tmp_path / "s", {}).path, tmp_path / "away"
    study.rename(away)
    assert while_there(study, lambda: Study.open(study).path, lambda _: away.rename(study)) == study


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path):
    waits: list[str] = []

    class WaitedError(Exception):
        pass

    def wait() -> None:
        waits.append("waits")
        raise WaitedError  # in place of the wait, which would be for ever

    with held(tmp_path / "lock", wait), pytest.raises(WaitedError), held(tmp_path / "lock", wait):
        pass
    with held(tmp_path / "lock", wait):
        assert waits == ["waits"]
