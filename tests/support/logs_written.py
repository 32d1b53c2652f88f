"""Logs of known numbers, written as trackers and trainers write them: what the contract of readers of logs runs over.

A reader joins by an entry in `MEMBERS`: the reader, a function that writes a log into a folder and returns the source,
and the numbers that it wrote. What is written by a real library is under `REAL`, and run with `-m trackers`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import polars as pl

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
from tracker_logs import (
    MLFLOW,
    TRACKIO,
    event_file,
    experiment,
    run_folder,
    scalar,
    wandb_begin,
    wandb_exit,
    wandb_file,
    wandb_row,
)

Points = Mapping[int, float]
"""A metric: step → value."""

STEPS = range(10, 130, 10)
LOSS: Points = {s: 5.0 - s / 64 for s in STEPS if s != 70} | {70: float("nan")}
HELD_OUT: Points = {s: 5.125 - s / 64 for s in STEPS if s % 40 == 0}
RATE: Points = {s: 0.001 * (1 - s / 1024) for s in STEPS}


@final
@dataclass(frozen=True, kw_only=True)
class LogMember:
    """A reader under the contract, what writes a log for it, and the numbers in that: metric → step → value.

    `whole_or_nothing` is a format of which nothing can be read once it is torn, `in_files` one that keeps each metric
    in a file of its own, which is torn by itself.
    """

    reader: LogReader
    write: Callable[[Path], Path]
    numbers: Mapping[str, Points]
    whole_or_nothing: bool = False
    in_files: bool = False


def rows_of(numbers: Mapping[str, Points], step: str) -> list[dict[str, float]]:
    """The numbers as rows, one a step."""
    steps = sorted({s for points in numbers.values() for s in points})
    return [{step: s, **{name: points[s] for name, points in numbers.items() if s in points}} for s in steps]


OF_TRAINER = {"loss": LOSS, "eval_loss": HELD_OUT, "learning_rate": RATE}
OF_TABLE = {"train_loss": LOSS, "val_loss": HELD_OUT, "lr": RATE}
OF_TEXT = {"loss": LOSS, "train/loss": {s: LOSS[s] for s in HELD_OUT}, "val/loss": HELD_OUT}


def trainer_state(folder: Path) -> Path:
    """An output folder as the Trainer of transformers leaves it."""
    log = [{"epoch": s / 120, "step": s} for s in STEPS]
    for row in log:
        row |= {name: points[row["step"]] for name, points in OF_TRAINER.items() if row["step"] in points}
    state = {"epoch": 1.0, "global_step": 120, "log_history": log, "max_steps": 120, "num_train_epochs": 1}
    checkpoint = folder / "output" / "checkpoint-120"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text(json.dumps(state, indent=2, sort_keys=True) + "\n")
    return folder / "output"


def csv(folder: Path) -> Path:
    """A table along a step."""
    (folder / "run.csv").write_text(pl.DataFrame(rows_of(OF_TABLE, "step"), infer_schema_length=None).write_csv())
    return folder / "run.csv"


def parquet(folder: Path) -> Path:
    """The same in Parquet."""
    pl.DataFrame(rows_of(OF_TABLE, "global_step"), infer_schema_length=None).write_parquet(folder / "run.parquet")
    return folder / "run.parquet"


def json_lines(folder: Path) -> Path:
    """The same as JSON lines, the settings before them."""
    lines = [{"config": {"n_params": 1_000_000}}, *rows_of(OF_TABLE, "step")]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "metrics.jsonl"


def text(folder: Path) -> Path:
    """What nanoGPT prints."""
    lines = ["tokens per iteration will be: 491,520", "number of parameters: 123.59M"]
    for s in STEPS:
        if s in HELD_OUT:
            lines.append(f"step {s}: train loss {LOSS[s]}, val loss {HELD_OUT[s]}")
        lines.append(f"iter {s}: loss {LOSS[s]}, time 135.21ms, mfu 38.11%")
    (folder / "nanogpt.log").write_text("\n".join(lines) + "\n")
    return folder / "nanogpt.log"


OF_TRACKER = {"train/loss": LOSS, "val/loss": HELD_OUT}
FINITE = {**OF_TRACKER, "train/loss": {s: value for s, value in LOSS.items() if s != 70}}


def wandb(folder: Path) -> Path:
    """What W&B's library leaves of a run offline."""
    rows = [wandb_row(int(row.pop("step")), row) for row in rows_of(OF_TRACKER, "step")]
    records = [wandb_begin(config={"n_params": 1_000_000}), *rows, wandb_exit()]
    return wandb_file(folder / "wandb" / "offline-run-20260101_120000-x" / "run-x.wandb", records).parents[1]


def wandb_export(folder: Path) -> Path:
    """A chart of a run as W&B's pages export it."""
    lines = [["Step", *(f"a - {name}{end}" for name in OF_TRACKER for end in ("", "__MIN", "__MAX"))]]
    lines += [
        [str(row["step"]), *(str(row.get(name, "")) for name in OF_TRACKER for _ in range(3))]
        for row in rows_of(OF_TRACKER, "step")
    ]
    body = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
    (folder / "wandb_export_2026-01-01.csv").write_text(body.replace('"nan"', '"NaN"'))
    return folder / "wandb_export_2026-01-01.csv"


def tensorboard(folder: Path) -> Path:
    """An event file, whose numbers have single precision."""
    events = [
        scalar(name, step, points[step]) for step in STEPS for name, points in OF_TRACKER.items() if step in points
    ]
    return event_file(folder / "runs" / "a" / "events.out.tfevents.1767225600.host.1.0", events).parents[1]


def mlflow_folder(folder: Path) -> Path:
    """The file store of MLflow."""
    run = run_folder(experiment(folder / "mlruns", "1", "one"), "a")
    for name, points in FINITE.items():
        body = "".join(f"1767225600000 {value} {step}\n" for step, value in points.items())
        (run / "metrics" / name).parent.mkdir(exist_ok=True)
        (run / "metrics" / name).write_text(body)
    return folder / "mlruns"


def mlflow_database(folder: Path) -> Path:
    """MLflow's database."""
    rows = [(name, value, 0, "a", step, 0) for name, points in FINITE.items() for step, value in points.items()]
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.executescript(MLFLOW)
        database.execute("INSERT INTO experiments VALUES (1, 'one', 'active')")
        database.execute("INSERT INTO runs VALUES ('a', 'a', 'FINISHED', 0, 'active', 1)")
        database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    return folder / "mlflow.db"


def trackio(folder: Path) -> Path:
    """A project's database of trackio."""
    rows = [("a", int(row.pop("step")), json.dumps(row)) for row in rows_of(FINITE, "step")]
    with closing(sqlite3.connect(folder / "project.db")) as database:
        database.executescript(TRACKIO.format(id=""))
        database.executemany("INSERT INTO metrics (run_name, step, metrics) VALUES (?, ?, ?)", rows)
        database.commit()
    return folder / "project.db"


MEMBERS: tuple[LogMember, ...] = (
    LogMember(reader=WandbReader(), write=wandb, numbers=OF_TRACKER),
    LogMember(reader=WandbExportReader(), write=wandb_export, numbers=OF_TRACKER),
    LogMember(reader=TensorBoardReader(), write=tensorboard, numbers=OF_TRACKER),
    LogMember(reader=MlflowFolderReader(), write=mlflow_folder, numbers=FINITE, in_files=True),
    LogMember(reader=MlflowDatabaseReader(), write=mlflow_database, numbers=FINITE, whole_or_nothing=True),
    LogMember(reader=TrackioReader(), write=trackio, numbers=FINITE, whole_or_nothing=True),
    LogMember(reader=TrainerStateReader(), write=trainer_state, numbers=OF_TRAINER),
    LogMember(reader=StepTableReader(), write=csv, numbers=OF_TABLE),
    LogMember(reader=StepTableReader(), write=parquet, numbers=OF_TABLE, whole_or_nothing=True),
    LogMember(reader=StepTableReader(), write=json_lines, numbers=OF_TABLE),
    LogMember(reader=TextLogReader(), write=text, numbers=OF_TEXT),
)
"""Written here, byte by byte as the trainers do."""


# by the real libraries


def real_trainer_state(folder: Path) -> Path:
    """By the Trainer's own class of its state."""
    from transformers import TrainerState  # pyright: ignore[reportMissingImports]

    log: list[Any] = [{"epoch": row["step"] / 120, **row} for row in rows_of(OF_TRAINER, "step")]
    (folder / "output").mkdir()
    state = TrainerState(global_step=120, max_steps=120, num_train_epochs=1, log_history=log)
    state.save_to_json(str(folder / "output" / "trainer_state.json"))
    return folder / "output"


def real_lightning(folder: Path) -> Path:
    """By Lightning's CSVLogger."""
    from lightning.pytorch.loggers import CSVLogger  # pyright: ignore[reportMissingImports]

    logger = CSVLogger(folder, name="lightning_logs")
    logger.log_hyperparams({"n_params": 1_000_000, "lr": 0.001, "layers": [2, 3]})
    for row in rows_of(OF_TABLE, "step"):
        step = int(row.pop("step"))
        logger.log_metrics(dict[str, Any](row), step=step)
    logger.finalize("success")
    return folder / "lightning_logs"


REAL: tuple[LogMember, ...] = (
    LogMember(reader=TrainerStateReader(), write=real_trainer_state, numbers=OF_TRAINER),
    LogMember(reader=StepTableReader(), write=real_lightning, numbers=OF_TABLE),
)
"""Written by the libraries of trackers and trainers."""
