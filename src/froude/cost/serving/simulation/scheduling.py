"""What a scheduler does beside what its engine is known for: preemption, routing, and how long a request is outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

Preemption = Literal["recompute", "swap"]
"""What becomes of keys and values that must make room: computed again later, or carried to the host and back."""

Routing = Literal["round robin", "least loaded"]
"""To which replica an arrival goes: each in turn, or the one that holds the fewest requests, waiting or running."""


@final
@dataclass(frozen=True, kw_only=True)
class Scheduling:
    """How requests are scheduled; what is None is the engine's own.

    `sequences` are served at once at most on a replica, `chunk` is the token budget of an iteration: those that decode
    and the chunks of prompts beside them. `promised` is the share of an answer for which there must be room before a
    request starts. `cache` keeps prompts' blocks for later requests that share them.
    """

    preemption: Preemption = "recompute"
    routing: Routing = "round robin"
    sequences: int | None = None
    chunk: int | None = None
    promised: float | None = None
    cache: bool = True
