"""What is said of two places of one fit, side by side: by how much they differ, and which is likely the lower."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from froude.answers.answer import Answer, Table
from froude.answers.forecasts import chance_text
from froude.answers.numbers import FEWEST_DIGITS, digits_for, number, number_and_interval
from froude.fitting import Difference, Forecast
from froude.quantity import format_quantity

_DIGITS = 5  # of what has no interval, so that places differ
_OF = {"run": "one run each", "mean": "the means of many runs"}


def answer_of_difference(difference: Difference) -> Answer:
    """Two places, and the first less the second."""
    return _answer([difference], difference.to_dict())


def answer_of_differences(differences: Sequence[Difference]) -> Answer:
    """Several places, each less the one that all are held against."""
    return _answer(differences, [each.to_dict() for each in differences])


def _answer(differences: Sequence[Difference], data: Any) -> Answer:
    first = differences[0]
    y = first.first.y
    rows = [_row("against", first.second)]
    for each in differences:
        rows += [_row("at", each.first), _difference_row(each)]
    return Answer(
        headline=f"the {y} at one place and at another, and the difference: {_OF[first.of]}, by {first.first.by}",
        tables=(
            Table(title="", columns=("", *first.first.at, y, f"{first.level:.0%} interval", "below"), rows=tuple(rows)),
        ),
        notes=(
            f"below: how probable the lower {y} is at that place",
            *_shares(differences),
            *first.first.notes,
        ),
        warnings=first.warnings,
        data=data,
    )


def _row(head: str, forecast: Forecast) -> tuple[str, ...]:
    places = map(format_quantity, forecast.at.values())
    if forecast.lo is None:
        return (head, *places, number(forecast.mean, _DIGITS), "unknown", "")
    return (head, *places, *number_and_interval(forecast.mean, forecast.lo, forecast.hi), "")


def _difference_row(each: Difference) -> tuple[str, ...]:
    """The difference with its sign, without the inputs."""
    blanks = ("",) * len(each.first.at)
    if each.lo is None or each.hi is None or each.probability_below is None:
        return ("difference", *blanks, _signed(each.value, FEWEST_DIGITS), "unknown", "unknown")
    digits = digits_for(each.value, each.lo, each.hi)
    value, lo, hi = (_signed(end, digits) for end in (each.value, each.lo, each.hi))
    return ("difference", *blanks, value, f"{lo} to {hi}", chance_text(each.probability_below))


def _signed(value: float, digits: int) -> str:
    text = number(abs(value), digits)
    return text if not value else ("+" if value > 0 else "−") + text


def _shares(differences: Sequence[Difference]) -> Iterator[str]:
    """What the interval of a difference is made of, for the one whose places have least in common."""
    each = min(differences, key=lambda each: each.shared)
    parts = ", ".join(f"{name} {number(value, 2)}" for name, value in each.parts.items() if value)
    if parts:
        yield f"standard deviations of the difference: {parts}"
