"""A pipeline's step event by event: what checks the closed forms beside it, and draws the diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import numpy as np

from froude.cost.training.layout import Flow
from froude.cost.training.pipeline.closed_form import WEIGHT_SHARE, refuse_illegal, warm_up, weight_seconds
from froude.errors import InputError

Kind = Literal["F", "B", "W"]
"""Forward; backward, or where it is divided the gradients of inputs alone; the gradients of weights."""


class Event(NamedTuple):
    """A piece of work on a device, `start` and `end` in seconds; `chunk` counts the device's own, from 0."""

    device: int
    kind: Kind
    micro_batch: int
    chunk: int
    start: float
    end: float


@final
@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A simulated step: its events, device by device in order, and what follows from them.

    `peak_in_flight` is by device, the most micro-batches held at once in units of all its chunks.
    """

    events: tuple[Event, ...]
    makespan_seconds: float
    peak_in_flight: tuple[float, ...]


def simulate(
    flow: Flow,
    forward_seconds: float | Sequence[float] | np.ndarray,
    backward_seconds: float | Sequence[float] | np.ndarray,
    send_seconds: float,
    *,
    weight_share: float = WEIGHT_SHARE,
) -> Timeline:
    """The step of a pipeline, event by event: work starts when its device is free and its input has come.

    Seconds are by stage, or one number for all; each of `interleave` chunks takes an equal part. Every device works in
    the order of its schedule. InputError where `is_legal` is false, or there is not one number for every stage.
    """
    refuse_illegal(flow)
    stages, interleave, micro_batches = int(flow.stages), int(flow.interleave), int(flow.micro_batches)
    forward = _by_stage(forward_seconds, stages) / interleave
    backward = _by_stage(backward_seconds, stages) / interleave
    divided = flow.schedule == "zero-bubble"
    weights = np.asarray(weight_seconds(backward, weight_share if divided else 0.0))
    seconds: dict[Kind, list[float]] = {
        "F": forward.tolist(),
        "B": (backward - weights).tolist(),
        "W": weights.tolist(),
    }
    orders = [[*_order(flow, device)] for device in range(stages)]
    events = _run(orders, interleave, micro_batches, seconds, send_seconds)
    release: Kind = "W" if divided else "B"
    return Timeline(
        events=tuple(event for of_device in events for event in of_device),
        makespan_seconds=max(of_device[-1].end for of_device in events),
        peak_in_flight=tuple(_peak(order, release) / interleave for order in orders),
    )


def _by_stage(seconds: float | Sequence[float] | np.ndarray, stages: int) -> np.ndarray:
    values = np.asarray(seconds, dtype=float)
    if values.shape not in ((), (stages,)):
        raise InputError(f"got {values.size} times for {stages} stages: give one, or one for every stage")
    return np.broadcast_to(values, stages)


Work = tuple[Kind, int, int]
"""What to do, of which micro-batch, in which chunk."""


def _order(flow: Flow, device: int) -> Iterator[Work]:
    """The work of one device in the order of its schedule."""
    stages, interleave = int(flow.stages), int(flow.interleave)
    n = int(flow.micro_batches) * interleave
    ahead = n if flow.schedule == "gpipe" else min(n, int(warm_up(flow, device)))
    divided = flow.schedule == "zero-bubble"
    for step in range(n + ahead):
        if step < n:
            yield ("F", *_turn(step, stages, interleave))
        if step >= ahead:
            done = step - ahead
            micro_batch, chunk = _turn(done, stages, interleave)
            yield ("B", micro_batch, interleave - 1 - chunk)
            if divided and done >= device:  # W of the first stage at once, of each later one a micro-batch later
                yield "W", done - device, 0
    if divided:
        for left in range(max(n - device, 0), n):
            yield "W", left, 0


def _turn(step: int, stages: int, interleave: int) -> tuple[int, int]:
    """Micro-batch and chunk of a device's step-th pass: groups of `stages` micro-batches, chunk after chunk."""
    if interleave == 1:
        return step, 0
    group, within = divmod(step, stages * interleave)
    chunk, member = divmod(within, stages)
    return group * stages + member, chunk


def _run(
    orders: Sequence[Sequence[Work]],
    interleave: int,
    micro_batches: int,
    seconds: dict[Kind, list[float]],
    send_seconds: float,
) -> list[list[Event]]:
    """Start and end of all work, by device. Positions are chunks in the order of the model: chunk · stages + device."""
    stages = len(orders)
    last = stages * interleave - 1
    kinds: tuple[Kind, Kind] = ("F", "B")
    ends: dict[Kind, list[list[float | None]]] = {
        kind: [[None] * micro_batches for _ in range(last + 1)] for kind in kinds
    }
    events: list[list[Event]] = [[] for _ in orders]
    waiting = set(range(stages))
    while waiting:
        for device in sorted(waiting):
            mine, order = events[device], orders[device]
            now = mine[-1].end if mine else 0.0
            while len(mine) < len(order):
                kind, micro_batch, chunk = order[len(mine)]
                position = chunk * stages + device
                ready: float | None = 0.0
                if kind == "F" and position > 0:
                    ready = ends["F"][position - 1][micro_batch]
                elif kind == "B":
                    ready = ends["F" if position == last else "B"][min(position + 1, last)][micro_batch]
                if ready is None:
                    break
                sent = send_seconds if (kind == "F" and position > 0) or (kind == "B" and position < last) else 0.0
                start = max(now, ready + sent)
                now = start + seconds[kind][device]
                mine.append(Event(device, kind, micro_batch, chunk, start, now))
                if kind != "W":
                    ends[kind][position][micro_batch] = now
            if len(mine) == len(order):
                waiting.discard(device)
    return events


def _peak(order: Sequence[Work], release: Kind) -> int:
    """The most forward passes of a device whose `release` is still to come."""
    in_flight = np.cumsum([(kind == "F") - (kind == release) for kind, _, _ in order])
    return int(in_flight.max())
