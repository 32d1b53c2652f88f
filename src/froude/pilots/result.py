"""What a pilot comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.answers import Answer, Fact
from froude.answers.numbers import count, loss_text
from froude.answers.registry import answer_of
from froude.answers.studies import measured_words
from froude.answers.studies.outcome import TANK_UNIT, interval_words, with_unit
from froude.provenance import Computed
from froude.quantity import format_quantity, format_seconds

LEVEL = 0.9
"""The level of a pilot's intervals."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class PilotResult(Computed):
    """A forecast, and what came of it where the target has been run.

    Of Froude's own trainer losses are nats a byte on the study's validation set, N counts non-embedding parameters, D
    bytes trained on and C exact training FLOPs; of another trainer all are as it says them, C is 6·N·D where it does
    not, and `loss_unit` is empty. `measured` and what follows from it are None until the target has run; NaN where it
    diverged. Seconds are None where they are not known, as the document that had them was damaged.
    """

    target: Mapping[str, float]
    predicted: float
    interval: tuple[float, float]
    measured: float | None
    compute_ratio: float
    params_ratio: float
    pilots: int
    diverged: int
    pilot_seconds: float | None
    target_seconds: float | None
    validation_halving: Mapping[str, float] | None
    study: Path
    report: Path
    loss_unit: str = TANK_UNIT

    @property
    def rel_error(self) -> float | None:
        """|predicted − measured| / measured."""
        return None if self.measured is None else abs(self.predicted - self.measured) / self.measured

    @property
    def inside(self) -> bool | None:
        """Whether the measured loss lies in the interval."""
        return None if self.measured is None else self.interval[0] <= self.measured <= self.interval[1]

    def to_dict(self) -> dict[str, Any]:
        """What `froude pilot --json` prints; what has not been measured is absent."""
        values = {
            "target": dict(self.target),
            "predicted": self.predicted,
            "interval": list(self.interval),
            "level": LEVEL,
            "measured": self.measured,
            "rel_error": self.rel_error,
            "inside": self.inside,
            "compute_ratio": self.compute_ratio,
            "params_ratio": self.params_ratio,
            "pilots": self.pilots,
            "diverged": self.diverged,
            "pilot_seconds": self.pilot_seconds,
            "target_seconds": self.target_seconds,
            "validation_halving": self.validation_halving,
            "study": str(self.study),
            "report": str(self.report),
            **self.origin,
        }
        return {name: value for name, value in values.items() if value is not None}


@answer_of.register(PilotResult)
def answer_of_pilot(result: PilotResult) -> Answer:
    """What a pilot forecast, and what came of it where the target has been run."""
    forecast = f"{with_unit(loss_text(result.predicted), result.loss_unit)} ({interval_words(result.interval)})"
    runs = f"{count(result.pilots, 'run')}, {count(result.diverged, 'run')} of them diverged"
    seconds = result.pilot_seconds
    facts = [
        Fact("forecast", f"{forecast}, a {LEVEL:.0%} interval"),
        Fact("target", ", ".join(f"{name} = {format_quantity(size)}" for name, size in result.target.items())),
        Fact("beyond", f"{result.params_ratio:.3g}× the largest pilot's size, {result.compute_ratio:.3g}× its compute"),
        Fact("pilots", runs if seconds is None else f"{runs}, in {format_seconds(seconds, 2)}"),
        Fact("page", str(result.report)),
    ]
    measured = result.measured
    if measured is None:
        return Answer(
            headline="a forecast of a training that is not run yet", facts=tuple(facts), data=result.to_dict()
        )
    headline = measured_words(result.predicted, result.interval, measured, result.loss_unit)
    return Answer(headline=headline, facts=tuple(facts), data=result.to_dict())
