"""Values that a tracker keeps as texts."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Collection
from typing import Any

from froude.errors import shown

_WORDS = {"true": True, "false": False, "none": None, "null": None}
_MOST_DIGITS = 400
_LONGEST_LITERAL = 10_000
_MOST_NAMES = 5


def value_of_text(text: str) -> Any:
    """The number, flag, list or mapping that a text spells in Python or JSON; the text itself where it spells none."""
    plain = text.strip()
    if (number := number_in_text(plain)) is not None:
        return number
    if (word := plain.lower()) in _WORDS:
        return _WORDS[word]
    if plain[:1] in ("{", "[", "(") and len(plain) < _LONGEST_LITERAL:
        for read in (json.loads, ast.literal_eval):
            try:
                return read(plain)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
    return text


def number_in_text(text: str) -> int | float | None:
    """The number that a text spells, None where it spells none.

    NaN and the infinities are numbers in any of their spellings ("nan", "NaN", "inf", "-Infinity"); digits parted by
    "_" are none: "2026_01" is a name.
    """
    try:
        number = float(text)
    except ValueError:
        return None
    if "_" in text or len(text) > _MOST_DIGITS:
        return None
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isdigit() else number


def number_of(value: Any) -> float | None:
    """The number that a logged value is, None for a flag and what else is none.

    A text is a number only where it spells NaN or an infinity, as JSON without them has it.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    number = number_in_text(value) if isinstance(value, str) else None
    return None if number is None or math.isfinite(number) else float(number)


def finite_number_of(value: Any) -> float | None:
    """The finite number that a value is, None for all else."""
    number = number_of(value)
    return number if number is not None and math.isfinite(number) else None


def names(each: Collection[object]) -> str:
    """The first few of some names or numbers, and how many there are beside them."""
    first = ", ".join(shown(name, 40) for name in list(each)[:_MOST_NAMES])
    return first if len(each) <= _MOST_NAMES else f"{first} and {len(each) - _MOST_NAMES} more"
