"""How a law is written down: `@law` makes one of a plain function, whose signature carries kinds and units."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints

from froude.laws.definition import Constants, Example, Law, Power
from froude.laws.kinds import Input, Kind, Output
from froude.laws.origin import Origin

LEVERS = "froude.laws.levers"
"""The package of levers, which are one family."""


def law(
    *,
    source: str,
    wrong_when: str,
    domain: Mapping[str, tuple[float, float]],
    carries: Mapping[str, Mapping[str, Power]],
    published: Constants | None = None,
    trust: Mapping[str, str] | None = None,
    origins: Mapping[str, Origin] | None = None,
    over: Mapping[str, Constants] | None = None,
    falls_in: Sequence[str] = (),
    rises_in: Sequence[str] = (),
    examples: Sequence[Example] = (),
    notation: tuple[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Law]:
    """Make a `Law` of a function whose signature is annotated with the kinds of `froude.laws.kinds`.

    The name is the function's with hyphens, the summary the first line of its docstring, the family the name of
    its file, or "levers". `over` is for a law of one input: the roles it may be taken over, the first by default, each
    with its published constants. `falls_in` and `rises_in` name inputs with which its value never rises or falls,
    whatever the parameters. `notation` is the formula as text and as LaTeX, for one that cannot be read off the
    function. TypeError where an annotation or an entry of `carries` makes no sense.
    """

    def decorate(function: Callable[..., Any]) -> Law:
        marks = {name: _mark(function, name, hint) for name, hint in _hints(function).items()}
        output = marks.pop("return")
        if not isinstance(output, Output):
            raise TypeError(f"{function.__name__}: annotate what it returns with an Output of froude.laws.kinds")
        inputs = {name: mark for name, mark in marks.items() if isinstance(mark, Input)}
        kinds = {name: mark for name, mark in marks.items() if isinstance(mark, Kind)}
        decorated = Law(
            name=function.__name__.replace("_", "-"),
            function=function,
            inputs=tuple(inputs),
            marks=inputs,
            kinds=kinds,
            output=output,
            carries=carries,
            family=_family(function.__module__),
            about=(inspect.getdoc(function) or "").partition("\n")[0],
            source=source,
            wrong_when=wrong_when,
            domain=domain,
            published=published or {},
            trust=trust or {},
            origins=origins or {},
            choices=over or {},
            trend={**dict.fromkeys(falls_in, -1), **dict.fromkeys(rises_in, 1)},
            examples=tuple(examples),
            notation=notation,
        )
        _check_carries(decorated)
        return decorated.over(next(iter(over))) if over else decorated

    return decorate


def _family(module: str) -> str:
    """The family of a law: its file, or "levers" for all that are in the package of levers."""
    package, _, name = module.rpartition(".")
    return "levers" if package == LEVERS else name.strip("_").replace("_", "-")


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    names = [*inspect.signature(function).parameters, "return"]
    return {name: hints.get(name) for name in names}


def _mark(function: Callable[..., Any], name: str, hint: Any) -> Input | Kind | Output:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Input | Kind | Output):
            return mark
    raise TypeError(f"{function.__name__}: annotate {name} with a kind or unit of froude.laws.kinds")


def _check_carries(law: Law) -> None:
    # An exponent that itself carried a unit would make the order of rescaling matter.
    for name, powers in law.carries.items():
        for x, power in powers.items():
            parts = power if isinstance(power, tuple) else (power,)
            exponents = [part.removeprefix("-") for part in parts if isinstance(part, str)]
            unknown = any(each not in law.kinds or each in law.carries for each in exponents)
            if name not in law.kinds or x not in law.inputs or unknown:
                raise TypeError(f"{law.name}: carries[{name!r}][{x!r}] = {power!r} makes no sense")
