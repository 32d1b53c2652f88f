"""A stack as the TOML file that `get_stack` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from froude.cost.stack.known_stacks import EVERYWHERE
from froude.cost.stack.stack import ServingUncertainty, Stack, StackFact, Uncertainty


def stack_toml(stack: Stack) -> str:
    """The stack's file: every fact with its trust and source, and of a fitted one what it was fitted to."""
    served = [] if stack.serving_uncertainty is None else _served(stack.serving_uncertainty)
    return "\n".join([*_head(stack), *_facts(stack.facts), *_fitted(stack), *served, ""])


def _head(stack: Stack) -> Iterator[str]:
    yield "# A software stack, for --stack FILE. Each fact is [value, trust, source]; froude stack show FILE shows it."
    yield "[[stack]]"
    for name in ("name", "version", "title"):
        yield f"{name} = {json.dumps(getattr(stack, name))}"
    if stack.memory != 1.0:
        yield f"memory = {stack.memory:.6g}  # measured peaks of memory over counted ones"


def _facts(facts: Sequence[StackFact]) -> Iterator[str]:
    """A table a kind of facts; those of a field or a number format stand together."""
    for kind in dict.fromkeys(fact.kind for fact in facts):
        yield f"\n[stack.{kind}]"
        mine = [fact for fact in facts if fact.kind == kind]
        nested = {"fields": "name", "precisions": "where"}.get(kind)
        if nested is None:
            yield from (f"{_key(fact.where if kind == 'errors' else fact.name)} = {_entry(fact)}" for fact in mine)
            continue
        inner = "where" if nested == "name" else "name"
        for group in dict.fromkeys(getattr(fact, nested) for fact in mine):
            entries = [
                f"{_key(getattr(fact, inner))} = {_entry(fact)}" for fact in mine if getattr(fact, nested) == group
            ]
            yield f"{_key(group)} = {{ {', '.join(entries)} }}"


def _fitted(stack: Stack) -> Iterator[str]:
    if stack.uncertainty is not None:
        yield "\n[stack.uncertainty]  # the covariance of the constants' logarithms"
        yield from _covariance(stack.uncertainty)
    if stack.fitted_to is not None:
        yield "\n[stack.fitted_to]"
        yield from (f"{name} = {json.dumps(value)}" for name, value in _plain(vars(stack.fitted_to)).items())


def _served(doubt: ServingUncertainty) -> Iterator[str]:
    yield "\n[stack.serving_uncertainty]  # what load tests leave open, and what they were of"
    yield f"rows = {doubt.rows}"
    yield from (f"{name} = {json.dumps(list(getattr(doubt, name)))}" for name in ("models", "machines", "engines"))
    yield "\n[stack.serving_uncertainty.unexplained]  # standard deviations of log seconds that no constant explains"
    yield from (f"{name} = {value:.6g}" for name, value in doubt.unexplained.items())
    yield "\n[stack.serving_uncertainty.spreads]  # the covariance of the constants' logarithms"
    yield from _covariance(doubt.spreads)


def _covariance(spreads: Uncertainty) -> Iterator[str]:
    yield f"constants = {json.dumps(spreads.constants)}"
    yield "covariance = ["
    for row in spreads.covariance:
        yield f"  [{', '.join(f'{value:.6g}' for value in row)}],"
    yield "]"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _key(name: str) -> str:
    """A key as TOML writes it: bare where it can be; empty for what holds everywhere."""
    name = name or EVERYWHERE
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _entry(fact: StackFact) -> str:
    """Value, trust and source."""
    value = f"{fact.value:.6g}" if isinstance(fact.value, float) else json.dumps(fact.value)
    return f"[{value}, {json.dumps(fact.trust)}, {json.dumps(fact.source)}]"
