"""The databases of MLflow and trackio are read as their libraries write them, live and damaged ones too."""

import json
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun, LogReader
from froude.runs.logs.mlflow.database import MlflowDatabaseReader
from froude.runs.logs.trackio import TrackioReader
from tracker_logs import MLFLOW, TRACKIO


def mlflow_database(path: Path, n_rows: int = 3) -> Path:
    """Two experiments of two runs, one of them deleted, and one in a deleted experiment."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(MLFLOW)
        experiments = [(1, "one", "active"), (2, "two", "active"), (3, "gone", "deleted")]
        database.executemany("INSERT INTO experiments VALUES (?, ?, ?)", experiments)
        runs = [("a", "FINISHED", "active", 1), ("b", "RUNNING", "active", 2), ("c", "FINISHED", "deleted", 2)]
        for i, (id, status, stage, experiment) in enumerate([*runs, ("d", "FAILED", "active", 3)]):
            row = (id, f"run {id}", status, i, stage, experiment)
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
            params = {"lr": "0.001", "layers": "12", "model/name": "gpt", "flag": "True", "list": "[1, 2]", "e": "1e-3"}
            database.executemany("INSERT INTO params VALUES (?, ?, ?)", [(*pair, id) for pair in params.items()])
            tags = {"mlflow.user": "me", "team": "x"}
            database.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(*pair, id) for pair in tags.items()])
            values = [("loss", 900.5 - step, 0, id, step, 0) for step in range(n_rows)]
            database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", values)
        database.execute("INSERT INTO metrics VALUES ('odd', 0, 0, 'a', 0, 1)")
        database.execute("INSERT INTO metrics VALUES ('odd', 1.7976931348623157e308, 0, 'a', 1, 0)")
        database.commit()
    return path


def trackio_database(path: Path, n_rows: int = 3, has_ids: bool = True) -> Path:
    """Two runs, the second of which has no configuration."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(TRACKIO.format(id="run_id TEXT," if has_ids else ""))
        columns = "run_id, run_name" if has_ids else "run_name"
        for name in ("a", "b"):
            key = [f"id of {name}", name] if has_ids else [name]
            marks = ", ".join("?" * len(key))
            for row in range(n_rows):
                values = {"loss": 900.5 - row, "deep": {"x": row}, "nan": "NaN", "inf": "-Infinity", "text": "t"}
                body = json.dumps(values)
                body = body.encode() if has_ids else body  # as newer versions keep it
                asked = f"INSERT INTO metrics ({columns}, step, metrics) VALUES ({marks}, ?, ?)"
                database.execute(asked, (*key, 10 * row, body))
        config = json.dumps({"lr": 0.001, "model": {"width": 64}, "_Created": "today"})
        key = ["id of a", "a"] if has_ids else ["a"]
        marks = ", ".join("?" * len(key))
        database.execute(f"INSERT INTO configs ({columns}, config) VALUES ({marks}, ?)", (*key, config))
        database.commit()
    return path


def read(reader: LogReader, path: Path) -> dict[str, LoggedRun]:
    assert reader.recognises(path)
    assert reader.recognises(str(path))
    return {run.id: run for run in reader.logs(path)}


def points(run: LoggedRun, name: str) -> list[tuple[float, float]]:
    series = run.series[name]
    return list(zip(series.at.tolist(), series.values.tolist(), strict=True))


def test_runs_of_mlflow_are_read_without_deleted_ones(tmp_path):
    runs = read(MlflowDatabaseReader(), mlflow_database(tmp_path / "mlflow.db"))
    assert {id: (run.name, run.state) for id, run in runs.items()} == {
        "a": ("run a", "finished"),
        "b": ("run b", "running"),
    }
    run = runs["a"]
    assert run.config == {
        "lr": 0.001,
        "layers": 12,
        "model/name": "gpt",
        "flag": True,
        "list": [1, 2],
        "e": 0.001,
    }
    assert run.summary == {"experiment": "one", "tags": {"team": "x"}}
    assert points(run, "loss") == [(0, 900.5), (1, 899.5), (2, 898.5)]
    assert run.series["odd"].values.tolist()[1] == math.inf
    assert np.isnan(run.series["odd"].values[0])
    assert (run.notes, runs["b"].notes) == (("2 runs of this source were deleted in MLflow and left out",), ())
    assert [*read(MlflowDatabaseReader(), tmp_path)] == ["a", "b"]


def test_a_database_of_deleted_runs_alone_is_refused(tmp_path):
    path = mlflow_database(tmp_path / "mlflow.db")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
        database.commit()
    with pytest.raises(InputError, match="only deleted runs"):
        read(MlflowDatabaseReader(), path)


@pytest.mark.parametrize("has_ids", [True, False])
def test_runs_of_trackio_are_read_from_both_layouts(tmp_path, has_ids):
    path = trackio_database(tmp_path / "project.db", has_ids=has_ids)
    runs = read(TrackioReader(), path)
    assert [(run.id, run.name) for run in runs.values()] == [
        (f"id of {name}" if has_ids else name, name) for name in ("a", "b")
    ]
    run, other = runs.values()
    assert (run.config, other.config) == ({"lr": 0.001, "model": {"width": 64}}, {})
    assert points(run, "loss") == [(0, 900.5), (10, 899.5), (20, 898.5)]
    assert points(run, "deep.x") == [(0, 0), (10, 1), (20, 2)]
    assert run.series["inf"].values.tolist() == [-math.inf] * 3
    assert run.notes == ("values that are no numbers (media, texts, flags, lists) were left out: 'text'",)
    assert [*read(TrackioReader(), tmp_path)] == [f"project/{id}" for id in runs]


def test_a_database_is_read_while_it_is_written_and_nothing_is_left(tmp_path):
    path = trackio_database(tmp_path / "project.db")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    names = [each.name for each in tmp_path.iterdir()]
    assert len(read(TrackioReader(), path)) == 2
    assert [each.name for each in tmp_path.iterdir()] == names == ["project.db"]
    with closing(sqlite3.connect(path)) as writer:
        body = json.dumps({"loss": 1.5})
        asked = "INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('id of a', 'a', 30, ?)"
        writer.execute(asked, (body,))
        writer.commit()
        assert points(read(TrackioReader(), path)["id of a"], "loss")[-1] == (30, 1.5)


MEMBERS: list[tuple[LogReader, Callable[[Path, int], Path]]] = [
    (MlflowDatabaseReader(), mlflow_database),
    (TrackioReader(), trackio_database),
]
every_member = pytest.mark.parametrize(("reader", "write"), MEMBERS, ids=["mlflow", "trackio"])


def runs_or_refusal(reader: LogReader, path: Path) -> list[LoggedRun] | None:
    try:
        return list(reader.logs(path))
    except InputError:
        return None


@every_member
def test_a_database_cut_anywhere_is_refused_or_says_what_lacks(tmp_path, reader, write):
    path = write(tmp_path / "mlflow.db", 400)
    body = path.read_bytes()
    n_read = 0
    for cut in np.random.default_rng(1).integers(0, len(body), 200).tolist():
        path.write_bytes(body[:cut])
        runs = runs_or_refusal(reader, path)
        n_read += runs is not None
        for run in runs or []:
            rows = points(run, "loss") if "loss" in run.series else []
            assert all(value == 900.5 - at / (10 if reader == TrackioReader() else 1) for at, value in rows)
        lost = sum(400 - len(run.series["loss"].at) if "loss" in run.series else 400 for run in runs or [])
        assert not lost or any(run.notes for run in runs or [])
    print(f"{n_read} of 200 read in part")


@every_member
def test_a_flipped_byte_in_a_database_is_no_traceback(tmp_path, reader, write):
    path = write(tmp_path / "mlflow.db", 100)
    body = path.read_bytes()
    for at in np.random.default_rng(2).integers(0, len(body), 200).tolist():
        flipped = bytearray(body)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(bytes(flipped))
        reader.recognises(path)
        runs_or_refusal(reader, path)


@every_member
def test_other_files_are_not_recognised_and_refused(tmp_path, reader, write):
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE metrics (a)")
    (tmp_path / "text.db").write_text("no database")
    for path in (other, tmp_path / "text.db", tmp_path / "none", tmp_path):
        assert not reader.recognises(path)
        assert runs_or_refusal(reader, path) is None
