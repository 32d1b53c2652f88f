"""The laws that come with Froude, and how to get one by name."""

import re
from difflib import get_close_matches
from types import ModuleType

from froude.errors import InputError
from froude.laws.averaging import average
from froude.laws.definition import Law
from froude.laws.families import (
    broken,
    chinchilla,
    compute_optimal,
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
    *(power, saturating, broken, rising, ratios, sampling),
    *(chinchilla, kaplan, farseer, overtraining, low_precision, compute_optimal),
    *(repetition, streams, filtering, hyperparameters, learning_rate, schedule),
)
"""The files of the catalogue, simplest laws first: every law that stands in one of them is listed."""

_COMPOSED = re.compile(r"(?P<base>[^\[\]]+)\[(?P<levers>[^\[\]]+)\]")
_SHARE = re.compile(r"(\S+) ([\d.]+)%(?: \+ |$)")


def all_laws(family: str | None = None) -> tuple[Law, ...]:
    """Every law of the catalogue, or of one family, simplest first.

    InputError for an unknown family, naming all.
    """
    laws = tuple(value for module in FAMILIES for value in vars(module).values() if isinstance(value, Law))
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
    40%` an average. InputError for an unknown name, suggesting the nearest, and for an x that the law cannot take.
    """
    if shares := _SHARE.findall(name) if " + " in name else []:
        return average({get_law(member, x): float(f"{share}e-2") for member, share in shares})
    composed = _COMPOSED.fullmatch(name)
    law = _by_name(name) if composed is None else _composed(composed["base"], composed["levers"])
    return law if x is None else law.over(x)


def _by_name(name: str) -> Law:
    laws = {law.name: law for law in all_laws()}
    if name not in laws:
        near = get_close_matches(name, laws, n=1)
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
