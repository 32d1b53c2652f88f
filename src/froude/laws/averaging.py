"""Several laws averaged into one, each with its share."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.laws.definition import Law, Power


def average(shares: Mapping[Law, float]) -> Law:
    """The weighted geometric mean of laws of the same inputs, itself a law; shares sum to 1.

    Of laws of an accuracy it is that of their error rates.

    Its parameters are those of its members under names such as `chinchilla.alpha`, its name says the shares with all
    their digits, as in `chinchilla 60% + power 40%`, and `members` keeps them. InputError for laws whose inputs or
    units differ.
    """
    first = next(iter(shares))
    for law in shares:
        if set(law.inputs) != set(first.inputs) or law.output != first.output:
            raise InputError(f"{law.name} and {first.name} differ in what they take or give: average like laws")
    if len(shares) == 1:
        return first

    of_errors = first.residual == "log error"
    factor = "(1 - {})^{:.3g}" if of_errors else "({})^{:.3g}"
    notation = " · ".join(factor.format(law.formula, share) for law, share in shares.items())

    def function(*inputs: Any, **parameters: Any) -> Any:
        given = dict(zip(first.inputs, inputs, strict=True))
        parts = [law.function(*(given[x] for x in law.inputs), **_own(law, parameters)) for law in shares]
        parts = [1 - part for part in parts] if of_errors else parts
        mean = np.exp(sum(share * np.log(part) for share, part in zip(shares.values(), parts, strict=True)))
        return 1 - mean if of_errors else mean

    return replace(
        first,
        name=" + ".join(f"{law.name} {_percent(share)}%" for law, share in shares.items()),
        function=function,
        kinds={f"{law.name}.{name}": kind for law in shares for name, kind in law.kinds.items()},
        carries={
            f"{law.name}.{name}": {x: _renamed(power, law) for x, power in powers.items()}
            for law in shares
            for name, powers in law.carries.items()
        },
        family="average",
        about="The weighted geometric mean of laws that predicted larger runs about as well.",
        source="; ".join(law.source for law in shares),
        wrong_when="all its members are wrong in the same direction.",
        published={},
        origins={},
        trust={},
        choices={},
        trend={x: sign for x, sign in first.trend.items() if all(law.trend.get(x) == sign for law in shares)},
        examples=(),
        notation=(f"1 - {notation}" if of_errors else notation,) * 2,
        members=tuple((law, share) for law, share in shares.items()),
    )


def _percent(share: float) -> str:
    """A share in percent, as a decimal that reads back as the same float."""
    return f"{Decimal(repr(float(share))).scaleb(2).normalize():f}"


def _renamed(power: Power, law: Law) -> Power:
    if isinstance(power, tuple):
        return tuple(_renamed_term(term, law) for term in power)
    return _renamed_term(power, law)


def _renamed_term(term: str | float, law: Law) -> str | float:
    if not isinstance(term, str):
        return term
    return f"-{law.name}.{term[1:]}" if term.startswith("-") else f"{law.name}.{term}"


def _own(law: Law, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[f"{law.name}.{name}"] for name in law.parameters}
