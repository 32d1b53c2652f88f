"""What the trackers' own libraries write is read back: the same runs, settings and logs.numbers."""

import importlib
import sys
from pathlib import Path

import pytest

from froude.runs.logs.logged_run import LogReader
from froude.runs.logs.mlflow.database import MlflowDatabaseReader
from froude.runs.logs.mlflow.folder import MlflowFolderReader
from froude.runs.logs.tensorboard.folder import TensorBoardReader
from froude.runs.logs.trackio import TrackioReader
from froude.runs.logs.wandb.folder import WandbReader
from paths import ROOT
from tracker_logs import LIBRARIES, logged_by_library

sys.path.append(str(ROOT / "benchmarks"))
logs = importlib.import_module("reader_logs")

READERS: dict[str, LogReader] = {
    "wandb": WandbReader(),
    "tensorboard": TensorBoardReader(),
    "tensorboardx": TensorBoardReader(),
    "mlflow_database": MlflowDatabaseReader(),
    "mlflow_folder": MlflowFolderReader(),
    "trackio": TrackioReader(),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def logged(request, tmp_path_factory) -> tuple[str, Path]:
    return request.param, logged_by_library(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.trackers
def test_what_a_library_wrote_is_read_back(logged):
    kind, source = logged
    runs = {run.name: run for run in READERS[kind].logs(source)}
    assert sorted(runs) == [*logs.RUNS]
    for i, name in enumerate(logs.RUNS):
        run = runs[name]
        assert run.notes == ()
        assert run.config == logs.CONFIG
        assert run.state == ("unknown" if kind.startswith("tensor") or kind == "trackio" else "finished")
        written = {key: [logs.numbers(i, row)[key] for row in range(logs.ROWS)] for key in logs.numbers(0, 0)}
        assert {key: series.values.tolist() for key, series in run.series.items()} == written
        assert all(series.at.tolist() == [*range(logs.ROWS)] and series.x == "step" for series in run.series.values())


@pytest.mark.trackers
def test_only_the_reader_of_a_kind_recognises_what_a_library_wrote(logged):
    kind, source = logged
    for other, reader in READERS.items():
        assert reader.recognises(source) == (reader == READERS[kind]), other
