"""Logs of known numbers, written as trackers and trainers write them: what the contract of readers of logs runs over.

A reader joins by an entry in `MEMBERS`: the reader, a function that writes a log into a folder and returns the source,
and the numbers that it wrote. What is written by a real library is under `REAL`, and run with `-m trackers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import polars as pl

from froude.runs.logs.logged_run import LogReader
from froude.runs.logs.step_tables import StepTableReader
from froude.runs.logs.text_logs import TextLogReader
from froude.runs.logs.trainer_state import TrainerStateReader

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

    `whole_or_nothing` is a format of which nothing can be read once it is torn.
    """

    reader: LogReader
    write: Callable[[Path], Path]
    numbers: Mapping[str, Points]
    whole_or_nothing: bool = False


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


MEMBERS: tuple[LogMember, ...] = (
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
        logger.log_metrics(row, step=step)
    logger.finalize("success")
    return folder / "lightning_logs"


REAL: tuple[LogMember, ...] = (
    LogMember(reader=TrainerStateReader(), write=real_trainer_state, numbers=OF_TRAINER),
    LogMember(reader=StepTableReader(), write=real_lightning, numbers=OF_TABLE),
)
"""Written by the libraries of trackers and trainers."""
