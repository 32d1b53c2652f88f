"""What a plan under a budget says of itself: what binds, what nearly won, what is forecast, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost.model.model import Model
from froude.fitting.allocation import Spending, draws_of
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.planning.plans import RunnerUp
from froude.planning.training.budgets import amount_text, serving_flops
from froude.planning.training.layout_finder import FP8_LOSS, loss_factor
from froude.planning.training.loss_model import LossModel
from froude.planning.training.rules import rule_assumptions
from froude.planning.training.serving_share import serving_assumption
from froude.planning.training.size_options import FINE, OVER, BudgetProblem, SizedTraining, SizeOption, law_params
from froude.quantity import format_quantity

_APART = (0.5, 2.0)  # sizes that are shown as runners-up, over the best
_BINDS = 0.97  # of a limit: whole steps and the other limits leave this much of it unspent


def limits_that_bind(problem: BudgetProblem, best: SizedTraining) -> Iterator[str]:
    """A sentence for each limit that is spent, for a target, and for data that are repeated."""
    needs = best.needs()
    for kind, limit in problem.budget.limits.items():
        if needs[kind] >= _BINDS * limit:
            yield f"budget: all of {amount_text(kind, limit)} is spent"
    if problem.target is not None:
        yield f"target loss: {problem.target:g} decides how long it is trained"
    unique = problem.loss_model.unique
    if unique is not None and best.tokens > unique:
        free = replace(problem.loss_model, unique=None)
        lost = best.loss - float(free.loss(best.n_law, best.tokens)) * loss_factor(best.precision)
        epochs = best.tokens / unique
        yield (
            f"data limit: {format_quantity(unique)} unique tokens are seen {epochs:.1f} times, "
            f"which costs {lost:.3g} of loss beside as many new ones"
        )


def other_sizes(problem: BudgetProblem, best: SizedTraining) -> Iterator[RunnerUp]:
    """Half and twice the parameters, and the other precision, with why they lost."""
    for option in problem.options_beside(best.model, _APART):
        if option.training is not None:
            text = f"{option.model.name} on {format_quantity(option.training.tokens)} tokens"
            yield _runner_up(problem, best, option, option.training, text)
    for option in problem.options_for(best.model):
        if option.precision != best.precision and option.training is not None:
            text = f"{option.precision} matmuls, {format_quantity(option.training.tokens)} tokens"
            yield _runner_up(problem, best, option, option.training, text)


def forecast(problem: BudgetProblem, best: SizedTraining) -> dict[str, Any]:
    """What JSON says is to be expected: the loss, with its interval where the law has one, and what it is made of."""
    unique, needs = problem.loss_model.unique, best.needs()
    served = serving_flops(best.model, problem.budget.served_tokens)
    return {
        **forecast_loss(problem.loss_model, best.model, best.tokens, best.precision),
        "tokens_per_param": best.tokens / best.n_law,
        "epochs": 1.0 if unique is None else max(best.tokens / unique, 1.0),
        "training_flops": needs["flops"] - served,
        "serving_flops": served,
        "serving_dollars": best.price.serving["dollars"],
    }


def forecast_loss(loss_model: LossModel, model: Model, tokens: float, precision: str) -> dict[str, Any]:
    """What JSON says of the loss of a model on so many tokens, what the precision may cost included."""
    factor, by_law = loss_factor(precision), loss_model.forecast(law_params(model), tokens)
    ends = by_law["interval"]
    return {**by_law, "loss": by_law["loss"] * factor, "interval": ends and [end * factor for end in ends]}


def assumptions(problem: BudgetProblem, best: SizedTraining) -> Iterator[str]:
    """A sentence for each thing that the choice takes for granted, with its effect."""
    finder, model = problem.finder, best.model
    yield from problem.loss_model.assumptions()
    if best.n_law != float(model.n_params):
        yield (
            f"N of the law: the {format_quantity(best.n_law)} of {format_quantity(float(model.n_params))} parameters "
            "that a token passes; a table of its own for the input, or resting experts, are not counted"
        )
    if problem.model is None:
        d = model.description
        yield from _sureness(problem, best)
        yield (
            f"shape: a Llama-like decoder, {d['layers']} layers of width {d['hidden']}, MLP {d['mlp_width']}, "
            f"{d['heads']} heads ({d['kv_heads']} of keys and values), vocabulary {d['vocab']}"
        )
    yield from rule_assumptions(model, best.tokens, is_batch_by_rule=finder.global_batch is None)
    exact = float(model.training_flops(finder.seq_len))
    usual = exact / (FLOP_PER_PARAM_TOKEN * float(model.n_params)) - 1
    yield (
        f"FLOPs: {exact:.3g} a token in sequences of {finder.seq_len}, counted exactly, full attention and logits too: "
        f"{usual:+.1%} beside 6·N; recomputation is not counted"
    )
    if len(finder.precisions) > 1:
        yield f"fp8: taken to cost {FP8_LOSS:.2%} of loss, the most that DeepSeek-AI 2024 (arXiv:2412.19437) reports"
    if problem.budget.served_tokens:
        yield serving_assumption(problem, best)
    yield "search: sizes are compared by the best of some hundred layouts each, the choice by the best of all"


def _sureness(problem: BudgetProblem, best: SizedTraining) -> Iterator[str]:
    """Between which sizes the law puts the least loss for the FLOPs of this training, of one without serving."""
    model, tokens = problem.loss_model, best.tokens
    if problem.target is not None or problem.budget.served_tokens:
        return
    flops = best.needs()["flops"]
    spending = Spending(per_token=flops / (best.n_law * tokens), unique=model.unique)
    sizes = draws_of(model.fit, best.n_law, flops, spending).best
    low, high = np.quantile(sizes, [(1 - model.fit.level) / 2, (1 + model.fit.level) / 2]).tolist()
    if high > low:
        fewest, most = (format_quantity(float(spending.tokens(flops, N))) for N in (high, low))
        yield (
            f"best size: between {format_quantity(low)} and {format_quantity(high)} parameters for these FLOPs, on "
            f"{most} to {fewest} tokens ({model.fit.level:.0%} interval of the law)"
        )


def _runner_up(
    problem: BudgetProblem, best: SizedTraining, option: SizeOption, training: SizedTraining, text: str
) -> RunnerUp:
    return RunnerUp(candidate=training.candidate, why=f"{text}: {_compared(problem, best, option, training)}")


def _compared(problem: BudgetProblem, best: SizedTraining, option: SizeOption, training: SizedTraining) -> str:
    kind, excess = option.rank
    if kind == OVER:
        return f"would take {excess:.2f} times the budget"
    if kind != FINE:
        return "does not reach the target"
    if problem.target is None:
        return f"loss {training.loss:.4f} instead of {best.loss:.4f}"
    needs, least = (each.needs()[problem.minimise] for each in (training, best))
    return f"takes {amount_text(problem.minimise, needs)} instead of {amount_text(problem.minimise, least)}"
