"""Runs in a database of MLflow, such as mlflow.db."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.mlflow.values import deleted_note, mlflow_run
from froude.runs.logs.places import is_file, is_folder
from froude.runs.logs.sqlite_log import has_tables, open_database, rows_before_damage
from froude.runs.logs.texts import number_of
from froude.runs.readers.reader import path_of

_TABLES = ("experiments", "runs", "metrics", "params", "tags")
_RUNS = """
SELECT run_uuid, runs.name, status, experiments.name,
       runs.lifecycle_stage = 'deleted' OR experiments.lifecycle_stage = 'deleted'
FROM runs LEFT JOIN experiments USING (experiment_id) ORDER BY start_time, run_uuid
"""
# Rows come back in the order in which they were logged.
_METRICS = "SELECT key, value, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY rowid"
_LARGEST = sys.float_info.max
"""What MLflow writes for infinity."""


@final
@dataclass(frozen=True, kw_only=True)
class MlflowDatabaseReader:
    """Reads the SQLite database of MLflow, by its path or the folder in which mlflow.db stands."""

    kinds: tuple[str, ...] = ("MLflow's mlflow.db",)

    def recognises(self, source: object) -> bool:
        """Whether the source is a database with MLflow's tables, or a folder with mlflow.db."""
        path = path_of(source)
        return path is not None and is_file(_database(path)) and has_tables(_database(path), *_TABLES)

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs in the order in which they were started, without deleted ones."""
        with open_database(_database(Path(source))) as database:
            damage: list[str] = []
            runs = list(rows_before_damage(database, _RUNS, (), damage))
            kept = [run[:4] for run in runs if not run[4]]
            if not kept:
                what = "only deleted runs" if runs else "no runs"
                raise InputError(f"{str(source)!r} holds {what}{'; '.join(['', *damage])}: give a database with runs")
            notes = [*damage, *deleted_note(len(runs) - len(kept))]
            for id, name, status, experiment in kept:
                yield _run(database, str(id), name, str(status), str(experiment), notes)
                notes = []


def _database(path: Path) -> Path:
    return path / "mlflow.db" if is_folder(path) else path


def _run(
    database: sqlite3.Connection, id: str, name: str | None, status: str, experiment: str, notes: list[str]
) -> LoggedRun:
    notes = [*notes]
    n_other = 0
    columns: dict[str, tuple[list[int], list[float]]] = {}
    for key, value, step, is_nan in rows_before_damage(database, _METRICS, (id,), notes):
        number = float("nan") if is_nan else number_of(value)
        if number is None or not isinstance(step, int):
            n_other += 1
            continue
        steps, values = columns.setdefault(str(key), ([], []))
        steps.append(step)
        values.append(number)
    if n_other:
        notes.append(f"{n_other} values of metrics are no numbers and were left out")
    pairs = [
        dict(rows_before_damage(database, f"SELECT key, value FROM {table} WHERE run_uuid = ?", (id,), notes))
        for table in ("params", "tags")
    ]
    params, tags = ({str(key): str(value) for key, value in each.items()} for each in pairs)
    return mlflow_run(
        id=id,
        name=name and str(name),
        status=status,
        experiment=experiment,
        params=params,
        tags=tags,
        series={key: _series(*column) for key, column in columns.items()},
        notes=notes,
    )


def _series(steps: list[int], values: list[float]) -> Series:
    numbers = np.array(values)
    is_infinite = np.abs(numbers) >= _LARGEST
    numbers[is_infinite] = np.copysign(np.inf, numbers[is_infinite])
    return Series(x="step", at=np.array(steps, float), values=numbers)
