"""Values of a training loop as JSON holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.errors import InputError, shown


def plain(name: str, value: Any) -> Any:
    """A value as JSON holds it: numbers of NumPy and PyTorch as Python's, tables inside one another too.

    InputError, which has the name, for what has no form in JSON.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(f"{name}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(name, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    try:
        return plain(name, value.item())
    except (AttributeError, TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} = {shown(value)} has no form in JSON: give a number, a text or a list") from None
