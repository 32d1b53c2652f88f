"""A cluster under Slurm: each task is a job, through submitit."""

from __future__ import annotations

import errno
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any, Self, final

from froude.engines.engine import Deaths, Listener, Task, ignore, task_to_json
from froude.engines.events import Notice, event_from_json
from froude.engines.performing import places, value_of
from froude.engines.placement import EnginePlace, Needs
from froude.engines.slurm_worker import perform_in_job
from froude.errors import InputError, one_line

JOB_NAME = "froude"
MOST_JOBS = 1000  # of an array; Slurm's MaxArraySize is 1001 where nobody has set it
POLL_SECONDS = 0.5
STATE_SECONDS = 5.0  # between two questions to Slurm's accounting, which answers for all jobs at once
AWAY_SECONDS = 300.0  # that the study's folder is waited for
SIGNAL_SECONDS = 10  # before its time is over a job is told, and tells that it was
LEAST_BYTES = 65_536  # free on a disk that can take what a job has to say
YEAR_MINUTES = 366 * 24 * 60


@final
class SlurmEngine:
    """Performs tasks as jobs of Slurm, `workers` of them at a time; each asks for what `EnginePlace.needs` says.

    What jobs are given, print and tell lies in a folder `jobs` of `EnginePlace.folder`, which all nodes must see; it
    goes when all is well. Jobs are asked after by sacct, so that Slurm needs its accounting (slurmdbd). One that is
    killed is submitted again, at most ATTEMPTS times.
    """

    def __init__(self, workers: int, placement: EnginePlace | None = None) -> None:
        placement = placement or EnginePlace()
        self._workers, self.needs = workers, placement.needs
        self.home = (placement.folder or Path.cwd()) / "jobs"
        self.submitit: Any = import_module("submitit")

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time, where Slurm has room for them."""
        return self._workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to end: `run` ends its jobs."""

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """As `Engine.run`."""
        messages = [task_to_json(task) for task in tasks]
        self.home.mkdir(exist_ok=True)  # and never the study's own folder, which may have gone
        jobs = _Jobs(self, tasks, messages, listen)
        try:
            values = jobs.perform()
        except BaseException:
            jobs.cancel()
            raise
        shutil.rmtree(jobs.folder, ignore_errors=True)
        return values

    def executor(self, folder: Path) -> Any:
        """What submits jobs that ask for what a task needs. InputError where Slurm has no such partition."""
        needs: Needs = self.needs
        minutes = default_minutes(needs.partition) if needs.seconds is None else ceil(needs.seconds / 60)
        memory = {} if needs.memory_bytes is None else {"mem": f"{ceil(needs.memory_bytes / 2**20)}M"}
        # -P: a queue.py in the folder where the command is given must not stand in for the library's.
        python = f"{shlex.quote(sys.executable)} -P"
        executor = self.submitit.SlurmExecutor(folder=folder, python=python)
        executor.update_parameters(
            job_name=JOB_NAME, time=minutes, cpus_per_task=needs.cpus, array_parallelism=self._workers,
            signal_delay_s=SIGNAL_SECONDS, use_srun=False, stderr_to_stdout=True,
            **({"gpus_per_node": needs.gpus} if needs.gpus else {}),
            **({"partition": needs.partition} if needs.partition else {}),
            **memory,
        )  # fmt: skip
        return executor


@final
class _Jobs:
    """The tasks of one call as jobs: at work, or ended."""

    def __init__(self, engine: SlurmEngine, tasks: Sequence[Task], messages: Sequence[str], listen: Listener) -> None:
        self.engine, self.tasks, self.messages, self.listen = engine, tasks, messages, listen
        self.folder = engine.home / secrets.token_hex(4)
        self.folder.mkdir()
        self.at_work: dict[int, Any] = {}
        self.suspects: set[str] = set()
        self.excused: set[str] = set()
        self.heard: dict[int, int] = {}
        self.values: dict[int, Any] = {}
        self.deaths = Deaths()
        self.asked = time.monotonic()

    def perform(self) -> list[Any]:
        """Performs all; returns their values in order."""
        for start in range(0, len(self.tasks), MOST_JOBS):
            self.submit(range(start, min(start + MOST_JOBS, len(self.tasks))))
            while self.at_work:
                time.sleep(POLL_SECONDS)
                self.wait_for_folder()
                for index in [*self.at_work]:
                    self.hear(index)
                self.look()
        return [self.values[index] for index in range(len(self.tasks))]

    def submit(self, indices: Sequence[int]) -> None:
        """Gives tasks to Slurm, as one array where they are several. InputError where it does not take them."""
        errors = import_module("submitit.core.utils")
        executor = self.engine.executor(self.folder)
        where, threads = places(), self.engine.needs.cpus
        try:
            with executor.batch():
                jobs = [
                    executor.submit(perform_in_job, self.messages[index], where, threads, str(self.news(index)))
                    for index in indices
                ]
        except (errors.FailedJobError, errors.FailedSubmissionError, subprocess.CalledProcessError) as error:
            reason = one_line(str(error.__cause__ or error))
            raise InputError(f"Slurm does not take the jobs ({reason[-200:]}): ask for less by --needs") from None
        self.at_work.update(zip(indices, jobs, strict=True))

    def news(self, index: int) -> Path:
        """The file in which a task says how it goes."""
        return self.folder / f"{index}.news"

    def hear(self, index: int) -> None:
        """Tells what a task has said since it was last asked, in whole lines."""
        try:
            with self.news(index).open("rb") as file:
                file.seek(self.heard.get(index, 0))
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:
            return
        self.heard[index] = self.heard.get(index, 0) + len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                event = event_from_json(line.decode())
            except (ValueError, KeyError, TypeError):  # torn by whoever was killed while it wrote
                continue
            self.listen(self.tasks[index], event)

    def look(self) -> None:
        """Ends the tasks whose jobs have ended, and submits again those whose jobs were killed."""
        if time.monotonic() - self.asked > STATE_SECONDS:
            self.engine.submitit.SlurmJob.watcher.update()
            self.asked = time.monotonic()
        lost: list[int] = []
        for index, job in [*self.at_work.items()]:
            if job.paths.result_pickle.exists():
                self.end(index, job, lost)
            elif job.watcher.is_done(job.job_id, mode="cache"):
                if job.job_id in self.suspects:  # a file may be seen later than the state of its job
                    lost.append(index)
                self.suspects.add(job.job_id)
        if lost:
            self.begin_again(lost)

    def end(self, index: int, job: Any, lost: list[int]) -> None:
        """Keeps the value of a task that ended; raises its failure."""
        errors = import_module("submitit.core.utils")
        self.hear(index)
        try:
            ending = job.result()
        except errors.UncompletedJobError:
            lost.append(index)
            return
        except errors.FailedJobError as error:
            text = one_line(str(error))
            if "UncompletedJobError" in text:  # its time was over, or a more urgent job took its place
                lost.append(index)
                return
            raise InputError(
                f"a job of Slurm cannot begin ({text[:200]}; {job.paths.stdout}): its nodes need this version of "
                "Froude and Python, and your own modules at the same paths"
            ) from None
        del self.at_work[index]
        self.values[index] = value_of(ending)

    def begin_again(self, lost: Sequence[int]) -> None:
        """Submits tasks anew whose jobs ended without a word. OSError where the disk is full."""
        free = os.statvfs(self.folder)
        if free.f_bavail * free.f_frsize < LEAST_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        for index in lost:
            job = self.at_work.pop(index)
            if job.job_id not in self.excused:
                self.deaths.note(index, f"state {job.watcher.get_state(job.job_id, mode='cache')} of job {job.job_id}")
        self.submit(lost)

    def wait_for_folder(self) -> None:
        """Waits where the folder has gone: no job of that time is to blame for what it could not write."""
        if self.folder.is_dir():
            return
        for index in self.at_work:
            self.listen(self.tasks[index], Notice(text=f"{str(self.folder)!r} has gone: waiting until it is back"))
            break
        last = time.monotonic() + AWAY_SECONDS
        while not self.folder.is_dir():
            if time.monotonic() > last:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
            time.sleep(POLL_SECONDS)
        self.excused |= {job.job_id for job in self.at_work.values()}

    def cancel(self) -> None:
        """Ends what is still at work."""
        ids = [job.job_id for job in self.at_work.values()]
        if ids:
            subprocess.run(["scancel", *ids], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def default_minutes(partition: str | None) -> int:
    """Minutes that a partition gives a job that asks for none; None is the one of the cluster's choice.

    InputError where there is no such partition, or Slurm does not answer.
    """
    words = ["sinfo", "--noheader", "--format", "%P %L %l", *(["--partition", partition] if partition else [])]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"Slurm does not answer ({one_line(done.stderr)[:160]}): is its controller up?")
    lines = [line.split() for line in done.stdout.splitlines()]
    found = [line for line in lines if partition is not None or line[0].endswith("*")] or lines
    if not found:
        raise InputError(f"Slurm has no partition {partition!r}: `sinfo` lists them")
    return next(_minutes(found[0][1:]), YEAR_MINUTES)


def _minutes(texts: Sequence[str]) -> Iterator[int]:
    """Yield the minutes of those of Slurm's times, DAYS-HOURS:MINUTES:SECONDS, that are some."""
    for text in texts:
        days, _, clock = text.rpartition("-")
        parts = clock.split(":")
        if all(part.isdigit() for part in parts) and (days.isdigit() or not days):
            hours, minutes, seconds = [0] * (3 - len(parts)) + [int(part) for part in parts]
            yield max(1, ceil(int(days or 0) * 1440 + hours * 60 + minutes + seconds / 60))
