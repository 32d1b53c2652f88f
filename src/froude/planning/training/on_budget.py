"""The best training that a budget buys, or the cheapest that reaches a loss: size, data, settings and layout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from froude.bounds import finite_number, positive_number, share
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.layout import check_fields
from froude.cost.training.names import by_field
from froude.errors import InputError
from froude.planning.layouts.simplicity import TOLERANCE
from froude.planning.plans import AIM, Infeasible, LayoutCandidate, Plan
from froude.planning.training.budgets import Budget, amount_text, price_of
from froude.planning.training.explanation import assumptions, forecast, limits_that_bind, other_sizes
from froude.planning.training.layout_finder import LayoutFinder, loss_factor, precisions_of
from froude.planning.training.lifetime import LifetimeLoad
from froude.planning.training.loss_model import LossSource, loss_model_of
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.rules import best_learning_rate
from froude.planning.training.serving_share import serving_share
from froude.planning.training.shapes import CONTEXT, VOCABULARY
from froude.planning.training.size_options import (
    FINE,
    LONG_TOKENS,
    OUT_OF_REACH,
    BudgetProblem,
    SizedTraining,
    SizeOption,
    Spent,
    whole_steps,
)

ARGUMENTS = {"flops": "budget_flops", "dollars": "budget_dollars", "seconds": "budget_seconds"}
"""What the planner calls its limits, by kind."""

ANY_SIZE = "a model of any size"
"""The name of the model in an answer that no size of the family changes."""

YEAR_SECONDS = 365 * 86400.0
"""How long a training may take at most in an answer to one who gave no limit."""

_LOSS_DIGITS = 4
_LAYOUTS = 3  # runners-up that differ in layout alone; the others differ in size or precision


def budget_problem(
    machine: Machine,
    source: LossSource = "chinchilla",
    *,
    budget_flops: float | None = None,
    budget_dollars: float | None = None,
    budget_seconds: float | None = None,
    target_loss: float | None = None,
    minimise: Spent = "dollars",
    model: Model | None = None,
    inference_tokens: float = 0.0,
    load: LifetimeLoad | None = None,
    data_limit_tokens: float | None = None,
    quantile: float | None = None,
    seq_len: int | None = None,
    global_batch: int | None = None,
    precision: str | None = None,
    vocabulary: int = VOCABULARY,
    fixed: Mapping[str, Any] | None = None,
    memory_certainty: float | None = None,
    tolerance: float = TOLERANCE,
) -> BudgetProblem:
    """What is to be planned, checked and with everything that follows from what is given.

    The loss is that of a law ("chinchilla:besiroglu-2024") or of a fit, at a `quantile` of its draws where one is asked
    for; the least within all budgets is looked for. A `target_loss` is reached with the least dollars, seconds or FLOP,
    within the budgets if there are any. FLOPs are counted exactly, without recomputation. `inference_tokens` are served
    in the model's life, or a `load` for years: their FLOPs and dollars count too. Data beyond `data_limit_tokens` are
    repeats, worth less.
    The size is free unless a `model` is given; each size has its own best layout, and `fixed` pins fields of it. Batch
    and learning rate follow the Step Law, the precision is chosen among those whose loss is known, unless they are
    given. `memory_certainty` and `tolerance` are explained at `plan_layout`.

    InputError for numbers out of range, for laws without N and D, and where there is nothing to plan by.
    """
    limits = _limits(flops=budget_flops, dollars=budget_dollars, seconds=budget_seconds)
    budget = Budget(**limits, inference_tokens=inference_tokens, load=load)
    _check(machine, budget, target_loss, global_batch, seq_len)
    pins = {} if fixed is None else by_field(fixed)
    check_fields(pins)
    named = pins.pop("precision", precision)
    finder = LayoutFinder(
        machine=machine,
        seq_len=seq_len or (CONTEXT if model is None else int(model.context)),
        global_batch=global_batch,
        fixed=pins,
        precisions=precisions_of(machine, named),
        memory_certainty=AIM if memory_certainty is None else share("memory certainty", memory_certainty),
    )
    return BudgetProblem(
        finder=finder,
        loss_model=loss_model_of(source, unique_tokens=data_limit_tokens, quantile=quantile),
        budget=budget,
        target=target_loss,
        minimise="seconds" if minimise == "dollars" and not machine.price_per_device_hour else minimise,
        model=model,
        vocabulary=vocabulary,
        memory_certainty=memory_certainty,
        tolerance=finite_number("tolerance", tolerance, 0, 1),
    )


def solve(problem: BudgetProblem) -> Plan | Infeasible:
    """The plan of a problem, or why there is none."""
    best = problem.best
    if best.training is None:
        return _out_of_reach(problem, best) if best.rank[0] == OUT_OF_REACH else _too_large(problem, best)
    return _plan(problem, best.training) if best.rank[0] == FINE else _over_limits(problem, best.training)


def _plan(problem: BudgetProblem, narrow: SizedTraining) -> Plan | Infeasible:
    """The best size with the best of all its layouts, and the tokens that this one allows."""
    plan = _plan_layout(problem, narrow.model, narrow.precision, narrow.tokens, narrow.global_batch)
    if isinstance(plan, Infeasible):
        return plan
    best = in_layout(problem, narrow, plan.choice)
    more = best.tokens / plan.tokens
    return replace(
        plan,
        **{name: getattr(plan, name) * more for name in ("seconds", "dollars", "kwh")},
        tokens=best.tokens,
        steps=round(best.tokens / float(plan.choice.layout.tokens)),
        runners_up=(*other_sizes(problem, best), *plan.runners_up[:_LAYOUTS]),
        binding=(*limits_that_bind(problem, best), *plan.binding),
        chosen={**settings(best.model, best.tokens), "batch_tokens": int(plan.choice.layout.tokens)},
        forecast=forecast(problem, best),
        serving=serving_share(problem, best, _without_serving(problem, best)),
        assumptions=(*assumptions(problem, best), *plan.assumptions),
    )


def _without_serving(problem: BudgetProblem, best: SizedTraining) -> SizedTraining | None:
    """What would be trained were nothing served, in the best of all its layouts too; None where nothing is."""
    if not problem.budget.served_tokens:
        return None
    free = replace(problem, budget=problem.budget.without_serving, sizes={})
    narrow = free.best.training
    if narrow is None:
        return None
    asked = (narrow.model, narrow.precision, narrow.global_batch)
    if asked == (best.model, best.precision, best.global_batch):
        return in_layout(free, narrow, best.candidate)
    plan = _plan_layout(free, narrow.model, narrow.precision, narrow.tokens, narrow.global_batch)
    return narrow if isinstance(plan, Infeasible) else in_layout(free, narrow, plan.choice)


def in_layout(problem: BudgetProblem, training: SizedTraining, candidate: LayoutCandidate) -> SizedTraining:
    """The same training in another layout, on the tokens that this one allows unless a target says how many."""
    price = price_of(training.model, candidate, problem.finder, problem.budget)
    tokens, step = training.tokens, float(candidate.layout.tokens)
    if problem.target is None:
        tokens = float(whole_steps(price.tokens_within(problem.budget), step) * step)
    loss = float(problem.loss_model.loss(training.n_law, tokens)) * loss_factor(training.precision)
    return replace(training, candidate=candidate, price=price, tokens=tokens, loss=loss)


def settings(model: Model, tokens: float) -> dict[str, Any]:
    """What a plan says of a model and its optimizer: the learning rate by its rule, and the model's description.

    With the learning rate comes what the rules beside it say, and how many times beyond its runs it is asked.
    """
    rate = best_learning_rate(model, tokens)
    return {
        "learning_rate": rate.value,
        "learning_rate_range": [rate.least, rate.most],
        "learning_rate_beyond_runs": float(f"{rate.beyond:.2g}"),
        "description": dict(model.description),
    }


def _plan_layout(
    problem: BudgetProblem, model: Model, precision: str, tokens: float, global_batch: int
) -> Plan | Infeasible:
    """The training of a model by the search over all layouts."""
    finder = problem.finder
    return plan_layout(
        model,
        finder.machine,
        tokens=tokens,
        seq_len=finder.seq_len,
        global_batch=global_batch,
        fixed={**finder.fixed, "precision": precision},
        memory_certainty=problem.memory_certainty,
        tolerance=problem.tolerance,
    )


def _over_limits(problem: BudgetProblem, best: SizedTraining) -> Infeasible:
    """The limits that the cheapest way breaks, raised to what it needs."""
    needs, limits = best.needs(), problem.budget.limits
    broken = {kind: _up(needs[kind]) for kind, limit in limits.items() if needs[kind] > limit}
    what = "one step" if problem.target is None else f"a loss of {problem.target:g}"
    takes = f"{what} and serving take" if problem.budget.served_tokens else f"{what} takes"
    reasons = [
        f"budget: {takes} {amount_text(kind, needs[kind])}, more than {amount_text(kind, limits[kind])}"
        for kind in broken
    ]
    nearest = "raise the budget to " + " and ".join(amount_text(kind, amount) for kind, amount in broken.items())
    if problem.target is not None:
        reached = replace(problem, target=None, sizes={}).best
        if reached.training is not None and reached.rank[0] == FINE:
            nearest += f", or ask for a loss of {_up(reached.training.loss, _LOSS_DIGITS):g}"
    change = {ARGUMENTS[kind]: amount for kind, amount in broken.items()}
    return _infeasible(problem, best.model, reasons, nearest, change)


def _out_of_reach(problem: BudgetProblem, best: SizeOption) -> Infeasible:
    """The least loss that is reached within the limits, or in a year where there are none."""
    target, floor = problem.target or 0.0, problem.loss_model.floor()
    longest = f"{best.model.name}, however long it is trained, ends at {target + best.rank[1]:.4g}"
    why = f"no size and no data pass below {floor:.4g}" if target <= floor else longest
    reason = f"target loss: {target:g} cannot be reached by {problem.loss_model.name}: {why}"
    budget = problem.budget if problem.budget.limits else replace(problem.budget, seconds=YEAR_SECONDS)
    reached = replace(problem, target=None, budget=budget, sizes={}).best
    if reached.training is None or reached.rank[0] != FINE:
        return _infeasible(problem, best.model, [reason], "raise the budget and the target loss", {})
    least = _up(reached.training.loss, _LOSS_DIGITS)
    within = "the budget" if problem.budget.limits else "a year of this machine"
    needs = reached.training.needs()
    nearest = (
        f"ask for a loss of {least:g}, the least within {within}: {reached.model.name} takes "
        f"{amount_text('seconds', needs['seconds'])} and {amount_text('dollars', needs['dollars'])}"
    )
    return _infeasible(problem, best.model, [reason], nearest, {"target_loss": least})


def _too_large(problem: BudgetProblem, best: SizeOption) -> Plan | Infeasible:
    """What the search over all layouts says of a model of which none of the few that were tried fits."""
    finder = problem.finder
    batch = finder.legal_batch(best.model, LONG_TOKENS, best.precision)
    plan = _plan_layout(problem, best.model, best.precision, LONG_TOKENS, batch)
    if isinstance(plan, Infeasible) or finder.whole:
        return plan
    sure = plan.memory_certainty  # less than aimed at where no layout reaches that
    whole = replace(finder.of_all_layouts(), memory_certainty=sure)
    solved = solve(replace(problem, finder=whole, memory_certainty=sure, sizes={}))
    return replace(solved, warnings=plan.warnings) if isinstance(solved, Plan) else solved


def _infeasible(
    problem: BudgetProblem, model: Model, reasons: list[str], nearest: str, change: Mapping[str, float]
) -> Infeasible:
    return Infeasible(
        model=ANY_SIZE if problem.model is None else model.name,
        machine=problem.finder.machine,
        reasons=tuple(reasons),
        nearest=nearest,
        change=change,
        assumptions=(*problem.loss_model.assumptions(), *problem.finder.machine.assumed),
    )


def _up(amount: float, digits: int = 3) -> float:
    """An amount rounded up to so many digits."""
    unit = 10.0 ** (math.floor(math.log10(amount)) - digits + 1)
    return float(f"{math.ceil(amount / unit * (1 - 1e-12)) * unit:.{digits}g}")


def _limits(**limits: float | None) -> dict[str, float]:
    return {kind: limit for kind, limit in limits.items() if limit is not None}


def _check(
    machine: Machine, budget: Budget, target_loss: float | None, global_batch: int | None, seq_len: int | None
) -> None:
    if target_loss is None and not budget.limits:
        raise InputError("nothing to plan by: give a budget (1e24FLOP, $3M or 30 days), tokens, or a target loss")
    if target_loss is not None:
        positive_number("target loss", target_loss)
    if budget.served_tokens and target_loss is None and set(budget.limits) <= {"seconds"}:
        what = f"{budget.served_tokens:g} {'inference' if budget.load is None else 'served'} tokens"
        raise InputError(f"{what} take no training time: give a budget of FLOP or dollars too")
    if "dollars" in budget.limits and not machine.price_per_device_hour:
        raise InputError(f"{machine.chip.name} has a price of 0: give its price per device hour, or a budget of time")
    given = {"global_batch": global_batch, "seq_len": seq_len}
    check_fields({name: value for name, value in given.items() if value is not None})
