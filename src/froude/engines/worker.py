"""A worker process: takes tasks as JSON lines on standard input, reports as JSON lines on standard output.

It ends at once when standard input ends, which happens when its parent dies, however it dies.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from froude.engines.engine import Report, task_from_json
from froude.engines.events import Done, Event, Failed, Progress, Ready, event_to_json
from froude.errors import InputError

REPORT_SECONDS = 0.25  # at most one progress event a worker in this time


def main() -> None:
    """Performs tasks until standard input ends."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not reach the protocol
    sys.path += [place for place in json.loads(sys.argv[1]) if place not in sys.path]
    tasks: queue.Queue[str] = queue.Queue()
    threading.Thread(target=listen, args=(sys.stdin, tasks), daemon=True).start()
    report = reporter(lambda line: out.write(line + "\n"))
    try:
        report(Ready())
        while True:
            perform(tasks.get(), report)
    except BrokenPipeError:  # the parent is gone: nobody is left to be told
        os._exit(0)


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


def listen(lines: TextIO, tasks: "queue.Queue[str]") -> None:
    """Queues each line; leaves the process when there are no more."""
    for line in lines:
        tasks.put(line)
    os._exit(0)


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


if __name__ == "__main__":
    main()
