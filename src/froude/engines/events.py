"""What a worker reports while it performs a task, as values, and the one JSON form in which they travel."""

import json
from dataclasses import asdict, dataclass
from typing import Any, final


@final
@dataclass(frozen=True, kw_only=True)
class Ready:
    """A worker has started and waits for a task."""


@final
@dataclass(frozen=True, kw_only=True)
class Progress:
    """A run in training: its id, the tokens that it has seen, its latest loss, and how fast it goes."""

    run: str
    tokens: int
    loss: float
    tokens_per_s: float


@final
@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """A run is finished and kept in its study; `loss` is None where it diverged."""

    run: str
    loss: float | None


@final
@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a person should know, in one line: that something damaged is made again, say."""

    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Done:
    """A task is done, and its value."""

    value: Any


@final
@dataclass(frozen=True, kw_only=True)
class Failed:
    """A task failed.

    `error` names the error; for bad input it is the line for the user, and `is_input` is true. Where the system refused
    something (a full disk, say), `errno`, `reason` and `filename` are those of the OSError, else None.
    """

    error: str
    is_input: bool = False
    errno: int | None = None
    reason: str | None = None
    filename: str | None = None


Event = Ready | Progress | RunFinished | Notice | Done | Failed

EVENTS: dict[str, type[Event]] = {
    "ready": Ready,
    "progress": Progress,
    "run": RunFinished,
    "notice": Notice,
    "done": Done,
    "failed": Failed,
}
"""Every kind of event by its name in JSON."""

_NAMES = {kind: name for name, kind in EVENTS.items()}


def event_to_json(event: Event) -> str:
    """An event as one line of JSON. TypeError where a value of it has no form in JSON."""
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)})


def event_from_json(line: str) -> Event:
    """The event that `event_to_json` wrote. ValueError where the line is no JSON, KeyError for an unknown event."""
    fields = json.loads(line)
    return EVENTS[fields.pop("event")](**fields)
