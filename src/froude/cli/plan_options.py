"""What the options of `froude plan train` say, as the planner's plain values."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from froude.errors import InputError
from froude.quantity import parse_quantity

if TYPE_CHECKING:
    from froude.fitting import Fit

BUDGETS = {"FLOP": "budget_flops", "dollars": "budget_dollars", "seconds": "budget_seconds"}
"""Arguments of the planner by the dimension of a budget."""


def law_of(law: str | None, fit: str | None) -> Fit | str | None:
    """The law or the fit that the loss is taken from, None where neither is named."""
    if law is not None and fit is not None:
        raise InputError(f"--law {law} and --fit {fit} both say what the loss is: give one of them")
    if fit is None:
        return law
    from froude.fitting import Fit

    return Fit.load(fit)


def budgets(texts: list[str] | None) -> dict[str, float]:
    """The planner's arguments for budgets; InputError for what is none and for two of a kind."""
    limits: dict[str, float] = {}
    for text in texts or ():
        name = BUDGETS[dimension_of(text)]
        if name in limits:
            raise InputError(f"--budget {text!r} is a second budget of its kind: give one each of FLOP, $ and time")
        limits[name] = parse_quantity(text)
    return limits


def dimension_of(text: str) -> str:
    """Whether a budget is in FLOP, dollars or seconds."""
    for dimension in BUDGETS:
        try:
            plain = parse_quantity(text, expect=dimension)
        except InputError:
            continue
        if is_bare(text):
            break
        if not plain > 0:
            raise InputError(f"--budget {text!r} buys nothing: give more than 0")
        return dimension
    raise InputError(f"--budget {text!r} is no budget: write 1e24FLOP, $3M or 30 days")


def is_bare(text: str) -> bool:
    """Whether a quantity has no unit, so that it would pass for any."""
    try:
        return parse_quantity(text, expect="FLOP") == parse_quantity(text, expect="dollars")
    except InputError:
        return False


def pins(text: str | None) -> dict[str, Any]:
    """The parts of a layout that `--fix` pins, each of its kind. InputError for other names and values."""
    from froude.cost.model.keys import split_assignments
    from froude.cost.training.layout import CHOICES, Layout

    names = [one.name for one in fields(Layout) if one.name not in ("devices", "global_batch", "seq_len")]
    flags = {"true": True, "yes": True, "false": False, "no": False}
    values: dict[str, Any] = {}
    for name, value in (split_assignments(text) if text is not None else {}).items():
        if name not in names:
            raise InputError(f"--fix {name}={value}: a layout has no {name}; it has {', '.join(names)}")
        default = next(one.default for one in fields(Layout) if one.name == name)
        if name == "precision" or isinstance(default, str):
            values[name] = value
        elif isinstance(default, bool):
            if value.lower() not in flags:
                raise InputError(f"--fix {name}={value}: write true or false")
            values[name] = flags[value.lower()]
        else:
            values[name] = pinned_number(name, value)
        if name in CHOICES and values[name] not in CHOICES[name]:
            raise InputError(f"--fix {name}={value}: take one of {', '.join(map(str, CHOICES[name]))}")
    return values


def pinned_number(name: str, value: str) -> int | float:
    """A number of a layout: whole and from 1, or what the few others may be."""
    number = parse_quantity(value)
    if name in ("recomputed", "compress"):
        if not number > 0:
            raise InputError(f"--fix {name}={value}: give a number above 0")
        return number
    least = 0 if name in ("zero", "shard") else 1
    if number != int(number) or number < least:
        raise InputError(f"--fix {name}={value}: give a whole number of at least {least}")
    return int(number)


def count(option: str, text: str | None) -> float | None:
    """A count above 0 that an option gives."""
    if text is None:
        return None
    number = parse_quantity(text, expect="count")
    if not number > 0:
        raise InputError(f"{option} {text!r}: give a number above 0")
    return number


def whole(option: str, text: str | None) -> int | None:
    """A whole number of at least 1 that an option gives."""
    number = count(option, text)
    if number is not None and number != int(number):
        raise InputError(f"{option} {text!r}: give a whole number")
    return None if number is None else int(number)
