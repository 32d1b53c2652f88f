"""Pictures of serving simulated: what the first requests did, latency by request, the queue, and the pages taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from froude.cost.serving.simulation.serve_simulation import ServeSimulation
from froude.cost.serving.simulation.simulation import SampledQueue
from froude.drawing.axes import Look, Panel, TitledPanel, plain_x, plain_y
from froude.drawing.colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 24
"""Requests whose times are drawn one by one."""

_MOST_DOTS = 4000
_LATENCIES = {"ttft": ("n5", "first token"), "e2e": ("c1", "whole answer")}


def panels_of_serve_simulation(found: ServeSimulation) -> tuple[Panel, ...]:
    """Timeline, latency by request, queue over time, share of the pages taken."""
    return (
        TitledPanel(
            f"{ROWS} requests after the first: wait, prompt, answer", lambda axes, look: _timeline(axes, found, look)
        ),
        TitledPanel("latency by request", lambda axes, look: _latencies(axes, found, look)),
        TitledPanel("requests that run and wait", lambda axes, look: _queue(axes, found, look)),
        TitledPanel("room for keys and values taken", lambda axes, look: _pages(axes, found, look)),
    )


def _timeline(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    """A row a request: hollow while it waits, dark while its prompt enters, light while it is answered."""
    run = found.simulation
    start = found.counted.start
    some = start + np.argsort(run.arrival[start:], kind="stable")[:ROWS]
    begin = float(run.arrival[some].min())
    left, first, end = (run.arrival[some] - begin, run.ttft[some], run.e2e[some])
    waited = np.minimum(run.waited[some], first)
    rows = np.arange(len(some))
    plain_x(axes, 0.0, float((left + end).max()), "seconds", 6, look=look)
    plain_y(axes, 0.0, float(len(some)), "requests", look=look, most=5)
    parts = ((left, waited, "hair"), (left + waited, first - waited, "n5"), (left + first, end - first, "c1"))
    for begins, lasts, colour in parts:
        axes.barh(rows + 0.5, lasts, left=begins, height=0.7, color=COLOURS[colour], linewidth=0)
    return axes


def _latencies(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    run = found.simulation
    some = np.unique(np.linspace(0, len(run.arrival) - 1, _MOST_DOTS).astype(int))
    plain_x(axes, 0.0, _end(run.arrival), "arrival, seconds", 6, look=look)
    plain_y(axes, 0.0, _end(1.05 * run.e2e), "seconds", look=look, most=6)
    for name, (colour, label) in _LATENCIES.items():
        seconds = getattr(run, name)
        axes.plot(
            run.arrival[some], seconds[some], ".", color=COLOURS[colour], markersize=look.px(3), label=label, alpha=0.6
        )
    axes.legend(loc="upper left", frameon=False, fontsize=look.text, markerscale=2)
    return axes


def _queue(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    queues = found.simulation.queues
    plain_x(axes, 0.0, _end(np.array([found.simulation.seconds])), "seconds", 6, look=look)
    most = max(float((queue.running + queue.waiting).max()) for queue in _seen(queues))
    plain_y(axes, 0.0, 1.1 * max(most, 1.0), "requests of a replica", look=look, most=6)
    for queue in _seen(queues):
        axes.plot(queue.seconds, queue.running, color=COLOURS["c1"], linewidth=look.px(1.2), label="run")
        axes.plot(queue.seconds, queue.waiting, color=COLOURS["n5"], linewidth=look.px(1.2), label="wait")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2], loc="upper left", frameon=False, fontsize=look.text)
    return axes


def _pages(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    plain_x(axes, 0.0, _end(np.array([found.simulation.seconds])), "seconds", 6, look=look)
    plain_y(axes, 0.0, 100.0, "% of pages", look=look, most=6)
    for queue in _seen(found.simulation.queues):
        axes.plot(queue.seconds, 100 * queue.pages / queue.total, color=COLOURS["n5"], linewidth=look.px(1.2))
    return axes


def _seen(queues: tuple[SampledQueue, ...]) -> list[SampledQueue]:
    return [queue for queue in queues if queue.seconds.size]


def _end(values: np.ndarray) -> float:
    return max(float(values.max()), 1e-9)
