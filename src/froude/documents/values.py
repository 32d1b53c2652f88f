"""What no document may hold, whatever it is for: deep nesting, numbers beyond floats, halves of characters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from froude.documents.document_error import DocumentError
from froude.errors import shown

DEEPEST = 64
"""Lists and objects inside one another."""
Path = tuple[str | int, ...]


def check_values(value: Any, finite: bool = True) -> Any:
    """The value itself.

    DocumentError where something in it is nested too deeply, an integer that no float holds, text that no file can
    hold or, where all is `finite`, NaN or infinite; it names the place.
    """
    left: list[tuple[Path, Any]] = [((), value)]
    while left:
        place, each = left.pop()
        if isinstance(each, dict | list):
            if len(place) >= DEEPEST:
                raise DocumentError("it is nested too deeply")
            left += [((*place, key), inner) for key, inner in _inner(each) if not _is_plain(inner)]
            left += [((*place, key), key) for key in each if isinstance(each, dict) and not key.isascii()]
        elif fault := _fault(each, finite):
            raise DocumentError(f"{place_name(place)} is {shown(each)}, {fault}")
    return value


def place_name(place: Iterable[str | int]) -> str:
    """A place in a document as people write it: "inputs.N[3]"; the content for the whole."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place]
    name = "".join(parts).removeprefix(".") or "its content"
    return name if len(name) <= 80 else f"{name[:40]}...{name[-37:]}"


def _key(key: str) -> str:
    return key if key.isidentifier() and len(key) <= 40 else shown(key, 40)


def _inner(each: dict[str, Any] | list[Any]) -> Iterable[tuple[str | int, Any]]:
    return each.items() if isinstance(each, dict) else enumerate(each)


def _is_plain(value: Any) -> bool:
    """Whether a value is one of those that most are, and in which nothing can be wrong: for speed alone."""
    kind = type(value)
    if kind is float:
        return value - value == 0
    return (kind is str and value.isascii()) or (kind is int and -(2**53) < value < 2**53) or value is None


def _fault(value: Any, finite: bool) -> str | None:
    if isinstance(value, str):
        return None if _is_text(value) else "which is half a character"
    if isinstance(value, int) and not isinstance(value, bool):
        return None if _fits_float(value) else "which is beyond all numbers that can be computed with"
    return "not a finite number" if finite and isinstance(value, float) and not math.isfinite(value) else None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fits_float(value: int) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True
