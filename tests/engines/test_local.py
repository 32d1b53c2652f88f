import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from froude.engines import Event, LocalEngine, Progress, RunFinished, Task, TaskFailedError
from froude.engines.engine import task_to_json
from froude.errors import InputError
from froude.runs import Study
from froude.tank import PilotRecipe, TrainTrunk, Trunk, measure_speed
from tiny import environment, outcome, prepared_study, train, trunk, wait_until


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    """Two workers for all tests of this file; they survive what is done to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        with LocalEngine(2) as engine:
            yield engine


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study with a corpus."""
    return prepared_study(tmp_path)


def task(planned: Trunk, study: Study) -> TrainTrunk:
    return TrainTrunk(trunk=planned, study=study.path)


@pytest.mark.slow
def test_trunks_trained_by_workers_are_those_trained_here(engine: LocalEngine, study: Study, tmp_path: Path) -> None:
    trunks, heard = [trunk(8), trunk(12), trunk(8, seed=1)], list[Event]()
    engine.run([task(each, study) for each in trunks], lambda task, event: heard.append(event))
    assert outcome(study.path) == train(tmp_path / "here", *trunks)
    assert sorted(event.run for event in heard if isinstance(event, RunFinished)) == sorted(study.finished_ids())
    assert any(isinstance(event, Progress) for event in heard)


@pytest.mark.slow  # processes that load torch
def test_a_task_whose_worker_is_killed_is_done_by_another(engine: LocalEngine, study: Study, tmp_path: Path) -> None:
    planned, killed = trunk(8, (300, 600)), []

    def kill(task: Task, event: Event) -> None:
        if isinstance(event, Progress) and not killed:
            killed.extend(worker.process.pid for worker in engine.workers)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    engine.run([task(planned, study)], kill)
    assert len(killed) == 2
    assert outcome(study.path) == train(tmp_path / "here", planned)


def test_a_task_that_keeps_killing_its_worker_is_given_up(study: Study) -> None:
    with LocalEngine(1) as engine, pytest.raises(TaskFailedError, match=r"worker died 3 times.* -9"):
        engine.run([task(trunk(), study)], lambda task, event: engine.workers[0].process.kill())


def test_what_fails_in_a_worker_is_told_in_its_words(study: Study) -> None:
    missing = TrainTrunk(trunk=trunk(), study=study.path / "nowhere")
    with LocalEngine(1) as engine, pytest.raises(InputError, match="nowhere' is no study"):
        engine.run([missing])


@pytest.mark.slow  # processes that load torch
def test_what_the_system_refuses_a_worker_it_refuses_its_parent(study: Study) -> None:
    (study.path / "corpus" / "train.bin").unlink()
    with LocalEngine(1) as engine, pytest.raises(FileNotFoundError) as caught:
        engine.run([task(trunk(), study)])
    assert caught.value.filename == str(study.path / "corpus" / "train.bin")


@pytest.mark.slow  # processes that load torch
def test_what_a_library_prints_in_a_worker_is_no_message(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    chatter = """
        import os, sys
        if "froude.engines.worker" in sys.orig_argv:
            import numpy
            def loud(*arguments, real=numpy.memmap, **options):
                print('{"event": "done", "value": "nonsense"}', flush=True)
                os.write(1, b"half a line")
                return real(*arguments, **options)
            numpy.memmap = loud
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(chatter))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}")
    with LocalEngine(1) as engine:
        assert engine.run([task(trunk(), study)]) == [None]
    assert len(study.finished_ids()) == 2
    assert "nonsense" in capfd.readouterr().err


@pytest.mark.slow  # processes that load torch
def test_files_in_the_folder_where_it_starts_do_not_harm_a_worker(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('a user calls a script of his queue.py')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with LocalEngine(1) as engine:
        engine.run([task(trunk(), study)])
    assert len(study.finished_ids()) == 2


@pytest.mark.slow  # processes that load torch
def test_workers_end_when_their_parent_is_killed(study: Study) -> None:
    program = """
        import sys
        from froude.engines import LocalEngine
        from froude.engines.engine import task_from_json
        engine = LocalEngine(2)
        print(*(worker.process.pid for worker in engine.workers), flush=True)
        engine.run([task_from_json(sys.argv[1])], lambda task, event: print(type(event).__name__, flush=True))
    """
    work = task_to_json(task(trunk(8, (20_000,)), study))
    command = [sys.executable, "-c", textwrap.dedent(program), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as parent:
        assert parent.stdout
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        while "Progress" not in parent.stdout.readline():
            pass
        parent.kill()
    assert len(workers) == 2
    wait_until(lambda: not any(map(alive, workers)))


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow  # processes that load torch
def test_speed_is_measured_at_every_width(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("froude.tank.speed.SECONDS", 0.05)
    speed = measure_speed(engine, PilotRecipe(corpus=""))
    assert sorted(speed.seconds_per_flop) == [16, 32, 64, 128]
    assert all(1e-14 < seconds < 1e-7 for seconds in speed.seconds_per_flop.values())
