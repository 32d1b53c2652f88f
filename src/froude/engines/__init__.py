"""Where work is done: an engine performs tasks on workers and reports how they go. It knows nothing of trainings."""

from froude.engines.engine import Engine, Report, Task, TaskFailedError, WorkerDiedError
from froude.engines.events import Event, Notice, Progress, Ready, RunFinished
from froude.engines.local import LocalEngine
from froude.engines.registry import ENGINES, get_engine

__all__ = [
    "ENGINES",
    "Engine",
    "Event",
    "LocalEngine",
    "Notice",
    "Progress",
    "Ready",
    "Report",
    "RunFinished",
    "Task",
    "TaskFailedError",
    "WorkerDiedError",
    "get_engine",
]
