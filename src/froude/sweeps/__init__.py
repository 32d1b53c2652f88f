"""Anyone's trainer over a space, into a study; a run logged from any loop."""

from froude.sweeps.events import SweepEvent
from froude.sweeps.logged import RunLog, log
from froude.sweeps.outcome import RunOutcome
from froude.sweeps.result import SweepResult
from froude.sweeps.run import sweep

__all__ = ["RunLog", "RunOutcome", "SweepEvent", "SweepResult", "log", "sweep"]
