"""Every reader of logs, and what the one reads that a source is for."""

from __future__ import annotations

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun, LogReader
from froude.runs.logs.mlflow.database import MlflowDatabaseReader
from froude.runs.logs.mlflow.folder import MlflowFolderReader
from froude.runs.logs.step_tables import StepTableReader, check_parquet
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
    return None if _is_nothing(source) else next((each for each in LOG_READERS if each.recognises(source)), None)


def read_logs(source: object) -> tuple[tuple[LoggedRun, ...], tuple[str, ...]]:
    """Return the runs in a log, and a note of logs of other kinds in its folder, which are left out.

    One reader reads a folder: two trackers often log one training, which would count twice.
    Raises InputError, saying what can be read, where no reader recognises it, and as `LogReader.logs`.
    """
    known = [] if _is_nothing(source) else [reader for reader in LOG_READERS if reader.recognises(source)]
    if not known:
        check_parquet(source)
        kinds = "; ".join(each.kinds[0] for each in LOG_READERS)
        raise InputError(f"{str(source)!r} is no log that is known: give one of {kinds}")
    reader, *others = known
    left = ", ".join(other.kinds[0] for other in others)
    left_out = f"{str(source)!r} was read for {reader.kinds[0]}; left out, and to be given by its own path: {left}"
    return tuple(reader.logs(source)), (left_out,) if left else ()


def _is_nothing(source: object) -> bool:
    return isinstance(source, str) and not source  # which as a path would be the folder one is in
