"""What a pilot reports as it goes: a value for each step of a chapter, and the events of its engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

from froude.engines import Event
from froude.pilots.result import PilotResult

if TYPE_CHECKING:
    from froude.tank import Design, Trunk

Chapter = Literal["pilots", "target"]


@final
@dataclass(frozen=True, kw_only=True)
class CorpusReady:
    """The corpus is there; `summary` is its manifest without the lists of files."""

    summary: Mapping[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class MeasuringSpeed:
    """The speed of this machine is about to be measured."""


@final
@dataclass(frozen=True, kw_only=True)
class PlanReady:
    """There is a plan; `repeats` where its longest run sees bytes of the corpus more than once."""

    design: "Design"
    repeats: bool


@final
@dataclass(frozen=True, kw_only=True)
class TrainingStarted:
    """The trainings of a chapter begin: all its trunks, those that are not finished, and the ids of finished runs."""

    chapter: Chapter
    trunks: "tuple[Trunk, ...]"
    unfinished: "tuple[Trunk, ...]"
    finished: frozenset[str]


@final
@dataclass(frozen=True, kw_only=True)
class TrainingEnded:
    """The trainings of a chapter have ended, all of them or with an error."""

    chapter: Chapter


@final
@dataclass(frozen=True, kw_only=True)
class ForecastReady:
    """The forecast is in the study; `document` is its forecast.json."""

    document: Mapping[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class PilotFinished:
    """Everything is in the study, the page too."""

    result: PilotResult


PilotEvent = (
    CorpusReady | MeasuringSpeed | PlanReady | TrainingStarted | TrainingEnded | ForecastReady | PilotFinished | Event
)

Watch = Callable[[PilotEvent], None]


def ignore(event: PilotEvent) -> None:
    """Watches nothing."""
