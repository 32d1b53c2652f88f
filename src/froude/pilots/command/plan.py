"""The plan of a pilot of somebody's trainer: made from first runs, written once and never computed again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal, final

from froude.engines import Engine
from froude.pilots.command.first_runs import FirstRuns, measure_scale
from froude.pilots.command.ladder import LadderBudget, PilotLadder, plan_ladder, rung_config
from froude.pilots.command.scale import Scale
from froude.pilots.command.settings import CommandSettings
from froude.pilots.events import ChapterStarted, LadderReady, Watch
from froude.pilots.repair import whole_document
from froude.provenance import utc_now
from froude.quantity import format_quantity
from froude.runs import Study, run_id
from froude.runs.study.remedy import PLAN

FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True)
class CommandPlan:
    """What the plan.json of a trainer of the user's holds: what first runs said, and the ladder that follows."""

    format: Literal[1]
    scale: Scale
    ladder: PilotLadder


def make_plan(study: Study, settings: CommandSettings, engine: Engine, watch: Watch) -> CommandPlan:
    """The plan in the study, made there from first runs if it has none that is whole."""
    plan = whole_document(study, PLAN, CommandPlan, watch)
    if plan is None:
        watch(ChapterStarted(chapter="first runs"))
        runs = FirstRuns(study, settings, engine, watch)
        scale, target = measure_scale(runs, lambda seconds: budget(settings, seconds))
        ladder = plan_ladder(scale, target, settings, budget(settings, runs.seconds))
        plan = CommandPlan(format=FORMAT, scale=scale, ladder=ladder)
        study.write_json(PLAN, plan_document(plan, settings))
    watch(LadderReady(dial=settings.dial.name, ladder=plan.ladder))
    return plan


def budget(settings: CommandSettings, seconds: float) -> LadderBudget:
    """What is left for pilots and target after first runs of so many seconds."""
    workers = settings.trainer.workers
    if settings.flops is not None:
        more = f"give --flops {format_quantity(2 * settings.flops)}"
        return LadderBudget(amount=settings.flops, in_flops=True, workers=workers, remedy=more)
    more = f"give --minutes {2 * settings.minutes:g}"
    return LadderBudget(amount=max(0.0, 60 * settings.minutes - seconds), in_flops=False, workers=workers, remedy=more)


def plan_document(plan: CommandPlan, settings: CommandSettings) -> dict[str, Any]:
    """The plan as a study keeps it."""
    command = settings.command
    return {
        **({} if command is None else {"command": command}),
        "trainer": settings.trainer.command,
        **({"minutes": settings.minutes} if settings.flops is None else {"flops": settings.flops}),
        "seed": settings.seed,
        "froude": version("froude"),
        "written": utc_now(),
        "target_run": run_id(rung_config(plan.ladder.target, settings)),
        **asdict(plan),
    }
