"""The laws that come with Froude, and how to get one by name."""

from difflib import get_close_matches

from froude.errors import InputError
from froude.laws.chinchilla import chinchilla, chinchilla_tied
from froude.laws.kaplan import kaplan_joint
from froude.laws.law import Law
from froude.laws.power import power, power_floor
from froude.laws.varying import varying_exponent

_LAWS = (power, power_floor, chinchilla, chinchilla_tied, kaplan_joint, varying_exponent)


def all_laws() -> tuple[Law, ...]:
    """Every law of the catalogue, simplest first."""
    return _LAWS


def get_law(name: str, x: str | None = None) -> Law:
    """The law of that name, taken over the input x where it is a law of one input.

    InputError for an unknown name, suggesting the nearest, and for an x that the law cannot take.
    """
    by_name = {law.name: law for law in _LAWS}
    if name not in by_name:
        near = get_close_matches(name, by_name, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}"
        raise InputError(f"no law is called {name!r}: {hint}")
    return by_name[name] if x is None else by_name[name].over(x)
