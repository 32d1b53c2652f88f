"""Values that a tracker keeps as texts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection
from typing import Any

from froude.errors import shown

_WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MOST_DIGITS = 400
_LONGEST_LITERAL = 10_000
_MOST_NAMES = 5


def value_of_text(text: str) -> Any:
    """The number, flag, list or mapping that a text spells in Python or JSON; the text itself where it spells none."""
    plain = text.strip()
    if plain in _WORDS:
        return _WORDS[plain]
    if len(plain) < _MOST_DIGITS and _NUMBER.fullmatch(plain):
        return float(plain) if set(plain) & set(".eE") else int(plain)
    if plain[:1] in ("{", "[", "(") and len(plain) < _LONGEST_LITERAL:
        for read in (json.loads, ast.literal_eval):
            try:
                return read(plain)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
    return text


def number_of(value: Any) -> float | None:
    """The number that a logged value is, None for a flag and what else is none.

    NaN and the infinities may be spelled as texts, as JSON without them has it.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    return _NOT_FINITE.get(value) if isinstance(value, str) else None


_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def names(each: Collection[object]) -> str:
    """The first few of some names or numbers, and how many there are beside them."""
    first = ", ".join(shown(name, 40) for name in list(each)[:_MOST_NAMES])
    return first if len(each) <= _MOST_NAMES else f"{first} and {len(each) - _MOST_NAMES} more"
