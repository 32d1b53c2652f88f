"""What a pilot comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

LEVEL = 0.9
"""The level of a pilot's intervals."""


@final
@dataclass(frozen=True, kw_only=True)
class PilotResult:
    """A forecast, and what came of it where the target has been run.

    Losses are nats a byte on the study's validation set; N counts non-embedding parameters, D bytes trained on, C exact
    training FLOPs. `measured` and what follows from it are None until the target has run; NaN where it diverged.
    """

    target: Mapping[str, float]
    predicted: float
    interval: tuple[float, float]
    measured: float | None
    compute_ratio: float
    params_ratio: float
    pilots: int
    diverged: int
    pilot_seconds: float
    target_seconds: float | None
    validation_halving: Mapping[str, float] | None
    study: Path
    report: Path

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
        }
        return {name: value for name, value in values.items() if value is not None}
