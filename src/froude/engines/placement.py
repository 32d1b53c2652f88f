"""Where an engine works, and what one of its tasks needs there: processors, GPUs, memory, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, final

from froude.bounds import LARGEST, positive_number, whole_number
from froude.errors import InputError, shown
from froude.quantity import read_quantity

MOST_CPUS = 10_000
"""Of one task: more than any node has."""
_EXAMPLE = "cpus=2,gpus=1,memory=8GB,time=2h,partition=gpu"


@final
@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one task needs of the machine that it is placed on.

    `memory_bytes` and `seconds` are None where nothing is said of them: then the cluster's own defaults hold.
    `partition` is the part of a Slurm cluster that it is for.
    """

    cpus: int = 1
    gpus: int = 0
    memory_bytes: float | None = None
    seconds: float | None = None
    partition: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The names, as a user writes them, of what differs from what is needed where nothing is said."""
        changed = (each.name for each in fields(self) if getattr(self, each.name) != each.default)
        return tuple(_NAMES_OF_FIELDS[name] for name in changed)


_NAMES_OF_FIELDS = {
    "cpus": "cpus",
    "gpus": "gpus",
    "memory_bytes": "memory",
    "seconds": "time",
    "partition": "partition",
}


@final
@dataclass(frozen=True, kw_only=True)
class EnginePlace:
    """Where an engine works: the `address` of a cluster, what each task `needs`, and a `folder` that all machines see.

    Each is None where it is not said; an engine that cannot do without it says so.
    """

    address: str | None = None
    needs: Needs = field(default_factory=Needs)
    folder: Path | None = None


def read_needs(given: Mapping[str, Any] | str | None) -> Needs | None:
    """The needs that "cpus=2,memory=8GB" or a mapping names; None for None. InputError where it names none."""
    if given is None:
        return None
    values = _pairs(given) if isinstance(given, str) else dict(given)
    known = _NAMES_OF_FIELDS.values()
    for name in values:
        if name not in known:
            raise InputError(f"needs have no {shown(name)}: give {', '.join(known)}, as in {_EXAMPLE}")
    memory, seconds, partition = (values.get(name) for name in ("memory", "time", "partition"))
    return Needs(
        cpus=_count("cpus", values.get("cpus", 1), 1),
        gpus=_count("gpus", values.get("gpus", 0), 0),
        memory_bytes=None if memory is None else positive_number("memory", read_quantity(memory, "bytes"), LARGEST),
        seconds=None if seconds is None else positive_number("time", read_quantity(seconds, "seconds"), LARGEST),
        partition=None if partition is None else str(partition),
    )


def _count(name: str, value: Any, least: int) -> int:
    return whole_number(name, read_quantity(value, "count"), least, MOST_CPUS)


def _pairs(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (equals and name and value) or name in values:
            raise InputError(f"needs {shown(text)} do not parse: write them like {_EXAMPLE}")
        values[name] = value
    return values
