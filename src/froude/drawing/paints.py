"""Names and colours of the parts of a device's memory and of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from froude.answers.costs import FREE, REST
from froude.planning.layouts.names import MEMORY_PARTS as MEMORY_TITLES
from froude.planning.layouts.names import STEP_PARTS as STEP_TITLES


@final
@dataclass(frozen=True, kw_only=True)
class Paint:
    """What a part is called, and its colour by name with the colour's strength."""

    title: str
    colour: str
    strength: float = 1.0


def _painted(titles: Mapping[str, str], colours: Mapping[str, tuple[str, float]]) -> Mapping[str, Paint]:
    """The parts that have a colour, in the order of their colours."""
    return {name: Paint(title=titles[name], colour=c, strength=strength) for name, (c, strength) in colours.items()}


_STEP_COLOURS = {
    "compute": ("n6", 1.0),
    "recompute": ("n4", 1.0),
    "memory": ("n2", 1.0),
    "optimizer": ("n0", 0.7),
    "tensor": ("forecast", 1.0),
    "context": ("forecast", 0.78),
    "expert": ("forecast", 0.58),
    "data": ("forecast", 0.4),
    "offload": ("forecast", 0.22),
    "bubble": ("ink", 0.5),
    "waiting": ("ink", 0.3),
    "fixed": ("ink", 0.15),
}

STEP_PARTS = _painted(STEP_TITLES, _STEP_COLOURS)
"""Parts of a step in the order in which they are drawn: work, communication, idle time."""

_MEMORY_COLOURS = {
    "weights": ("n7", 1.0),
    "gradients": ("n5", 1.0),
    "optimizer": ("n2", 1.0),
    "activations": ("forecast", 1.0),
    "logits": ("forecast", 0.65),
    "working": ("forecast", 0.35),
    "buffers": ("ink", 0.5),
    "update": ("ink", 0.4),
    "fragmentation": ("ink", 0.3),
    "context": ("ink", 0.15),
}

MEMORY_PARTS = _painted(MEMORY_TITLES, _MEMORY_COLOURS)
"""Parts of a device's memory in the order in which they are drawn: states, activations, overhead."""

_OTHER_PARTS = {FREE: Paint(title=FREE, colour="hair"), REST: Paint(title=REST, colour="hair", strength=0.6)}


def paint_of(title: str) -> Paint:
    """The colour of a part by the name that is shown."""
    named = {paint.title: paint for paint in (*MEMORY_PARTS.values(), *STEP_PARTS.values())}
    return {**named, **_OTHER_PARTS}[title]


def place_of(title: str) -> int:
    """The place of a part among those that are drawn before it, from left to right."""
    named = [paint.title for paint in (*MEMORY_PARTS.values(), *STEP_PARTS.values())]
    return [*named, REST, FREE].index(title)
