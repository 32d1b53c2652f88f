"""JSON as Python values, with limits: depth, numbers that floats hold, keys that are given once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from froude.documents.document_error import DocumentError
from froude.documents.text import utf8
from froude.documents.values import check_values
from froude.errors import shown


def parse_json(body: bytes | str, finite: bool = True) -> Any:
    """The value of a JSON document. DocumentError for what is none, or has NaN or infinities where all is `finite`."""
    text = utf8(body)
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DocumentError(_no_json(text, error)) from None
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    except ValueError as error:
        raise DocumentError(_too_long(error)) from None
    return check_values(value, finite)


def _no_json(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    return f"it is no JSON: {error.msg} at line {error.lineno} column {error.colno}"


def _too_long(error: ValueError) -> str:
    """What else a parse may fail of: our own fault, or an integer of more digits than Python reads."""
    return str(error) if isinstance(error, DocumentError) else "it holds an integer of thousands of digits"


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object. DocumentError where a key stands twice: one of its values would be lost."""
    values: dict[str, Any] = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise DocumentError(f"the key {shown(twice)} stands twice in one object")
    return values
