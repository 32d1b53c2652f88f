"""Anyone's trainer over a space: every run of it once, kept in a study, whatever ends in between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.engines import cpus_of, get_engine, read_needs
from froude.provenance import recorded
from froude.runs.roles import ROLES
from froude.runs.study.folder import Study
from froude.runs.study.run_file import run_id
from froude.sweeps.events import Watch, ignore
from froude.sweeps.result import SweepResult
from froude.sweeps.space import SpaceSource, read_space
from froude.sweeps.trainer import Train, trainer_of


@recorded
def sweep(
    space: SpaceSource,
    train: Train,
    *,
    study: str | Path | None = None,
    workers: int = 1,
    metrics: str | None = None,
    columns: Mapping[str, str] | None = None,
    time_limit: float | str | None = None,
    retries: int = 0,
    resume: str | None = None,
    engine: str = "local",
    needs: Mapping[str, Any] | str | None = None,
    stop: bool = False,
    watch: Watch = ignore,
) -> SweepResult:
    """Train every run of a space by a command or a function, each once, into the folder `study`.

    `space` is the path of a TOML file or of a table, a mapping with the tables of that TOML, or a list of settings.
    `train` is a command in which {width} stands for that setting, {log} for a folder of the run's own and {config} for
    a JSON file of its settings; or a function of the settings that returns what came out, or yields a mapping a step.
    What a run says is read from lines of JSON that it prints, from the file `metrics` in its {log}, or from a log that
    `froude.read_runs` reads there. `columns` maps roles to what the trainer calls them: {"loss": "val_loss"}.

    `engine` is where: "local", "ray", "ray://HOST:PORT" or "slurm", of which `needs` says what one run takes, as in
    "cpus=2,gpus=1,memory=8GB,time=2h,partition=gpu"; of a cluster every machine must see the study's folder.

    `workers` run at a time. One past its `time_limit`, seconds or "10 min", is ended; one that fails is tried `retries`
    times more. The same call goes on where an earlier one stopped: what is finished is not run again. What is not is
    begun anew or, with `resume`, gets those words added to its command and finds its {log} as it left it.

    With `stop` a run ends once its chance to beat the best is below `STOP_BELOW`, after three have finished; it is left
    out of the study's finished runs, and not begun again by a call that stops runs (`froude.watch` has the forecast).

    InputError for what the caller can put right, before anything runs where that can be told. A run that fails is no
    error: `failed` of the result has it. One whose loss is NaN or infinite has diverged, and is kept.
    """
    configs, wanted = read_space(space), read_needs(needs)
    trainer = trainer_of(
        train,
        workers=workers,
        metrics=metrics,
        columns=columns,
        time_limit=time_limit,
        retries=retries,
        resume=resume,
        stop=stop,
        cpus=cpus_of(engine, wanted),
    )
    trainer.check(configs)
    settings = {"kind": "sweep", **trainer.settings}
    folder = Path(study or Path("froude-studies") / f"sweep-{run_id(settings)}")
    make_engine = get_engine(engine, wanted, folder.resolve())
    home = Study.create(folder, settings)
    runs = trainer.perform(home, configs, make_engine, watch)
    return SweepResult(study=home.path, runs=runs, warnings=lacking_roles(home))


def lacking_roles(study: Study) -> tuple[str, ...]:
    """A warning where the finished runs have no parameters or no tokens, which laws of both need."""
    runs = study.runs() if study.finished_ids() else None
    lacking = [role for role in ("N", "D") if runs is not None and role not in runs]
    return tuple(
        f"no run says {role} ({ROLES[role].meaning}), which most laws need: print it in a line of JSON, derive it in "
        f"the space, or name it with --columns {role}=COLUMN"
        for role in lacking
    )
