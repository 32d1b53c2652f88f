"""A worker process: takes trunks as JSON lines on standard input, tells of them as JSON lines on standard output.

It ends at once when standard input ends, which happens when its parent dies, however it dies.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

REPORT_SECONDS = 0.25  # at most one progress event a worker in this time


def main() -> None:
    """Serves tasks until standard input ends."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not reach the protocol
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=listen, args=(sys.stdin, tasks), daemon=True).start()
    speak = speaker(out)
    speak({"event": "ready"})
    while True:
        task = tasks.get()
        try:
            speak({"event": "done", "value": perform(task, speak)})
        except Exception as error:  # the parent decides what becomes of it
            speak({"event": "failed", "error": f"{type(error).__name__}: {error}", "system": refusal(error)})


def refusal(error: Exception) -> list[Any] | None:
    """Number, text and file of an error of the system, a full disk say; None for any other."""
    if isinstance(error, OSError) and error.errno:
        return [error.errno, error.strerror, str(error.filename or "")]
    return None


def listen(lines: TextIO, tasks: "queue.Queue[dict[str, Any]]") -> None:
    """Queues each line; leaves the process when there are no more."""
    for line in lines:
        tasks.put(json.loads(line))
    os._exit(0)


def speaker(out: TextIO) -> Callable[[dict[str, Any]], None]:
    """A function that writes events, thinning those of progress."""
    last = 0.0

    def speak(event: dict[str, Any]) -> None:
        nonlocal last
        if event["event"] == "progress":
            if time.monotonic() - last < REPORT_SECONDS:
                return
            last = time.monotonic()
        out.write(json.dumps(event) + "\n")

    return speak


def perform(task: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> Any:
    """Does one task: `train` a trunk into a study, or measure the `speed` of a model."""
    from froude.runs import Study
    from froude.tank.corpus import Corpus
    from froude.tank.trainer import measure_speed, train_trunk
    from froude.tank.trunk import Trunk

    trunk = Trunk.from_dict(task["trunk"])
    if task["do"] == "speed":
        return measure_speed(trunk, task["seconds"])
    study = Study.open(Path(task["study"]))
    return train_trunk(trunk, Corpus.load(study.path / "corpus"), study, report)


if __name__ == "__main__":
    main()
