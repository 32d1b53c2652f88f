"""Public headline trainings: device hours by the values of their recipes alone, beside those that were reported.

Every training of `froude plan recipes` is planned by `froude.plan_training(recipe=NAME)` and nothing else: what its
report states is pinned, what it does not is Froude's choice, and nothing was fitted to the hours. The interval is that
of the step, times the steps, and at its upper end with what whole trainings were said to lose at the most. Beside
it stands what somebody would say without Froude: 6·N·D at 40% of the chip's peak in the recipe's number type.
Command: python benchmarks/headline_trainings.py
"""

from typing import Any

import numpy as np

from froude import get_model, plan_training
from froude.planning import Plan
from froude.planning.recipes import PublishedTraining, known_recipes
from froude.quantity import format_quantity
from record import record

USUAL_MFU = 0.4

LEAST_EFFECTIVE = 0.75
"""Useful share of the time of a whole training, at the least: OPT-175B took some 33 days for what its step's speed does
in 25 (Zhang et al. 2022, arXiv:2205.01068, section 2.5, as remembered). Llama 3 405B was useful for more than 90% of
its time (arXiv:2407.21783, section 3.3.4, as remembered), and so was MegaScale (arXiv:2402.15627, as remembered)."""


def measured(recipe: PublishedTraining) -> dict[str, Any]:
    """Hours of a recipe by Froude, by its interval and by the usual MFU; a refusal has none."""
    plan = plan_training(recipe=recipe.name)
    if not isinstance(plan, Plan):
        return {"recipe": recipe, "hours": None, "why": plan.reasons[0]}
    hours = plan.seconds / 3600 * plan.machine.devices
    low, high = (hours * end / plan.choice.step_seconds for end in plan.interval)
    high = high * plan.goodput / LEAST_EFFECTIVE
    cost = plan.choice.cost
    flops = 6 * float(get_model(recipe.model).n_active) * recipe.tokens
    usual = flops / (USUAL_MFU * cost.peak_flops) / 3600
    return {"recipe": recipe, "hours": hours, "low": low, "high": high, "usual": usual, "mfu": float(cost.mfu)}


def row(result: dict[str, Any]) -> dict[str, str]:
    """A line of the table."""
    recipe = result["recipe"]
    known = {
        "training": recipe.title,
        "on": recipe.machine,
        "layout": "published" if recipe.layout else "Froude's",
        "device hours reported": format_quantity(recipe.device_hours),
    }
    if result["hours"] is None:
        return known | {"by Froude": "refused", "90% interval": "", "error": "100%", "inside": "no", "at 40% MFU": ""}
    return known | {
        "by Froude": format_quantity(result["hours"]),
        "90% interval": f"{format_quantity(result['low'])} to {format_quantity(result['high'])}",
        "error": f"{result['hours'] / recipe.device_hours - 1:+.0%}",
        "inside": "yes" if result["low"] <= recipe.device_hours <= result["high"] else "no",
        "at 40% MFU": f"{format_quantity(result['usual'])} ({result['usual'] / recipe.device_hours - 1:+.0%})",
    }


def summary(results: list[dict[str, Any]]) -> str:
    """Mean errors of all, and of those whose layout was published; a refusal counts as 100%."""

    def mean(key: str, some: list[dict[str, Any]]) -> str:
        errors = [1.0 if one["hours"] is None else abs(one[key] / one["recipe"].device_hours - 1) for one in some]
        return f"{np.mean(errors):.0%}"

    stated = [one for one in results if one["recipe"].layout]
    return (
        f"Mean error {mean('hours', results)} of all {len(results)}, {mean('hours', stated)} of the {len(stated)} "
        f"whose layout was published; at 40% MFU {mean('usual', results)} and {mean('usual', stated)}."
    )


def main() -> None:
    """Plans every recipe and records the table."""
    results = []
    for recipe in known_recipes():
        results.append(measured(recipe))
        print(row(results[-1]), flush=True)
    record(
        "headline_trainings",
        "python benchmarks/headline_trainings.py",
        [row(one) for one in results],
        notes=[
            summary(results),
            f"At the upper end of an interval {LEAST_EFFECTIVE:.0%} of the time is useful, at the lower end what "
            "Froude says (set when the errors without it had been seen, and not fitted to them).",
            "Reported hours count restarts, longer contexts and tests as far as each report does. Of the 1T the hours "
            "are its authors' own estimate from a measured step, which is a row of sys_megatron; all others are of "
            "trainings that no constant was fitted to.",
        ],
        figures=[
            {name: value for name, value in one.items() if name != "recipe"} | {"name": one["recipe"].name}
            for one in results
        ],
    )


if __name__ == "__main__":
    main()
