"""Sentences about a law: its inputs, outcome, parameters, claims and published constants, as every face shows them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from froude.answers.numbers import amount
from froude.laws import Example, Law, Origin, all_laws, get_law

_TREND = {-1: "falls", 1: "rises"}
_OUTCOMES = {unit: f"loss, {unit}" for unit in ("nats/token", "bits/character")}
_OUTCOMES["unit of the measured outcome"] = "measured outcome"


@final
@dataclass(frozen=True, kw_only=True)
class PublishedConstants:
    """One published set of constants of a law, over the input `x`, and what to doubt of it, if anything."""

    name: str
    x: str
    values: dict[str, float]
    doubt: str | None


def by_family(laws: Iterable[Law]) -> dict[str, list[Law]]:
    """The laws of each family, both in their order."""
    families: dict[str, list[Law]] = {}
    for law in laws:
        families.setdefault(law.family, []).append(law)
    return families


def about_family(law: Law) -> str:
    """What the family of a law is about: the first line of its file, of the package for levers."""
    module = law.function.__module__
    home = module.rpartition(".")[0] if law.is_lever else module
    return (sys.modules[home].__doc__ or "").partition("\n")[0]


def variants(law: Law) -> tuple[Law, ...]:
    """The law over each input that it may be taken over; itself where its inputs are fixed."""
    return tuple(law.over(x) for x in law.choices) or (law,)


def published_constants(law: Law) -> tuple[PublishedConstants, ...]:
    """Every published set of constants, for a law of one input under each that it may be taken over."""
    return tuple(
        PublishedConstants(name=name, x=variant.inputs[0], values=dict(values), doubt=law.trust.get(name))
        for variant in variants(law)
        for name, values in variant.published.items()
    )


def examples_of(law: Law) -> tuple[tuple[Law, Example], ...]:
    """Every number that a law must reproduce, with the law over the input it is about."""
    return tuple(
        (variant, each) for variant in variants(law) for each in variant.examples if {*each.at} == {*variant.inputs}
    )


def example_place(law: Law, example: Example) -> str:
    """The inputs of a test number: "N = 70B, D = 1.4T"."""
    return ", ".join(f"{x} = {amount(value, law.input_units[x])}" for x, value in example.at.items())


def origin_text(origin: Origin) -> str:
    """What constants were fitted to: "of 240 runs on MassiveText, N 57.3M to 16.2B; tokenizer …; says …"."""
    unit = {"C": "FLOP"}
    spans = ", ".join(
        " to ".join([f"{x} {amount(low, unit.get(x, ''))}", amount(high, unit.get(x, ""))])
        for x, (low, high) in origin.ranges.items()
    )
    runs = f"{origin.n} runs" if origin.n else "runs"
    fitted = f"fitted to {runs}{f' on {origin.data}' if origin.data else ''}{f', {spans}' if spans else ''}"
    tokenizer = f"tokenizer {origin.tokenizer}" if origin.tokenizer else ""
    return "; ".join(filter(None, [fitted, tokenizer, f"source {origin.source}"]))


def input_range(law: Law, x: str) -> str:
    """An input with its unit and the range over which its source measured it."""
    unit = law.input_units[x]
    if x not in law.domain:
        return f"{x} in {unit}"
    low, high = law.domain[x]
    return f"{x} in {unit}, measured from {amount(low, unit)} to {amount(high, unit)}"


def inputs_text(law: Law) -> str:
    """Every input with its unit and range; for a law of one input all that it may be taken over."""
    return ("; or " if law.choices else "; ").join(
        input_range(variant, x) for variant in variants(law) for x in variant.inputs
    )


def trend_text(law: Law) -> str:
    """With which inputs the law falls or rises, whatever its parameters; empty if it claims nothing."""
    signs = {x: sign for variant in variants(law) for x, sign in variant.trend.items()}
    last = "or" if law.choices else "and"
    by_word = [(word, [x for x in signs if signs[x] == sign]) for sign, word in _TREND.items()]
    return "; ".join(f"{word} with {list_words(inputs, last)}" for word, inputs in by_word if inputs)


def parameters_text(law: Law) -> str:
    """Every parameter with its kind."""
    return ", ".join(f"{name} {kind.name}" for name, kind in law.kinds.items())


def outcome_text(law: Law) -> str:
    """What comes out, with its unit."""
    return f"effective {law.unit}" if law.is_lever else _OUTCOMES.get(law.unit, law.unit)


def replaced_text(law: Law) -> str:
    """Which input a lever takes the place of, and how to write that."""
    bases = (get_law("chinchilla"), *all_laws())
    base, x = next((base, x) for base in bases for x, unit in base.input_units.items() if unit == law.unit)
    return f"{x} of another law, as in {base.name}[{x}={law.name}]"


def without_constants(law: Law) -> str:
    """Why no published constants can be shown."""
    composed = law.name not in {each.name for each in all_laws()}
    return "no constants of its own; those of its parts serve" if composed else "no constants are published"


def constant_text(value: float) -> str:
    """A published constant with six significant digits."""
    return f"{value:.6g}"


def constants_text(values: Iterable[tuple[str, float]]) -> str:
    """Constants by name, as in "E = 1.69, A = 406.4"."""
    return ", ".join(f"{name} = {constant_text(value)}" for name, value in values)


def list_words(words: Sequence[str], last: str = "and") -> str:
    """Words as a list in a sentence, as in "N, D and U"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
