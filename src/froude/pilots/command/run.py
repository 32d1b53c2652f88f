"""The chapters of a pilot of somebody's trainer, in order: first runs, plan, pilots, forecast, target, result, page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from froude.answers.numbers import count
from froude.answers.studies.documents import EnvironmentRecord
from froude.engines import Engine, Notice, get_engine
from froude.pilots.alone import sole_use, without_leftovers
from froude.pilots.check import compare, finish
from froude.pilots.clock import add_seconds, check_clock
from froude.pilots.command.first_runs import failed_run
from froude.pilots.command.ladder import rung_config
from froude.pilots.command.plan import make_plan
from froude.pilots.command.settings import CommandSettings
from froude.pilots.environment import ENVIRONMENT, environment
from froude.pilots.events import Chapter, ChapterStarted, Watch
from froude.pilots.forecast import write_forecast
from froude.pilots.question import PilotQuestion
from froude.pilots.repair import restore_settings, whole_document
from froude.pilots.result import PilotResult
from froude.quantity import format_quantity
from froude.runs import Study, run_id
from froude.sweeps.space import Config
from froude.sweeps.trainer import same_engine

AS_ASKED = 0.02  # relative: a target on other tokens or of other parameters by more is said


def pilot_of_command(settings: CommandSettings, study: str | Path | None, check: bool, watch: Watch) -> PilotResult:
    """Trains pilots by the user's trainer and, with `check`, the target."""
    folder = Path(study or Path("froude-studies") / f"pilot-{settings.id}")
    restore_settings(folder, settings.to_dict(), settings.command, watch)
    home = Study.create(folder, settings.to_dict())
    with sole_use(home), without_leftovers(home):
        return run_chapters(home, settings, check, watch)


def run_chapters(study: Study, settings: CommandSettings, check: bool, watch: Watch) -> PilotResult:
    """All chapters, in order."""
    check_clock(study, watch)
    if whole_document(study, ENVIRONMENT, EnvironmentRecord, watch) is None:
        study.write_json(ENVIRONMENT, environment())
    make_engine = get_engine(settings.engine, settings.needs, study.path.resolve())
    with make_engine(settings.trainer.workers) as engine:
        ladder = make_plan(study, settings, engine, watch).ladder
        pilots = [rung_config(rung, settings) for rung in ladder.pilots]
        target = rung_config(ladder.target, settings)
        question = PilotQuestion(
            pilots=tuple(map(run_id, pilots)),
            target=run_id(target),
            at={"N": ladder.n_params, "D": float(ladder.target.tokens), "C": ladder.target_flops},
        )
        train(study, settings, "pilots", pilots, engine, watch)
        forecast = write_forecast(study, question, settings.seed, watch)
        if check:
            train(study, settings, "target", [target], engine, watch)
            tell_other_target(study, question, watch)
    return finish(study, compare(study, question, forecast, check), settings.seed, watch)


def train(
    study: Study, settings: CommandSettings, chapter: Chapter, configs: Sequence[Config], engine: Engine, watch: Watch
) -> None:
    """Performs the runs of a chapter that are not finished. InputError where one fails."""
    is_over = study.finished_ids() >= {*map(run_id, configs)}
    watch(ChapterStarted(chapter=chapter))
    begin = time.monotonic()
    try:
        outcomes = settings.trainer.perform(study, configs, same_engine(engine), watch)
    finally:
        if not is_over:
            add_seconds(study, chapter, time.monotonic() - begin)
    if failed := [outcome for outcome in outcomes if not outcome.is_done]:
        raise failed_run(f"{count(len(failed), 'run')} of {len(outcomes)}" if len(outcomes) > 1 else "it", failed[0])


def tell_other_target(study: Study, question: PilotQuestion, watch: Watch) -> None:
    """Says where the target came to be another than the one that was forecast."""
    runs = study.runs([question.target])
    for role, what in (("N", "parameters"), ("D", "tokens")):
        said, asked = float(runs[role][0]), question.at[role]
        if abs(said / asked - 1) > AS_ASKED:
            watch(Notice(text=f"the target says {format_quantity(said)} {what}, forecast was {format_quantity(asked)}"))
