"""The front door of training: what is asked, on a machine, to the plan that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.training.assumptions import precision_name
from froude.cost.training.names import by_field
from froude.errors import InputError
from froude.planning.emit.write import pins_of
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.explanation import forecast_loss
from froude.planning.training.loss_model import LossSource
from froude.planning.training.on_budget import budget_problem, settings, solve
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.size_options import BudgetProblem, Spent
from froude.planning.training.trade_offs import LENGTHS, pareto_front
from froude.provenance import recorded
from froude.quantity import read_quantity

USUAL_LAW = "chinchilla"
"""Law of the loss where nobody names one."""


@recorded
def plan_training(
    machine: Machine | str,
    model: Model | str | None = None,
    *,
    tokens: float | str | None = None,
    budget_flops: float | str | None = None,
    budget_dollars: float | str | None = None,
    budget_seconds: float | str | None = None,
    target_loss: float | None = None,
    minimise: Spent | None = None,
    fit: LossSource | None = None,
    inference_tokens: float | str = 0.0,
    data_limit_tokens: float | str | None = None,
    quantile: float | None = None,
    seq_len: int | None = None,
    global_batch: int | None = None,
    precision: str | None = None,
    fixed: Mapping[str, Any] | None = None,
    framework: str | None = None,
    pareto: bool = False,
) -> Plan | Infeasible:
    """The best training on a machine: of a model on so many tokens, or of what budgets buy or a target loss asks for.

    With `tokens` the layout is chosen, dollars and seconds being limits; a `fit` that is named forecasts the loss.
    Without them the tokens are chosen too, and the size unless a `model` is given: the least loss of the `fit` (a law
    by its name with published constants too, "chinchilla" where none is named) within all budgets, or a `target_loss`
    at the least `minimise`, dollars unless the only budget is of FLOPs. `inference_tokens`, `data_limit_tokens` and
    `quantile` are explained at `budget_problem`. `fixed` pins fields of `Layout`; a `framework` asks for layouts that
    it can express. With `pareto` the answer holds the front of what could be had instead. Machine and model may be
    texts, as `get_machine` and `get_model` read them, and amounts quantities: "1T", "30 days", "$3M".

    InputError for numbers out of range, and for what does not go together.
    """
    machine, model = _given(machine, model)
    settled = _settled(seq_len, global_batch, precision, fixed, framework)
    budget = _amounts(FLOP=budget_flops, dollars=budget_dollars, seconds=budget_seconds)
    serving, data_limit = (_amounts(count=each)["count"] for each in (inference_tokens, data_limit_tokens))
    if tokens is not None:
        if model is None:
            raise InputError("tokens say how long, not what: give a model too, or a budget in place of tokens")
        _refuse_beside_tokens(budget["FLOP"], target_loss, serving or 0.0, data_limit, quantile)
        limits: dict[str, Any] = {"deadline_seconds": budget["seconds"], "budget_dollars": budget["dollars"]}
        plan = plan_layout(model, machine, tokens=read_quantity(tokens, "count"), **settled, **limits)
        return plan if isinstance(plan, Infeasible) else _with_loss(plan, machine, model, settled, fit, pareto)
    problem = budget_problem(
        machine,
        USUAL_LAW if fit is None else fit,
        budget_flops=budget["FLOP"],
        budget_dollars=budget["dollars"],
        budget_seconds=budget["seconds"],
        target_loss=target_loss,
        minimise=minimise or _usually_minimised(budget),
        model=model,
        inference_tokens=serving or 0.0,
        data_limit_tokens=data_limit,
        quantile=quantile,
        **settled,
    )
    return _with_front(problem, solve(problem), LENGTHS) if pareto else solve(problem)


def _given(machine: Machine | str, model: Model | str | None) -> tuple[Machine, Model | None]:
    """Machine and model, those that are texts read. InputError where they are swapped."""
    if isinstance(machine, Model) or isinstance(model, Machine):
        raise InputError("plan_training takes the machine first, then the model: write plan_training(machine, model)")
    here = get_machine(machine) if isinstance(machine, str) else machine
    return here, get_model(model) if isinstance(model, str) else model


def _settled(
    seq_len: int | None,
    global_batch: int | None,
    precision: str | None,
    fixed: Mapping[str, Any] | None,
    framework: str | None,
) -> dict[str, Any]:
    """What of a layout is not to be chosen."""
    pins = {**pins_of(framework), **by_field(fixed or {}), **({} if precision is None else {"precision": precision})}
    return {"seq_len": seq_len, "global_batch": global_batch, "fixed": pins}


def _amounts(**written: float | str | None) -> dict[str, float | None]:
    """Amounts by their dimension, those that are texts read; None where nothing is said."""
    return {kind: None if amount is None else read_quantity(amount, kind) for kind, amount in written.items()}


def _usually_minimised(budget: Mapping[str, float | None]) -> Spent:
    """FLOPs where they are the only budget, else dollars."""
    only_flops = budget["FLOP"] is not None and budget["dollars"] is None and budget["seconds"] is None
    return "flops" if only_flops else "dollars"


def _with_loss(
    plan: Plan, machine: Machine, model: Model, settled: Mapping[str, Any], fit: LossSource | None, pareto: bool
) -> Plan | Infeasible:
    """A plan for given tokens with its learning rate, its loss by a fit that is named, and the front around it."""
    layout, precision = plan.choice.layout, precision_name(plan.choice.layout.precision)
    sizes = {"seq_len": int(layout.seq_len), "global_batch": int(layout.global_batch)}
    flops = float(model.training_flops(layout.seq_len)) * plan.steps * float(layout.tokens)
    problem = budget_problem(
        machine, USUAL_LAW if fit is None else fit, model=model, budget_flops=flops, **{**settled, **sizes}
    )
    plan = replace(plan, chosen={**plan.chosen, **settings(model, plan.tokens)})
    if fit is not None:
        plan = replace(
            plan,
            forecast=forecast_loss(problem.loss_model, model, plan.tokens, precision),
            assumptions=(*problem.loss_model.assumptions(), *plan.assumptions),
        )
    return _with_front(problem, plan, (1.0,)) if pareto else plan


def _with_front(problem: BudgetProblem, plan: Plan | Infeasible, lengths: tuple[float, ...]) -> Plan | Infeasible:
    front = pareto_front(problem, plan, lengths=lengths) if isinstance(plan, Plan) else ()
    return replace(plan, front=front)


def _refuse_beside_tokens(
    budget_flops: float | None,
    target_loss: float | None,
    inference_tokens: float,
    data_limit_tokens: float | None,
    quantile: float | None,
) -> None:
    """InputError for what would decide the tokens that are given."""
    if budget_flops is not None:
        raise InputError("tokens and a budget of FLOP both say how long: give one of them")
    deciding = {
        "target loss": target_loss,
        "inference tokens": inference_tokens or None,
        "data limit": data_limit_tokens,
        "quantile": quantile,
    }
    for name, value in deciding.items():
        if value is not None:
            raise InputError(f"{name} {value:g} is for choosing tokens, and tokens are given: leave one out")
