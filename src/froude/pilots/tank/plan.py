"""Chapter two: the plan, written once and never computed again; a damaged one is made again from the same speed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, final

from msgspec import Meta

from froude.answers.studies.documents import EnvironmentRecord
from froude.answers.studies.outcome import TANK_UNIT
from froude.documents import DocumentKind
from froude.engines import Engine
from froude.errors import InputError, shown
from froude.pilots.environment import ENVIRONMENT, environment
from froude.pilots.events import MeasuringSpeed, PlanReady, Watch
from froude.pilots.question import PilotQuestion
from froude.pilots.repair import discard, whole_document
from froude.pilots.tank.settings import PilotSettings, read_plan_file
from froude.provenance import utc_now
from froude.runs import Study
from froude.runs.study.remedy import PLAN
from froude.tank import Design, Device, PilotRecipe, Speed, design_pilot, measure_speed

SPEED = "speed.json"
FORMAT = 1
PLAN_FILE = DocumentKind(what="plan", remedy="give a plan.json of a study")


def make_plan(
    study: Study,
    settings: PilotSettings,
    given: str | Path | None,
    device: Device,
    engine: Engine,
    corpus: Mapping[str, Any],
    watch: Watch,
) -> Design:
    """The plan in the study, made there if it has none that is whole: from the plan file given or for the minutes."""
    if whole_document(study, ENVIRONMENT, EnvironmentRecord, watch) is None:
        study.write_json(ENVIRONMENT, environment(device.name))
    design = whole_plan(study, settings, watch)
    if design is None:
        recipe = PilotRecipe(
            corpus=corpus["hash"], device=device.name, precision=device.precision, compile=device.compile
        )
        if given:
            design = adapt(read_plan(Path(given)), recipe)
        else:
            known = known_speed(study, device, engine, recipe, watch)
            design = design_pilot(
                minutes=settings.minutes, workers=known.workers, speed=known.speed, recipe=recipe, seed=settings.seed
            )
        study.write_json(PLAN, plan_document(settings, given, corpus, design))
    longest = max(trunk.tokens[-1] for trunk in (*design.pilots, design.target))
    watch(PlanReady(design=design, repeats=longest > corpus["train_bytes"]))
    return design


def whole_plan(study: Study, settings: PilotSettings, watch: Watch) -> Design | None:
    """The design in the study's plan; None where there is none, or only a damaged one, which is set aside."""
    plan = whole_document(study, PLAN, PlanDocument, watch)
    if plan is None:
        return None
    if (plan.minutes, plan.seed) != (settings.minutes, settings.seed):
        discard(study, PLAN, "it is of another study", watch)
        return None
    return plan.design


def known_speed(study: Study, device: Device, engine: Engine, recipe: PilotRecipe, watch: Watch) -> "MeasuredSpeed":
    """The speed that this study is planned by, measured and kept where it is not known yet."""
    known = whole_document(study, SPEED, MeasuredSpeed, watch)
    if known is None:
        watch(MeasuringSpeed())
        rates = measure_speed(engine, recipe).seconds_per_flop
        known = MeasuredSpeed(workers=engine.n_workers, seconds_per_flop=tuple(rates.items()))
        study.write_json(SPEED, asdict(known))
    return known


@final
@dataclass(frozen=True, kw_only=True)
class MeasuredSpeed:
    """What speed.json holds: seconds a FLOP by width, with so many workers at once."""

    workers: Annotated[int, Meta(ge=1, le=100_000)]
    seconds_per_flop: Annotated[tuple[tuple[int, Annotated[float, Meta(gt=0, le=1)]], ...], Meta(min_length=1)]

    @property
    def speed(self) -> Speed:
        """The speed at any width."""
        return Speed(seconds_per_flop=dict(self.seconds_per_flop))


@final
@dataclass(frozen=True, kw_only=True)
class PlanDocument:
    """What a plan must hold; one given as a file needs no more than the design."""

    format: Literal[1]
    design: Design
    minutes: float | None = None
    seed: int | None = None


def plan_document(
    settings: PilotSettings, given: str | Path | None, corpus: Mapping[str, Any], design: Design
) -> dict[str, Any]:
    """The plan as a study keeps it."""
    return {
        "format": FORMAT,
        "command": settings.command(given),
        "minutes": settings.minutes,
        "seed": settings.seed,
        "froude": version("froude"),
        "written": utc_now(),
        "corpus": dict(corpus),
        "design": design.to_dict(),
    }


def read_plan(path: Path) -> Design:
    """The design in a plan file. InputError where there is none."""
    document = PLAN_FILE.parse_json(read_plan_file(path), str(path), dict)
    if document.get("format", FORMAT) != FORMAT:
        found = shown(document["format"])
        raise InputError(f"plan {str(path)!r} has format {found}, not {FORMAT}: use the froude that wrote it")
    return PLAN_FILE.check(document, str(path), PlanDocument).design


def question_of(design: Design) -> PilotQuestion:
    """From the runs of a plan's pilots to its target."""
    decoder, tokens = design.target.decoder, design.target.tokens[-1]
    return PilotQuestion(
        pilots=tuple(trunk.run_id(tokens) for trunk in design.pilots for tokens in trunk.tokens),
        target=design.target.run_id(tokens),
        at={"N": decoder.n_non_embedding, "D": tokens, "C": decoder.training_flops_per_token * tokens},
        cluster="trunk",
        of_tank=True,
        loss_unit=TANK_UNIT,
    )


def adapt(design: Design, recipe: PilotRecipe) -> Design:
    """The same design on this machine's corpus and device."""
    here = {name: getattr(recipe, name) for name in ("corpus", "device", "precision", "compile")}
    return replace(
        design,
        pilots=tuple(replace(trunk, **here) for trunk in design.pilots),
        target=replace(design.target, **here),
    )
