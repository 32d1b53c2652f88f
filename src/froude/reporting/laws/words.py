"""What is said of a law, in words and numbers: the same on the terminal and in the document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from froude.laws import Example, Law, all_laws, get_law
from froude.quantity import format_quantity
from froude.reporting.style import power_of_ten

_TREND = {-1: "falls", 1: "rises"}
_SAID = {unit: f"loss, {unit}" for unit in ("nats/token", "bits/character")}
_SAID["unit of the measured outcome"] = "measured outcome"


@final
@dataclass(frozen=True, kw_only=True)
class PublishedConstants:
    """One published set of constants of a law, over the input `x`, and what to doubt of it, if anything."""

    name: str
    x: str
    values: dict[str, float]
    doubt: str


def by_family(laws: Iterable[Law]) -> dict[str, list[Law]]:
    """The laws of each family, both in their order."""
    found: dict[str, list[Law]] = {}
    for law in laws:
        found.setdefault(law.family, []).append(law)
    return found


def about_family(law: Law) -> str:
    """What the family of a law is about: the first line of its file."""
    return (sys.modules[law.function.__module__].__doc__ or "").partition("\n")[0]


def takings(law: Law) -> tuple[Law, ...]:
    """The law over each input that it may be taken over; itself where its inputs are fixed."""
    return tuple(law.over(x) for x in law.choices) or (law,)


def published(law: Law) -> tuple[PublishedConstants, ...]:
    """Every published set of constants, for a law of one input under each that it may be taken over."""
    return tuple(
        PublishedConstants(name=name, x=taken.inputs[0], values=dict(values), doubt=law.trust.get(name, ""))
        for taken in takings(law)
        for name, values in taken.published.items()
    )


def examples(law: Law) -> tuple[tuple[Law, Example], ...]:
    """Every number that a law must reproduce, with the law over the input it is about."""
    return tuple((taken, each) for taken in takings(law) for each in taken.examples if {*each.at} == {*taken.inputs})


def amount(value: float, unit: str = "", digits: int = 3) -> str:
    """A number as people write it: 4e10 is "40B", but 10²¹ FLOP and very large or small numbers are powers of ten."""
    if unit == "FLOP" or not (1e-3 <= abs(value) < 1e15 or value == 0):
        return power_of_ten(value, digits)
    return format_quantity(value, digits)


def span(law: Law, x: str) -> str:
    """An input with its unit and the range over which its source measured it."""
    unit = law.input_units[x]
    if x not in law.domain:
        return f"{x} in {unit}"
    low, high = law.domain[x]
    return f"{x} in {unit}, measured from {amount(low, unit)} to {amount(high, unit)}"


def spans(law: Law) -> str:
    """Every input with its unit and range; for a law of one input all that it may be taken over."""
    return ("; or " if law.choices else "; ").join(span(taken, x) for taken in takings(law) for x in taken.inputs)


def claims(law: Law) -> str:
    """With which inputs the law falls or rises, whatever its parameters; empty if it claims nothing."""
    signs = {x: sign for taken in takings(law) for x, sign in taken.trend.items()}
    last = "or" if law.choices else "and"
    found = [(word, [x for x in signs if signs[x] == sign]) for sign, word in _TREND.items()]
    return "; ".join(f"{word} with {listed(inputs, last)}" for word, inputs in found if inputs)


def parameters(law: Law) -> str:
    """Every parameter with its kind."""
    return ", ".join(f"{name} {kind.name}" for name, kind in law.kinds.items())


def outcome(law: Law) -> str:
    """What comes out, with its unit."""
    return f"effective {law.unit}" if law.is_lever else _SAID.get(law.unit, law.unit)


def predicts(law: Law) -> str:
    """What comes out and how far off is counted."""
    return f"{outcome(law)}; fitted on {law.residual} residuals"


def composing(law: Law) -> str:
    """What a lever takes the place of, and how to write that; empty for a law that is none."""
    if not law.is_lever:
        return ""
    bases = (get_law("chinchilla"), *all_laws())
    base, x = next((base, x) for base in bases for x, unit in base.input_units.items() if unit == law.unit)
    return f"{x} of another law, as in {base.name}[{x}={law.name}]"


def without_constants(law: Law) -> str:
    """Why no published constants can be shown."""
    composed = law.name not in {each.name for each in all_laws()}
    return "no constants of its own; those of its parts serve" if composed else "no constants are published"


def assigned(values: Iterable[tuple[str, float]], digits: int = 5) -> str:
    """Numbers by name, as in "E = 1.69, A = 406.4"."""
    return ", ".join(f"{name} = {value:.{digits}g}" for name, value in values)


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a list in a sentence, as in "N, D and U"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
