"""A law: a plain function of measured inputs (positional) and fitted parameters (keyword-only).

The annotations of its signature carry kinds and units (`kinds.py`); its formula, its listing, its random
starts and everything the fit needs are derived from that signature, so that no law has code of its own
anywhere else. `carries` is its dimensional analysis: `{"A": {"N": "alpha"}}` says that A carries the unit of
N to the power alpha, so that counting N in millions divides A by 1e6**alpha and changes nothing else. A power
is a number, a parameter's name, such a name with a minus sign, or a tuple of these, which is their sum.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.laws.formula import Symbol, symbol
from froude.laws.kinds import Input, Kind, Output
from froude.laws.origin import Origin
from froude.laws.residual_scales import ResidualScale, from_scale, to_scale
from froude.result import Result

Constants = Mapping[str, Mapping[str, float]]
Power = str | float | tuple[str | float, ...]


@final
@dataclass(frozen=True, kw_only=True)
class Example:
    """A number to test a law against: its value `gives` at some inputs under a published set of constants.

    `gives` is written with as many digits as are known: the law must agree within one and a half of the last.
    """

    constants: str
    at: Mapping[str, float]
    gives: str

    @property
    def tolerance(self) -> float:
        """How far the law's value may lie from the number, absolute."""
        mantissa, _, exponent = self.gives.lower().partition("e")
        return 1.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Law(Result):
    """A law of scaling; call it as `law(N=7e9, D=1e12, E=1.8, …)` with numbers or arrays that broadcast.

    `inputs` are the roles measured, in order; `kinds` the parameters by name, in order; `domain` is the range of each
    input, lowest and highest, over which its source measured it. `published` maps the name of a published fit to its
    constants, `trust` says for some of them what to doubt, and `origins` what they were fitted to. `choices` maps each
    input that a law of one input may be taken over to the constants published for it. `trend` claims for some inputs
    that the law falls (-1) or rises (1) with them, and `examples` are numbers it must reproduce. `members` are the
    laws, with their shares, of which this one is the average, if it is one. Laws are equal when their names and inputs
    are.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    marks: Mapping[str, Input]
    kinds: Mapping[str, Kind]
    output: Output
    carries: Mapping[str, Mapping[str, Power]]
    family: str
    about: str
    source: str
    wrong_when: str
    domain: Mapping[str, tuple[float, float]]
    published: Constants = field(default_factory=dict)
    trust: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    choices: Mapping[str, Constants] = field(default_factory=dict)
    trend: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    notation: tuple[str, str] | None = None
    members: "tuple[tuple[Law, float], ...]" = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Law) and (self.name, self.inputs) == (other.name, other.inputs)

    def __hash__(self) -> int:
        return hash((self.name, self.inputs))

    @property
    def is_lever(self) -> bool:
        """Whether its value takes the place of an input of another law, instead of being an outcome."""
        return self.output.effective

    @property
    def input_units(self) -> dict[str, str]:
        """The unit of each input."""
        return {x: mark.unit for x, mark in self.marks.items()}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the fitted parameters, in order."""
        return tuple(self.kinds)

    @property
    def unit(self) -> str:
        """The unit of what the law predicts."""
        return self.output.unit

    @property
    def residual(self) -> ResidualScale:
        """The scale on which predicted and measured outcomes are compared."""
        return self.output.residual

    @property
    def is_relative(self) -> bool:
        """Whether residuals are shares, of the outcome or of the error rate, instead of amounts of it."""
        return self.output.is_relative

    def on_scale(self, y: Any) -> Any:
        """Outcomes on the scale of the residuals."""
        return to_scale(self.residual, y)

    def off_scale(self, values: Any) -> Any:
        """Values on the scale of the residuals as outcomes, none of them what no outcome can be."""
        return np.clip(from_scale(self.residual, values), self.output.least, self.output.most)

    def falling(self, y: Any) -> Any:
        """Outcomes of which less is better: of an accuracy its error rate."""
        return 1 - y if self.residual == "log error" else y

    @cached_property
    def _symbol(self) -> Symbol:
        inputs = [symbol(name) for name in self.inputs]
        return self.function(*inputs, **{name: symbol(name) for name in self.parameters})

    @property
    def formula(self) -> str:
        """The right-hand side in plain text, such as `E + A·N^-alpha + B·D^-beta`."""
        return self.notation[0] if self.notation else self._symbol.text

    @property
    def latex(self) -> str:
        """The right-hand side in LaTeX."""
        return self.notation[1] if self.notation else self._symbol.latex

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
        inputs = [self.marks[name].read(values[name]) for name in self.inputs]
        arrays = {name: np.asarray(values[name], dtype=float) for name in self.parameters}
        with np.errstate(over="ignore", invalid="ignore"):  # a wild draw of the parameters may be infinite
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
            marks={x: replace(self.marks[old], unit=_UNITS[x])},
            carries={name: {x: powers[old]} for name, powers in self.carries.items()},
            trend={x: self.trend[old]} if old in self.trend else {},
            published=self.choices[x],
        )

    def replacing(self, **levers: "Law") -> "Law":
        """This law with some inputs replaced by levers, laws of effective parameters or tokens.

        `chinchilla.replacing(D=repeated_tokens)` is a law of N and of what repeated_tokens takes. InputError for a
        lever of another unit than the input it replaces.
        """
        return _compose(self, levers)

    def rescale(self, parameters: Mapping[str, Any], factors: Mapping[str, float]) -> dict[str, Any]:
        """The parameters that give the same values when each input is divided by its factor.

        `law(N=n, **p) == law(N=n / f, **law.rescale(p, {"N": f}))`. Parameters may be arrays.
        """
        scaled = dict(parameters)
        with np.errstate(over="ignore"):  # as those of a wild draw may be infinite
            for name, powers in self.carries.items():
                for x, power in powers.items():
                    scaled[name] = scaled[name] * factors.get(x, 1.0) ** -_exponent(power, parameters)
        return scaled


_UNITS: Mapping[str, str] = {"N": "parameters", "D": "tokens", "C": "FLOP"}


def _exponent(power: Power, parameters: Mapping[str, Any]) -> Any:
    if isinstance(power, tuple):
        return sum(_exponent(part, parameters) for part in power)
    if not isinstance(power, str):
        return power
    return -parameters[power[1:]] if power.startswith("-") else parameters[power]


def _compose(base: Law, levers: Mapping[str, Law]) -> Law:
    """The law base with each named input replaced by its lever; see `Law.replacing`.

    Inputs are the union of all, in order. A parameter that a lever names as the base does is the same parameter:
    what counts as a parameter in excess depends on the base's own constants.
    """
    for x, lever in levers.items():
        _check(base, x, lever)
    order = [name for x in base.inputs for name in (levers[x].inputs if x in levers else (x,))]
    marks = {**base.marks, **{name: mark for lever in levers.values() for name, mark in lever.marks.items()}}
    parts = (base, *levers.values())

    def function(*inputs: Any, **parameters: Any) -> Any:
        given = dict(zip(composed.inputs, inputs, strict=True))
        replaced = [_effective(levers[x], given, parameters) if x in levers else given[x] for x in base.inputs]
        return base.function(*replaced, **{name: parameters[name] for name in base.parameters})

    composed = replace(
        base,
        name=f"{base.name}[{','.join(f'{x}={lever.name}' for x, lever in levers.items())}]",
        function=function,
        inputs=tuple(dict.fromkeys(order)),
        marks={name: marks[name] for name in order},
        kinds={name: kind for part in reversed(parts) for name, kind in part.kinds.items()},
        carries={name: powers for part in reversed(parts) for name, powers in part.carries.items()},
        about=" ".join(part.about for part in parts),
        source="; ".join(part.source for part in parts),
        wrong_when=" ".join(part.wrong_when for part in parts),
        published={},
        trust={},
        origins={},
        choices={},
        trend={},
        examples=(),
        notation=None,
        domain={name: span for part in reversed(parts) for name, span in part.domain.items() if name in order},
    )
    return composed


def _effective(lever: Law, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    return lever.function(*(given[x] for x in lever.inputs), **{name: parameters[name] for name in lever.parameters})


def _check(base: Law, x: str, lever: Law) -> None:
    if x not in base.inputs:
        raise InputError(f"{base.name} has no input {x} to replace: it is a law of {' and '.join(base.inputs)}")
    if not lever.is_lever or lever.unit != base.marks[x].unit:
        raise InputError(
            f"{lever.name} gives {lever.unit} and {x} of {base.name} is in {base.marks[x].unit}: replace another input"
        )
