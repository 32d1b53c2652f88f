"""Chapters three and five: the pilots are trained, and the target."""

import time

from froude.engines import Engine
from froude.pilots.clock import add_seconds
from froude.pilots.events import Chapter, TrainingEnded, TrainingStarted, Watch
from froude.runs import Study
from froude.tank import TrainTrunk, Trunk


def train(study: Study, chapter: Chapter, trunks: tuple[Trunk, ...], engine: Engine, watch: Watch) -> None:
    """Trains what is not finished of the trunks, one task a trunk, into the study."""
    finished = frozenset(study.finished_ids())
    unfinished = tuple(
        trunk for trunk in trunks if any(trunk.run_id(tokens) not in finished for tokens in trunk.tokens)
    )
    watch(TrainingStarted(chapter=chapter, trunks=trunks, unfinished=unfinished, finished=finished))
    if not unfinished:
        return
    begin = time.monotonic()
    try:
        engine.run(
            [TrainTrunk(trunk=trunk, study=study.path) for trunk in unfinished], lambda task, event: watch(event)
        )
    finally:
        add_seconds(study, chapter, time.monotonic() - begin)
        watch(TrainingEnded(chapter=chapter))
