"""The laws that come with Froude, and how to get one by name."""

import copyreg
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from froude.errors import InputError, close_names
from froude.laws.averaging import average
from froude.laws.definition import Law
from froude.laws.families import (
    broken,
    chinchilla,
    compute_optimal,
    error_rates,
    farseer,
    hyperparameters,
    kaplan,
    learning_rate,
    low_precision,
    overtraining,
    power,
    ratios,
    rising,
    sampling,
    saturating,
    schedule,
)
from froude.laws.levers import filtering, repetition, streams

FAMILIES: tuple[ModuleType, ...] = (
    *(power, saturating, broken, rising, error_rates, ratios, sampling),
    *(chinchilla, kaplan, farseer, overtraining, low_precision, compute_optimal),
    *(repetition, streams, filtering, hyperparameters, learning_rate, schedule),
)
"""The files of the catalogue, simplest laws first: every law that stands in one of them is listed."""

_COMPOSED = re.compile(r"(?P<base>[^\[\]]+)\[(?P<levers>[^\[\]]+)\]")
_SHARE = re.compile(r"(?P<law>\S+) (?P<percent>\d+(\.\d+)?)%")
_WAY_TO_THE_BEST = re.compile(r"iso-?flops?|approach|envelope|frontier|parabol|compute-optimal|^optimal$")
_WHOLE = 1e-6  # shares are written with three digits or more


def all_laws(family: str | None = None) -> tuple[Law, ...]:
    """Every law of the catalogue, or of one family, simplest first.

    InputError for an unknown family, naming all.
    """
    members_of = ((value, module.__name__) for module in FAMILIES for value in vars(module).values())
    laws = tuple(value for value, name in members_of if isinstance(value, Law) and value.function.__module__ == name)
    if family is None:
        return laws
    members = tuple(law for law in laws if law.family == family)
    if not members:
        families = ", ".join(dict.fromkeys(law.family for law in laws))
        raise InputError(f"no family of laws is called {family!r}: there are {families}")
    return members


def get_law(name: str, x: str | None = None) -> Law:
    """The law of that name, taken over the input x where it is a law of one input.

    `chinchilla[D=repeated-tokens]` is chinchilla with its tokens replaced by that lever, `chinchilla 60% + kaplan-floor
    40%` an average, whose laws of one input are taken over the same. InputError for an unknown name, suggesting the
    nearest, for an x that the law cannot take, and for shares that are not those of a whole.
    """
    if "%" in name:
        return _averaged(name, x)
    composed = _COMPOSED.fullmatch(name)
    law = _by_name(name) if composed is None else _composed(composed["base"], composed["levers"])
    return law if x is None else law.over(x)


def _averaged(name: str, x: str | None) -> Law:
    shares: dict[Law, float] = {}
    for part in name.split(" + "):
        share = _SHARE.fullmatch(part.strip())
        if share is None:
            raise InputError(f"{part.strip()!r} is no law with its share: write 'chinchilla 60% + kaplan-floor 40%'")
        law = get_law(share["law"])
        if law.choices:
            x = x or law.inputs[0]
            law = law.over(x)
        shares[law] = float(f"{share['percent']}e-2")
    if abs(sum(shares.values()) - 1) > _WHOLE:
        raise InputError(f"the shares of {name!r} sum to {100 * sum(shares.values()):g}%: let them sum to 100%")
    return average(shares)


def _by_name(name: str) -> Law:
    laws = {law.name: law for law in all_laws()}
    if name not in laws:
        if _WAY_TO_THE_BEST.search(name.lower()):
            raise InputError(f"{name} is no law but a way to the best size: froude optimal TABLE shows it")
        near = close_names(name, laws, n=1)
        hint = f"did you mean {near[0]}?" if near else "froude laws lists them"
        raise InputError(f"no law is called {name!r}: {hint}")
    return laws[name]


def _composed(base_name: str, pairs: str) -> Law:
    levers: dict[str, Law] = {}
    for pair in pairs.split(","):
        x, _, lever = (part.strip() for part in pair.partition("="))
        if not lever:
            raise InputError(f"{pair!r} replaces nothing: write INPUT=LEVER, as in chinchilla[D=repeated-tokens]")
        levers[x] = _by_name(lever)
    base = _by_name(base_name)
    return (base.over(next(iter(levers))) if base.choices else base).replacing(**levers)


def is_named(law: Law) -> bool:
    """Whether `get_law` gives this law for its name, taken over its input: those of a user's own it does not know."""
    try:
        known = named_law(law.name, law.inputs)
    except InputError:
        return False
    return known == law and known.parameters == law.parameters and known.source == law.source


def named_law(name: str, inputs: tuple[str, ...]) -> Law:
    """The law of that name as it takes these inputs: a law of one input is taken over it. InputError as `get_law`."""
    law = get_law(name)
    fixed = not (law.choices or law.members)
    return law if fixed or {*law.inputs} == {*inputs} else get_law(name, *inputs[:1])


def _law_of_module(module: str, name: str) -> Law:
    return getattr(sys.modules[module], name)


def _reduce(law: Law) -> tuple[Callable[..., Law], tuple[Any, ...]]:
    """How a law is pickled: by its name, as it is a function; one of a user's own by its module."""
    if is_named(law):
        return named_law, (law.name, law.inputs)
    module, name = law.function.__module__, law.function.__name__
    if getattr(sys.modules.get(module), name, None) is not law:
        raise TypeError(f"cannot pickle {law.name}: make it in a module, under the name {name}")
    return _law_of_module, (module, name)


copyreg.pickle(Law, _reduce)
