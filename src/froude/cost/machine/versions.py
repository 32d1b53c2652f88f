"""Software by name and version: `megatron-bridge@26.02`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from froude.errors import InputError, close_names

_DIGITS = re.compile(r"\d+")
Versioned = TypeVar("Versioned", bound=Any)


def of_version(text: str, known: Sequence[Versioned], *, kind: str, example: str, other: str = "") -> Versioned:
    """Of what is known by a `name` in several versions, in their order, the one of a text; the newest without @version.

    The newest that is not newer than the one asked for is taken, the oldest where all are newer; its `asked` says so
    where that is another one. InputError for an unknown name, with the nearest, and what `other` may be given.
    """
    name, _, version = text.partition("@")
    named = [one for one in known if one.name == name.strip().lower()]
    if not named:
        names = list(dict.fromkeys(one.name for one in known))
        near = close_names(name, names)
        raise InputError(f"no {kind} is called {name!r}: take one of {', '.join(near or names)}{other}")
    if not version:
        return named[-1]
    wanted = _numbers(version)
    if not wanted:
        raise InputError(f"{text!r} has no version after @: write it as in {example}")
    earlier = [one for one in named if _numbers(one.version) <= wanted]
    found = earlier[-1] if earlier else named[0]
    return found if found.version == version else replace(found, asked=version)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, which order versions."""
    return tuple(int(digits) for digits in _DIGITS.findall(version))
