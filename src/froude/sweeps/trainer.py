"""Somebody's trainer, a command or a function, and how its runs are performed into a study, each once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.bounds import MOST_RETRIES, MOST_WORKERS, positive_number, whole_number
from froude.engines import Engine
from froude.errors import InputError
from froude.host import cores
from froude.programs import words_of
from froude.quantity import read_quantity
from froude.runs.roles import ROLES
from froude.runs.study.folder import Study
from froude.runs.study.run_file import run_id
from froude.sweeps.events import SweepStarted, Watch
from froude.sweeps.function import command_of
from froude.sweeps.outcome import RunOutcome
from froude.sweeps.space import Config
from froude.sweeps.template import Template
from froude.sweeps.training import TrainByCommand, finished

Train = str | Callable[[Mapping[str, Any]], Any]
"""A command in which {name} stands for a setting, or a function of the settings."""


@final
@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A command or a function that trains a run; made by `trainer_of`.

    `command` is what a person knows it by, `template` the words that are run, `resume` those added to go on.
    With `stop` a run ends that will not beat the best of the finished ones. `cpus` are those that a cluster gives each
    run; None where all share this machine.
    """

    command: str
    template: Template
    resume: tuple[str, ...] | None
    metrics: str | None
    columns: Mapping[str, str]
    limit_seconds: float | None
    retries: int
    workers: int
    stop: bool = False
    cpus: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What makes its runs other ones, as a study keeps it."""
        return {"command": self.command, "metrics": self.metrics, "columns": dict(self.columns)}

    def check(self, configs: Sequence[Config]) -> None:
        """InputError where these settings cannot fill the words of the command, or two of them fill them alike."""
        Template(words=(*self.template.words, *(self.resume or ()))).check(configs)

    def perform(
        self,
        study: Study,
        configs: Sequence[Config],
        make_engine: Callable[[int], AbstractContextManager[Engine]],
        watch: Watch,
    ) -> tuple[RunOutcome, ...]:
        """What came of every run, in their order; those that the study holds finished are not run again.

        `make_engine` gives an engine of so many workers. InputError and OSError as `Engine.run`.
        """
        ids = [*map(run_id, configs)]
        done = {id: finished(study, id, config if self.stop else None) for id, config in zip(ids, configs, strict=True)}
        tasks = [self._task(study, config) for id, config in zip(ids, configs, strict=True) if done[id] is None]
        watch(SweepStarted(configs=dict(zip(ids, configs, strict=True)), finished=len(configs) - len(tasks)))
        if tasks:
            with make_engine(min(self.workers, len(tasks))) as engine:
                values = engine.run(tasks, lambda task, event: watch(event))
            done |= {outcome.id: outcome for outcome in map(RunOutcome.from_dict, values)}
        return tuple(outcome for outcome in done.values() if outcome is not None)

    def _task(self, study: Study, config: Config) -> TrainByCommand:
        return TrainByCommand(
            study=study.path.resolve(), config=config, command=self.template.words, folder=Path.cwd(),
            resume=self.resume, metrics=self.metrics, columns=self.columns, limit_seconds=self.limit_seconds,
            retries=self.retries, threads=threads(self.workers, self.cpus), stop=self.stop,
        )  # fmt: skip


def trainer_of(
    train: Train,
    *,
    workers: int = 1,
    metrics: str | None = None,
    columns: Mapping[str, str] | None = None,
    time_limit: float | str | None = None,
    retries: int = 0,
    resume: str | None = None,
    stop: bool = False,
    cpus: int | None = None,
) -> Trainer:
    """The trainer of a command or a function. InputError for what cannot be, before anything runs."""
    unknown = [role for role in columns or {} if role not in ROLES]
    if unknown:
        raise InputError(f"columns has a role {unknown[0]!r} that is none: roles are {', '.join(ROLES)}")
    limit = None if time_limit is None else read_quantity(time_limit, "seconds")
    return Trainer(
        command=train if isinstance(train, str) else f"{train.__module__}:{train.__qualname__}",
        template=Template.parse(train) if isinstance(train, str) else Template(words=command_of(train)),
        resume=None if resume is None else words_of("true " + resume)[1:],  # words of a program that is not looked for
        metrics=metrics,
        columns=dict(columns or {}),
        limit_seconds=None if limit is None else positive_number("time limit in seconds", limit),
        retries=whole_number("retries", retries, 0, MOST_RETRIES),
        workers=whole_number("workers", workers, 1, MOST_WORKERS),
        stop=stop,
        cpus=cpus,
    )


def same_engine(engine: Engine) -> Callable[[int], AbstractContextManager[Engine]]:
    """What gives an engine that is at work already, and does not end it."""
    return lambda workers: nullcontext(engine)


def threads(workers: int, cpus: int | None = None) -> int:
    """Threads of OpenMP for each trainer: as the user says, else its `cpus`, else a share of this machine's cores."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() else cpus or max(1, cores() // workers)
