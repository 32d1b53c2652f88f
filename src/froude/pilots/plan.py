"""Chapters one and two: the corpus, and the plan, which is written once and never computed again."""

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from froude.engines import Engine
from froude.errors import InputError
from froude.host import cores, memory_bytes, processor_name
from froude.pilots.clock import utc_now
from froude.pilots.events import CorpusReady, MeasuringSpeed, PlanReady, Watch
from froude.pilots.settings import PilotSettings, read_plan_file
from froude.runs import Study
from froude.tank import Design, Device, PilotRecipe, build_corpus, design_pilot, measure_speed

BYTES_OF_A_MINUTE = 8e6  # of the corpus; they grow as the root of the minutes, as data grows with compute


def gather_corpus(study: Study, settings: PilotSettings, watch: Watch) -> None:
    """The bytes to train on, deduplicated and split."""
    folder = study.path / "corpus"
    if not (folder / "manifest.json").exists():
        wanted = int(BYTES_OF_A_MINUTE * max(1.0, math.sqrt(settings.minutes)))
        source = Path(settings.corpus) if settings.corpus else None
        build_corpus(source, wanted_bytes=wanted).save(folder)
    watch(CorpusReady(summary=corpus_summary(study)))


def corpus_summary(study: Study) -> dict[str, Any]:
    """The manifest without its lists of files."""
    manifest = study.read_json("corpus/manifest.json")
    return {name: value for name, value in manifest.items() if name not in ("files", "dropped")}


def make_plan(
    study: Study, settings: PilotSettings, given: str | Path | None, device: Device, engine: Engine, watch: Watch
) -> Design:
    """The plan in the study, made there if it has none: from the plan file given, else for the minutes."""
    corpus = corpus_summary(study)
    if not (study.path / "plan.json").exists():
        recipe = PilotRecipe(
            corpus=corpus["hash"], device=device.name, precision=device.precision, compile=device.compile
        )
        if given:
            design = adapt(read_plan(Path(given)), recipe)
        else:
            watch(MeasuringSpeed())
            speed = measure_speed(engine, recipe)
            design = design_pilot(
                minutes=settings.minutes, workers=device.workers, speed=speed, recipe=recipe, seed=settings.seed
            )
        study.write_json("environment.json", environment(device))
        study.write_json("plan.json", plan_document(settings, given, corpus, design))
    design = Design.from_dict(study.read_json("plan.json")["design"])
    longest = max(trunk.tokens[-1] for trunk in (*design.pilots, design.target))
    watch(PlanReady(design=design, repeats=longest > corpus["train_bytes"]))
    return design


def plan_document(
    settings: PilotSettings, given: str | Path | None, corpus: Mapping[str, Any], design: Design
) -> dict[str, Any]:
    """The plan as a study keeps it."""
    return {
        "format": 1,
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
    try:
        document = json.loads(read_plan_file(path))
        if document["format"] != 1:
            raise InputError(f"plan {str(path)!r} has format {document['format']}, not 1: use the froude that wrote it")
        return Design.from_dict(document["design"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{str(path)!r} is no plan: give a plan.json of a study") from None


def adapt(design: Design, recipe: PilotRecipe) -> Design:
    """The same design on this machine's corpus and device."""
    here = {name: getattr(recipe, name) for name in ("corpus", "device", "precision", "compile")}
    return replace(
        design,
        pilots=tuple(replace(trunk, **here) for trunk in design.pilots),
        target=replace(design.target, **here),
    )


def environment(device: Device) -> dict[str, Any]:
    """The machine and the versions."""
    return {
        "froude": version("froude"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "platform": platform.platform(),
        "processor": processor_name(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        "device": device.name,
    }
