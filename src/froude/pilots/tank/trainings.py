"""Chapters three and five: the pilots are trained, and the target."""

import time
from collections.abc import Sequence

from froude.answers.numbers import count
from froude.engines import Engine, Notice
from froude.pilots.clock import add_seconds
from froude.pilots.events import Chapter, TrainingEnded, TrainingStarted, Watch
from froude.runs import Study
from froude.runs.study.run_file import NoRun
from froude.tank import TrainTrunk, Trunk
from froude.tank.kept import kept_runs

NAMED = 2
"""Damaged files that a notice names; of more it says how many."""


def train(study: Study, chapter: Chapter, trunks: tuple[Trunk, ...], engine: Engine, watch: Watch) -> None:
    """Trains what is not finished of the trunks, one task a trunk, into the study; what is damaged is said."""
    kept = kept_runs(study, trunks)
    unfinished = tuple(
        trunk for trunk in trunks if any(trunk.run_id(tokens) not in kept.finished for tokens in trunk.tokens)
    )
    if kept.damaged:
        watch(Notice(text=damage_words(list(kept.damaged.values()))))
    for trunk in trunks:  # all may have been killed between the last run and removing its checkpoint
        if trunk not in unfinished:
            (study.trunks / f"{trunk.id}.pt").unlink(missing_ok=True)
    watch(TrainingStarted(chapter=chapter, trunks=trunks, unfinished=unfinished, finished=kept.finished))
    if not unfinished:
        return
    begin = time.monotonic()
    try:
        engine.run(
            [TrainTrunk(trunk=trunk, study=study.path.resolve()) for trunk in unfinished],
            lambda task, event: watch(event),
        )
    finally:
        add_seconds(study, chapter, time.monotonic() - begin)
        watch(TrainingEnded(chapter=chapter))


def damage_words(damaged: Sequence[NoRun]) -> str:
    """That these files are damaged and their runs trained again: the first of them by name."""
    named = "; ".join(f"runs/{file.path.name} {file.reason}" for file in damaged[:NAMED])
    more = f"; and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
    return f"{count(len(damaged), 'run')} will be trained again: {named}{more}"
