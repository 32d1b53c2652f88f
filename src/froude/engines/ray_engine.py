"""A Ray cluster: one started here for as long as the engine lives, or one that runs already."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from math import ceil
from typing import Any, Self, final

from froude.engines.engine import Deaths, Listener, Task, ignore, task_to_json
from froude.engines.events import event_from_json
from froude.engines.performing import places, value_of
from froude.engines.placement import EnginePlace, Needs
from froude.engines.ray_worker import Mailbox, perform_on_ray
from froude.errors import InputError, one_line
from froude.host import cores

POLL_SECONDS = 0.1  # that news of trainings may be old
STORE_BYTES = 80_000_000  # the least that Ray takes; only lines of JSON go through it


@final
class RayEngine:
    """Performs tasks on a Ray cluster, each where the processors, GPUs and memory that it needs are free.

    `EnginePlace.address` is ray://HOST:PORT, the client's port of a running cluster; None starts one on this machine,
    which ends with the engine. In a process that is connected to a cluster already, that one is used. A task whose
    worker or node dies is started again, at most ATTEMPTS times.
    """

    def __init__(self, workers: int, placement: EnginePlace | None = None) -> None:
        placement = placement or EnginePlace()
        self.ray: Any = import_module("ray")
        self._workers, self.needs = workers, placement.needs
        self.is_mine = not self.ray.is_initialized()
        if self.is_mine:
            self.connect(placement.address)
        try:
            self.check_room()
        except BaseException:
            self.__exit__()
            raise

    @property
    def n_workers(self) -> int:
        """How many tasks are at work at a time, where the cluster has room for them."""
        return self._workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_mine:
            self.ray.shutdown()
            self.is_mine = False

    def connect(self, address: str | None) -> None:
        """Connects to a cluster, or starts one. InputError where none answers."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to Ray's makers unless the user says so
        here: dict[str, Any] = {
            "address": "local",
            "num_cpus": max(cores(), self._workers * self.needs.cpus),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
        }
        words = here if address is None else {"address": address}
        try:
            try:
                self.ray.init(**words, logging_level=40, log_to_driver=False)
            except RuntimeError:  # a busy head gives a client half a minute to begin, and then gives it up
                if address is None:
                    raise
                self.ray.init(**words, logging_level=40, log_to_driver=False)
        except Exception as error:  # of Ray, of gRPC and of the system, each with classes of its own
            if address is None:
                raise InputError(f"no Ray cluster can be started here ({one_line(str(error))[:160]})") from None
            raise InputError(
                f"no Ray cluster answers at {address} ({one_line(str(error))[:160]}): start one there by "
                "`ray start --head --ray-client-server-port PORT`, of this version of Ray and Python"
            ) from None

    def check_room(self) -> None:
        """InputError where no node of the cluster has what one task needs: it would wait for ever."""
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        wanted = self.resources()
        if any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in nodes):
            return
        lacking = ", ".join(f"{amount:g} {_WORDS[name]}" for name, amount in wanted.items() if amount)
        largest = ", ".join(f"{max(node.get(name, 0) for node in nodes):g} {_WORDS[name]}" for name in wanted)
        raise InputError(f"a run needs {lacking}, and no node of the Ray cluster has that (at most {largest})")

    def resources(self) -> dict[str, float]:
        """What one task takes, by Ray's names."""
        needs: Needs = self.needs
        memory = {} if needs.memory_bytes is None else {"memory": float(ceil(needs.memory_bytes))}
        return {"CPU": float(needs.cpus), "GPU": float(needs.gpus), **memory}

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """As `Engine.run`."""
        batch = _Batch(self, tasks, listen)
        try:
            return batch.perform()
        finally:
            batch.close()


_WORDS = {"CPU": "processors", "GPU": "GPUs", "memory": "bytes"}


@final
class _Batch:
    """The tasks of one call, which wait, are at work or have ended."""

    def __init__(self, engine: RayEngine, tasks: Sequence[Task], listen: Listener) -> None:
        self.engine, self.ray, self.tasks, self.listen = engine, engine.ray, tasks, listen
        self.messages, self.places = [task_to_json(task) for task in tasks], places()
        self.waiting = deque(range(len(tasks)))
        self.at_work: dict[Any, int] = {}
        self.values: dict[int, Any] = {}
        self.deaths = Deaths()
        remote, resources = self.ray.remote, engine.resources()
        memory = {"memory": resources["memory"]} if "memory" in resources else {}
        self.remote = remote(perform_on_ray).options(
            num_cpus=resources["CPU"], num_gpus=resources["GPU"], max_retries=0, **memory
        )
        # What is told of trainings is worth a restart, and no training its loss.
        self.mailbox = remote(Mailbox).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()

    def perform(self) -> list[Any]:
        """Performs all; returns their values in order."""
        while self.waiting or self.at_work:
            while self.waiting and len(self.at_work) < self.engine.n_workers:
                self.start(self.waiting.popleft())
            ended, _ = self.ray.wait([*self.at_work], timeout=POLL_SECONDS)
            if ended and len(self.at_work) > 1:
                ended, _ = self.ray.wait([*self.at_work], num_returns=len(self.at_work), timeout=0)
            self.hear()
            for reference in ended:
                self.end(self.at_work.pop(reference), reference)
        return [self.values[index] for index in range(len(self.tasks))]

    def start(self, index: int) -> None:
        """Gives a task to the cluster."""
        threads = self.engine.needs.cpus
        reference = self.remote.remote(self.messages[index], self.places, threads, self.mailbox, index)
        self.at_work[reference] = index

    def hear(self) -> None:
        """Tells what has come from the workers since."""
        with suppress(self.ray.exceptions.RayActorError):
            for index, line in self.ray.get(self.mailbox.take.remote()):
                self.listen(self.tasks[index], event_from_json(line))

    def end(self, index: int, reference: Any) -> None:
        """Keeps the value of a task that ended; raises its failure, or begins it again where its worker died."""
        exceptions = self.ray.exceptions
        try:
            ending = self.ray.get(reference)
        except exceptions.RayTaskError as error:
            raise InputError(
                f"a worker of the Ray cluster cannot begin ({one_line(str(error.cause or error))[:160]}): its nodes "
                "need this version of Froude, Python and Ray, and your own modules at the same paths"
            ) from None
        except exceptions.RayError as error:
            self.deaths.note(index, type(error).__name__)
            self.waiting.appendleft(index)
            return
        self.values[index] = value_of(ending)

    def close(self) -> None:
        """Ends what is still at work."""
        with suppress(Exception):  # the cluster itself may be gone
            for reference in self.at_work:
                self.ray.cancel(reference, force=True)
            self.ray.kill(self.mailbox)
