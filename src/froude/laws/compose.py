"""Composition: a lever says what counts as parameters or tokens, and takes their place in a law."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from froude.errors import InputError
from froude.laws.law import Law


def compose(base: Law, levers: Mapping[str, Law]) -> Law:
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
        given = dict(zip(made.inputs, inputs, strict=True))
        effective = [_taken(levers[x], given, parameters) if x in levers else given[x] for x in base.inputs]
        return base.function(*effective, **{name: parameters[name] for name in base.parameters})

    made = replace(
        base,
        name=f"{base.name}[{','.join(f'{x}={lever.name}' for x, lever in levers.items())}]",
        function=function,
        inputs=tuple(dict.fromkeys(order)),
        marks={name: marks[name] for name in order},
        kinds={name: kind for part in reversed(parts) for name, kind in part.kinds.items()},
        carries={name: powers for part in reversed(parts) for name, powers in part.carries.items()},
        summary=" ".join(part.summary for part in parts),
        source="; ".join(part.source for part in parts),
        wrong_when=" ".join(part.wrong_when for part in parts),
        published={},
        trust={},
        choices={},
        trend={},
        examples=(),
        written=None,
        domain={name: span for part in reversed(parts) for name, span in part.domain.items() if name in order},
    )
    return made


def _taken(lever: Law, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    return lever.function(*(given[x] for x in lever.inputs), **{name: parameters[name] for name in lever.parameters})


def _check(base: Law, x: str, lever: Law) -> None:
    if x not in base.inputs:
        raise InputError(f"{base.name} has no input {x} to replace: it is a law of {' and '.join(base.inputs)}")
    if not lever.is_lever or lever.unit != base.marks[x].unit:
        raise InputError(
            f"{lever.name} gives {lever.unit} and {x} of {base.name} is in {base.marks[x].unit}: replace another input"
        )
