"""Records from text and back: one JSON object a line, every field checked, an error naming line and field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from froude.atlas.schema import (
    Claim,
    ClaimTerm,
    ConstantTerm,
    Cost,
    Domain,
    Gain,
    Qualifier,
    Range,
    Record,
    Relation,
    Role,
    Rule,
    Runnable,
    choices,
)
from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json
from froude.errors import InputError, close_names, shown

SCHEMA = 1
WORDS = {
    "domain": frozenset(choices(Domain)),
    "role": frozenset(choices(Role)),
    "runnable": frozenset(choices(Runnable)),
    "costs": frozenset(choices(Cost)),
    "qualifier": frozenset(choices(Qualifier)),
    "gain": frozenset(choices(Gain)),
    "rule": frozenset(choices(Rule)),
}
PRIORITIES = (1, 2, 3, 4)
RECORD_TEXTS = ("id", "title", "domain", "role", "axis", "lever", "works_when", "runnable")
RECORD_FIELDS = frozenset((*RECORD_TEXTS, "priority", "costs", "claims", "relations"))
CLAIM_FIELDS = frozenset(
    ("quantity", "value", "low", "high", "unit", "baseline", "conditions", "hardware", "qualifier", "gain", "note")
)
RELATION_FIELDS = frozenset(("rule", "claim", "terms"))
TERM_FIELDS = frozenset(("claim", "scale", "value", "source"))
FEWEST_TERMS = {"ratio": 2, "product": 2, "difference": 2, "cut": 2, "gain": 2, "share": 2, "six_nd": 2, "bound": 1}


class FieldError(ValueError):
    """A field that breaks the schema: where it is, and what it should be."""


def read_records(text: str, place: str) -> tuple[Record, ...]:
    """The records of a text whose first line is {"schema": 1} and every other one a record; blank lines are skipped.

    Raises InputError with the line and the field of the first thing that breaks the schema, under the name `place`.
    """
    records: dict[str, Record] = {}
    for i, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line, finite=False)
            if i == 1:
                _check_version(value)
                continue
            record = read_record(value)
            if record.id in records:
                raise FieldError(f"id {shown(record.id)} stands twice: give each record its own")
        except DocumentError as error:
            raise InputError(f"{place} line {i}: {error}: fix it") from None
        except FieldError as error:
            raise InputError(f"{place} line {i}: {error}") from None
        records[record.id] = record
    return tuple(records.values())


def read_record(value: object) -> Record:
    """One record from its JSON object. Raises FieldError."""
    fields = _object(value, RECORD_FIELDS, "the record")
    texts = {name: _text(fields, name, "", empty=name == "lever") for name in RECORD_TEXTS}
    for name in ("domain", "role", "runnable"):
        _word(texts[name], name, "")
    priority = fields.get("priority")
    if type(priority) is not int or priority not in PRIORITIES:
        raise FieldError(f"priority is {shown(priority)}: give 1, 2, 3 or 4")
    costs = _texts(fields, "costs", "")
    for cost in costs:
        _word(cost, "costs", "")
    claims = tuple(read_claim(one, f"claims[{i}]") for i, one in enumerate(_list(fields, "claims", "")))
    relations = _list(fields, "relations", "") if "relations" in fields else []
    return Record(
        **texts | {"lever": texts["lever"] or None},  # pyright: ignore[reportArgumentType], the words were checked above
        priority=priority,
        costs=costs,  # pyright: ignore[reportArgumentType]
        claims=claims,
        relations=tuple(_read_relation(one, f"relations[{i}]", claims) for i, one in enumerate(relations)),
    )


def read_claim(value: object, at: str) -> Claim:
    """One claim from its JSON object, which stands at `at` in the record. Raises FieldError."""
    fields = _object(value, CLAIM_FIELDS, at)
    at += "."
    read = Claim(
        quantity=_text(fields, "quantity", at),
        value=_size(fields, at),
        unit=_text(fields, "unit", at),
        baseline=_text(fields, "baseline", at) if "baseline" in fields else None,
        conditions=_texts(fields, "conditions", at) if "conditions" in fields else (),
        hardware=_texts(fields, "hardware", at) if "hardware" in fields else (),
        qualifier=_word(_text(fields, "qualifier", at), "qualifier", at),  # pyright: ignore[reportArgumentType]
        gain=_word(_text(fields, "gain", at), "gain", at),  # pyright: ignore[reportArgumentType]
        note=_text(fields, "note", at) if "note" in fields else None,
    )
    if read.value is None and read.qualifier != "direction":
        raise FieldError(f"{at}value is missing: give value, or low and high, or the qualifier direction")
    return read


def record_to_dict(record: Record) -> dict[str, Any]:
    """The JSON object that reads back as the record; what is empty is left out of claims."""
    head = {
        name: getattr(record, name) or "" for name in ("id", "title", "domain", "role", "priority", "axis", "lever")
    }
    tail = {"costs": list(record.costs), "works_when": record.works_when, "runnable": record.runnable}
    relations = {"relations": [_relation_to_dict(one) for one in record.relations]} if record.relations else {}
    return head | tail | {"claims": [claim_to_dict(claim) for claim in record.claims]} | relations


def claim_to_dict(claim: Claim) -> dict[str, Any]:
    """The JSON object that reads back as the claim."""
    value = claim.value
    size: dict[str, Any] = {"low": value.low, "high": value.high} if isinstance(value, Range) else {"value": value}
    stated = {"quantity": claim.quantity, **size, "unit": claim.unit, "baseline": claim.baseline}
    lists = {"conditions": list(claim.conditions), "hardware": list(claim.hardware)}
    rest = {"qualifier": claim.qualifier, "gain": claim.gain, "note": claim.note}
    return {name: one for name, one in (stated | lists | rest).items() if one not in (None, [])}


def _relation_to_dict(relation: Relation) -> dict[str, Any]:
    return {"rule": relation.rule, "claim": relation.claim, "terms": [_term_to_dict(t) for t in relation.terms]}


def _term_to_dict(term: ClaimTerm | ConstantTerm) -> dict[str, Any]:
    if isinstance(term, ConstantTerm):
        return {"value": term.value, "source": term.source}
    return {"claim": term.claim} | ({"scale": term.scale} if term.scale != 1 else {})


def _check_version(value: object) -> None:
    if value != {"schema": SCHEMA}:
        raise FieldError(f'schema is not {SCHEMA}: begin with the line {{"schema": {SCHEMA}}}')


def _read_relation(value: object, at: str, claims: tuple[Claim, ...]) -> Relation:
    fields = _object(value, RELATION_FIELDS, at)
    rule = _word(_text(fields, "rule", f"{at}."), "rule", f"{at}.")
    terms = [_read_term(one, f"{at}.terms[{i}]", claims) for i, one in enumerate(_list(fields, "terms", f"{at}."))]
    if len(terms) < FEWEST_TERMS[rule]:
        raise FieldError(f"{at}.terms has {len(terms)}: {rule} takes at least {FEWEST_TERMS[rule]}")
    claim = _claim_number(fields, at, claims)
    return Relation(rule=rule, claim=claim, terms=tuple(terms))  # pyright: ignore[reportArgumentType]


def _read_term(value: object, at: str, claims: tuple[Claim, ...]) -> ClaimTerm | ConstantTerm:
    fields = _object(value, TERM_FIELDS, at)
    if "claim" in fields:
        scale = _number(fields, "scale", f"{at}.") if "scale" in fields else 1.0
        return ClaimTerm(claim=_claim_number(fields, at, claims), scale=scale)
    return ConstantTerm(value=_number(fields, "value", f"{at}."), source=_text(fields, "source", f"{at}."))


def _claim_number(fields: Mapping[str, Any], at: str, claims: tuple[Claim, ...]) -> int:
    index = fields.get("claim")
    if type(index) is not int or not 0 <= index < len(claims):
        raise FieldError(f"{at}.claim is {shown(index)}: give the number of a claim, 0 to {len(claims) - 1}")
    if isinstance(claims[index].value, str | None):
        raise FieldError(f"{at}.claim {index} has no number: relate claims that have one")
    return index


def _size(fields: Mapping[str, Any], at: str) -> float | Range | str | None:
    if "low" in fields or "high" in fields:
        if "value" in fields:
            raise FieldError(f"{at}value stands beside low and high: give one or the other")
        return Range(low=_number(fields, "low", at), high=_number(fields, "high", at))
    if "value" not in fields:
        return None
    value = fields["value"]
    return (value or None) if isinstance(value, str) else _number(fields, "value", at)


def _number(fields: Mapping[str, Any], name: str, at: str) -> float:
    value = fields.get(name)
    # bool is an int, and Python's JSON reads NaN and Infinity
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FieldError(f"{at}{name} is {shown(value)}: give a finite number")
    return value


def _object(value: object, allowed: frozenset[str], at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(f"{at} is {shown(value)}: give a JSON object")
    unknown = value.keys() - allowed
    if unknown:
        name = min(unknown)
        near = close_names(name, allowed, n=1) or [", ".join(sorted(allowed))]
        raise FieldError(f"{at} has the unknown field {shown(name)}: give {near[0]}")
    return value


def _text(fields: Mapping[str, Any], name: str, at: str, empty: bool = False) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise FieldError(f"{at}{name} is {'missing' if value is None else shown(value)}: give a text")
    return value


def _list(fields: Mapping[str, Any], name: str, at: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise FieldError(f"{at}{name} is {'missing' if value is None else shown(value)}: give a list")
    return value


def _texts(fields: Mapping[str, Any], name: str, at: str) -> tuple[str, ...]:
    values = _list(fields, name, at)
    if not all(isinstance(one, str) and one for one in values):
        raise FieldError(f"{at}{name} is {shown(values)}: give a list of texts")
    return tuple(values)


def _word(value: str, name: str, at: str) -> str:
    allowed = WORDS[name]
    if value not in allowed:
        near = close_names(value, allowed, n=1)
        raise FieldError(f"{at}{name} is {shown(value)}: give {near[0] if near else ', '.join(sorted(allowed))}")
    return value
