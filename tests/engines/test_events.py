import json
from pathlib import Path

import pytest

from froude.engines import Event, Notice, Progress, Ready, RunFinished, Task
from froude.engines.engine import task_from_json, task_to_json
from froude.engines.events import EVENTS, Done, Failed, event_from_json, event_to_json
from froude.engines.performing import REPORT_SECONDS, reporter
from froude.tank import MeasureSpeed, TrainTrunk
from tiny import trunk
from toy_tasks import Square

PROGRESS = Progress(run="a", tokens=64, loss=2.25, tokens_per_s=1e4)
EXAMPLES: list[Event] = [
    Ready(),
    PROGRESS,
    RunFinished(run="a", loss=1.5),
    RunFinished(run="b", loss=None),
    Done(value={"rows": [1, 2.5, None]}),
    Notice(text="a is made again"),
    Failed(error="ValueError: no"),
    Failed(error="'a' cannot be read: give b", is_input=True),
    Failed(error="OSError: full", errno=28, reason="full", filename="a/b"),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_its_json(event: Event) -> None:
    assert event_from_json(event_to_json(event)) == event
    assert "\n" not in event_to_json(event)


def test_every_kind_of_event_has_an_example() -> None:
    assert {type(event) for event in EXAMPLES} == set(EVENTS.values())


TASKS: list[Task] = [
    Square(7),
    TrainTrunk(trunk=trunk(), study=Path("study")),
    MeasureSpeed(trunk=trunk(z_loss=1e-4), seconds=0.1),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_comes_back_from_its_json(task: Task) -> None:
    line = task_to_json(task)
    assert task_from_json(line) == task
    assert json.loads(line)["task"] == f"{type(task).__module__}:{type(task).__name__}"


def test_progress_is_thinned_and_nothing_else_is() -> None:
    lines: list[str] = []
    times = iter([0.0, REPORT_SECONDS / 2, REPORT_SECONDS, REPORT_SECONDS * 1.5])
    report = reporter(lines.append, lambda: next(times))
    finished = RunFinished(run="a", loss=1.5)
    for event in (PROGRESS, PROGRESS, finished, finished, PROGRESS, PROGRESS):
        report(event)
    assert [event_from_json(line) for line in lines] == [PROGRESS, finished, finished, PROGRESS]
