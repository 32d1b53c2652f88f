"""What is said of software stacks: what each sets, with source and trust, and which are likely where none is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from froude.answers.answer import Answer, Table
from froude.answers.numbers import count
from froude.cost.stack.stack import ServingUncertainty, Stack, StackFact


def answer_of_stack(stack: Stack) -> Answer:
    """One stack: every fact with its source and how far to trust it."""
    asked = f"; {stack.name}@{stack.asked} is not known, and this is the nearest" if stack.asked else ""
    return Answer(
        headline=f"{stack.label}: {stack.title}",
        tables=(
            Table(
                title="",
                columns=("sets", "for", "to", "trust"),
                rows=tuple(_row(fact) for fact in stack.facts),
                left=(0, 1, 2, 3),
                details=tuple(fact.source for fact in stack.facts),
            ),
        ),
        notes=(
            f"what a layout or an option says goes before what its stack sets{asked}",
            *([f"fitted to {stack.fitted_to}"] if stack.fitted_to else []),
            *([_served(stack.serving_uncertainty)] if stack.serving_uncertainty else []),
            *([f"peaks of memory are {stack.memory:.3g} times what is counted"] if stack.memory != 1.0 else []),
        ),
        data=stack_to_dict(stack),
    )


def answer_of_stacks(stacks: Sequence[Stack]) -> Answer:
    """Stacks in a table, a row each."""
    return Answer(
        headline=f"{count(len(stacks), 'software stack')}",
        tables=(
            Table(
                title="",
                columns=("name", "title"),
                rows=tuple((stack.label, stack.title) for stack in stacks),
                left=(0, 1),
            ),
        ),
        notes=("froude stack show NAME shows one whole; of versions that are not known the nearest is taken",),
        data=[stack_to_dict(stack) for stack in stacks],
    )


def stack_to_dict(stack: Stack) -> dict[str, Any]:
    """All that is said of a stack, as JSON."""
    return {
        "name": stack.name,
        "version": stack.version,
        "asked": stack.asked,
        "title": stack.title,
        "facts": [vars(fact) for fact in stack.facts],
        "memory": stack.memory,
        "spreads": stack.uncertainty.factors if stack.uncertainty else {},
        "fitted_to": {**vars(stack.fitted_to)} if stack.fitted_to else None,
        "serving": None if stack.serving_uncertainty is None else _serving_to_dict(stack.serving_uncertainty),
    }


def _serving_to_dict(doubt: ServingUncertainty) -> dict[str, Any]:
    """What load tests leave open, as JSON: spreads of constants are factors, what is unexplained of log seconds."""
    return {**vars(doubt), "spreads": doubt.spreads.factors, "unexplained": {**doubt.unexplained}}


def _served(doubt: ServingUncertainty) -> str:
    of = f"{', '.join(doubt.models)} on {', '.join(doubt.machines)} under {', '.join(doubt.engines)}"
    return f"serving is fitted to {doubt.rows} load tests of {of}: there its intervals are the narrower"


def _row(fact: StackFact) -> tuple[str, ...]:
    value = {True: "yes", False: "no"}.get(fact.value, fact.value) if isinstance(fact.value, bool) else fact.value
    return fact.name, fact.where or "all", f"{value:g}" if isinstance(value, float) else str(value), fact.trust
