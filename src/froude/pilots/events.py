"""What a pilot reports as it goes: a value for each step of a chapter, and the events of its engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

from froude.pilots.result import PilotResult
from froude.sweeps.events import SweepEvent

if TYPE_CHECKING:
    from froude.pilots.command.ladder import PilotLadder
    from froude.pilots.command.scale import FirstRun
    from froude.tank import Design, Trunk

Chapter = Literal["pilots", "target"]
CommandChapter = Literal["first runs", "pilots", "target"]


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
class FirstRunReady:
    """A first run of a trainer of the user's, whose dial has this name, is finished."""

    dial: str
    run: "FirstRun"


@final
@dataclass(frozen=True, kw_only=True)
class LadderReady:
    """There is a plan for a trainer of the user's, whose dial has this name."""

    dial: str
    ladder: "PilotLadder"


@final
@dataclass(frozen=True, kw_only=True)
class ChapterStarted:
    """The runs of a trainer of the user's begin; `SweepStarted` follows with them."""

    chapter: CommandChapter


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
    CorpusReady
    | MeasuringSpeed
    | PlanReady
    | TrainingStarted
    | TrainingEnded
    | FirstRunReady
    | LadderReady
    | ChapterStarted
    | ForecastReady
    | PilotFinished
    | SweepEvent
)

Watch = Callable[[PilotEvent], None]


def ignore(event: PilotEvent) -> None:
    """Watches nothing."""
