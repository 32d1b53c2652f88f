"""What can be had at all: trainings of which none is better in loss, time, money and energy at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.description import build_model
from froude.cost.model.model import Model
from froude.cost.training.assumptions import precision_name
from froude.planning.layouts.nearest import larger
from froude.planning.plans import LayoutCandidate, Plan, Point
from froude.planning.training.budgets import price_of
from froude.planning.training.layout_finder import LayoutFinder, loss_factor
from froude.planning.training.shapes import shape_for
from froude.planning.training.size_options import OVER, BudgetProblem, law_params, whole_steps

LENGTHS = (0.125, 0.25, 0.5, 1.0, 2.0)
"""Tokens that are compared, over those of the plan."""

MOST_POINTS = 10
"""Trainings of a front at most: each is priced by the search over all layouts, as the plan is."""

_DIGITS = 4  # of a loss: whole steps alone move it by less
_OCTAVES = 2  # of sizes, to either side of the plan's


def pareto_front(problem: BudgetProblem, plan: Plan, *, lengths: tuple[float, ...] = LENGTHS) -> tuple[Point, ...]:
    """The front around a plan over sizes, tokens and devices, cheapest first, of all that keeps to the limits.

    Sizes are half octaves around the plan's, `lengths` of training are shares of its tokens, or what a target asks for;
    devices are whole nodes, halved from the machine's; the precision is the plan's. The front is found with the best of
    a few layouts each and thinned to `MOST_POINTS`; then each has the best of all its layouts, as the plan has, and
    what another one beats goes. The plan itself is always among them. Losses are told apart to 1e-4.
    """
    own = _point_of(problem, plan)
    rough = [(task, point) for task in _tasks(problem, plan, lengths) if (point := task.point()) is not None]
    on_front = [
        task for (task, _), stays in zip(rough, _undominated([point for _, point in rough]), strict=True) if stays
    ]
    points = [point for task in thinned(on_front, MOST_POINTS - 1) if (point := task.point(whole=True)) is not None]
    points = [point for point, stays in zip(points, _undominated([*points, own]), strict=False) if stays]
    return tuple(sorted([*points, own], key=_spending))


def non_dominated(values: np.ndarray) -> np.ndarray:
    """Which rows (n, k) no other row beats: nowhere larger and somewhere smaller. Exact; (n,) of bools."""
    stays = np.zeros(len(values), dtype=bool)
    for i, row in enumerate(values):
        beaten = np.all(values <= row, axis=1) & np.any(values < row, axis=1)
        stays[i] = not beaten.any()
    return stays


def thinned(items: Sequence[_ComparedTraining], most: int) -> list[_ComparedTraining]:
    """So many of the items at most, from the first to the last at equal distances."""
    rows = min(len(items), most)
    return [items[round(i * (len(items) - 1) / max(rows - 1, 1))] for i in range(rows)]


def machines_within(machine: Machine) -> Iterator[Machine]:
    """The machine, and halves of it in whole nodes down to one node."""
    nodes, whole = machine.nodes, machine
    while True:
        yield whole
        if nodes < 2:
            return
        nodes //= 2
        whole = larger(machine, nodes * machine.devices_per_node)


@final
@dataclass(frozen=True, kw_only=True)
class _ComparedTraining:
    """A training that is compared: a model on so many tokens, on the machine of the problem's finder."""

    problem: BudgetProblem
    model: Model
    precision: str
    tokens: float

    def point(self, whole: bool = False) -> Point | None:
        """The training in the best of a few or of all layouts; None where none fits or the limits do not allow it."""
        problem, finder = self.problem, self.problem.finder
        batch = finder.legal_batch(self.model, self.tokens, self.precision)
        layouts = (finder.of_all_layouts() if whole else finder).layouts(self.model, batch, self.precision)
        if not layouts.best:
            return None
        step = batch * finder.seq_len
        steps = whole_steps(self.tokens, step) if problem.target is None else math.ceil(self.tokens / step)
        price = price_of(self.model, layouts.best[0], finder, problem.budget)
        if price.overshoot(float(steps * step), problem.budget) >= OVER + 1e-9:
            return None
        return self._described(layouts.best[0], finder, float(steps * step), price.per_token["seconds"])

    def _described(
        self, candidate: LayoutCandidate, finder: LayoutFinder, tokens: float, seconds_per_token: float
    ) -> Point:
        seconds = seconds_per_token * tokens
        loss = float(self.problem.loss_model.loss(law_params(self.model), tokens)) * loss_factor(self.precision)
        return Point(
            model=self.model.name,
            n_params=float(self.model.n_params),
            tokens=tokens,
            devices=finder.machine.devices,
            loss=loss,
            seconds=seconds,
            dollars=finder.machine.dollars(seconds),
            kwh=finder.machine.kwh(seconds),
            **_of_layout(candidate),
        )


def _tasks(problem: BudgetProblem, plan: Plan, lengths: tuple[float, ...]) -> Iterator[_ComparedTraining]:
    """Every training that is compared with the plan."""
    own = build_model(plan.model, plan.chosen["description"])
    precision = precision_name(plan.choice.layout.precision)
    for machine in machines_within(problem.finder.machine):
        there = replace(problem, finder=problem.finder.on(machine), sizes={})
        for model in _models(problem, own):
            for tokens in _tokens(problem, model, precision, [length * plan.tokens for length in lengths]):
                is_plan = model is own and machine.devices == plan.machine.devices
                if not (is_plan and (problem.target is not None or tokens == plan.tokens)):
                    yield _ComparedTraining(problem=there, model=model, precision=precision, tokens=tokens)


def _models(problem: BudgetProblem, own: Model) -> Iterator[Model]:
    yield own
    if problem.model is None:
        for step in (n for n in range(-2 * _OCTAVES, 2 * _OCTAVES + 1) if n):
            size = float(own.n_params) * 2 ** (step / 2)
            yield shape_for(size, vocabulary=problem.vocabulary, context=problem.finder.seq_len).model


def _tokens(problem: BudgetProblem, model: Model, precision: str, lengths: Sequence[float]) -> Sequence[float]:
    """Tokens to train a model on: the lengths, or what a target asks for."""
    if problem.target is None:
        return lengths
    tokens = problem.loss_model.tokens_for(law_params(model), problem.target / loss_factor(precision))
    return () if tokens is None else (tokens,)


def _point_of(problem: BudgetProblem, plan: Plan) -> Point:
    """The plan's own training."""
    model = build_model(plan.model, plan.chosen["description"])
    factor = loss_factor(precision_name(plan.choice.layout.precision))
    loss = plan.forecast.get("loss", float(problem.loss_model.loss(law_params(model), plan.tokens)) * factor)
    return Point(
        model=plan.model,
        n_params=plan.n_params,
        tokens=plan.tokens,
        devices=plan.machine.devices,
        loss=loss,
        seconds=plan.seconds,
        dollars=plan.dollars,
        kwh=plan.kwh,
        **_of_layout(plan.choice),
    )


def _of_layout(candidate: LayoutCandidate) -> dict[str, Any]:
    layout = candidate.layout
    sizes = {name: int(getattr(layout, name)) for name in ("tensor", "pipeline", "zero", "global_batch")}
    return {**sizes, "mfu": float(candidate.cost.mfu)}


def _undominated(points: Sequence[Point]) -> list[bool]:
    values = [[round(point.loss, _DIGITS), point.seconds, point.dollars, point.kwh] for point in points]
    return non_dominated(np.array(values).reshape(-1, 4)).tolist()


def _spending(point: Point) -> tuple[float, float]:
    return point.dollars, point.seconds
