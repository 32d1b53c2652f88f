"""Every reader of logs, and the one that a source is for."""

from __future__ import annotations

from froude.errors import InputError
from froude.runs.logs.logged_run import LogReader
from froude.runs.logs.mlflow.database import MlflowDatabaseReader
from froude.runs.logs.mlflow.folder import MlflowFolderReader
from froude.runs.logs.step_tables import StepTableReader
from froude.runs.logs.tensorboard.folder import TensorBoardReader
from froude.runs.logs.text_logs import TextLogReader
from froude.runs.logs.trackio import TrackioReader
from froude.runs.logs.trainer_state import TrainerStateReader
from froude.runs.logs.wandb.exports import WandbExportReader
from froude.runs.logs.wandb.folder import WandbReader
from froude.runs.logs.wandb.online import WandbOnlineReader

LOG_READERS: tuple[LogReader, ...] = (
    WandbOnlineReader(),
    WandbReader(),
    WandbExportReader(),
    TensorBoardReader(),
    MlflowDatabaseReader(),
    MlflowFolderReader(),
    TrackioReader(),
    TrainerStateReader(),
    StepTableReader(),
    TextLogReader(),
)
"""Every reader of logs, in the order in which they are asked; a new one joins here and in the contract suite."""


def find_log_reader(source: object) -> LogReader | None:
    """Return the reader that recognises a source as a log of its kind, None if none does."""
    nothing = isinstance(source, str) and not source  # which as a path would be the folder one is in
    return None if nothing else next((reader for reader in LOG_READERS if reader.recognises(source)), None)


def log_reader_of(source: object) -> LogReader:
    """Return the reader of a log. Raises InputError, saying what can be read, if there is none."""
    reader = find_log_reader(source)
    if reader is None:
        raise InputError(f"{str(source)!r} is no log that is known: give one of W&B, MLflow, … (froude import --help)")
    return reader
