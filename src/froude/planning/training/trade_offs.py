"""What can be had at all: trainings of which none is better in loss, time, money and energy at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.planning.layouts.nearest import larger
from froude.planning.plans import LayoutCandidate
from froude.planning.training.budgets import tariff
from froude.planning.training.layout_finder import loss_factor
from froude.planning.training.shapes import shape_for
from froude.planning.training.size_options import OVER, BudgetProblem, SizeOption, counted, whole_steps

LENGTHS = (0.125, 0.25, 0.5, 1.0, 2.0)
"""Tokens that are compared, over those of the best training."""

_DIGITS = 4  # of a loss: whole steps alone move it by less
_OCTAVES = 2  # of sizes, to either side of the best


@final
@dataclass(frozen=True, kw_only=True)
class Point:
    """A training that none other beats in loss, time, money and energy at once; `dollars` are those of training."""

    model: str
    n_params: float
    tokens: float
    devices: int
    loss: float
    seconds: float
    dollars: float
    kwh: float
    tensor: int
    pipeline: int
    zero: int
    global_batch: int
    mfu: float

    def to_dict(self) -> dict[str, Any]:
        """The point as a row of a table."""
        return asdict(self)


def pareto(problem: BudgetProblem, *, lengths: tuple[float, ...] = LENGTHS) -> tuple[Point, ...]:
    """The front over sizes, tokens and numbers of devices, cheapest first, of all that keeps to the problem's limits.

    Sizes are half octaves around the best, `lengths` of training are shares of the best one's tokens, or what a target
    asks for; devices are whole nodes, halved from the machine's. Each has its best layout in the best precision.
    Losses are told apart to 1e-4. Empty where nothing keeps to the limits.
    """
    points = list(_points(problem, problem.best, lengths)) if problem.best.layout else []
    if not points:
        return ()
    kept = front(np.array([[round(point.loss, _DIGITS), point.seconds, point.dollars, point.kwh] for point in points]))
    best = [point for point, keep in zip(points, kept, strict=True) if keep]
    return tuple(sorted(best, key=lambda point: (point.dollars, point.seconds)))


def front(values: np.ndarray) -> np.ndarray:
    """Which rows (n, k) no other row beats: nowhere larger and somewhere smaller. Exact; (n,) of bools."""
    kept = np.zeros(len(values), dtype=bool)
    for i, row in enumerate(values):
        beaten = np.all(values <= row, axis=1) & np.any(values < row, axis=1)
        kept[i] = not beaten.any()
    return kept


def machines_within(machine: Machine) -> Iterator[Machine]:
    """The machine, and halves of it in whole nodes down to one node."""
    nodes, whole = machine.nodes, machine
    while True:
        yield whole
        if nodes < 2:
            return
        nodes //= 2
        whole = larger(machine, nodes * machine.devices_per_node)


def _points(problem: BudgetProblem, best: SizeOption, lengths: tuple[float, ...]) -> Iterator[Point]:
    """Every training that is compared and keeps to the limits."""
    for machine in machines_within(problem.rates.machine):
        here = replace(problem, rates=problem.rates.on(machine), tried={})
        for model in _models(problem, best):
            for tokens in _lengths(problem, best, model, lengths):
                yield from _point(here, model, best.precision, tokens)


def _models(problem: BudgetProblem, best: SizeOption) -> Iterator[Model]:
    if problem.model:
        yield problem.model[0]
        return
    for step in range(-2 * _OCTAVES, 2 * _OCTAVES + 1):
        size = float(best.model.n_params) * 2 ** (step / 2)
        yield shape_for(size, vocabulary=problem.vocabulary, context=problem.rates.seq_len).model


def _lengths(problem: BudgetProblem, best: SizeOption, model: Model, lengths: tuple[float, ...]) -> Iterator[float]:
    """Tokens to train a model on."""
    if not problem.has_target:
        yield from (length * best.tokens for length in lengths)
        return
    tokens = problem.belief.tokens_for(counted(model), problem.target / loss_factor(best.precision))
    if np.isfinite(tokens):
        yield tokens


def _point(problem: BudgetProblem, model: Model, precision: str, tokens: float) -> Iterator[Point]:
    """The training of a model on so many tokens, if a layout fits and the limits allow it."""
    rates = problem.rates
    batch = rates.legal_batch(model, tokens, precision)
    for candidate in rates.found(model, batch, precision).best[:1]:
        step = batch * rates.seq_len
        steps = math.ceil(tokens / step) if problem.has_target else whole_steps(tokens, step)
        trained = float(steps * step)
        price = tariff(model, candidate, rates, problem.purse)
        if price.overshoot(trained, problem.purse) < OVER + 1e-9:
            seconds = price.per_token["seconds"] * trained
            loss = float(problem.belief.loss(counted(model), trained)) * loss_factor(precision)
            yield _described(
                model, candidate, trained, loss, seconds, price.per_token["dollars"] * trained, rates.machine
            )


def _described(
    model: Model,
    candidate: LayoutCandidate,
    tokens: float,
    loss: float,
    seconds: float,
    dollars: float,
    machine: Machine,
) -> Point:
    layout = candidate.layout
    return Point(
        model=model.name,
        n_params=float(model.n_params),
        tokens=tokens,
        devices=machine.devices,
        loss=loss,
        seconds=seconds,
        dollars=dollars,
        kwh=machine.kwh(seconds),
        tensor=int(layout.tensor),
        pipeline=int(layout.pipeline),
        zero=layout.zero,
        global_batch=int(layout.global_batch),
        mfu=float(candidate.cost.mfu),
    )
