"""The page of a plan: what was chosen, what it takes and why, and how sure that is; or why there is no plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from froude.answers import Answer, Table
from froude.answers.plans import answer_of_plan
from froude.cost.model.description import build_model
from froude.cost.model.model import Model
from froude.drawing.bars import Swing, percent_change, tornado
from froude.drawing.charts import chart
from froude.drawing.paints import STEP_PARTS, Paint, paint_of, place_of
from froude.drawing.plans import front_view, memory_bars, step_bars
from froude.drawing.timelines import Strip, timeline
from froude.errors import InputError
from froude.planning.plans import Infeasible, LayoutCandidate, Plan
from froude.reporting.plan import words
from froude.reporting.plan.sensitivity import PlanSensitivity, plan_sensitivities
from froude.reporting.plan.timeline import AFTER, KINDS, timeline_of
from froude.reporting.sheet import both_widths, fill

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "memory": "memory of the fullest device by part, against what it has",
    "step": "seconds of a step by part",
    "timeline": "one step over time",
    "dollars": "loss against dollars",
    "days": "loss against days",
    "sensitivity": "how far assumptions move time and price",
}
_SECTIONS = (
    ("memory", "Memory"),
    ("step", "Time"),
    ("timeline", "One step"),
    ("front", "Alternatives"),
    ("sensitivity", "What it hangs on"),
    ("runners-up", "What nearly won"),
    ("assumed", "Assumed"),
    ("json", "For programs"),
)
"""Sections by what the list at the top of the page calls them."""

Row = dict[str, Any]


def plan_page(plan: Plan | Infeasible, *, model: Model | None = None) -> str:
    """The page of a plan, or of why there is none, as HTML.

    `model` is what the plan was made for, where the plan itself does not describe it. InputError where a library of
    `froude[report]` is missing, or a plan's model.
    """
    answer = answer_of_plan(plan)
    shared: Row = {
        "kind": "plan",
        "name": "",
        "plan": plan,
        "answer": answer,
        "words": words,
        "assumptions": _rows(answer, "Assumed"),
        "memory_key": _key(answer, "Memory of a device"),
        "json": json.dumps(answer.to_dict(), indent=2, ensure_ascii=False),
    }
    if isinstance(plan, Infeasible):
        return _render_infeasible(plan, shared)
    model = _model_of(plan) if model is None else model
    strip = timeline_of(model, plan.machine, plan.choice)
    same = [r.candidate for r in plan.runners_up if _comparable(plan.choice, r.candidate)]
    moved, unmoved = split_swings(plan_sensitivities(plan, model))
    return fill(
        "plan.html.j2",
        _pictures(plan, same, strip, moved),
        **shared,
        sections=[(id, title) for id, title in _SECTIONS if id != "front" or plan.front],
        others=len(same),
        unmoved=unmoved,
        step_key=_key(answer, "A step"),
        strip=strip,
        kinds=_kinds(strip, plan.choice),
        runners_up=layout_first(answer),
        binding=_rows(answer, "What binds"),
        front=_table(answer, "What can be had"),
    )


def _model_of(plan: Plan) -> Model:
    if "description" not in plan.chosen:
        raise InputError(f"the page of a plan needs the model {plan.model} it was made for: give model")
    return build_model(plan.model, plan.chosen["description"])


def _table(answer: Answer, title: str) -> Table | None:
    """The table of that title, None where the answer has none."""
    return next((table for table in answer.tables if table.title.startswith(title)), None)


def layout_first(answer: Answer) -> Table | None:
    """The runners-up, each row beginning with the layout that it is of."""
    table = _table(answer, "Runners-up")
    if table is None:
        return None
    *numbers, layout = range(len(table.columns))

    def turned(cells: tuple[str, ...]) -> tuple[str, ...]:
        return cells[layout], *(cells[i] for i in numbers)

    return replace(table, columns=turned(table.columns), rows=tuple(map(turned, table.rows)), left=(0,))


def _rows(answer: Answer, title: str) -> tuple[tuple[str, ...], ...]:
    table = _table(answer, title)
    return () if table is None else table.rows


def _key(answer: Answer, title: str) -> list[Row]:
    """The parts of a table with the colours in which they are drawn, in the order in which they are."""
    rows = sorted(_rows(answer, title), key=lambda row: place_of(row[0]))
    return [{"paint": paint_of(part), "amount": amount, "share": share} for part, amount, share in rows]


def split_swings(all_of_them: Sequence[PlanSensitivity]) -> tuple[list[Swing], list[str]]:
    """What moves a plan, as the picture draws it, and the names of what moves it less than a change that is written."""
    drawn: list[Swing] = []
    unmoved: list[str] = []
    for one in all_of_them:
        if any(percent_change(end) != percent_change(1.0) for end in (one.lo, one.hi)):
            drawn.append(Swing(label=f"{one.name} ({one.alternatives})", lo=one.lo, hi=one.hi))
        else:
            unmoved.append(one.name)
    return drawn, unmoved


def _render_infeasible(plan: Infeasible, shared: Row) -> str:
    if plan.least is None:
        return fill("plan_infeasible.html.j2", {}, **shared, need=None)
    picture = both_widths("memory", _TITLES["memory"], memory_bars([plan.least], plan))
    return fill("plan_infeasible.html.j2", {"memory": picture}, **shared, need=plan.least.memory_bytes)


def _pictures(plan: Plan, others: list[LayoutCandidate], strip: Strip, swings: list[Swing]) -> dict[str, str]:
    """Every picture of the page, each for a wide page and for a phone, as HTML by name."""
    drawn: dict[str, Callable[[int], Figure]] = {
        "memory": memory_bars([plan.choice, *others], plan),
        "step": step_bars([plan.choice, *others]),
        "timeline": lambda width: timeline(strip, width),
        "sensitivity": lambda width: tornado(swings, width),
    }
    if plan.front:
        dollars, days = front_view(plan.front, plan, "dollars"), front_view(plan.front, plan, "days")
        drawn["dollars"] = lambda width: chart(dollars, width)
        drawn["days"] = lambda width: chart(days, width)
    return {name: both_widths(name, _TITLES[name], draw) for name, draw in drawn.items()}


def _comparable(choice: LayoutCandidate, other: LayoutCandidate) -> bool:
    """Whether another candidate trains the same model and batch, so that steps compare."""
    return (choice.cost.tokens, choice.cost.model_flops) == (other.cost.tokens, other.cost.model_flops)


def _kinds(strip: Strip, candidate: LayoutCandidate) -> list[Paint]:
    """The key of a pipeline's timeline; one without a pipeline has the colours of the step's parts."""
    if strip.rows == 1:
        return []
    drawn = {span.colour for span in strip.spans}
    after = [name for name in AFTER if getattr(candidate.cost.step, name) > 0]
    return [
        *(Paint(title=title, colour=colour) for colour, title in KINDS.values() if colour in drawn),
        Paint(title="bubble", colour="hair"),
        *(STEP_PARTS[name] for name in after),
    ]
