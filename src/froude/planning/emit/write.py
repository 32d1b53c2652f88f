"""One recipe, written for the framework that is asked for, or refused where that framework cannot express it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from froude.errors import InputError, close_names
from froude.planning.emit.deepspeed import DEEPSPEED
from froude.planning.emit.fsdp import FSDP
from froude.planning.emit.megatron import MEGATRON
from froude.planning.emit.recipe import Recipe, idle
from froude.planning.emit.torchtitan import TORCHTITAN
from froude.planning.emit.words import Framework, meaning
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.rules import is_far, rate_words
from froude.quantity import format_quantity

WARMUP_STEPS, FINAL_RATE = 2000, 1e-5
"""Schedule of the trainings behind the rules for learning rate and batch (Li et al. 2025, arXiv:2503.04715, as
remembered): a linear warm-up, then a cosine to this rate."""

FRAMEWORKS: dict[str, Framework] = {
    "torchtitan": TORCHTITAN,
    "megatron": MEGATRON,
    "deepspeed": DEEPSPEED,
    "fsdp": FSDP,
}
"""Every framework that a recipe can be written for, by name."""


def pins_of(framework: str | None) -> Mapping[str, Any]:
    """Fields of `Layout` that a search for a framework holds; none without one. InputError where it is unknown."""
    return {} if framework is None else _framework_called(framework).pins


def write_config(framework: str, recipe: Recipe) -> str:
    """The configuration of a framework, with a comment on every choice.

    A TOML file for torchtitan, a bash script for Megatron-LM, a configuration in JSON with comment lines for
    DeepSpeed, a Python module for PyTorch's FSDP. InputError for an unknown framework, and for a recipe with a choice
    that the framework cannot express: nothing is dropped silently.
    """
    writer = _framework_called(framework)
    refused = _refused(writer, recipe)
    if refused:
        why = writer.limits[refused[0]].why
        raise InputError(
            f"{framework} cannot express {_shown(recipe, refused[0])} ({why}): {_advice(recipe, refused[0])}"
        )
    return writer.write(recipe)


def configuration(framework: str, plan: Plan | Infeasible) -> str:
    """A plan as the configuration of a framework.

    InputError where there is no plan, for an unknown framework, and where that cannot express the plan.
    """
    if isinstance(plan, Infeasible):
        raise InputError(f"there is no plan to emit: {plan.reasons[0]}; {plan.nearest}")
    return write_config(framework, recipe_of(plan))


def recipe_of(plan: Plan) -> Recipe:
    """What a framework is told of a plan, its learning rate and description among what was chosen."""
    rate, steps = float(plan.chosen["learning_rate"]), plan.steps
    return Recipe(
        model=plan.model,
        description=plan.chosen["description"],
        layout=plan.choice.layout,
        machine=plan.machine.chip.name,
        devices_per_node=plan.machine.devices_per_node,
        steps=steps,
        learning_rate=rate,
        warmup_steps=min(WARMUP_STEPS, steps // 10),
        final_learning_rate=min(FINAL_RATE, rate),
        reasons={
            "steps": f"{format_quantity(plan.tokens)} tokens",
            "learning_rate": _rate_reason(plan.chosen),
            "warmup_steps": "as in the trainings behind the Step Law, at most a tenth of the steps",
        },
    )


def _rate_reason(chosen: Mapping[str, Any]) -> str:
    """Where a learning rate comes from, with its doubt."""
    rule = "by the Step Law, Li et al. 2025, arXiv:2503.04715"
    return f"{rule}; {rate_words(chosen)}" if is_far(chosen) else rule


def refusals(framework: str, recipe: Recipe) -> dict[str, str]:
    """The choices of a recipe that a framework cannot express, each with why."""
    writer = _framework_called(framework)
    return {name: writer.limits[name].why for name in _refused(writer, recipe)}


def _framework_called(name: str) -> Framework:
    if name not in FRAMEWORKS:
        near = close_names(name.lower(), FRAMEWORKS, n=1) or [one for one in FRAMEWORKS if one in name.lower()]
        hint = f"did you mean {near[0]}? There are" if near else "choose"
        raise InputError(f"no framework {name!r}: {hint} {', '.join(FRAMEWORKS)}")
    return FRAMEWORKS[name]


def _refused(framework: Framework, recipe: Recipe) -> list[str]:
    """The choices of a recipe that a framework cannot express; one without effect is none."""
    without_effect = idle(recipe.layout)
    return [name for name, its in framework.limits.items() if name not in without_effect and not its.holds(recipe)]


def _shown(recipe: Recipe, name: str) -> str:
    """A choice and its value, for a message."""
    if name == "precision":
        return f"this precision: {meaning(recipe, name)}"
    return f"{name} = {getattr(recipe.layout if hasattr(recipe.layout, name) else recipe, name)}"


def _advice(recipe: Recipe, name: str) -> str:
    """What to do: emit for a framework that can express all of it, or one that can express this choice."""
    refused = {other: _refused(its, recipe) for other, its in FRAMEWORKS.items()}
    whole = [other for other, names in refused.items() if not names]
    if whole:
        return f"emit for {' or '.join(whole)}, or change it"
    able = [other for other, names in refused.items() if name not in names]
    return f"change it, or emit for {' or '.join(able)} with other choices changed" if able else "change it, none can"
