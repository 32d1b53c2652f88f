"""Workers watched from outside: each is given inputs one by one, killed where it hangs, and started anew."""

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzzing.worker import STACK, STOP

MOST_SECONDS = 10.0
PATIENCE = 6  # times that on the wall, for a process that must wait for others
IDLE_SHARE = 0.05  # of the wall, below which a process waits for something that does not come
INPUTS_EACH = 250
TICKS = os.sysconf("SC_CLK_TCK")
BENCHMARKS = Path(__file__).parent.parent

Report = dict[str, Any]
Tried = tuple[int, list[Report]]
"""An input's number, and what was reported of it."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How workers run: which checkout's sources, from which seed and material."""

    source: Path
    seed: int
    material: Path

    def environment(self, home: Path) -> dict[str, str]:
        """What a worker has for its environment: one thread, nothing of the user's."""
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"), "1"
        )
        path = os.pathsep.join((str(self.source / "src"), str(BENCHMARKS)))
        own = {
            "PYTHONPATH": path,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_CACHE_HOME": str(home),
            "COLUMNS": "80",
        }
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return {**kept, **threads, **own, "MPLBACKEND": "Agg", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Worker:
    """A process, the input that it is at, and since when it runs the command that it is at."""

    setting: Setting
    place: Path
    process: subprocess.Popen[bytes]
    given: int = 0
    index: int | None = None
    since: float = 0.0
    used: float = 0.0
    reports: list[Report] = field(default_factory=list)
    rest: bytes = b""

    @classmethod
    def start(cls, setting: Setting) -> "Worker":
        """A worker in a new folder."""
        place = Path(tempfile.mkdtemp(prefix="fuzz-"))
        words = [sys.executable, "-m", "fuzzing.worker", str(setting.seed), str(setting.material), str(place)]
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            env=setting.environment(place), start_new_session=True, cwd=place,
        )  # fmt: skip
        return cls(setting=setting, place=place, process=process)

    def give(self, index: int) -> None:
        """Hands it the next input."""
        assert self.process.stdin is not None
        self.index, self.reports = index, []
        self.given += 1
        self.process.stdin.write(f"{index}\n".encode())

    def cpu_seconds(self) -> float:
        """Processor time of the process and of those it waited for; 0 where it is gone."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, fields[11:15])) / TICKS

    def hangs(self) -> bool:
        """Whether the input has used more than its seconds: of the processor, or waiting for nothing."""
        if not self.reports:  # it is starting
            return False
        wall = time.monotonic() - self.since
        used = self.cpu_seconds() - self.used
        idle = used < IDLE_SHARE * wall and not self.is_running()
        return used > MOST_SECONDS or wall > PATIENCE * MOST_SECONDS or (wall > MOST_SECONDS and idle)

    def is_running(self) -> bool:
        """Whether it computes, or would if it had a processor."""
        try:
            return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
        except OSError:
            return False

    def where(self) -> str:
        """The innermost line of Froude in the stack that it left, as file:line."""
        stack = self.place / STACK
        text = stack.read_text(errors="replace") if stack.exists() else ""  # it may have died before it began
        lines = re.findall(r'File "(.*)", line (\d+)', text)
        top = str(self.setting.source / "src" / "froude") + os.sep
        ours = [(name.removeprefix(top), line) for name, line in lines if name.startswith(top)]
        return ":".join(ours[0]) if ours else "?"

    def kill(self) -> None:
        """Asks where it is, then ends it and what it started."""
        if self.process.poll() is None:
            self.process.send_signal(STOP)
            time.sleep(0.1)
        self.end()

    def end(self) -> int:
        """Ends it and what it started; its exit code, negative for a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


def run_all(setting: Setting, indices: Sequence[int], n_workers: int, watch: Callable[[int], None]) -> Iterator[Tried]:
    """Each input's number with what its worker reported, as they come; a hang or death is a report too."""
    waiting = iter(indices)
    with selectors.DefaultSelector() as selector:
        for _ in range(n_workers):
            begin(Worker.start(setting), waiting, selector)
        try:
            for done, worker in enumerate(finished(selector), start=1):
                assert worker.index is not None
                yield worker.index, worker.reports
                watch(done)
                succeed(worker, waiting, selector)
        finally:
            for worker in workers_of(selector):
                tidy(worker)


def workers_of(selector: selectors.BaseSelector) -> list[Worker]:
    """The workers that are at an input."""
    return [key.data for key in selector.get_map().values()]


def finished(selector: selectors.BaseSelector) -> Iterator[Worker]:
    """Workers that are done with an input, or dead, as they come; one that hangs is killed."""
    while at_work := workers_of(selector):
        for worker in at_work:
            if worker.hangs():
                worker.reports.append({"hangs": True})
                worker.kill()
                worker.reports[-1]["site"] = worker.where()
        for key, _ in selector.select(timeout=MOST_SECONDS / 20):
            if hear(key.data):
                selector.unregister(key.fileobj)
                yield key.data


def begin(worker: Worker, waiting: Iterator[int], selector: selectors.BaseSelector) -> None:
    """Gives a worker its next input, or ends it where none is left."""
    index = next(waiting, None)
    if index is None:
        tidy(worker)
        return
    worker.give(index)
    assert worker.process.stdout is not None
    selector.register(worker.process.stdout, selectors.EVENT_READ, worker)


def succeed(worker: Worker, waiting: Iterator[int], selector: selectors.BaseSelector) -> None:
    """Goes on with a worker, or with a new one where it is dead or has done its share."""
    if worker.process.poll() is None and worker.given < INPUTS_EACH:
        begin(worker, waiting, selector)
    else:
        tidy(worker)
        begin(Worker.start(worker.setting), waiting, selector)


def hear(worker: Worker) -> bool:
    """Reads what a worker has written; whether its input is done, or the worker dead."""
    assert worker.process.stdout is not None
    piece = os.read(worker.process.stdout.fileno(), 2**16)
    *lines, worker.rest = (worker.rest + piece).split(b"\n")
    messages = [json.loads(line) for line in lines]
    worker.reports += [message for message in messages if "done" not in message]
    if any("begins" in message for message in messages):
        worker.since, worker.used = time.monotonic(), worker.cpu_seconds()
    if not piece:
        code = worker.end()
        if not any("hangs" in report for report in worker.reports):
            worker.reports.append({"died": code, "site": worker.where()})
    return not piece or any("done" in message for message in messages)


def tidy(worker: Worker) -> None:
    """Ends a worker and removes its folder."""
    worker.end()
    shutil.rmtree(worker.place, ignore_errors=True)
