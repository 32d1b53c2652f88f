"""What a sweep has an engine do: run the user's command for one run of the space, and keep what it says."""

from __future__ import annotations

import errno
import json
import math
import os
import selectors
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, final

from froude.engines import Notice, Progress, Report, RunFinished
from froude.errors import InputError
from froude.files import write_file
from froude.programs import Running, running
from froude.runs.study.documents import SETTINGS
from froude.runs.study.folder import Study
from froude.runs.study.run_file import FinishedRun, read_run_file, run_id
from froude.runs.study.shared import held, is_there, while_there
from froude.sweeps.metrics import Follower, Recorder, Row, row_of_line, rows_of_log, step_of
from froude.sweeps.outcome import RunOutcome, State
from froude.sweeps.stopping import Stopper, keep_stopped, stopped_file, stopped_reason
from froude.sweeps.template import Template

POLL_SECONDS = 0.2  # between looks at a file of metrics and at the clock
LAST_SECONDS = 1.0  # after a trainer was killed, in which a cluster that ends a job comes to all its processes
STDERR_LINES = 5  # that are told of a run that failed
_TAIL_BYTES = 4096
_SAID = 'print lines of JSON such as {"step": 10, "loss": 3.2}, or name what it writes with --metrics'


@final
@dataclass(frozen=True, kw_only=True)
class TrainByCommand:
    """Runs a command for one run and writes that into a study; its value is the `RunOutcome` as JSON.

    `folder` is where the command runs. With `resume`, words that are added to the command of a run that was begun
    before, the run's own files stay; else each attempt begins anew. `threads` is how many of OpenMP a command is given.
    With `stop` a run ends that will not beat the best of the finished ones.
    """

    study: Path
    config: Mapping[str, Any]
    command: tuple[str, ...]
    folder: Path
    resume: tuple[str, ...] | None = None
    metrics: str | None = None
    columns: Mapping[str, str]
    limit_seconds: float | None = None
    retries: int = 0
    threads: int | None = None
    stop: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        own = {"study": str(self.study), "folder": str(self.folder), "config": dict(self.config)}
        return {**asdict(self), **own, "columns": dict(self.columns)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainByCommand:
        """The task that `to_dict` described."""
        resume = None if values["resume"] is None else tuple(values["resume"])
        paths = {name: Path(values[name]) for name in ("study", "folder")}
        return cls(**{**values, **paths, "command": tuple(values["command"]), "resume": resume})

    def perform(self, report: Report) -> dict[str, Any]:
        """Runs the command until it is finished or has no attempts left; reports progress, and how the run ended.

        InputError where the first run of a study says no loss: no other will.
        """
        return while_there(self.study, lambda: self.train(report), lambda text: report(Notice(text=text)))

    def train(self, report: Report) -> dict[str, Any]:
        """As `perform`, of a study that is there."""
        study, id = Study.open(self.study), run_id(self.config)
        files = RunFiles(study.path, id)
        with files.lock(report) as lock:
            done = finished(study, id, self.config if self.stop else None)
            attempts = 0
            while done is None:
                attempts += 1
                outcome = replace(Attempt(self, study, files, report, lock).run(), attempts=attempts)
                if outcome.state == "failed" and not is_there(study.path):  # which its trainer may have failed by
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(study.path / SETTINGS))
                if outcome.state == "failed" and attempts <= self.retries:
                    report(Notice(text=f"{outcome.name}: {outcome.reason}; tried again"))
                    continue
                done = outcome
        is_kept = done.state in ("finished", "diverged")
        report(RunFinished(run=id, loss=done.loss) if is_kept else Notice(text=f"{done.name}: {done.reason}"))
        return done.to_dict()


def finished(study: Study, id: str, config: Mapping[str, Any] | None = None) -> RunOutcome | None:
    """What came of a run that the study holds finished; None where it does not.

    With its `config` one that was stopped counts too.
    """
    run = read_run_file(study.path / "runs" / f"{id}.jsonl")
    if not isinstance(run, FinishedRun) or run.id != id:
        reason = None if config is None else stopped_reason(study.path, id)
        return None if reason is None else RunOutcome(id=id, config=config or {}, state="stopped", reason=reason)
    return kept(id, run.config, run.result.get("loss"))


def kept(id: str, config: Mapping[str, Any], loss: Any) -> RunOutcome:
    """What is said of a run that the study holds, by its loss."""
    if isinstance(loss, int | float) and math.isfinite(loss):
        return RunOutcome(id=id, config=config, state="finished", loss=loss)
    return RunOutcome(id=id, config=config, state="diverged")


@final
@dataclass(frozen=True)
class RunFiles:
    """Where the files of a run beside its own lie in a study: what its trainer wrote, and what it printed."""

    study: Path
    id: str

    @property
    def log(self) -> Path:
        """The folder of the trainer's own files."""
        return self.study / "logs" / self.id

    def output(self, ending: str) -> Path:
        """A file of what it was given and printed."""
        return self.study / "output" / f"{self.id}.{ending}"

    @contextmanager
    def lock(self, report: Report) -> Iterator[int]:
        """Holds the run, once all that an earlier command started for it has ended; gives the descriptor to hold on to.

        OSError where the file system has no locks.
        """
        self.output("lock").parent.mkdir(exist_ok=True)
        wait = Notice(text=f"run {self.id} waits until what another command started for it has ended")
        with held(self.output("lock"), lambda: report(wait)) as descriptor:
            yield descriptor


@final
class Attempt:
    """One start of the command of a run."""

    def __init__(self, task: TrainByCommand, study: Study, files: RunFiles, report: Report, lock: int) -> None:
        self.task, self.study, self.files, self.report, self.lock = task, study, files, report, lock
        self.goes_on = task.resume is not None and files.log.exists()
        self.recorder = Recorder(study, task.config, task.columns, go_on=self.goes_on)
        self.begin = time.monotonic()
        self.stopper = Stopper(study.path, files.id, task.columns) if task.stop else None
        self.stopped: str | None = None

    def run(self) -> RunOutcome:
        """Runs it to its end. OSError, and InputError where it says no loss and no run of the study has said any."""
        if not self.goes_on:
            shutil.rmtree(self.files.log, ignore_errors=True)
        for folder in (self.files.log.parent, self.files.log):  # never the study's own, which may have gone
            folder.mkdir(exist_ok=True)
        write_file(self.files.output("json"), json.dumps(dict(self.task.config), indent=2).encode() + b"\n")
        stopped_file(self.study.path, self.files.id).unlink(missing_ok=True)
        try:
            in_time, ending = self.perform()
            if self.stopped is not None and ending:
                keep_stopped(self.study.path, self.files.id, self.stopped)
                return self.left(self.stopped, "stopped")
            if not in_time:
                return self.left(f"its time of {self.task.limit_seconds:g} s is over", "timed out")
            return self.left(ending) if ending else self.close()
        finally:
            self.recorder.close()

    def perform(self) -> tuple[bool, str]:
        """Runs the command; whether it ended in time, and how it failed where it did."""
        task = self.task
        words = (*task.command, *(task.resume or ())) if self.goes_on else task.command
        places = {"log": str(self.files.log), "config": str(self.files.output("json"))}
        command = Template(words=words).filled({**task.config, **places})
        threads = {} if task.threads is None else {"OMP_NUM_THREADS": str(task.threads)}
        environment = {**os.environ, "FROUDE_LOG": places["log"], **threads}
        with (
            self.files.output("stdout").open("wb") as printed,
            self.files.output("stderr").open("wb") as complaints,
            running(command, stderr=complaints, folder=task.folder, environment=environment, lock=self.lock) as program,
        ):
            in_time = self.follow(program, printed)
            usage = program.usage()
        if usage is None or usage.code == -signal.SIGKILL:
            time.sleep(LAST_SECONDS)  # who killed it may be about to kill this worker: then the run begins again
        if usage is None:
            return in_time, "it does not start"
        loss = self.recorder.loss
        # A trainer may end with an error because it has diverged; one that is killed may have had more to say.
        gave_up = usage.code > 0 and loss is not None and not math.isfinite(loss)
        return in_time, usage.ending if usage.code and not gave_up else ""

    def follow(self, program: Running, printed: IO[bytes]) -> bool:
        """Takes what the command says, and keeps what it prints, until it ends; whether that was in time."""
        name, limit, in_time, pending = self.task.metrics, self.task.limit_seconds, True, b""
        follower = Follower(self.files.log / name) if name and self.is_followed else None
        with selectors.DefaultSelector() as selector:
            selector.register(program.output, selectors.EVENT_READ)
            is_over = False
            while not is_over:
                is_over = program.is_over
                if in_time and limit is not None and time.monotonic() - self.begin > limit:
                    in_time = False
                    program.stop()
                if self.stopped is None and (reason := self.reason_to_stop()) is not None:
                    self.stopped = reason
                    program.stop()
                # Once it is over only what it has printed is read: what outlives it may hold its output open.
                while selector.select(0 if is_over else POLL_SECONDS):
                    chunk = os.read(program.output.fileno(), 1 << 16)
                    if not chunk:
                        selector.unregister(program.output)
                    printed.write(chunk)
                    *lines, pending = (pending + (chunk or b"\n")).split(b"\n")
                    self.take(map(row_of_line, lines) if name is None else ())
                    if not is_over:
                        break  # to look at the clock
                self.take(follower.rows() if follower else ())
        self.take(follower.rows() if follower else ())
        return in_time

    def reason_to_stop(self) -> str | None:
        """Why the run is to be stopped now, by its steps so far; None where it is not."""
        step = step_of(self.recorder.last)
        return None if self.stopper is None or step is None else self.stopper.reason(step)

    @property
    def is_followed(self) -> bool:
        """Whether the file of metrics is read while it grows, which lines of JSON can be."""
        return (self.task.metrics or "").endswith(".jsonl")

    def take(self, rows: Iterable[Row | None]) -> None:
        """Records rows and reports how the run goes."""
        for row in rows:
            if row is None:
                continue
            self.recorder.take(row)
            loss, tokens = self.recorder.loss, row.get("tokens", 0)
            if loss is not None:
                seen = int(tokens) if isinstance(tokens, int | float) and math.isfinite(tokens) else 0
                speed = seen / max(time.monotonic() - self.begin, 1e-9)
                self.report(Progress(run=run_id(self.task.config), tokens=seen, loss=loss, tokens_per_s=speed))

    def close(self) -> RunOutcome:
        """Finishes a run whose command ended well."""
        try:
            self.read_log()
            result = self.recorder.result()
            if not self.recorder.last:
                raise InputError(f"it said nothing of its run: {_SAID}")
            if "loss" not in result:
                names = ", ".join([*self.recorder.last][:8])
                raise InputError(f"it logged no loss, only {names}: name it with --columns loss=COLUMN")
        except InputError as error:
            if not self.study.finished_ids():
                raise InputError(f"{self.left('').name}: {error}") from None
            return self.left(str(error))
        seconds = time.monotonic() - self.begin
        self.recorder.writer().finish(**{**result, "seconds": seconds})
        return replace(kept(self.files.id, self.task.config, result["loss"]), seconds=seconds)

    def read_log(self) -> None:
        """Takes what the trainer left in the file or folder of its metrics. InputError where that cannot be read."""
        name = self.task.metrics
        if name is None and (self.recorder.last or not any(self.files.log.iterdir())):
            return
        if not self.is_followed:
            self.take(rows_of_log(self.files.log / (name or "")))

    def left(self, reason: str, state: State = "failed") -> RunOutcome:
        """What is said of a run that is left unfinished."""
        lines: list[str] = []
        with suppress(OSError), self.files.output("stderr").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        return RunOutcome(
            id=self.files.id, config=self.task.config, state=state, seconds=time.monotonic() - self.begin,
            reason=reason, stderr=tuple(lines[-STDERR_LINES:]),
        )  # fmt: skip
