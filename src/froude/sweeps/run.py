"""Anyone's trainer over a space: every run of it once, kept in a study, whatever ends in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from froude.bounds import MOST_RETRIES, MOST_WORKERS, positive_number, whole_number
from froude.engines import get_engine
from froude.errors import InputError
from froude.host import cores
from froude.programs import words_of
from froude.provenance import recorded
from froude.quantity import read_quantity
from froude.runs.roles import ROLES
from froude.runs.study.folder import Study
from froude.runs.study.run_file import run_id
from froude.sweeps.events import SweepStarted, Watch, ignore
from froude.sweeps.function import command_of
from froude.sweeps.outcome import RunOutcome
from froude.sweeps.result import SweepResult
from froude.sweeps.space import Config, SpaceSource, read_space
from froude.sweeps.template import Template
from froude.sweeps.training import TrainByCommand, finished


@recorded
def sweep(
    space: SpaceSource,
    train: str | Callable[[Mapping[str, Any]], Any],
    *,
    study: str | Path | None = None,
    workers: int = 1,
    metrics: str | None = None,
    columns: Mapping[str, str] | None = None,
    time_limit: float | str | None = None,
    retries: int = 0,
    resume: str | None = None,
    engine: str = "local",
    stop: bool = False,
    watch: Watch = ignore,
) -> SweepResult:
    """Train every run of a space by a command or a function, each once, into the folder `study`.

    `space` is the path of a TOML file or of a table, a mapping with the tables of that TOML, or a list of settings.
    `train` is a command in which {width} stands for that setting, {log} for a folder of the run's own and {config} for
    a JSON file of its settings; or a function of the settings that returns what came out, or yields a mapping a step.
    What a run says is read from lines of JSON that it prints, from the file `metrics` in its {log}, or from a log that
    `froude.read_runs` reads there. `columns` maps roles to what the trainer calls them: {"loss": "val_loss"}.

    `workers` run at a time. One past its `time_limit`, seconds or "10 min", is ended; one that fails is tried `retries`
    times more. The same call goes on where an earlier one stopped: what is finished is not run again. What is not is
    begun anew or, with `resume`, gets those words added to its command and finds its {log} as it left it.

    With `stop` a run ends once its chance to beat the best is below `STOP_BELOW`, after three have finished; it is left
    out of the study's finished runs, and not begun again by a call that stops runs (`froude.watch` has the forecast).

    InputError for what the caller can put right, before anything runs where that can be told. A run that fails is no
    error: `failed` of the result has it. One whose loss is NaN or infinite has diverged, and is kept.
    """
    configs = read_space(space)
    template, more = templates(train, resume, configs)
    unknown = [role for role in columns or {} if role not in ROLES]
    if unknown:
        raise InputError(f"columns has a role {unknown[0]!r} that is none: roles are {', '.join(ROLES)}")
    command = train if isinstance(train, str) else f"{train.__module__}:{train.__qualname__}"
    settings = {"kind": "sweep", "command": command, "metrics": metrics, "columns": dict(columns or {})}
    whole_number("workers", workers, 1, MOST_WORKERS)
    make_engine = get_engine(engine)
    limit = None if time_limit is None else read_quantity(time_limit, "seconds")
    common: dict[str, Any] = {
        "command": template, "folder": Path.cwd(), "metrics": metrics, "columns": settings["columns"],
        "resume": more, "threads": threads(workers), "stop": stop,
        "limit_seconds": None if limit is None else positive_number("time limit in seconds", limit),
        "retries": whole_number("retries", retries, 0, MOST_RETRIES),
    }  # fmt: skip
    home = Study.create(Path(study or Path("froude-studies") / f"sweep-{run_id(settings)}"), settings)
    done = {
        id: finished(home, id, config if stop else None)
        for id, config in zip(map(run_id, configs), configs, strict=True)
    }
    tasks = [
        TrainByCommand(study=home.path.resolve(), config=config, **common)
        for id, config in zip(done, configs, strict=True)
        if done[id] is None
    ]
    watch(SweepStarted(configs=dict(zip(done, configs, strict=True)), finished=len(configs) - len(tasks)))
    if tasks:
        with make_engine(min(workers, len(tasks))) as performer:
            values = performer.run(tasks, lambda task, event: watch(event))
        done |= {outcome.id: outcome for outcome in map(RunOutcome.from_dict, values)}
    runs = tuple(outcome for outcome in done.values() if outcome is not None)
    return SweepResult(study=home.path, runs=runs, warnings=lacking_roles(home))


def templates(
    train: str | Callable[[Mapping[str, Any]], Any], resume: str | None, configs: Sequence[Config]
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The words of the command and those that resume it, if any. InputError where the runs cannot fill them."""
    template = Template.parse(train) if isinstance(train, str) else Template(words=command_of(train))
    more = None if resume is None else words_of("true " + resume)[1:]  # words of a program that is not looked for
    Template(words=(*template.words, *(more or ()))).check(configs)
    return template.words, more


def threads(workers: int) -> int | None:
    """Threads of OpenMP for each of so many trainers on this machine; None where the user has said how many."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() else max(1, cores() // workers)


def lacking_roles(study: Study) -> tuple[str, ...]:
    """A warning where the finished runs have no parameters or no tokens, which laws of both need."""
    runs = study.runs() if study.finished_ids() else None
    lacking = [role for role in ("N", "D") if runs is not None and role not in runs]
    return tuple(
        f"no run says {role} ({ROLES[role].meaning}), which most laws need: print it in a line of JSON, derive it in "
        f"the space, or name it with --columns {role}=COLUMN"
        for role in lacking
    )
