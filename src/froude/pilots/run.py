"""The main job, told as a story: train small models, forecast a larger one, then train it and compare.

Every chapter leaves its outcome in the study and is skipped when that is there, so that the same call goes on where an
earlier one stopped: corpus, plan, pilots, forecast, target, result, page. What is damaged is said and made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.engines import cpus_of, read_needs
from froude.errors import InputError
from froude.pilots.command.run import pilot_of_command
from froude.pilots.command.settings import (
    FIRST_TOKENS,
    RATIO,
    CommandSettings,
    read_dial,
    read_flops,
)
from froude.pilots.events import Watch, ignore
from froude.pilots.result import PilotResult
from froude.pilots.tank.run import pilot_of_tank
from froude.pilots.tank.settings import PilotSettings, hash_of_plan
from froude.provenance import recorded
from froude.sweeps.trainer import Train, trainer_of


@recorded
def pilot(
    train: Train | None = None,
    *,
    dial: str | None = None,
    derived: Mapping[str, int | float | str] | None = None,
    minutes: float = 5.0,
    flops: float | str | None = None,
    ratio: float = RATIO,
    first_tokens: float = FIRST_TOKENS,
    seed: int = 0,
    study: str | Path | None = None,
    corpus: str | Path | None = None,
    plan: str | Path | None = None,
    check: bool = True,
    device: str = "auto",
    workers: int | None = None,
    metrics: str | None = None,
    columns: Mapping[str, str] | None = None,
    retries: int = 1,
    resume: str | None = None,
    engine: str = "local",
    needs: Mapping[str, Any] | str | None = None,
    watch: Watch = ignore,
) -> PilotResult:
    """Train pilots, forecast a larger target and, with `check`, train it too; all of it kept in the folder `study`.

    Without `train` Froude trains models of its own. `corpus` is a folder or file of any bytes, the Python sources
    installed here by default. `plan` is a plan to follow in place of a new one, `device` where to train.

    `train` is a trainer of yours, a command or a function as `froude.sweep` takes it. `dial` is the setting that makes
    its model larger, with the ends of its range and a multiple: "width=16:512:16". A run is told that and `tokens`, how
    many to train on; `derived` are further settings, numbers or arithmetic: {"steps": "tokens // 512", "lr": 3e-3}. It
    says its parameters N and its loss, as in a sweep; N may be derived too. Short first runs, the first of them on
    `first_tokens`, find out how N and the seconds of a token grow with the dial. The target is the largest that fits,
    trained on `ratio` tokens a parameter; where the command has {seed}, pilots are repeated with further seeds.
    `metrics`, `columns`, `retries` and `resume` are those of a sweep; for `minutes`, the wall time of the whole on this
    machine, `flops` may be given. `engine` is where to train, `needs` what one training takes there, and `workers` how
    many go on at a time, all as in a sweep; by default one of yours, and of Froude's as many as this machine has cores.
    `watch` takes a value of `froude.pilots.events` for each step. Raises InputError on what the caller can put right;
    the same call, with any engine, goes on from where an earlier one stopped.
    """
    of_trainer = {"dial": dial, "derived": derived, "flops": flops, "metrics": metrics, "columns": columns}
    of_tank = {"corpus": corpus, "plan": plan, "device": None if device == "auto" else device}
    refuse_others(of_trainer if train is None else of_tank, is_own=train is None)
    wanted = read_needs(needs)
    if train is None:
        tank = PilotSettings(
            minutes=minutes, seed=seed, corpus=str(corpus) if corpus else None, plan=hash_of_plan(plan), device=device,
            engine=engine, needs=wanted, workers=workers,
        )  # fmt: skip
        return pilot_of_tank(tank, study, plan, check, watch)
    trainer = trainer_of(
        train, workers=workers or 1, metrics=metrics, columns=columns, retries=retries, resume=resume,
        cpus=cpus_of(engine, wanted),
    )  # fmt: skip
    settings = CommandSettings(
        trainer=trainer, dial=read_dial(dial), derived=dict(derived or {}), minutes=minutes, flops=read_flops(flops),
        ratio=ratio, first_tokens=round(first_tokens), seed=seed, engine=engine, needs=wanted,
    )  # fmt: skip
    return pilot_of_command(settings, study, check, watch)


def refuse_others(options: Mapping[str, object], *, is_own: bool) -> None:
    """InputError for an option that is of the other kind of trainer."""
    for name, value in options.items():
        if value is not None:
            kind = "a trainer of yours: give its --command" if is_own else "Froude's own trainer: leave it out"
            raise InputError(f"{'--set' if name == 'derived' else f'--{name}'} is for {kind}")
