"""What serving takes of a plan's budget, on which devices, and what would be trained were nothing served."""

from __future__ import annotations

from typing import Any

from froude.cost.serving.operating_point import LOADED, Fleet, operating_point
from froude.planning.training.budgets import amount_text, fleet_of, serving_dollars, serving_flops, serving_point
from froude.planning.training.lifetime import LifetimeLoad
from froude.planning.training.size_options import BudgetProblem, SizedTraining
from froude.quantity import format_quantity


def serving_share(problem: BudgetProblem, best: SizedTraining, free: SizedTraining | None) -> dict[str, Any]:
    """What JSON says of the serving of a plan; empty where nothing is served.

    Shares are of what training and serving take together. Devices, and all that follows from a rate, are None where
    tokens are served without one. `free` is what would be trained were nothing served.
    """
    budget, needs, serving = problem.budget, best.needs(), best.price.serving
    if not budget.served_tokens:
        return {}
    load = budget.load
    return {
        "tokens": budget.served_tokens,
        **_load_dict(load),
        **_fleet_dict(None if load is None else fleet_of(best.model, problem.finder, load)),
        "dollars": serving["dollars"],
        "flops": serving_flops(best.model, budget.served_tokens),
        **{f"share_of_{kind}": serving[kind] / needs[kind] if needs[kind] else None for kind in ("dollars", "flops")},
        "without_serving": None if free is None else _training_dict(free),
    }


def _load_dict(load: LifetimeLoad | None) -> dict[str, Any]:
    return {
        "requests_per_second": load and load.per_second,
        "input": load and load.input,
        "output": load and load.output,
        "years": load and load.years,
    }


def _fleet_dict(fleet: Fleet | None) -> dict[str, Any]:
    return {
        "devices": fleet and fleet.devices,
        "chip": fleet and fleet.deployment.machine.chip.name,
        "replicas": fleet and fleet.replicas,
        "tp": fleet and int(fleet.deployment.tp),
        "engine": fleet and fleet.deployment.engine.label,
        "precision": fleet and fleet.deployment.precision,
        "capacity_requests_per_second": fleet and fleet.capacity,
        "utilisation": fleet and fleet.utilisation,
        "most_utilisation": fleet and LOADED,
    }


def _training_dict(training: SizedTraining) -> dict[str, Any]:
    return {
        "model": training.model.name,
        "N": float(training.model.n_params),
        "D": training.tokens,
        "tokens_per_param": training.tokens / training.n_law,
        "loss": training.loss,
    }


def serving_assumption(problem: BudgetProblem, best: SizedTraining) -> str:
    """How what is served is taken to be served, with what it takes and what would change that."""
    load = problem.budget.load
    return _of_tokens(problem, best) if load is None else _of_load(problem, best, load)


def _of_load(problem: BudgetProblem, best: SizedTraining, load: LifetimeLoad) -> str:
    fleet = fleet_of(best.model, problem.finder, load)
    one = fleet.deployment
    each = "a device" if fleet.devices == fleet.replicas else f"{one.tp} devices, tensor-parallel"
    replicas = f"a replica of {each}" if fleet.replicas == 1 else f"{fleet.replicas} replicas of {each}"
    return (
        f"serving: {load.per_second:g} requests/s of {load.input} and {load.output} tokens, day and night, by "
        f"{replicas} under {one.engine.label} in {one.precision}, loaded with at most {LOADED:.0%} of their "
        f"capacity (guess) of {fleet.capacity:.3g} requests/s: {fleet.utilisation:.0%}; limits of latency, "
        "narrower formats and prefixes that are kept are for froude plan serve"
    )


def _of_tokens(problem: BudgetProblem, best: SizedTraining) -> str:
    tokens, finder = problem.budget.inference_tokens, problem.finder
    point = serving_point(best.model, finder)
    one = point.deployment
    context = int(one.input + one.output)
    longer = operating_point(best.model, finder.machine, context=2 * context, kind=str(one.precision))
    many = "a device" if one.tp == 1 else f"{one.tp} devices, tensor-parallel,"
    return (
        f"serving: {format_quantity(tokens)} tokens, half of them prompts (guess), on {many} by {one.engine.label} in "
        f"{one.precision}, {one.users} requests of {context} (guess) at once, {point.tokens_per_second:,.0f} tokens/s, "
        f"take {amount_text('dollars', best.price.serving['dollars'])}; requests twice as long would take "
        f"{amount_text('dollars', serving_dollars(finder.machine, longer, tokens))}"
    )
