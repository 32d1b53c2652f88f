"""Pictures of a plan of serving: latency over the load, memory over the batch, users' speed against devices'."""

from __future__ import annotations

import numpy as np

from froude.drawing.axes import Panel, TitledPanel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS
from froude.drawing.views import Line, Mark, Points, View
from froude.planning.serving.ranking import ServingLimits
from froude.planning.serving.serving_plan import ServingCandidate, ServingPlan
from froude.quantity import format_seconds

_GB = 1e9
_MS = 1e3


def panels_of_serving_plan(plan: ServingPlan) -> tuple[Panel, ...]:
    """TTFT and TPOT over the load with the limits, memory with keys and values over the batch, and the frontier."""
    views = (
        ("Time to the first token over the load", latency_view(plan, "ttft")),
        ("Time of each later token over the load", latency_view(plan, "tpot")),
        ("Memory of a device over the batch", memory_view(plan)),
        ("Tokens/s of a user against tokens/s of a device", frontier_view(plan)),
    )
    return tuple(_titled(title, view) for title, view in views)


def latency_view(plan: ServingPlan, name: str) -> View:
    """Mean latency in closed form with the model's 90% interval, the limit, and the simulated percentile."""
    curve, limit = plan.curve, getattr(plan.limits, name)
    seconds = getattr(curve, name)
    known = np.isfinite(seconds)
    load, mean = curve.load[known], seconds[known] * _MS
    width = float(np.exp(plan.widths[name]))
    first, last = float(curve.load[0]), float(curve.load[-1])
    line = Line(
        x=load, y=mean, role="curve", colour=COLOURS["c0"], lo=mean / width, hi=mean * width, name="mean, closed form",
        band="90% interval",
    )  # fmt: skip
    lines = [line]
    if limit is not None:
        label = f"limit {format_seconds(limit)}"
        lines.append(_level(first, last, limit * _MS, label))
    found = plan.choice.simulated
    marks = [] if found is None else [_mark(plan.choice, plan.limits, getattr(found, name)["limit"], width)]
    return View(
        points=(),
        lines=tuple(lines),
        marks=tuple(marks),
        x_label="users" if plan.load.users is not None else "requests/s",
        y_label=f"{name.upper()}, ms",
        log_y=True,
    )


def memory_view(plan: ServingPlan) -> View:
    """Weights, and with them keys and values over requests of a replica at once, against what a device has."""
    curve = plan.curve
    fixed = curve.weights + curve.runtime
    whole = Line(
        x=curve.batch,
        y=(fixed + curve.kept) / _GB,
        role="curve",
        colour=COLOURS["c0"],
        name="with keys and values",
    )
    weights = Line(
        x=curve.batch, y=np.full(len(curve.batch), fixed / _GB), role="curve", colour=COLOURS["c2"], order=1,
        name="weights, runtime",
    )  # fmt: skip
    limit = _level(
        float(curve.batch[0]), float(curve.batch[-1]), curve.capacity / _GB, f"a device {curve.capacity / _GB:.0f}"
    )
    running = max(plan.choice.running, 1.0)
    kept = float(np.interp(running, curve.batch, curve.kept))
    at = (fixed + kept) / _GB
    mark = Mark(x=running, y=at, lo=at, hi=at, role="measured", label=f"plan {running:.0f}", side="above")
    return View(
        points=(), lines=(whole, weights, limit), marks=(mark,), x_label="requests of a replica at once", y_label="GB",
    )  # fmt: skip


def frontier_view(plan: ServingPlan) -> View:
    """The frontier of all deployments in closed form, those simulated as the plan and its runners-up."""
    points = plan.frontier
    user = np.array([one.tokens_per_user for one in points])
    device = np.array([one.tokens_per_device for one in points])
    order = np.argsort(user)
    keeps = np.array([one.keeps for one in points], dtype=bool)
    line = Line(x=user[order], y=device[order], role="path", colour=COLOURS["faint"])
    groups = [
        Points(
            x=user[some], y=device[some], colours=(colour,) * int(np.sum(some)), name=name, marker=marker,
        )
        for some, colour, name, marker in (
            (keeps, COLOURS["c0"], "within the limits", "o"),
            (~keeps, COLOURS["c1"], "beyond them", "s"),
        )
        if np.any(some)
    ]  # fmt: skip
    others = [one.candidate for one in plan.runners_up]
    if others:
        groups.append(
            Points(
                x=np.array([one.tokens_per_user for one in others]),
                y=np.array([one.tokens_per_device for one in others]),
                colours=(COLOURS["c2"],) * len(others), marker="D", name="runners-up",
            )
        )  # fmt: skip
    own = plan.choice.tokens_per_device
    mark = Mark(x=plan.choice.tokens_per_user, y=own, lo=own, hi=own, role="measured", label="plan", side="below")
    return View(
        points=tuple(groups),
        lines=(line,),
        marks=(mark,),
        x_label="tokens/s of a user",
        y_label="tokens/s of a device",
        log_y=True,
    )


def _titled(title: str, view: View) -> TitledPanel:
    return TitledPanel(title, lambda axes, look: draw_view(axes, view, look))


def _level(low: float, high: float, at: float, label: str) -> Line:
    """A limit as a line across the picture."""
    return Line(x=np.array([low, high]), y=np.array([at, at]), role="level", colour=COLOURS["forecast"], label=label)


def _mark(one: ServingCandidate, limits: ServingLimits, seconds: float, width: float) -> Mark:
    """The simulated percentile of the plan at its load, with the model's interval."""
    load = one.per_second if one.deployment.users is None else float(one.deployment.users)
    at = seconds * _MS
    return Mark(
        x=load,
        y=at,
        lo=at / width,
        hi=at * width,
        role="forecast",
        label=f"p{100 * limits.at:g}, simulated",
        side="above",
    )
