"""JSON on stdout."""

from __future__ import annotations

import json
import math
from typing import Any


def print_json(value: Any) -> None:
    """One line of strict JSON on stdout."""
    print(json.dumps(strict(value), allow_nan=False))


def strict(value: Any) -> Any:
    """The same value with None for NaN and infinity, for which JSON has no form."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    return [strict(item) for item in value] if isinstance(value, list | tuple) else value
