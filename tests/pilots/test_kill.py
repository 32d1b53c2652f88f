"""Whatever ends a process, and whenever: the same command again finishes the study, with the same losses."""

import contextlib
import json
import os
import random
import signal
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from froude.tank import Design, build_corpus
from tiny import (
    PATIENCE_SECONDS,
    command,
    environment,
    outcome,
    train,
    wait_until,
    write_corpus,
    write_plan,
)

KILLS = 10


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A corpus and a plan of some seconds."""
    folder = tmp_path_factory.mktemp("given")
    return {"corpus": write_corpus(folder / "corpus"), "plan": write_plan(folder / "plan.json", steps=320)}


@pytest.fixture(scope="module")
def undisturbed(given: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the trunks of the plan give, one after another in one process."""
    corpus = build_corpus(given["corpus"])
    design = Design.from_dict(json.loads(given["plan"].read_text())["design"])
    trunks = [replace(trunk, corpus=corpus.hash) for trunk in (*design.pilots, design.target)]
    return train(tmp_path_factory.mktemp("undisturbed"), *trunks, corpus=corpus)


class Session:
    """One start of the command in a study, from the outside."""

    def __init__(self, study: Path, given: Mapping[str, Path], *options: str, **variables: str) -> None:
        self.study = study
        words = ("--study", study, "--corpus", given["corpus"], "--plan", given["plan"], "--json", *options)
        self.process = subprocess.Popen(
            command(*words),
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def train_a_while(self, lines: int = 1) -> None:
        """Waits until this session's runs have so many further lines, or it has ended."""
        goal = self.lines() + lines
        wait_until(lambda: self.lines() >= goal or not self.running)

    def lines(self) -> int:
        """Lines of all runs that this session writes or has written."""
        return sum(map(lines_of, self.study.glob("runs/*")))

    def workers(self) -> list[int]:
        """Process ids of the workers there are now."""
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr at the end."""
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err


def disturb(session: Session, rng: random.Random) -> int:
    """Kills some workers at random moments, then the command; how many processes that were."""
    kills = 0
    for _ in range(rng.choice([0, 1, 2, 3])):
        session.train_a_while(rng.randrange(1, 300))
        if session.running and (workers := session.workers()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
                kills += 1
    match rng.choice(["at once", "in training", "after the forecast"]):
        case "in training":
            session.train_a_while(rng.randrange(1, 300))
        case "after the forecast":
            wait_until(lambda: (session.study / "forecast.json").exists() or not session.running)
    if session.running:
        session.process.kill()
        kills += 1
    session.end()
    return kills


def lines_of(path: Path) -> int:
    """Lines of a file, none where it has just been renamed."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


@pytest.mark.slow
def test_a_study_whose_processes_are_killed_ends_as_one_left_alone(
    given: Mapping[str, Path], undisturbed: Mapping[str, Any], tmp_path: Path
) -> None:
    rng, kills, rounds = random.Random(1), 0, 0
    while kills < KILLS:
        study, rounds = tmp_path / f"{rounds}", rounds + 1
        while kills < KILLS and not (study / "result.json").exists():
            kills += disturb(Session(study, given), rng)
        code, out, err = Session(study, given).end()
        assert (code, "Traceback" in err) == (0, False), err
        assert outcome(study) == undisturbed
        assert (study / "forecast.json").stat().st_mtime_ns < target_file(study).stat().st_mtime_ns
        assert list((study / "trunks").glob("*.pt")) == list((study / "runs").glob("*.part")) == []
        result = json.loads(out.splitlines()[-1])
        assert result == json.loads((study / "result.json").read_text())
        assert result["pilots"] == 12


def target_file(study: Path) -> Path:
    """The file of the target's run."""
    target = Design.from_dict(json.loads((study / "plan.json").read_text())["design"]).target
    return study / "runs" / f"{target.run_id(target.tokens[-1])}.jsonl"


FULL = """
    import errno, os
    from pathlib import Path

    def fsync(descriptor, real=os.fsync):
        if len(list(Path(os.environ["FULL"]).glob("runs/*.jsonl"))) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    os.fsync = fsync
"""


@pytest.mark.slow
def test_a_full_disk_and_an_interrupt_cost_nothing_finished(
    given: Mapping[str, Path], undisturbed: Mapping[str, Any], tmp_path: Path
) -> None:
    study, hook = tmp_path / "study", tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(textwrap.dedent(FULL))  # the disk is full after two runs
    path = f"{hook}{os.pathsep}{environment()['PYTHONPATH']}"

    code, _, err = Session(study, given, "--no-check", FULL=str(study), PYTHONPATH=path).end()
    assert code == 1
    assert only_complaint(err).startswith("froude: the disk is full: free some space")
    finished = outcome(study)
    assert len(finished) >= 2

    session = Session(study, given, "--no-check")
    session.train_a_while()
    assert session.running
    workers = session.workers()
    session.process.send_signal(signal.SIGINT)
    code, _, err = session.end()
    assert code == 130
    assert only_complaint(err).startswith("froude: stopped")
    assert workers
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)

    code, out, err = Session(study, given, "--no-check").end()
    assert code == 0, err
    assert "measured" not in json.loads(out.splitlines()[-1])
    assert outcome(study) == {id: undisturbed[id] for id in outcome(study)}
    assert len(undisturbed) - len(outcome(study)) == 1  # the target


def only_complaint(err: str) -> str:
    """The one line that says what went wrong."""
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("froude:")]
    return line
