"""What every engine does, whatever it runs on: a new one in `ENGINES` is held to all of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from froude.engines import ENGINES, Engine, Event, Progress, Ready, RunFinished, Task, TaskFailedError
from froude.programs import words_of
from froude.sweeps.training import TrainByCommand
from froude.tank import MeasureSpeed, TrainTrunk
from swept import COMMAND, one
from tiny import prepared_study, trunk
from toy_tasks import Await, DieUntilMarked, Fail, GiveObject, Post, ReadFile, Square

WORKERS = 2


Maker = Callable[[str, Path], Callable[[int], Engine]]
CLUSTERS = ("ray", "ray://", "slurm")
"""The engines beside the one of this machine; Ray twice: a cluster started here, and one of two nodes that is there."""


def test_every_engine_is_held_to_this_contract() -> None:
    assert {"local", *CLUSTERS} - {"ray://"} == {*ENGINES}


@pytest.fixture(scope="module", params=["local", *(pytest.param(each, marks=pytest.mark.engines) for each in CLUSTERS)])
def name(request: pytest.FixtureRequest) -> str:
    """The name of each engine there is."""
    return request.param


@pytest.fixture(scope="module")
def engine(name: str, maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for the tests that no task fails in."""
    with maker(name, tmp_path_factory.mktemp("shared"))(WORKERS) as engine:
        yield engine


@pytest.fixture
def fresh(name: str, maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine to fail with."""
    with maker(name, tmp_path_factory.mktemp("shared"))(1) as engine:
        yield engine


TASKS: dict[str, Any] = {
    "a user's own": lambda folder: Square(3),
    "TrainTrunk": lambda folder: TrainTrunk(trunk=trunk(), study=prepared_study(folder).path),
    "TrainByCommand": lambda folder: TrainByCommand(
        study=prepared_study(folder).path, config=one()[0], command=words_of(COMMAND), folder=folder, columns={}
    ),
    "MeasureSpeed": lambda folder: MeasureSpeed(trunk=trunk(), seconds=0.01),
}
"""What makes a task of each kind, given a folder."""


@pytest.mark.slow  # loads torch in processes
@pytest.mark.parametrize("kind", TASKS)
def test_an_engine_gives_what_its_task_gives(engine: Engine, kind: str, tmp_path: Path) -> None:
    for folder in ("there", "here"):
        (tmp_path / folder).mkdir()
    (there,) = engine.run([TASKS[kind](tmp_path / "there")])
    here = TASKS[kind](tmp_path / "here").perform(lambda event: None)
    assert type(there) is type(here)
    if isinstance(there, dict):
        there, here = ({**value, "seconds": None} for value in (there, here))
    assert there == here or isinstance(there, float)  # a speed, which no two measurements share


def test_an_engine_says_how_many_tasks_it_performs_at_once(engine: Engine) -> None:
    assert engine.n_workers == WORKERS


def test_values_come_in_the_order_of_the_tasks(engine: Engine) -> None:
    numbers = [5, 4, 3, 2, 1, 0]
    assert engine.run([Square(number) for number in numbers]) == [number**2 for number in numbers]


def test_tasks_are_performed_at_once_and_values_keep_their_order(engine: Engine, tmp_path: Path) -> None:
    path = str(tmp_path / "letter")
    assert engine.run([Await(path), Post(path), Square(2)]) == ["found", "posted", 4]


def test_no_tasks_have_no_values(engine: Engine) -> None:
    assert engine.run([]) == []


def test_each_task_is_heard_of_in_typed_events(engine: Engine) -> None:
    heard: list[tuple[Task, Event]] = []
    tasks = [Square(2), Square(-3)]
    engine.run(tasks, lambda task, event: heard.append((task, event)))
    finished = {task: event for task, event in heard if isinstance(event, RunFinished)}
    assert finished == {tasks[0]: RunFinished(run="2", loss=0.5), tasks[1]: RunFinished(run="-3", loss=None)}
    assert {type(event) for _, event in heard} <= {Ready, Progress, RunFinished}


def test_a_task_that_fails_ends_the_run_in_its_words(fresh: Engine) -> None:
    with pytest.raises(TaskFailedError, match="KeyError: 'no such key'"):
        fresh.run([Square(1), Fail("no such key"), Square(2)])


def test_what_the_system_refuses_a_task_it_refuses_its_caller(fresh: Engine, tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing.txt")
    with pytest.raises(FileNotFoundError) as caught:
        fresh.run([ReadFile(missing)])
    assert caught.value.filename == missing


def test_a_value_that_json_cannot_hold_is_a_failure(fresh: Engine) -> None:
    with pytest.raises(TaskFailedError, match="not JSON serializable"):
        fresh.run([GiveObject()])


def test_a_task_that_no_other_process_can_import_is_refused(fresh: Engine) -> None:
    class Inner(Square):
        pass

    with pytest.raises(ValueError, match="define it at the top of a module"):
        fresh.run([Inner(1)])


def test_a_task_whose_worker_dies_is_started_again(fresh: Engine, tmp_path: Path) -> None:
    assert fresh.run([DieUntilMarked(str(tmp_path), deaths=2)]) == [2]


def test_a_task_that_keeps_killing_its_worker_is_given_up(fresh: Engine, tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"worker died 3 times, last with ."):
        fresh.run([DieUntilMarked(str(tmp_path), deaths=9)])
    assert len(list(tmp_path.iterdir())) == 3
