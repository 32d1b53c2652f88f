"""The serving model's constants under a stack: those that ship, times what a user's load tests said of them."""

from __future__ import annotations

from dataclasses import replace

from froude.cost.serving.constants import ServingConstants, serving_constants
from froude.cost.stack.stack import Stack
from froude.errors import InputError


def constants_under(stack: Stack | None) -> ServingConstants:
    """The constants of the serving model under a stack. InputError for constants that there are none of."""
    shipped = serving_constants()
    if stack is None:
        return shipped
    known = vars(shipped)
    doubt = stack.serving_uncertainty
    named = (*stack.serving, *(doubt.spreads.constants if doubt else ()))
    unknown = next((name for name in named if name not in known), None)
    if unknown is not None:
        raise InputError(f"stack {stack.label}: there is no constant {unknown!r} of serving, but {', '.join(known)}")
    return replace(shipped, **{name: known[name] * factor for name, factor in stack.serving.items()})
