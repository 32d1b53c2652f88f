"""What the options of `froude plan train` say, as the planner's plain values."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from froude.errors import InputError
from froude.quantity import parse_quantity

BUDGETS = {"FLOP": "budget_flops", "dollars": "budget_dollars", "seconds": "budget_seconds"}
"""Arguments of the planner by the dimension of a budget."""

NOT_PINNED = ("devices", "global_batch", "seq_len", "kept")
"""Fields of a layout that `--fix` does not name: three have options of their own, the last follows from a model."""


def budgets(texts: list[str] | None) -> dict[str, float]:
    """The planner's arguments for budgets; InputError for what is none and for two of a kind."""
    limits: dict[str, float] = {}
    for text in texts or ():
        name = BUDGETS[dimension_of(text)]
        if name in limits:
            raise InputError(f"--budget {text!r} is a second budget of its kind: give one each of FLOP, $ and time")
        limits[name] = parse_quantity(text)
    return limits


def time_limit(within: str | None, given: list[str] | None) -> list[str]:
    """What --within says, as a budget of time. InputError for what is no time."""
    if within is None:
        return []
    if is_bare(within) or dimension_of(within) != "seconds":
        raise InputError(f"--within {within!r} is no time: write 30 days or 12 hours")
    for text in given or ():
        if dimension_of(text) == "seconds":
            raise InputError(f"--within {within!r} and --budget {text!r} both say when it must end: give one of them")
    return [within]


def number_of_devices(text: str | None) -> int | Literal["auto"] | None:
    """What --devices says: a whole number, or that the fewest are to be found."""
    if text is not None and text.strip().lower() == "auto":
        return "auto"
    return whole("--devices", text)


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
    from froude.cost.training.layout import Layout, check_fields
    from froude.cost.training.names import by_field, no_field

    defaults = {one.name: one.default for one in fields(Layout) if one.name not in NOT_PINNED}
    values: dict[str, Any] = {}
    for name, value in by_field(split_assignments(text) if text is not None else {}).items():
        if name not in defaults:
            raise InputError(f"--fix {name}={value}: {no_field(name, list(defaults))}")
        values[name] = value if name == "precision" else pinned(value, defaults[name])
        try:
            check_fields({name: values[name]})
        except InputError as error:
            raise InputError(f"--fix {error}") from None
    return values


def pinned(text: str, default: Any) -> Any:
    """What a text says of a field with this default: one of some words, true or false, or a number."""
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    number = parse_quantity(text)
    return int(number) if number % 1 == 0 else number


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
