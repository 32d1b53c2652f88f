"""What the values of one name may be: a list, a draw from a distribution, or a ladder of sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, final

import numpy as np
from msgspec import Meta

from froude.errors import InputError, close_names, shown

Value = bool | int | float | str
"""What a setting of a run may be."""
Number = int | float
Count = Annotated[int, Meta(ge=1, le=100_000)]


@final
@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Sizes of one dial, each the same factor above the one before, from the first to the last of `geometric`.

    Where both ends are whole numbers all are, rounded to a multiple of `multiple_of`; equal ones come once.
    """

    geometric: tuple[Number, Number]
    steps: Annotated[int, Meta(ge=1, le=1000)]
    multiple_of: Annotated[int, Meta(ge=1)] = 1

    def values(self, name: str) -> tuple[Value, ...]:
        """The sizes, smallest first. InputError, which has the name, for ends that make no ladder."""
        low, high = self.geometric
        if not 0 < low <= high:
            raise InputError(f"ladder {name} goes from {low:g} to {high:g}: give two ends above 0, the smaller first")
        sizes = np.geomspace(low, high, self.steps) if self.steps > 1 else np.array([high])
        if not all(isinstance(end, int) for end in self.geometric):
            return tuple(float(size) for size in sizes)
        whole = (max(1, round(size / self.multiple_of)) * self.multiple_of for size in sizes.tolist())
        return tuple(dict.fromkeys(whole))


@final
@dataclass(frozen=True, kw_only=True)
class Draw:
    """A distribution to draw from: exactly one of these, ends included."""

    log_uniform: tuple[Number, Number] | None = None
    uniform: tuple[Number, Number] | None = None
    integer: tuple[int, int] | None = None
    choice: tuple[Value, ...] | None = None

    def values(self, name: str, draws: int, rng: np.random.Generator) -> list[Value]:
        """So many draws. InputError, which has the name, where there is not one distribution with two ends."""
        kinds = [each.name for each in fields(self)]
        given = {kind: ends for kind in kinds if (ends := getattr(self, kind)) is not None}
        if len(given) != 1:
            raise InputError(f"random {name} is {shown(given)}: give one of {', '.join(kinds)}")
        ((kind, ends),) = given.items()
        if kind == "choice":
            if not ends:
                raise InputError(f"random {name} has nothing to choose from: give values, as in choice = [16, 32]")
            return [ends[k] for k in rng.integers(len(ends), size=draws)]
        low, high = ends
        if not low <= high or (kind == "log_uniform" and low <= 0):
            above = " above 0" if kind == "log_uniform" else ""
            raise InputError(f"random {name} goes from {low:g} to {high:g}: give two ends{above}, the smaller first")
        if kind == "integer":
            return rng.integers(low, high, size=draws, endpoint=True).tolist()
        if kind == "uniform":
            return rng.uniform(low, high, size=draws).tolist()
        return np.exp(rng.uniform(math.log(low), math.log(high), size=draws)).tolist()


def refuse_unknown(given: Any, kind: type, where: str) -> None:
    """InputError for a key that a table has and its kind has not."""
    known = [each.name for each in fields(kind)]
    for key in given if isinstance(given, Mapping) else ():
        if key not in known:
            near = close_names(str(key), known)
            remedy = f"is it {near[0]!r}?" if near else f"write {', '.join(known)}"
            raise InputError(f"{where} has a key {shown(key, 40)} that nothing reads: {remedy}")


def values_of(name: str, given: Any) -> tuple[Value, ...]:
    """The values of a name in a grid, a list or one. InputError where they are no numbers, texts or switches."""
    values = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not values:
        raise InputError(f"grid {name} has no values: give some, as in {name} = [1, 2]")
    for value in values:
        checked(name, value)
    return values


def checked(name: str, value: Any) -> Value:
    """A value of a run. InputError where it is no number, text or switch, or no finite number."""
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(f"{name} = {shown(value)} is no setting of a run: give a finite number, a text, true or false")
    return value
