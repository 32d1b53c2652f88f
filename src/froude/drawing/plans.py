"""Pictures of plans and of what a training costs: parts of memory and of a step, and what else could be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.answers.plans import LOSS_DIGITS, planned_loss_text
from froude.cost.training.assumptions import TrainCost
from froude.cost.training.evaluation import Cost
from froude.drawing.axes import Look, Panel
from froude.drawing.bars import Bar, NamedPart, Part, draw_part_list, stacked_bars
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, size_colours
from froude.drawing.paints import MEMORY_PARTS, STEP_PARTS, Paint
from froude.drawing.views import Line, Mark, Points, View
from froude.errors import InputError
from froude.planning.layouts.names import layout_label
from froude.planning.plans import Infeasible, LayoutCandidate, Plan, Point
from froude.planning.training.trade_offs import non_dominated
from froude.quantity import format_bytes, format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DAY = 86400.0
_ROUNDING = 1e-6  # of the whole
_NAMED = 5  # numbers of devices in a key, at most


def front_view(points: Sequence[Point], plan: Plan, aim: str) -> View:
    """Loss against dollars or days: points coloured by devices, joined where no other is better in these two."""
    per = _DAY if aim == "days" else 1.0
    spent = np.array([point.seconds / per if aim == "days" else point.dollars for point in points])
    # As many digits as are shown: of what is equal in them an axis would tell noise apart.
    loss = np.array([round(point.loss, LOSS_DIGITS) for point in points])
    sizes = np.array([float(point.devices) for point in points])
    shades = size_colours(sizes)
    best = non_dominated(np.column_stack([spent, loss]))
    order = np.argsort(spent[best], kind="stable")
    line = Line(x=spent[best][order], y=loss[best][order], role="path", colour=COLOURS["faint"])
    mine = plan.days if aim == "days" else plan.dollars
    marks = [
        Mark(x=mine, y=at, lo=at, hi=at, role="measured", label=f"plan {planned_loss_text(at)}", side="below")
        for at in ([round(plan.forecast["loss"], LOSS_DIGITS)] if "loss" in plan.forecast else [])
    ]
    counts = np.unique(sizes)
    named = counts if 1 < len(counts) <= _NAMED else counts[[0, len(counts) // 2, -1]] if len(counts) > 1 else ()
    groups = [
        Points(
            x=spent[sizes == count], y=loss[sizes == count], colours=(shades[count],) * int(np.sum(sizes == count)),
            name=f"{count:,.0f} device{'s' * int(count != 1)}" if count in named else None,
        )
        for count in counts
    ]  # fmt: skip
    return View(
        points=tuple(groups),
        lines=(line,),
        marks=tuple(marks),
        x_label="days" if aim == "days" else "dollars of training",
        y_label="loss",
    )


def _memory(candidate: LayoutCandidate) -> dict[str, float]:
    return {name: float(v) for name, v in vars(candidate.cost.memory).items()}


def _step(candidate: LayoutCandidate) -> dict[str, float]:
    return {name: float(v) for name, v in vars(candidate.cost.step).items()}


def memory_bars(candidates: Sequence[LayoutCandidate], plan: Plan | Infeasible) -> Callable[[int], Figure]:
    """What draws the memory of candidates by part, against what a device has, at a width in pixels."""
    has = plan.machine.chip.memory_bytes
    bars = [_bar(one, MEMORY_PARTS, _memory(one), format_bytes) for one in candidates]
    return lambda width: stacked_bars(bars, [(has, f"a device has {format_bytes(has)}")], width)


def step_bars(candidates: Sequence[LayoutCandidate]) -> Callable[[int], Figure]:
    """What draws the seconds of a step of candidates by part, at a width in pixels."""
    bars = [_bar(one, STEP_PARTS, _step(one), format_seconds) for one in candidates]
    return lambda width: stacked_bars(bars, [], width)


def _bar(
    candidate: LayoutCandidate,
    paints: Mapping[str, Paint],
    amounts: Mapping[str, float],
    show: Callable[[float], str],
) -> Bar:
    parts = [
        Part(amount=amounts[name], colour=paint.colour, strength=paint.strength)
        for name, paint in paints.items()
        if amounts[name] > 0
    ]
    return Bar(label=layout_label(candidate.layout), value=show(sum(amounts.values())), parts=tuple(parts))


def panels_of_plan(plan: Plan) -> tuple[Panel, ...]:
    """What else could be had, where that was asked for, and where memory and time go."""
    cost, has = plan.choice.cost, plan.machine.chip.memory_bytes
    limit = (float(has), f"a device has {format_bytes(has)}")
    parts: tuple[Panel, ...] = (
        lambda axes, look: _memory_list(axes, cost, look, limit),
        lambda axes, look: _step_list(axes, cost, look),
    )
    if not plan.front:
        return parts
    view = front_view(plan.front, plan, "dollars")
    return (lambda axes, look: draw_view(axes, view, look), *parts)


def panels_of_infeasible(infeasible: Infeasible) -> tuple[Panel, ...]:
    """The memory of the layout that came nearest to fitting. InputError where memory is not why there is no plan."""
    least = infeasible.least
    if least is None:
        raise InputError(f"this has no picture, as memory is not why there is no plan: {infeasible.nearest}")
    has = infeasible.machine.chip.memory_bytes
    limit = (float(has), f"a device has {format_bytes(has)}")
    return (lambda axes, look: _memory_list(axes, least.cost, look, limit),)


def panels_of_train_cost(cost: TrainCost) -> tuple[Panel, ...]:
    """Where the memory of a device goes, and where the time of a step."""
    return (
        lambda axes, look: _memory_list(axes, cost.cost, look, None),
        lambda axes, look: _step_list(axes, cost.cost, look),
    )


def _memory_list(axes: Axes, cost: Cost, look: Look, limit: tuple[float, str] | None) -> Axes:
    title = f"memory of the fullest device: {format_bytes(float(cost.memory.total))}"
    return draw_part_list(axes, title, _named_parts(vars(cost.memory), MEMORY_PARTS, format_bytes), look, limit)


def _step_list(axes: Axes, cost: Cost, look: Look) -> Axes:
    title = f"a step: {format_seconds(float(cost.step_seconds))}"
    return draw_part_list(axes, title, _named_parts(vars(cost.step), STEP_PARTS, format_seconds), look)


def _named_parts(
    amounts: Mapping[str, Any], paints: Mapping[str, Paint], show: Callable[[float], str]
) -> list[NamedPart]:
    """The parts that are there, in the order of their paints; rounding is no part."""
    least = _ROUNDING * sum(float(amount) for amount in amounts.values())
    return [
        NamedPart(
            title=paint.title,
            text=show(float(amounts[name])),
            part=Part(amount=float(amounts[name]), colour=paint.colour, strength=paint.strength),
        )
        for name, paint in paints.items()
        if float(amounts[name]) > least
    ]
