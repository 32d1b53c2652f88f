"""Runs of trackio, whose projects are databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.history import History
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.places import MOST_FOLDERS, files_below, is_folder
from froude.runs.logs.sqlite_log import columns_of, has_tables, open_database, rows_before_damage
from froude.runs.logs.texts import names
from froude.runs.readers.reader import path_of

_OWN = "_"
"""What the names of trackio's own settings begin with."""


@final
@dataclass(frozen=True, kw_only=True)
class TrackioReader:
    """Reads trackio's databases: one project's, or all in a folder, where ids are of the form project/run."""

    kinds: tuple[str, ...] = ("trackio's database", "the folder that TRACKIO_DIR names")

    def recognises(self, source: object) -> bool:
        """Whether the source is such a database, or a folder with one in it."""
        path = path_of(source)
        return path is not None and any(_databases(path, MOST_FOLDERS))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs project by project, in the order in which they were begun."""
        path = Path(source)
        databases = list(_databases(path)) if is_folder(path) else [path]
        if not databases:
            raise InputError(f"{str(path)!r} has no database of trackio: give the folder that TRACKIO_DIR names")
        any_runs = False
        for each in databases:
            for run in _runs(each, f"{each.stem}/" if is_folder(path) else ""):
                any_runs = True
                yield run
        if not any_runs:
            raise InputError(f"{str(path)!r} holds no runs: give a database in which trackio logged some")


def _databases(path: Path, most: int | None = None) -> Iterator[Path]:
    for file in files_below(path, lambda name: name.endswith(".db"), most):
        if has_tables(file, "metrics", "configs") and not has_tables(file, "params"):
            yield file


def _runs(path: Path, prefix: str) -> Iterator[LoggedRun]:
    with open_database(path) as database:
        # Before runs had ids, their names were unique.
        id_column = "run_id" if "run_id" in columns_of(database, "metrics") else "run_name"
        notes: list[str] = []
        begun = f"SELECT {id_column}, run_name, MIN(id) FROM metrics GROUP BY {id_column} ORDER BY 3"
        names = {id: name for id, name, _ in rows_before_damage(database, begun, (), notes)}
        asked = f"SELECT {id_column}, run_name, config FROM configs ORDER BY id"
        configs = {id: (name, body) for id, name, body in rows_before_damage(database, asked, (), notes)}
        for id in dict.fromkeys([*names, *configs]):
            name, body = configs.get(id, (names.get(id), "{}"))
            yield _run(database, id_column, id, str(names.get(id, name)), body, prefix, notes)
            notes = []


def _run(
    database: sqlite3.Connection, id_column: str, id: Any, name: str, body: Any, prefix: str, notes: list[str]
) -> LoggedRun:
    config, notes = _object(body), [*notes]
    if config is None:
        notes.append("its configuration is no JSON object and was left out")
    history, broken = History(), []
    asked = f"SELECT step, metrics FROM metrics WHERE {id_column} = ? ORDER BY id"
    for row, (step, metrics) in enumerate(rows_before_damage(database, asked, (id,), notes), start=1):
        values = _object(metrics)
        if values is None or not isinstance(step, int):
            broken.append(row)
            continue
        history.begin_row(step)
        for key, value in values.items():
            history.add(key, value)
    if broken:
        notes.append(f"rows that are no JSON object at a step were left out: {names(broken)}")
    series, left_out = history.series({})
    return LoggedRun(
        id=f"{prefix}{id}",
        name=name,
        state="unknown",
        config={key: value for key, value in (config or {}).items() if not key.startswith(_OWN)},
        summary={},
        series=series,
        notes=(*notes, *left_out),
    )


def _object(body: Any) -> dict[str, Any] | None:
    """The object in a JSON text or its bytes, None where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
