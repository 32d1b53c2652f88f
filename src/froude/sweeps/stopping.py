"""Runs of a sweep that are stopped early: those that will not beat the best finished one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from froude.files import write_file
from froude.fitting.watching.reading import watched_runs
from froude.fitting.watching.signs import has_diverged
from froude.fitting.watching.verdicts import STOP_BELOW, stop_forecast

FEWEST_FINISHED = 3
"""Finished runs that are asked for before any is stopped."""
_LOOK_AGAIN = 1.1  # times the steps of the last look


@final
@dataclass
class Stopper:
    """Looks at a run of a study as it goes, each time that it has come a tenth further."""

    study: Path
    id: str
    columns: Mapping[str, str]
    next_step: float = 1.0

    def reason(self, step: float) -> str | None:
        """Why the run is to be stopped at this step, in words; None where it is not, or where it was just looked at."""
        if step < self.next_step:
            return None
        self.next_step = max(step * _LOOK_AGAIN, step + 1)
        runs, _ = watched_runs(self.study, self.columns)
        own = next((run for run in runs if run.name == self.id), None)
        finished = [run for run in runs if run.is_finished and run.name != self.id]
        sound = [run.loss[-1] for run in finished if not has_diverged(run)]
        if own is None or len(sound) < FEWEST_FINISHED:
            return None
        forecast, best = stop_forecast(own, finished), float(min(sound))
        if forecast is None or (reaches := forecast.probability_below(best)) >= STOP_BELOW:
            return None
        return (
            f"stopped at step {step:g}: it would end at {forecast.loss:.4g}, and beats the best, {best:.4g}, "
            f"with {reaches:.1%}"
        )


def stopped_file(study: Path, id: str) -> Path:
    """The file that says why a run was stopped."""
    return study / "output" / f"{id}.stopped.json"


def keep_stopped(study: Path, id: str, reason: str) -> None:
    """Write down that a run was stopped. OSError."""
    write_file(stopped_file(study, id), json.dumps({"reason": reason}).encode() + b"\n")


def stopped_reason(study: Path, id: str) -> str | None:
    """Why a run was stopped by an earlier command; None where it was not."""
    try:
        return str(json.loads(stopped_file(study, id).read_bytes())["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
