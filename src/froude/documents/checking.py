"""Values of JSON and TOML against a type: msgspec finds what is wrong, here it is said with key and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from froude.documents.document_error import DocumentError
from froude.documents.values import place_name
from froude.errors import shown

T = TypeVar("T")
Place = tuple[str | int, ...]

_MOST_KEYS = 1000  # among which the wrong one is looked for
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of keys and values",
    "null": "null",
}
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


def as_type(value: object, kind: type[T]) -> T:
    """The value as one of this type, converted as msgspec does it strictly: a number is no text, true is no number.

    DocumentError, naming the key and its value, for another.
    """
    problem = _problem(value, kind)
    if isinstance(problem, str):
        message, place = _split(problem)
        raise DocumentError(_in_words(message, value, _where(value, kind, place)))
    return problem[0]


def _problem(value: object, kind: type[T]) -> tuple[T] | str:
    """The value converted, as the only one of a tuple, or what msgspec says is wrong with it."""
    import msgspec

    try:
        return (msgspec.convert(value, kind, strict=True),)
    except msgspec.ValidationError as error:
        return str(error)


def _split(problem: str) -> tuple[str, list[str]]:
    """The message and the steps to the place of msgspec's "Expected `int`, got `str` - at `$.sizes[...][3]`"."""
    message, at, place = problem.rpartition(" - at `")
    return (message, re.findall(r"\[\.\.\.\]|\[\d+\]|\.[^.\[`]+", place)) if at else (problem, [])


def _where(value: Any, kind: type, steps: Iterable[str]) -> Place:
    """The place that these steps lead to; msgspec names no key of a mapping, so it is sought among them."""
    place: Place = ()
    for step in steps:
        inner = _at(value, place)
        if step == "[...]":
            key = _culprit(value, kind, place, inner)
        else:
            key = int(step[1:-1]) if step.startswith("[") else step[1:]
        if key is None or not _has(inner, key):
            return place
        place = (*place, key)
    return place


def _culprit(value: Any, kind: type, place: Place, inner: Any) -> str | None:
    """The key of a mapping without whose value nothing would be wrong there."""
    if not isinstance(inner, Mapping):
        return None
    alone = ((key, _replaced(value, place, {key: inner[key]})) for key in islice(inner, _MOST_KEYS))
    return next((key for key, document in alone if isinstance(_problem(document, kind), str)), None)


def _at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def _has(inner: Any, key: str | int) -> bool:
    return key in inner if isinstance(inner, Mapping) else isinstance(key, int) and key < len(inner)


def _replaced(value: Any, place: Place, inner: Any) -> Any:
    """The value with another one at a place in it."""
    if not place:
        return inner
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[place[0]] = _replaced(value[place[0]], place[1:], inner)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return copy


def _in_words(message: str, value: Any, place: Place) -> str:
    """What msgspec's message says, with the key and its value."""
    name, wrong = place_name(place), _at(value, place)
    if match := re.match(r"Object (?:missing required|contains unknown) field `(.*)`", message):
        key = place_name((*place, match[1]))
        return f"{key} is missing" if "missing" in message else f"{key} means nothing here"
    if match := re.match(r"Expected `([^`]+)`(?: (?:of length )?([<>=]*) ?([-+\d.e]+))?", message):
        return f"{name} is {shown(wrong)}, not {_wanted(match[1], match[2], match[3], 'length' in message)}"
    return f"{name} is {shown(wrong)}, which cannot be"


def _wanted(types: str, sign: str | None, bound: str | None, of_length: bool) -> str:
    """What was expected: "a whole number of at least 1", "a list of 2"."""
    named = " or ".join(_WORDS.get(each, each) for each in types.split(" | "))
    if bound is None:
        return named
    limit = f"{_BOUNDS.get(sign or '', 'of')} {float(bound):,.12g}"
    return f"{named} {limit} long" if of_length and sign else f"{named} {limit}"
