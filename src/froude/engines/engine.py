"""The seam between what is to be done and where: an engine performs tasks, and knows of them only what stands here."""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

from froude.engines.events import Event

Report = Callable[[Event], None]

ATTEMPTS = 3  # a task whose worker dies this often is given up


class Task(Protocol):
    """Work that can be performed by another process: a class at the top of a module, made from JSON, giving JSON.

    A process that performs a task imports its module and makes it with `from_dict` from what `to_dict` gave.
    """

    def to_dict(self) -> dict[str, Any]:
        """All that the task is made of, in values that JSON can hold."""
        ...

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The task that `to_dict` described."""
        ...

    def perform(self, report: Report) -> Any:
        """Does the work and returns its value, which JSON can hold; `report` takes progress and finished runs."""
        ...


Listener = Callable[[Task, Event], None]


def ignore(task: Task, event: Event) -> None:
    """Listens to nothing."""


class Engine(Protocol):
    """Performs tasks somewhere; a context manager, whose end ends its workers."""

    @property
    def n_workers(self) -> int:
        """How many tasks are performed at a time."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """Performs every task, started in this order; returns their values in this order.

        `listen(task, event)` hears of progress and of finished runs, one event at a time. The first task that fails
        ends the others: with OSError where the system refused something (a full disk, say), with InputError where the
        user can put it right, else with TaskFailedError.
        """
        ...


class TaskFailedError(RuntimeError):
    """A task failed in its worker; the text says how."""


class WorkerDiedError(TaskFailedError):
    """The worker of a task kept dying: another try may go better."""


class Deaths:
    """How often the workers of each task have died."""

    def __init__(self) -> None:
        self.count: dict[int, int] = {}

    def note(self, index: int, how: str) -> None:
        """Notes that the worker of the task of this number died. WorkerDiedError where that was once too often."""
        self.count[index] = self.count.get(index, 0) + 1
        if self.count[index] == ATTEMPTS:
            raise WorkerDiedError(f"its worker died {ATTEMPTS} times, last with {how}")


def task_to_json(task: Task) -> str:
    """A task as one line of JSON: the import path of its class, "module:Class", and what it is made of.

    ValueError where its class cannot be imported by another process.
    """
    kind = type(task)
    if kind.__module__ == "__main__" or "." in kind.__qualname__:
        raise ValueError(
            f"no other process can import the task {kind.__qualname__!r} of {kind.__module__!r}: "
            "define it at the top of a module"
        )
    return json.dumps({"task": f"{kind.__module__}:{kind.__qualname__}", "values": task.to_dict()})


def task_from_json(line: str) -> Task:
    """The task that `task_to_json` wrote; imports its module."""
    message = json.loads(line)
    module, _, name = message["task"].partition(":")
    return getattr(importlib.import_module(module), name).from_dict(message["values"])
