"""The chapters of a pilot of the tank, in order: corpus, plan, pilots, forecast, target, result, page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from froude.engines import Needs, get_engine
from froude.pilots.alone import sole_use, without_leftovers
from froude.pilots.events import Watch
from froude.pilots.repair import restore_settings
from froude.pilots.result import PilotResult
from froude.pilots.tank.settings import PilotSettings
from froude.runs import Study, run_id

if TYPE_CHECKING:
    from froude.tank import Device


def pilot_of_tank(
    settings: PilotSettings, study: str | Path | None, plan: str | Path | None, check: bool, watch: Watch
) -> PilotResult:
    """Trains pilots and, with `check`, the target; `plan` is the file that `settings` know by its hash."""
    target_device = check_here(plan, settings.device)
    folder = Path(study or Path("froude-studies") / f"pilot-{run_id(settings.to_dict())}")
    restore_settings(folder, settings.to_dict(), settings.command(plan), watch)
    home = Study.create(folder, settings.to_dict())
    with sole_use(home):
        return run_chapters(home, settings, target_device, plan, check, watch)


def check_here(plan: str | Path | None, device: str) -> Device:
    """The device. InputError where it is not here and for a plan that is none, before a folder is made for them."""
    from froude.tank import choose_device

    chosen = choose_device(device)
    if plan:
        from froude.pilots.tank.plan import read_plan

        read_plan(Path(plan))
    return chosen


def needs_of(settings: PilotSettings, device: Device) -> Needs | None:
    """What a training needs of a cluster's machine: a GPU at least where it is to be trained on one."""
    needs = settings.needs
    if settings.engine == "local" or device.name == "cpu":
        return needs
    return replace(needs or Needs(), gpus=max(1, needs.gpus if needs else 0))


def run_chapters(
    study: Study, settings: PilotSettings, device: Device, plan: str | Path | None, check: bool, watch: Watch
) -> PilotResult:
    """All chapters, in order."""
    from froude.pilots.check import compare, finish
    from froude.pilots.clock import check_clock
    from froude.pilots.forecast import write_forecast
    from froude.pilots.tank.corpus import gather_corpus
    from froude.pilots.tank.halving import validation_halving
    from froude.pilots.tank.plan import make_plan, question_of
    from froude.pilots.tank.trainings import train

    check_clock(study, watch)
    make_engine = get_engine(settings.engine, needs_of(settings, device), study.path.resolve())
    with without_leftovers(study), make_engine(settings.workers or device.workers) as engine:
        corpus = gather_corpus(study, settings, watch)
        design = make_plan(study, settings, plan, device, engine, corpus, watch)
        train(study, "pilots", design.pilots, engine, watch)
        question = question_of(design)
        forecast = write_forecast(study, question, settings.seed, watch)
        if check:
            train(study, "target", (design.target,), engine, watch)
    halving = validation_halving(study, design, forecast) if check else None
    return finish(study, compare(study, question, forecast, check, halving), settings.seed, watch)
