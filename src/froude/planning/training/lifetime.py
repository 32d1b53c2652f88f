"""What a model serves in its life after training: requests of a rate and of lengths, for years."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from froude.bounds import MOST_COUNT, positive_number, whole_number
from froude.errors import InputError
from froude.quantity import parse_quantity

YEAR_HOURS = 365 * 24.0
"""Hours of a year, day and night."""

MOST_RATE = 1e9
"""Requests a second."""

MOST_YEARS = 100.0
"""Years that a model serves."""

YEARS = 1.0
"""Years that it serves where nobody says."""


@final
@dataclass(frozen=True, kw_only=True)
class LifetimeLoad:
    """Requests of `input` and `output` tokens that arrive `per_second` on average, day and night for `years`."""

    per_second: float
    input: int
    output: int
    years: float = YEARS

    def __post_init__(self) -> None:
        positive_number("serve load", self.per_second, MOST_RATE)
        whole_number("serve input", self.input, 1, MOST_COUNT)
        whole_number("serve output", self.output, 1, MOST_COUNT)
        positive_number("serve years", self.years, MOST_YEARS)

    @property
    def hours(self) -> float:
        """Hours of all years."""
        return self.years * YEAR_HOURS

    @property
    def tokens(self) -> float:
        """Tokens of all prompts and answers."""
        return self.per_second * 3600 * self.hours * (self.input + self.output)


def read_lifetime_load(
    load: float | str | None, input: float | None, output: float | None, years: float | None
) -> LifetimeLoad | None:
    """The load that is asked for: a number of requests a second or "20/s", with lengths; None where there is none.

    InputError for lengths or years without a rate, for a rate without lengths, and for what is no rate.
    """
    if load is None:
        for name, value in {"input": input, "output": output, "years": years}.items():
            if value is not None:
                raise InputError(
                    f"serve {name} {value:g} says nothing of how many requests come: give --serve-load 20/s too"
                )
        return None
    if input is None or output is None:
        raise InputError(f"serve load {load} needs lengths: give --serve-input and --serve-output tokens")
    lengths = [
        whole_number(f"serve {n}", tokens, 1, MOST_COUNT) for n, tokens in (("input", input), ("output", output))
    ]
    return LifetimeLoad(
        per_second=_rate(load), input=lengths[0], output=lengths[1], years=YEARS if years is None else years
    )


def _rate(load: float | str) -> float:
    """Requests a second."""
    if not isinstance(load, str):
        return load
    match = re.fullmatch(r"\s*(.+?)\s*/\s*s\s*", load)
    if match is None:
        raise InputError(f"serve load {load!r} is no rate: write requests a second, as 20/s")
    return parse_quantity(match[1], expect="count")
