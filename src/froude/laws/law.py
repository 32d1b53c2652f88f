"""A law: a plain function of measured inputs (positional) and fitted parameters (keyword-only).

The annotations of its signature carry kinds and units (`kinds.py`); its formula, its listing, its random
starts and everything the fit needs are derived from that signature, so that no law has code of its own
anywhere else. `carries` is its dimensional analysis: `{"A": {"N": "alpha"}}` says that A carries the unit of
N to the power alpha, so that counting N in millions divides A by 1e6**alpha and changes nothing else.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, final, get_type_hints

import numpy as np

from froude.errors import InputError
from froude.laws.formula import Symbol, symbol
from froude.laws.kinds import Input, Kind, Output

Constants = Mapping[str, Mapping[str, float]]


@final
@dataclass(frozen=True, kw_only=True)
class Law:
    """A law of scaling; call it as `law(N=7e9, D=1e12, E=1.8, …)` with numbers or arrays that broadcast.

    `inputs` are the roles measured, in order; `kinds` the parameters by name, in order. `published` maps the
    name of a published fit to its constants, and `trust` says for some of them what to doubt. `over` maps
    each input that a law of one input may be taken over to the constants published for it.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    input_units: Mapping[str, str]
    kinds: Mapping[str, Kind]
    output: Output
    carries: Mapping[str, Mapping[str, str | float]]
    summary: str
    source: str
    wrong_when: str
    published: Constants = field(default_factory=dict)
    trust: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Constants] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the fitted parameters, in order."""
        return tuple(self.kinds)

    @property
    def unit(self) -> str:
        """The unit of what the law predicts."""
        return self.output.unit

    @property
    def residual(self) -> Literal["log", "plain"]:
        """How far off is counted: "log" or "plain"."""
        return self.output.residual

    @cached_property
    def _traced(self) -> Symbol:
        inputs = [symbol(name) for name in self.inputs]
        return self.function(*inputs, **{name: symbol(name) for name in self.parameters})

    @property
    def formula(self) -> str:
        """The right-hand side in plain text, such as `E + A·N^-alpha + B·D^-beta`."""
        return self._traced.text

    @property
    def latex(self) -> str:
        """The right-hand side in LaTeX."""
        return self._traced.latex

    def __call__(self, **values: Any) -> Any:
        """The law's value, in `unit`, of the broadcast shape of its arguments.

        Every input and every parameter is named; InputError names the first that is missing or unknown.
        """
        known = (*self.inputs, *self.parameters)
        for name in known:
            if name not in values:
                raise InputError(f"{self.name} needs a value of {name}: give {', '.join(known)}")
        for name in values:
            if name not in known:
                raise InputError(f"{self.name} has no {name}: it takes {', '.join(known)}")
        arrays = {name: np.asarray(value, dtype=float) for name, value in values.items()}
        inputs = [arrays.pop(name) for name in self.inputs]
        with np.errstate(over="ignore"):  # a wild draw of the parameters may be infinite
            return self.function(*inputs, **arrays)[()]

    def over(self, x: str) -> "Law":
        """The same law of another input, for a law of one input (`power.over("N")`).

        InputError where the law's inputs are fixed or x is none of its choices.
        """
        if (x,) == self.inputs:
            return self
        if x not in self.choices:
            takes = " or ".join(self.choices) if self.choices else " and ".join(self.inputs)
            raise InputError(f"{self.name} is no law of {x} alone: it is a law of {takes}")
        (old,) = self.inputs
        return replace(
            self,
            inputs=(x,),
            input_units={x: _UNITS[x]},
            carries={name: {x: powers[old]} for name, powers in self.carries.items()},
            published=self.choices[x],
        )

    def rescaled(self, parameters: Mapping[str, Any], factors: Mapping[str, float]) -> dict[str, Any]:
        """The parameters that give the same values when each input is divided by its factor.

        `law(N=n, **p) == law(N=n / f, **law.rescaled(p, {"N": f}))`. Parameters may be arrays.
        """
        scaled = dict(parameters)
        for name, powers in self.carries.items():
            for x, power in powers.items():
                scaled[name] = scaled[name] * factors.get(x, 1.0) ** -_exponent(power, parameters)
        return scaled


_UNITS: Mapping[str, str] = {"N": "parameters", "D": "tokens", "C": "FLOP"}


def law(
    *,
    source: str,
    wrong_when: str,
    carries: Mapping[str, Mapping[str, str | float]],
    published: Constants | None = None,
    trust: Mapping[str, str] | None = None,
    over: Mapping[str, Constants] | None = None,
) -> Callable[[Callable[..., Any]], Law]:
    """Make a `Law` of a function whose signature is annotated with the kinds of `froude.laws.kinds`.

    The name is the function's with hyphens, the summary the first line of its docstring. `over` is for a law
    of one input: the roles it may be taken over, the first by default, each with its published constants.
    TypeError where an annotation or an entry of `carries` makes no sense.
    """

    def decorate(function: Callable[..., Any]) -> Law:
        marks = {name: _mark(function, name, hint) for name, hint in _hints(function).items()}
        output = marks.pop("return")
        if not isinstance(output, Output):
            raise TypeError(f"{function.__name__}: annotate what it returns with an Output of froude.laws.kinds")
        inputs = {name: mark for name, mark in marks.items() if isinstance(mark, Input)}
        kinds = {name: mark for name, mark in marks.items() if isinstance(mark, Kind)}
        made = Law(
            name=function.__name__.replace("_", "-"),
            function=function,
            inputs=tuple(inputs),
            input_units={name: mark.unit for name, mark in inputs.items()},
            kinds=kinds,
            output=output,
            carries=carries,
            summary=(inspect.getdoc(function) or "").partition("\n")[0],
            source=source,
            wrong_when=wrong_when,
            published=published or {},
            trust=trust or {},
            choices=over or {},
        )
        _check_carries(made)
        return made.over(next(iter(over))) if over else made

    return decorate


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    names = [*inspect.signature(function).parameters, "return"]
    return {name: hints.get(name) for name in names}


def _mark(function: Callable[..., Any], name: str, hint: Any) -> Input | Kind | Output:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Input | Kind | Output):
            return mark
    raise TypeError(f"{function.__name__}: annotate {name} with a kind or unit of froude.laws.kinds")


def _exponent(power: str | float, parameters: Mapping[str, Any]) -> Any:
    if not isinstance(power, str):
        return power
    return -parameters[power[1:]] if power.startswith("-") else parameters[power]


def _check_carries(made: Law) -> None:
    # An exponent that itself carried a unit would make the order of rescaling matter.
    for name, powers in made.carries.items():
        for x, power in powers.items():
            exponent = power.removeprefix("-") if isinstance(power, str) else None
            unknown = exponent is not None and (exponent not in made.kinds or exponent in made.carries)
            if name not in made.kinds or x not in made.inputs or unknown:
                raise TypeError(f"{made.name}: carries[{name!r}][{x!r}] = {power!r} makes no sense")
