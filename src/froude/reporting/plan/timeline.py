"""One step of a plan as a timeline: the pipeline simulated event by event, or the parts of a step without one."""

from __future__ import annotations

from collections.abc import Iterator

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.layout import Layout
from froude.cost.training.passes import Passes, Seconds
from froude.cost.training.pipeline.events import Event, simulate
from froude.cost.training.step import PipelineStages, hand_over_seconds, pipeline_stages
from froude.drawing.paints import STEP_PARTS
from froude.drawing.timelines import Span, Strip
from froude.planning.plans import LayoutCandidate

KINDS = {"F": ("n5", "forward"), "B": ("n8", "backward"), "W": ("n1", "gradients of weights")}
"""Work of a pipeline: its colour, and what it is."""

_PALE = 0.85  # of every other chunk: as pale as its number on it stays legible

_CHUNKS_SHOWN = 60  # forward passes of a chunk, at either end of a step that is too long to draw whole
_FILLS_SHOWN = 1.6  # at least so many times what the pipeline takes to fill or drain
AFTER = ("data", "offload", "optimizer", "fixed")
"""Parts of a step that are drawn after all micro-batches."""


def timeline_of(model: Model, machine: Machine, candidate: LayoutCandidate) -> Strip:
    """One step: a row for each stage of the pipeline, or one row where there is none.

    What is not done by micro-batch (`data` and `offload` that nothing hides, `optimizer`, `fixed`) stands at the end;
    `waiting` is left out, since it is spread over the step and is no device's own. The pipeline is simulated with the
    seconds of the layout's own passes; the last stage has head and loss.
    """
    layout = candidate.layout
    stages = pipeline_stages(model, machine, layout, layout.constants)
    stage, rows = stages.middle, int(layout.pipeline)
    spans = list(_pipeline(model, machine, layout, stages) if rows > 1 else _alone(layout, stages.last))
    worked = max(span.end for span in spans)
    spans += _after(candidate, rows, worked)
    chunk = float(stage.forward.seconds) / int(layout.interleave)
    fill = (rows - 1) * float(stage.backward.seconds) / int(layout.interleave)
    return Strip(
        spans=tuple(spans),
        rows=rows,
        seconds=max(span.end for span in spans),
        worked=worked,
        shown=max(_CHUNKS_SHOWN * chunk if rows > 1 else 6 * float(stages.last.seconds), _FILLS_SHOWN * fill),
    )


def _pipeline(model: Model, machine: Machine, layout: Layout, stages: PipelineStages) -> Iterator[Span]:
    ordered = [stages.first, *[stages.middle] * (int(layout.pipeline) - 2), stages.last]
    forward, backward = ([float(one.seconds) for one in passes] for passes in zip(*map(_both, ordered), strict=True))
    send = float(hand_over_seconds(model, machine, layout, layout.constants))
    return map(_span, simulate(layout.flow, forward, backward, send).events)


def _both(passes: Passes) -> tuple[Seconds, Seconds]:
    return passes.forward, passes.backward


def _span(event: Event) -> Span:
    """Chunks of a device by turns strong and weak, so that they are told apart."""
    return Span(
        row=event.device,
        start=event.start,
        end=event.end,
        colour=KINDS[event.kind][0],
        strength=_PALE if event.chunk % 2 else 1.0,
        number="" if event.kind == "W" else str(event.micro_batch + 1),
    )


def _alone(layout: Layout, passes: Passes) -> Iterator[Span]:
    """Micro-batches one after another, each pass by its parts; within a pass these are interleaved block by block."""
    now = 0.0
    for _ in range(int(layout.micro_batches)):
        for one in (passes.forward, passes.backward):
            for name, seconds in _by_part(one):
                yield _part(0, now, seconds, name)
                now += seconds


def _by_part(one: Seconds) -> Iterator[tuple[str, float]]:
    yield from ((name, float(value)) for name, value in one.by_part().items() if float(value) > 0)


def _after(candidate: LayoutCandidate, rows: int, now: float) -> Iterator[Span]:
    step = candidate.cost.step
    once = {name: float(getattr(step, name)) for name in AFTER} | {"fixed": candidate.layout.constants.step}
    for name, seconds in once.items():
        if seconds > 0:
            yield from (_part(row, now, seconds, name) for row in range(rows))
            now += seconds


def _part(row: int, start: float, seconds: float, name: str) -> Span:
    part = STEP_PARTS[name]
    return Span(row=row, start=start, end=start + seconds, colour=part.colour, strength=part.strength)
