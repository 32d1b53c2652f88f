"""This machine: persistent worker processes, one a core."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, Self

from froude.engines.engine import ATTEMPTS, Listener, Task, WorkerDiedError, ignore, task_to_json
from froude.engines.events import Done, Event, Failed, event_from_json
from froude.engines.performing import error_of, places
from froude.engines.placement import EnginePlace


class LocalEngine:
    """Performs tasks on worker processes of this machine.

    A worker that dies is replaced and its task started again, at most ATTEMPTS times.
    """

    def __init__(self, workers: int, placement: EnginePlace | None = None) -> None:
        """Start so many workers; nothing of a placement is looked at, as they share this machine as it is."""
        self.idle: SimpleQueue[Worker] = SimpleQueue()
        self.workers = [Worker() for _ in range(workers)]
        self.lock = threading.Lock()
        for worker in self.workers:
            self.idle.put(worker)

    @property
    def n_workers(self) -> int:
        """How many processes there are."""
        return len(self.workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """As `Engine.run`."""
        pool = ThreadPoolExecutor(len(self.workers))
        futures = [pool.submit(self.perform, task, listen) for task in tasks]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            self.__exit__()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def perform(self, task: Task, listen: Listener) -> Any:
        """The value of one task, performed by the next idle worker."""

        def hear(event: Event) -> None:
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
        # -P: a queue.py in the user's folder must not stand in for the library's. The worker takes the paths given to
        # it after its own, so that it finds the modules of tasks that this process can import.
        command = [sys.executable, "-P", "-m", "froude.engines.worker", json.dumps(places())]
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

    def perform(self, task: Task, hear: Callable[[Event], None]) -> Any:
        """The value of a task; raises its failure, or WorkerDiedError when its worker has died ATTEMPTS times."""
        message, codes = task_to_json(task), []
        for _ in range(ATTEMPTS):
            for event in self.events(message):
                match event:
                    case Done():
                        return event.value
                    case Failed():
                        raise error_of(event)
                    case _:
                        hear(event)
            codes.append(self.process.wait())
            self.restart()
            if self.closed:
                break
        raise WorkerDiedError(
            "stopped" if self.closed else f"its worker died {ATTEMPTS} times, last with code {codes[-1]}"
        )

    def events(self, message: str) -> Iterator[Event]:
        """What the worker reports of a task, until it says nothing more."""
        try:
            print(message, file=self.process.stdin, flush=True)
            for line in self.process.stdout or ():
                yield event_from_json(line)
        except (BrokenPipeError, ValueError):
            return  # it died before it took the task, or in the middle of a line
