"""One recipe, written for the framework that is asked for, or refused where that framework cannot express it."""

from __future__ import annotations

from froude.errors import InputError
from froude.planning.emit.deepspeed import DEEPSPEED
from froude.planning.emit.fsdp import FSDP
from froude.planning.emit.megatron import MEGATRON
from froude.planning.emit.recipe import Recipe, idle
from froude.planning.emit.torchtitan import TORCHTITAN
from froude.planning.emit.words import Framework, meaning

FRAMEWORKS: dict[str, Framework] = {
    "torchtitan": TORCHTITAN,
    "megatron": MEGATRON,
    "deepspeed": DEEPSPEED,
    "fsdp": FSDP,
}
"""Every framework that a recipe can be written for, by name."""


def emit(framework: str, recipe: Recipe) -> str:
    """The configuration of a framework, with a comment on every choice.

    A TOML file for torchtitan, a bash script for Megatron-LM, a configuration in JSON with comment lines for
    DeepSpeed, a Python module for PyTorch's FSDP. InputError for an unknown framework, and for a recipe with a choice
    that the framework cannot express: nothing is dropped silently.
    """
    if framework not in FRAMEWORKS:
        raise InputError(f"no framework {framework!r}: choose {', '.join(FRAMEWORKS)}")
    refused = _refused(FRAMEWORKS[framework], recipe)
    if refused:
        why = FRAMEWORKS[framework].limits[refused[0]].why
        raise InputError(
            f"{framework} cannot express {_shown(recipe, refused[0])} ({why}): {_advice(recipe, refused[0])}"
        )
    return FRAMEWORKS[framework].write(recipe)


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
