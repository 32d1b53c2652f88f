"""This machine: persistent worker processes, one a core."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

ATTEMPTS = 3  # a task whose worker dies this often is given up

Task = dict[str, Any]
Listener = Callable[[Task, dict[str, Any]], None]


class TaskFailedError(RuntimeError):
    """A task failed in its worker, or its worker kept dying; the text says how."""


class LocalEngine:
    """Runs tasks on worker processes of this machine; a context manager, whose end ends the workers.

    A worker that dies is replaced and its task tried again; a task that fails ends `run` with OSError where the system
    refused something (a full disk, say), else with TaskFailedError.
    """

    def __init__(self, workers: int) -> None:
        self.idle: SimpleQueue[Worker] = SimpleQueue()
        self.workers = [Worker() for _ in range(workers)]
        self.lock = threading.Lock()
        for worker in self.workers:
            self.idle.put(worker)

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()

    def run(self, tasks: Sequence[Task], listen: Listener = lambda task, event: None) -> list[Any]:
        """Performs every task, started in this order; returns their values in this order.

        `listen(task, event)` hears every event, one at a time.
        """
        pool = ThreadPoolExecutor(len(self.workers))
        futures = [pool.submit(self.perform, task, listen) for task in tasks]
        try:
            return [future.result() for future in futures]
        except BaseException:
            self.__exit__()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def perform(self, task: Task, listen: Listener) -> Any:
        """One task on the next idle worker."""

        def hear(event: dict[str, Any]) -> None:
            with self.lock:
                listen(task, event)

        worker = self.idle.get()
        try:
            return worker.perform(task, hear)
        finally:
            self.idle.put(worker)


class Worker:
    """A process that runs `froude.engines.worker`, started again when it dies."""

    def __init__(self) -> None:
        self.closed = False
        self.lock = threading.Lock()
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        """A fresh process; it computes on one thread and ends when this process does."""
        # -P: a queue.py in the folder of the user must not stand in for the library's.
        command = [sys.executable, "-P", "-m", "froude.engines.worker"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )

    def restart(self) -> None:
        """A fresh process in place of a dead one, unless the worker is closed."""
        with self.lock:
            if not self.closed:
                self.process = self.start()

    def close(self) -> None:
        """Ends the process, for good."""
        with self.lock:
            self.closed = True
            self.process.kill()
            self.process.wait()

    def perform(self, task: Task, hear: Callable[[dict[str, Any]], None]) -> Any:
        """The value of a task; raises its `failure`, or TaskFailedError when its worker has died ATTEMPTS times."""
        codes = []
        for _ in range(ATTEMPTS):
            for event in self.events(task):
                if event["event"] == "done":
                    return event["value"]
                if event["event"] == "failed":
                    raise failure(event)
                hear(event)
            codes.append(self.process.wait())
            self.restart()
            if self.closed:
                break
        raise TaskFailedError(
            "stopped" if self.closed else f"its worker died {ATTEMPTS} times, last with code {codes[-1]}"
        )

    def events(self, task: Task) -> Iterator[dict[str, Any]]:
        """What the worker tells of a task, until it is silent for ever."""
        try:
            print(json.dumps(task), file=self.process.stdin, flush=True)
            for line in self.process.stdout or ():
                yield json.loads(line)
        except (BrokenPipeError, ValueError):
            return  # it died before it took the task, or in the middle of a line


def failure(event: dict[str, Any]) -> Exception:
    """The error that a failed task's event tells of."""
    return OSError(*event["system"]) if event["system"] else TaskFailedError(event["error"])
