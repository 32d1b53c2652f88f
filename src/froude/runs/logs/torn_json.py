"""What is whole in a JSON object that was cut short: its members up to the cut, and the elements of the last list."""

from __future__ import annotations

import json
import re
from typing import Any

_SPACE = re.compile(r"[\s,]*")


def whole_part(text: str) -> tuple[dict[str, Any], int]:
    """Return the members of a JSON object that are whole, and at which character it breaks.

    A list that is cut gives its whole elements; anything else that is cut is left out. No object at all gives none.
    """
    decoder = json.JSONDecoder()
    values: dict[str, Any] = {}
    place = text.find("{") + 1
    while place:
        place = _skip(text, place)
        try:
            key, after = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        colon = _skip(text, after)
        if not isinstance(key, str) or text[colon : colon + 1] != ":":
            break
        start = _skip(text, colon + 1)
        try:
            values[key], place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            if text[start : start + 1] == "[":
                values[key], place = _elements(text, start + 1, decoder)
            break
        if place == len(text):  # a number may go on where the text was cut
            del values[key]
            break
    return values, place


def _elements(text: str, place: int, decoder: json.JSONDecoder) -> tuple[list[Any], int]:
    whole: list[Any] = []
    while True:
        try:
            value, place = decoder.raw_decode(text, _skip(text, place))
        except (ValueError, RecursionError):
            return whole, place
        if place < len(text) or isinstance(value, dict | list | str):
            whole.append(value)


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place
