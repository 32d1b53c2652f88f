"""What the documents of a pilot study hold, as types that they are checked against when they are read.

A number that is NaN is refused, but for the loss of a target that diverged; an interval's end may be infinite.
"""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

LARGEST = 1e100  # beyond it, products leave what floats hold
Positive = Annotated[float, Meta(gt=0, lt=LARGEST)]
Number = Annotated[float, Meta(gt=-LARGEST, lt=LARGEST)]
Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=1, le=2**40)]
Interval = tuple[Annotated[float, Meta(ge=0, lt=LARGEST)], Annotated[float, Meta(ge=0)]]


class Sizes(TypedDict):
    """Parameters, tokens and training FLOPs."""

    N: Positive
    D: Positive
    C: Positive


class LawTried(TypedDict):
    """A law between which the forecast chose; `cuts` are the hold-outs that judged it, none where its error is null."""

    law: str
    share: Number
    held_out_error: Number | None
    cuts: Count
    predicted: Positive


class Further(TypedDict):
    """A forecast at more compute."""

    factor: Positive
    N: Positive
    D: Positive
    C: Positive
    mean: Positive
    interval: Interval


class ForecastRecord(TypedDict):
    """forecast.json."""

    written: str
    law: str
    at: Sizes
    predicted: Positive
    interval: Interval
    level: Positive
    parts: dict[str, Number]
    choice: list[LawTried]
    further: NotRequired[list[Further]]
    warnings: list[str]
    loss_unit: NotRequired[str]
    pilots: NotRequired[Count]
    diverged: NotRequired[Count]
    compute_ratio: NotRequired[Positive]
    params_ratio: NotRequired[Positive]


class Halving(TypedDict):
    """How much a random half of the validation set moves a ratio of losses, and what it should stay below."""

    ratio_change: Number
    quarter_half_width: Number


class ResultRecord(TypedDict, total=False):
    """result.json, as far as the page reads it."""

    target: Sizes
    predicted: Positive
    interval: Interval
    measured: float
    pilot_seconds: Number
    target_seconds: Number
    validation_halving: Halving


class Shape(TypedDict):
    """The decoder of a training."""

    width: Size
    layers: Size
    heads: Size
    context: Size
    vocabulary: NotRequired[Size]


class Training(TypedDict):
    """A training of the plan, as far as the page reads it."""

    decoder: Shape
    tokens: Annotated[list[Size], Meta(min_length=1)]
    batch: Size
    lr: Positive
    seed: Count
    precision: str


class Trainings(TypedDict, total=False):
    """The trainings of a plan."""

    pilots: list[Training]
    target: Training


class CorpusSummary(TypedDict, total=False):
    """The manifest without its files."""

    hash: str
    kept_files: Count
    kept_bytes: Count
    train_bytes: Count
    validation_bytes: Count
    dropped_files: Count
    dropped_bytes: Count
    unreadable_files: Count


class PlanRecord(TypedDict, total=False):
    """plan.json, as far as the page reads it: a `design` of Froude's own trainer, or the command of another `trainer`
    and the id of its target's run."""

    command: str
    minutes: Number
    seed: Count
    froude: str
    written: str
    corpus: CorpusSummary
    design: Trainings
    trainer: str
    target_run: str


class EnvironmentRecord(TypedDict, total=False):
    """environment.json."""

    froude: str
    python: str
    torch: str
    numpy: str
    platform: str
    processor: str
    device: str
    cores: Count | None
    memory_bytes: Count | None
