"""What a plan under a budget says of itself: what binds, what nearly won, what is forecast, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost.serving.operating_point import operating_point
from froude.fitting.allocation import FLOP_PER_PARAM_TOKEN
from froude.planning.plans import RunnerUp
from froude.planning.training.budgets import serving_dollars, serving_flops, serving_point, written
from froude.planning.training.layout_finder import FP8_LOSS, loss_factor, rule_assumptions
from froude.planning.training.size_options import FINE, OVER, BudgetProblem, SizeOption
from froude.quantity import format_quantity, format_seconds

_APART = (0.5, 2.0)  # sizes that are told as runners-up, over the best
_BINDS = 0.97  # of a limit: whole steps and the other limits leave this much of it unspent


def limits_that_bind(problem: BudgetProblem, best: SizeOption) -> Iterator[str]:
    """A sentence for each limit that is spent, for a target, and for data that are repeated."""
    needs = best.needs()
    for kind, limit in problem.purse.limits.items():
        if needs[kind] >= _BINDS * limit:
            yield f"budget: all of {written(kind, limit)} is spent"
    if problem.has_target:
        yield f"target loss: {problem.target:g} decides how long it is trained"
    unique = problem.belief.unique
    if best.tokens > unique:
        free = replace(problem.belief, unique=np.inf)
        lost = best.loss - float(free.loss(best.n_law, best.tokens)) * loss_factor(best.precision)
        epochs = best.tokens / unique
        yield (
            f"data limit: {format_quantity(unique)} unique tokens are seen {epochs:.1f} times, "
            f"which costs {lost:.3g} of loss beside as many new ones"
        )


def other_sizes(problem: BudgetProblem, best: SizeOption) -> Iterator[RunnerUp]:
    """Half and twice the parameters, and the other precision, with why they lost."""
    for trial in problem.beside(best, _APART):
        if trial.layout:
            said = f"{trial.model.name} on {format_quantity(trial.tokens)} tokens"
            yield RunnerUp(candidate=trial.layout[0], why=f"{said}: {_compared(problem, best, trial)}")
    for trial in problem.trials_of(best.model):
        if trial.precision != best.precision and trial.layout:
            said = f"{trial.precision} matmuls, {format_quantity(trial.tokens)} tokens"
            yield RunnerUp(candidate=trial.layout[0], why=f"{said}: {_compared(problem, best, trial)}")


def forecast(problem: BudgetProblem, best: SizeOption) -> dict[str, Any]:
    """What JSON says is to be expected: the loss, with its interval where the law has one, and what it is made of."""
    belief, factor = problem.belief, loss_factor(best.precision)
    said = belief.forecast(best.n_law, best.tokens)
    ends = said["interval"]
    needs = best.needs()
    return {
        **said,
        "loss": said["loss"] * factor,
        "interval": ends and [end * factor for end in ends],
        "tokens_per_param": best.tokens / best.n_law,
        "epochs": max(best.tokens / belief.unique, 1.0) if np.isfinite(belief.unique) else 1.0,
        "training_flops": needs["flops"] - serving_flops(best.model, problem.purse.inference_tokens),
        "serving_flops": serving_flops(best.model, problem.purse.inference_tokens),
        "serving_dollars": best.price[0].serving["dollars"],
    }


def assumptions(problem: BudgetProblem, best: SizeOption) -> Iterator[str]:
    """A sentence for each thing that the choice takes for granted, with its effect."""
    rates, model = problem.rates, best.model
    yield from problem.belief.assumptions()
    if best.n_law != float(model.n_params):
        yield (
            f"N of the law: the {format_quantity(best.n_law)} of {format_quantity(float(model.n_params))} parameters "
            "that a token passes; a table of its own for the input, or resting experts, are not counted"
        )
    if not problem.model:
        d = model.description
        yield (
            f"shape: a Llama-like decoder, {d['layers']} layers of width {d['hidden']}, MLP {d['mlp_width']}, "
            f"{d['heads']} heads ({d['kv_heads']} of keys and values), vocabulary {d['vocab']}"
        )
    yield from rule_assumptions(model, best.tokens, batch_by_rule=not rates.global_batch)
    exact = float(model.training_flops(rates.seq_len))
    usual = exact / (FLOP_PER_PARAM_TOKEN * float(model.n_params)) - 1
    yield (
        f"FLOPs: {exact:.3g} a token in sequences of {rates.seq_len}, counted exactly, full attention and logits too: "
        f"{usual:+.1%} beside 6·N; recomputation is not counted"
    )
    if len(rates.precisions) > 1:
        yield f"fp8: taken to cost {FP8_LOSS:.2%} of loss, the most that DeepSeek-AI 2024 (arXiv:2412.19437) reports"
    if problem.purse.inference_tokens:
        yield _of_serving(problem, best)
    yield "search: sizes are compared by the best of some hundred layouts each, the choice by the best of all"


def _of_serving(problem: BudgetProblem, best: SizeOption) -> str:
    tokens, rates = problem.purse.inference_tokens, problem.rates
    point = serving_point(best.model, rates)
    serving = point.serving
    longer = operating_point(best.model, rates.machine, context=2 * int(serving.context), kind=serving.matmuls)
    many = "a device" if serving.devices == 1 else f"{serving.devices} devices, tensor-parallel,"
    return (
        f"serving: {format_quantity(tokens)} tokens, half of them prompts (guess), on {many} in {serving.matmuls}, "
        f"{serving.batch} sequences of {serving.context} (guess) at once, {point.tokens:.0f} tokens in "
        f"{format_seconds(point.iteration_seconds)}, take {written('dollars', best.price[0].serving['dollars'])}; "
        f"sequences twice as long would take {written('dollars', serving_dollars(rates.machine, longer, tokens))}"
    )


def _compared(problem: BudgetProblem, best: SizeOption, trial: SizeOption) -> str:
    if trial.worth[0] == OVER:
        return f"would take {trial.worth[1]:.2f} times the budget"
    if trial.worth[0] != FINE:
        return "does not reach the target"
    if not problem.has_target:
        return f"loss {trial.loss:.4f} instead of {best.loss:.4f}"
    kind = problem.minimise
    return f"takes {written(kind, trial.needs()[kind])} instead of {written(kind, best.needs()[kind])}"
