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

_MOST_DOTS, _STRETCHES = 4000, 300
_LATENCIES = {"ttft": ("n5", "first token"), "e2e": ("c1", "whole answer")}


def panels_of_serve_simulation(found: ServeSimulation) -> tuple[Panel, ...]:
    """Timeline, latency by request, queue over time, share of the pages taken."""
    return (
        TitledPanel(
            f"{ROWS} requests: waiting (grey), prompt (blue), answer (orange)",
            lambda axes, look: _timeline(axes, found, look),
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
    plain_y(axes, 0.0, _end(1.3 * run.e2e), "seconds", look=look, most=6)
    for name, (colour, label) in _LATENCIES.items():
        seconds = getattr(run, name)
        axes.plot(
            run.arrival[some], seconds[some], ".", color=COLOURS[colour], markersize=look.px(3), label=label, alpha=0.6
        )
    axes.legend(loc="upper left", frameon=False, fontsize=look.text, markerscale=2)
    return axes


def _queue(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    """All replicas together, means over as many stretches of time as a page can show."""
    times, most = _times(found), 1.0
    for name, colour in (("running", "c1"), ("waiting", "n5")):
        many = sum(_stretches(queue, getattr(queue, name), times) for queue in found.simulation.queues)
        axes.plot(times, many, color=COLOURS[colour], linewidth=look.px(1.5), label=name)
        most = max(most, float(np.max(many)))
    plain_x(axes, 0.0, float(times[-1]), "seconds", 6, look=look)
    plain_y(axes, 0.0, 1.25 * most, "requests", look=look, most=6)
    axes.legend(loc="upper left", frameon=False, fontsize=look.text, ncols=2)
    return axes


def _pages(axes: Axes, found: ServeSimulation, look: Look) -> Axes:
    times = _times(found)
    shares = [_stretches(queue, queue.pages / queue.total, times) for queue in found.simulation.queues]
    plain_x(axes, 0.0, float(times[-1]), "seconds", 6, look=look)
    plain_y(axes, 0.0, 100.0, "% of pages, mean of replicas", look=look, most=6)
    axes.plot(times, 100 * np.mean(shares, axis=0), color=COLOURS["n5"], linewidth=look.px(1.5))
    return axes


def _end(values: np.ndarray) -> float:
    return max(float(values.max()), 1e-9)


def _times(found: ServeSimulation) -> np.ndarray:
    return np.linspace(0.0, found.simulation.seconds, _STRETCHES + 1)[1:]


def _stretches(queue: SampledQueue, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Means of what was seen in each stretch that ends at a time; where nothing was, what was seen before."""
    if values.size == 0:
        return np.zeros(len(times))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.searchsorted(queue.seconds, times, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    last = values[np.clip(ends - 1, 0, None)]
    return np.where(ends > starts, (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1), last)
