"""What a sweep reports as it goes: when it starts, the events of its engine, and what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.engines import Event


@final
@dataclass(frozen=True, kw_only=True)
class SweepStarted:
    """The runs begin: the settings of all by their ids, and how many of them are finished already."""

    configs: Mapping[str, Mapping[str, Any]]
    finished: int


SweepEvent = SweepStarted | Event

Watch = Callable[[SweepEvent], None]


def ignore(event: SweepEvent) -> None:
    """Watches nothing."""
