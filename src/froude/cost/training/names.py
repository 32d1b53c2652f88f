"""What parts of a layout are called: by their fields, and by the short names that papers and frameworks use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from froude.errors import InputError

SHORT_NAMES: Mapping[str, str] = {"tp": "tensor", "pp": "pipeline", "cp": "context", "ep": "expert"}
"""Fields of `Layout` by their short names."""

_FOLLOWS = {
    "dp": "it is what tensor, pipeline and context parallelism leave of the devices",
    "fsdp": "write zero=3",
    "vp": "write interleave",
    "sp": "write sequence_parallel",
}
"""What other short names stand for, and why or how else it is written."""


def field_called(name: str) -> str:
    """The field of `Layout` that a name means: "tp" and "tensor", "micro-batch" and "micro_batch" alike."""
    plain = name.strip().replace("-", "_")
    return SHORT_NAMES.get(plain.lower(), plain)


def by_field(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of a layout, by its fields. InputError where one is given under both of its names."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        field = field_called(name)
        if field in values and values[field] != value:
            raise InputError(f"{name} = {value}: {field} = {values[field]} says the same: give one of them")
        values[field] = value
    return values


def no_field(name: str, known: tuple[str, ...] | list[str]) -> str:
    """What to say of a name that no field of a layout has: how it is written, or which names there are."""
    if (how := _FOLLOWS.get(name.lower())) is not None:
        return f"a layout has no {name}: {how}"
    shorts = {field: short for short, field in SHORT_NAMES.items()}
    names = ", ".join(f"{one} ({shorts[one]})" if one in shorts else one for one in known)
    return f"a layout has no {name}; it has {names}"
