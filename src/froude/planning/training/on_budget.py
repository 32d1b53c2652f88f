"""The best training that a budget buys, or the cheapest that reaches a loss: size, data, settings and layout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.errors import InputError
from froude.fitting.fits import Fit
from froude.laws import Law
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.budgets import Budget, tariff, written
from froude.planning.training.explanation import assumptions, forecast, limits_that_bind, other_sizes
from froude.planning.training.layout_finder import LayoutFinder, best_learning_rate, precisions_of
from froude.planning.training.loss_model import believe
from froude.planning.training.on_tokens import plan_train
from froude.planning.training.shapes import CONTEXT, VOCABULARY
from froude.planning.training.size_options import (
    FINE,
    LONG_TOKENS,
    OUT_OF_REACH,
    OVER,
    BudgetProblem,
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


def plan_budget(machine: Machine, source: Fit | Law | str = "chinchilla", **asked: Any) -> Plan | Infeasible:
    """Parameters, tokens, learning rate, batch, precision and layout of the least loss within all budgets given.

    What may be asked is said at `problem_of`. The answer is `Infeasible` where the target is below what the law can
    reach or a budget does not suffice; it then says the least budget or target that does. InputError as there.
    """
    return solve(problem_of(machine, source, **asked))


def problem_of(
    machine: Machine,
    source: Fit | Law | str = "chinchilla",
    *,
    budget_flops: float | None = None,
    budget_dollars: float | None = None,
    budget_seconds: float | None = None,
    target_loss: float | None = None,
    minimise: Spent = "dollars",
    model: Model | None = None,
    inference_tokens: float = 0.0,
    data_limit_tokens: float | None = None,
    quantile: float | None = None,
    seq_len: int | None = None,
    global_batch: int | None = None,
    precision: str | None = None,
    vocabulary: int = VOCABULARY,
    fixed: Mapping[str, Any] | None = None,
) -> BudgetProblem:
    """What is to be planned, checked and with everything that follows from what is said.

    The loss is that of a law ("chinchilla:besiroglu-2024") or of a fit, at a `quantile` of its draws where one is asked
    for; the least within all budgets is looked for. A `target_loss` is reached with the least dollars, seconds or FLOP,
    within the budgets if there are any. FLOPs are counted exactly, without recomputation. `inference_tokens` are served
    in the model's life: their FLOPs and dollars count too. Data beyond `data_limit_tokens` are repeats, worth less.
    The size is free unless a `model` is given; each size has its own best layout, and `fixed` pins fields of it. Batch
    and learning rate follow the Step Law, the precision is chosen among those whose loss is known, unless they are
    given.

    InputError for numbers out of range, for laws without N and D, and where there is nothing to plan by.
    """
    purse = Budget(
        **_limits(flops=budget_flops, dollars=budget_dollars, seconds=budget_seconds),
        inference_tokens=inference_tokens,
    )
    _check(machine, purse, target_loss, global_batch, seq_len)
    pins = {} if fixed is None else dict(fixed)
    asked = pins.pop("precision", precision)
    rates = LayoutFinder(
        machine=machine,
        seq_len=seq_len or (CONTEXT if model is None else int(model.context)),
        global_batch=global_batch or 0,
        fixed=pins,
        precisions=precisions_of(machine, asked),
    )
    return BudgetProblem(
        rates=rates,
        belief=believe(source, unique_tokens=data_limit_tokens, quantile=quantile),
        purse=purse,
        target=math.nan if target_loss is None else target_loss,
        minimise="seconds" if minimise == "dollars" and not machine.price_per_device_hour else minimise,
        model=() if model is None else (model,),
        vocabulary=vocabulary,
    )


def solve(problem: BudgetProblem) -> Plan | Infeasible:
    """The plan of a problem, or why there is none."""
    best = problem.best
    if best.worth[0] == FINE:
        return _plan(problem, best)
    if best.worth[0] == OVER:
        return _over_limits(problem, best)
    if best.worth[0] == OUT_OF_REACH:
        return _out_of_reach(problem, best)
    return _too_large(problem, best)


def _plan(problem: BudgetProblem, best: SizeOption) -> Plan | Infeasible:
    """The best size with the best of all its layouts, and the tokens that this one allows."""
    found = _trained(problem, best, best.tokens)
    if isinstance(found, Infeasible):
        return found
    price = tariff(best.model, found.choice, problem.rates, problem.purse)
    step = float(found.choice.layout.tokens)
    tokens = best.tokens
    if not problem.has_target:
        tokens = float(whole_steps(price.tokens_within(problem.purse), step) * step)
    best = replace(best, layout=(found.choice,), price=(price,), tokens=tokens)
    more = tokens / found.tokens
    totals = {name: getattr(found, name) * more for name in ("seconds", "dollars", "kwh")}
    return replace(
        found,
        **totals,
        tokens=tokens,
        steps=round(tokens / step),
        runners_up=(*other_sizes(problem, best), *found.runners_up[:_LAYOUTS]),
        binding=(*limits_that_bind(problem, best), *found.binding),
        chosen={
            "learning_rate": best_learning_rate(best.model, tokens),
            "batch_tokens": int(step),
            "description": dict(best.model.description),
        },
        forecast=forecast(problem, best),
        assumptions=(*assumptions(problem, best), *found.assumptions),
    )


def _trained(problem: BudgetProblem, trial: SizeOption, tokens: float, batch: int | None = None) -> Plan | Infeasible:
    """The training of a trial's model by the search over all layouts."""
    rates = problem.rates
    return plan_train(
        trial.model,
        rates.machine,
        tokens=tokens,
        seq_len=rates.seq_len,
        global_batch=trial.global_batch if batch is None else batch,
        fixed={**rates.fixed, "precision": trial.precision},
    )


def _over_limits(problem: BudgetProblem, best: SizeOption) -> Infeasible:
    """The limits that the cheapest way breaks, raised to what it needs."""
    needs, limits = best.needs(), problem.purse.limits
    broken = {kind: _up(needs[kind]) for kind, limit in limits.items() if needs[kind] > limit}
    what = "one step" if not problem.has_target else f"a loss of {problem.target:g}"
    reasons = [
        f"budget: {what} takes {written(kind, needs[kind])}, more than {written(kind, limits[kind])}" for kind in broken
    ]
    nearest = "raise the budget to " + " and ".join(written(kind, amount) for kind, amount in broken.items())
    if problem.has_target:
        reached = replace(problem, target=math.nan, tried={}).best
        if reached.worth[0] == FINE:
            nearest += f", or ask for a loss of {_up(reached.loss, _LOSS_DIGITS):g}"
    return _infeasible(problem, best, reasons, nearest, {ARGUMENTS[kind]: amount for kind, amount in broken.items()})


def _out_of_reach(problem: BudgetProblem, best: SizeOption) -> Infeasible:
    """The least loss that is reached within the limits, or in a year where there are none."""
    floor = problem.belief.floor()
    longest = f"{best.model.name}, however long it is trained, ends at {problem.target + best.worth[1]:.4g}"
    why = f"no size and no data pass below {floor:.4g}" if problem.target <= floor else longest
    reason = f"target loss: {problem.target:g} cannot be reached by {problem.belief.name}: {why}"
    purse = problem.purse if problem.purse.limits else replace(problem.purse, seconds=YEAR_SECONDS)
    reached = replace(problem, target=math.nan, purse=purse, tried={}).best
    if reached.worth[0] != FINE:
        return _infeasible(problem, best, [reason], "raise the budget and the target loss", {})
    least = _up(reached.loss, _LOSS_DIGITS)
    within = "the budget" if problem.purse.limits else "a year of this machine"
    needs = reached.needs()
    nearest = (
        f"ask for a loss of {least:g}, the least within {within}: {reached.model.name} takes "
        f"{written('seconds', needs['seconds'])} and {written('dollars', needs['dollars'])}"
    )
    return _infeasible(problem, best, [reason], nearest, {"target_loss": least})


def _too_large(problem: BudgetProblem, best: SizeOption) -> Plan | Infeasible:
    """What the search over all layouts says of a model of which none of the few tried fits."""
    rates = problem.rates
    found = _trained(problem, best, LONG_TOKENS, rates.legal_batch(best.model, LONG_TOKENS, best.precision))
    if isinstance(found, Infeasible) or rates.whole:
        return found
    return solve(replace(problem, rates=replace(rates, whole=True, known={}), tried={}))


def _infeasible(
    problem: BudgetProblem, best: SizeOption, reasons: list[str], nearest: str, change: Mapping[str, float]
) -> Infeasible:
    return Infeasible(
        model=best.model.name if problem.model else ANY_SIZE,
        machine=problem.rates.machine,
        reasons=tuple(reasons),
        nearest=nearest,
        change=change,
        assumptions=(*problem.belief.assumptions(), *problem.rates.machine.assumed),
    )


def _up(amount: float, digits: int = 3) -> float:
    """An amount rounded up to so many digits."""
    unit = 10.0 ** (math.floor(math.log10(amount)) - digits + 1)
    return float(f"{math.ceil(amount / unit * (1 - 1e-12)) * unit:.{digits}g}")


def _limits(**limits: float | None) -> dict[str, float]:
    return {kind: limit for kind, limit in limits.items() if limit is not None}


def _check(
    machine: Machine, purse: Budget, target_loss: float | None, global_batch: int | None, seq_len: int | None
) -> None:
    if target_loss is None and not purse.limits:
        raise InputError("nothing to plan by: give a budget (1e24FLOP, $3M or 30 days), tokens, or a target loss")
    if target_loss is not None and not 0 < target_loss < math.inf:
        raise InputError(f"target loss {target_loss:g}: give a loss above 0")
    if purse.inference_tokens and target_loss is None and set(purse.limits) <= {"seconds"}:
        raise InputError(
            f"{purse.inference_tokens:g} inference tokens take no training time: give a budget of FLOP or dollars too"
        )
    if "dollars" in purse.limits and not machine.price_per_device_hour:
        raise InputError(f"{machine.chip.name} has a price of 0: give its price per device hour, or a budget of time")
    for name, value in (("global batch", global_batch), ("sequence length", seq_len)):
        if value is not None and value < 1:
            raise InputError(f"{name} {value}: give at least 1")
