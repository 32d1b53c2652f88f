"""The laws that come with Froude, and how to get one by name."""

import re
from difflib import get_close_matches

from froude.errors import InputError
from froude.laws.compose import average
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
from froude.laws.law import Law
from froude.laws.levers import filtering
from froude.laws.levers import repetition as levers

_FAMILIES = (
    *(power, saturating, broken, rising, ratios, sampling),
    *(chinchilla, kaplan, farseer, overtraining, low_precision, compute_optimal),
    *(levers, filtering, hyperparameters, learning_rate, schedule),
)


def _laws_of(family: object) -> list[Law]:
    return [value for value in vars(family).values() if isinstance(value, Law)]


_LAWS = tuple(law for family in _FAMILIES for law in _laws_of(family))
_BY_NAME = {law.name: law for law in _LAWS}
_COMPOSED = re.compile(r"(?P<base>[^\[\]]+)\[(?P<levers>[^\[\]]+)\]")
_SHARE = re.compile(r"(\S+) ([\d.]+)%(?: \+ |$)")


def all_laws(family: str | None = None) -> tuple[Law, ...]:
    """Every law of the catalogue, or of one family, simplest first.

    InputError for an unknown family, naming all.
    """
    if family is None:
        return _LAWS
    found = tuple(law for law in _LAWS if law.family == family)
    if not found:
        families = ", ".join(dict.fromkeys(law.family for law in _LAWS))
        raise InputError(f"no family of laws is called {family!r}: there are {families}")
    return found


def get_law(name: str, x: str | None = None) -> Law:
    """The law of that name, taken over the input x where it is a law of one input.

    `chinchilla[D=repeated-tokens]` is chinchilla with its tokens replaced by that lever, `chinchilla 60% + kaplan-floor
    40%` an average. InputError for an unknown name, suggesting the nearest, and for an x that the law cannot take.
    """
    if shares := _SHARE.findall(name) if " + " in name else []:
        return average({get_law(member, x): float(f"{share}e-2") for member, share in shares})
    composed = _COMPOSED.fullmatch(name)
    made = _by_name(name) if composed is None else _composed(composed["base"], composed["levers"])
    return made if x is None else made.over(x)


def _by_name(name: str) -> Law:
    if name not in _BY_NAME:
        near = get_close_matches(name, _BY_NAME, n=1)
        hint = f"did you mean {near[0]}?" if near else "froude laws lists them"
        raise InputError(f"no law is called {name!r}: {hint}")
    return _BY_NAME[name]


def _composed(base: str, levers: str) -> Law:
    taken: dict[str, Law] = {}
    for pair in levers.split(","):
        x, _, lever = (part.strip() for part in pair.partition("="))
        if not lever:
            raise InputError(f"{pair!r} replaces nothing: write INPUT=LEVER, as in chinchilla[D=repeated-tokens]")
        taken[x] = _by_name(lever)
    made = _by_name(base)
    return (made.over(next(iter(taken))) if made.choices else made).replacing(**taken)
