"""A task performed where it stands, by the process of whatever engine: its news and how it ended as JSON lines."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from froude.engines.engine import Report, TaskFailedError, task_from_json
from froude.engines.events import Done, Event, Failed, Progress, event_from_json, event_to_json
from froude.errors import InputError

REPORT_SECONDS = 0.25  # at most one progress event a worker in this time


def places() -> list[str]:
    """Where this process finds modules, for one that performs its tasks."""
    return [os.path.abspath(place) for place in sys.path]


def perform_line(message: str, where: Sequence[str], threads: int, tell: Callable[[str], object]) -> str:
    """Performs the task of a line, with modules from `where` too, and returns how it ended as a line of JSON.

    `tell` takes a line for each event before that, those of progress not too often.
    """
    sys.path += [place for place in where if place not in sys.path]
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before PyTorch is loaded: the same losses whatever the machine
    ending: list[str] = []
    on_the_way = reporter(tell)

    def report(event: Event) -> None:
        if isinstance(event, Done | Failed):
            ending.append(event_to_json(event))
        else:
            on_the_way(event)

    perform(message, report)
    return ending[-1]


def perform(message: str, report: Report) -> None:
    """Performs the task of a line and reports its value or its failure."""
    try:
        report(Done(value=task_from_json(message).perform(report)))
    except Exception as error:  # the parent decides what becomes of it
        report(failure_of(error))


def failure_of(error: Exception) -> Failed:
    """A failure, with what the system said where it refused something, or the line for the user."""
    if isinstance(error, InputError):
        return Failed(error=str(error), is_input=True)
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.errno:
        filename = None if error.filename is None else str(error.filename)
        return Failed(error=text, errno=error.errno, reason=error.strerror, filename=filename)
    return Failed(error=text)


def value_of(ending: str) -> Any:
    """The value of a task that ended in a line of JSON; raises its failure."""
    event = event_from_json(ending)
    if isinstance(event, Failed):
        raise error_of(event)
    return event.value if isinstance(event, Done) else None


def error_of(failure: Failed) -> Exception:
    """The error to raise for a failed task."""
    if failure.errno is not None:
        return OSError(failure.errno, failure.reason, failure.filename)
    return InputError(failure.error) if failure.is_input else TaskFailedError(failure.error)


def reporter(write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> Report:
    """A function that writes events as lines, those of progress at most every REPORT_SECONDS of the clock."""
    last: float | None = None

    def report(event: Event) -> None:
        nonlocal last
        if isinstance(event, Progress):
            now = clock()
            if last is not None and now - last < REPORT_SECONDS:
                return
            last = now
        write(event_to_json(event))

    return report
