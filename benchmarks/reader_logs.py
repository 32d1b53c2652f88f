"""Logs by the trackers' own libraries, and many copies of them, for tests and for timing readers.

`write_X(folder)` logs `RUNS` runs by the library itself and returns the source to read. `copies_of_X(folder, count)`
gives as many runs: a few that the library wrote, the rest their copies under other ids. The libraries are those of
`pip install -e '.[trackers]'`; each keeps settings of its process, so a process writes one kind:

    python benchmarks/reader_logs.py KIND FOLDER [COUNT]
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

ROWS = 20
RUNS = ("a", "b", "c")
CONFIG = {"lr": 0.001, "width": 64, "optimizer": "adam"}


def numbers(run: int, row: int) -> dict[str, float]:
    """The metrics in a row of a run, counted from 0: numbers that single precision holds too."""
    return {"train/loss": 4 - 0.125 * row + run, "val/loss": 4.25 - 0.125 * row + run, "tokens": 1024.0 * row}


def write_wandb(folder: Path, project: str = "project") -> Path:
    """Runs of W&B, offline."""
    import wandb  # pyright: ignore[reportMissingImports]

    for run, name in enumerate(RUNS):
        # What the machine does is sampled each half a minute, if at all: it would make copies differ.
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        with wandb.init(
            mode="offline", project=project, name=name, config=CONFIG, dir=str(folder), settings=settings
        ) as logged:
            for row in range(ROWS):
                logged.log(numbers(run, row))
    wandb.teardown()  # by which all is on the disk
    return folder / "wandb"


def write_tensorboard(folder: Path) -> Path:
    """Runs of torch's SummaryWriter, with hyperparameters."""
    from torch.utils.tensorboard import SummaryWriter  # pyright: ignore[reportMissingImports]

    return _write_events(folder, SummaryWriter)


def write_tensorboardx(folder: Path) -> Path:
    """Runs of tensorboardX."""
    from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

    return _write_events(folder, SummaryWriter)


def _write_events(folder: Path, writer: Callable[[str], Any]) -> Path:
    for run, name in enumerate(RUNS):
        log = writer(str(folder / name))
        log.add_hparams(CONFIG, {"hparam/end": 1.0})
        for row in range(ROWS):
            for tag, value in numbers(run, row).items():
                log.add_scalar(tag, value, row)
        log.close()
    return folder


def write_mlflow_database(folder: Path) -> Path:
    """Runs of MLflow in SQLite."""
    _write_mlflow(f"sqlite:///{folder / 'mlflow.db'}", folder)
    return folder / "mlflow.db"


def write_mlflow_folder(folder: Path) -> Path:
    """Runs of MLflow in its file store."""
    _write_mlflow((folder / "mlruns").as_uri(), folder)
    return folder / "mlruns"


def _write_mlflow(address: str, folder: Path) -> None:
    from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]
    from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]

    client = MlflowClient(address)
    experiment = client.create_experiment("experiment", artifact_location=(folder / "artifacts").as_uri())
    params = [Param(key, str(value)) for key, value in CONFIG.items()]
    for run, name in enumerate(RUNS):
        id = client.create_run(experiment, run_name=name).info.run_id
        rows = [(key, value, row) for row in range(ROWS) for key, value in numbers(run, row).items()]
        # In one batch: a commit for each number takes minutes on a slow disk.
        client.log_batch(id, metrics=[Metric(key, value, 0, row) for key, value, row in rows], params=params)
        client.set_terminated(id)


def write_trackio(folder: Path) -> Path:
    """Runs of trackio."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio  # pyright: ignore[reportMissingImports]

    for run, name in enumerate(RUNS):
        trackio.init(project="project", name=name, config=CONFIG)
        for row in range(ROWS):
            trackio.log(numbers(run, row), step=row)
        trackio.finish()
    return folder


def copies_of_wandb(folder: Path, count: int) -> Path:
    """As many run folders of W&B, whose files bear other ids."""
    source = write_wandb(folder / "few")
    bodies = [path.read_bytes() for path in sorted(source.rglob("*.wandb"))]
    for i in range(count):
        id = f"c{i:07d}"
        place = folder / "wandb" / f"offline-run-20260101_000000-{id}"
        place.mkdir(parents=True)
        (place / f"run-{id}.wandb").write_bytes(bodies[i % len(bodies)])
    return folder / "wandb"


def copies_of_tensorboard(folder: Path, count: int) -> Path:
    """As many folders with an event file each."""
    source = write_tensorboard(folder / "few")
    files = [next(path for path in (source / name).iterdir() if path.is_file()) for name in RUNS]
    for i in range(count):
        place = folder / "runs" / f"c{i:07d}"
        place.mkdir(parents=True)
        shutil.copyfile(files[i % len(files)], place / files[i % len(files)].name)
    return folder / "runs"


def copies_of_mlflow(folder: Path, count: int) -> Path:
    """As many runs in one database of MLflow."""
    path = write_mlflow_database(folder)
    with closing(sqlite3.connect(path)) as database:
        _multiply(database, "run_uuid", ("runs", "metrics", "latest_metrics", "params", "tags"), count)
    return path


def copies_of_trackio(folder: Path, count: int) -> Path:
    """As many runs in one project of trackio."""
    path = write_trackio(folder) / "project.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE metrics SET log_id = NULL")
        _multiply(database, "run_id", ("configs", "metrics"), count)
    return path


def _multiply(database: sqlite3.Connection, key: str, tables: tuple[str, ...], count: int) -> None:
    """Copy the rows of runs under new ids until there are as many runs."""
    ids = [id for (id,) in database.execute(f"SELECT {key} FROM {tables[0]}")]
    new = [(ids[i % len(ids)], uuid.UUID(int=i).hex) for i in range(count - len(ids))]
    database.execute("CREATE TEMP TABLE twins (old TEXT, new TEXT)")
    database.executemany("INSERT INTO twins VALUES (?, ?)", new)
    for table in tables:
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        columns = ", ".join(f'"{name}"' for name in names)
        values = ", ".join("twins.new" if name == key else f'{table}."{name}"' for name in names)
        database.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM twins JOIN {table} ON {table}.{key} = twins.old"
        )
    database.commit()


def large_event_file(path: Path, size_bytes: int) -> Path:
    """An event file of scalars alone, of about that size: what one training logged, one after the other."""
    few = write_tensorboard(path.parent / "few")
    body = next(each for each in (few / RUNS[0]).iterdir() if each.is_file()).read_bytes()
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            file.write(body * 1000)
    return path


def read_by_event_accumulator(folder: Path) -> int:
    """How many points TensorBoard's own reader finds below a folder."""
    from tensorboard.backend.event_processing import event_accumulator  # pyright: ignore[reportMissingImports]

    n_points = 0
    for place in sorted(folder.iterdir()):
        events = event_accumulator.EventAccumulator(str(place), size_guidance={"scalars": 0}).Reload()
        n_points += sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])
    return n_points


def read_by_mlflow(path: Path) -> int:
    """How many points MLflow's own client finds in a database."""
    from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]

    client, n_points, token = MlflowClient(f"sqlite:///{path}"), 0, None
    experiments = [each.experiment_id for each in client.search_experiments()]
    while True:
        page = client.search_runs(experiments, max_results=1000, page_token=token)
        for run in page:
            n_points += sum(len(client.get_metric_history(run.info.run_id, key)) for key in run.data.metrics)
        if not (token := page.token):
            return n_points


def read_by_trackio(path: Path) -> int:
    """How many rows trackio's own store finds in a project."""
    os.environ["TRACKIO_DIR"] = str(path.parent)
    from trackio.sqlite_storage import SQLiteStorage  # pyright: ignore[reportMissingImports]

    with closing(sqlite3.connect(path)) as database:
        runs = database.execute("SELECT run_name, run_id FROM configs").fetchall()
    return sum(len(SQLiteStorage.get_logs(path.stem, name, run_id=id)) for name, id in runs)


WRITERS: dict[str, Callable[[Path], Path]] = {
    "wandb": write_wandb,
    "tensorboard": write_tensorboard,
    "tensorboardx": write_tensorboardx,
    "mlflow_database": write_mlflow_database,
    "mlflow_folder": write_mlflow_folder,
    "trackio": write_trackio,
}
COPIERS: dict[str, Callable[[Path, int], Path]] = {
    "wandb": copies_of_wandb,
    "tensorboard": copies_of_tensorboard,
    "mlflow": copies_of_mlflow,
    "trackio": copies_of_trackio,
}
PEERS: dict[str, Callable[[Path], int]] = {
    "tensorboard": read_by_event_accumulator,
    "mlflow": read_by_mlflow,
    "trackio": read_by_trackio,
}
"""The trackers' own readers; wandb 0.31 ships none for its files."""


def main(kind: str, folder: str, count: str = "") -> None:
    """Write a few runs of a kind, or copies of them, into a folder, and print the source to read."""
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    print(COPIERS[kind](place, int(count)) if count else WRITERS[kind](place))


if __name__ == "__main__":
    main(*sys.argv[1:])
