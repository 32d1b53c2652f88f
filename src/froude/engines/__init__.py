"""Where work is done: an engine performs tasks on workers and reports how they go. It knows nothing of trainings."""

from froude.engines.engine import Engine, Report, Task, TaskFailedError, WorkerDiedError
from froude.engines.events import Event, Notice, Progress, Ready, RunFinished
from froude.engines.local import LocalEngine
from froude.engines.placement import EnginePlace, Needs, read_needs
from froude.engines.registry import ANY_ENGINE, ENGINES, cpus_of, get_engine

__all__ = [
    "ANY_ENGINE",
    "ENGINES",
    "Engine",
    "EnginePlace",
    "Event",
    "LocalEngine",
    "Needs",
    "Notice",
    "Progress",
    "Ready",
    "Report",
    "RunFinished",
    "Task",
    "TaskFailedError",
    "WorkerDiedError",
    "cpus_of",
    "get_engine",
    "read_needs",
]
