"""The folders in which MLflow kept runs before its database are read."""

import math
from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.mlflow.folder import MlflowFolderReader
from tracker_logs import experiment, run_folder


def read(path: Path) -> dict[str, LoggedRun]:
    assert MlflowFolderReader().recognises(path)
    return {run.id: run for run in MlflowFolderReader().logs(path)}


def test_runs_of_several_experiments_are_read_without_deleted_ones(tmp_path):
    one, two = (experiment(tmp_path / "mlruns", id, name) for id, name in (("1", "one"), ("2", "two")))
    run_folder(one, "a", odd="1 nan 0\n2 inf 1\n3 -inf 2\n", bare="1 0.5\n")
    run_folder(two, "b", status=4)
    run_folder(two, "c", stage="deleted")
    run_folder(experiment(tmp_path / "mlruns", "3", "gone", "deleted"), "d")
    run_folder(experiment(tmp_path / "mlruns" / ".trash", "4", "trash"), "e")
    for source in (tmp_path, tmp_path / "mlruns"):
        runs = read(source)
        assert {id: (run.name, run.state) for id, run in runs.items()} == {
            "a": ("run: a", "finished"),
            "b": ("run: b", "crashed"),
        }
    run = runs["a"]
    assert run.config == {"model/width": 64, "text": "it's: a\nline"}
    assert run.summary == {"experiment": "one", "tags": {"team": "x"}}
    assert run.series["train/loss"].at.tolist() == [*range(50)]
    assert run.series["train/loss"].values.tolist() == [900.5 - i for i in range(50)]
    assert run.series["odd"].values.tolist()[1:] == [math.inf, -math.inf]
    assert run.series["bare"].at.tolist() == [0]
    assert [note for each in runs.values() for note in each.notes] == [
        "2 runs of this source were deleted in MLflow and left out"
    ]
    assert [*read(one)] == [*read(one / "a")] == ["a"]


def test_a_metric_cut_anywhere_loses_the_cut_line_and_says_it(tmp_path):
    run_folder(experiment(tmp_path / "mlruns", "1", "one"), "a")
    path = tmp_path / "mlruns" / "1" / "a" / "metrics" / "train" / "loss"
    body = path.read_bytes()
    for cut in np.random.default_rng(1).integers(1, len(body), 200).tolist():
        path.write_bytes(body[:cut])
        run = read(tmp_path)["a"]
        values = run.series["train/loss"].values.tolist() if run.series else []
        assert values == [900.5 - i for i in range(body[:cut].count(b"\n"))]
        assert bool(run.notes) == (body[cut - 1 : cut] != b"\n")


def test_flipped_bytes_are_no_traceback(tmp_path):
    folder = run_folder(experiment(tmp_path / "mlruns", "1", "one"), "a")
    rng = np.random.default_rng(2)
    for path in (folder / "meta.yaml", folder / "metrics" / "train" / "loss", folder.parent / "meta.yaml"):
        body = path.read_bytes()
        for at in rng.integers(0, len(body), 70).tolist():
            flipped = bytearray(body)
            flipped[at] ^= 1 << at % 8
            path.write_bytes(bytes(flipped))
            try:
                assert len(list(MlflowFolderReader().logs(tmp_path))) == 1
            except InputError as error:
                assert "holds" in str(error)  # noqa: PT017
        path.write_bytes(body)


def test_folders_without_runs_are_refused(tmp_path):
    experiment(tmp_path / "mlruns", "1", "one")
    assert not MlflowFolderReader().recognises(tmp_path)
    with pytest.raises(InputError, match="holds no runs of MLflow"):
        list(MlflowFolderReader().logs(tmp_path))
    run_folder(tmp_path / "mlruns" / "1", "a", stage="deleted")
    with pytest.raises(InputError, match="only deleted runs"):
        list(MlflowFolderReader().logs(tmp_path))
