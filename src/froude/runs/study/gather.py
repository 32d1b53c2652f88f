"""The finished runs of a study as one frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from froude.errors import InputError
from froude.runs.frames import frame_from_rows
from froude.runs.study.cache import read_heads
from froude.runs.study.remedy import again
from froude.runs.study.run_file import FinishedRun, NoRun

if TYPE_CHECKING:
    import polars as pl


def study_table(folder: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a frame with a row for each finished run of the study in `folder`, sorted by id, and notes.

    The columns are `id`, then the keys of the configurations and of the results; where both have a key, the
    result counts, being measured. Inner keys are joined by dots. A file that holds no finished run, or one that
    another file holds too, is named in the notes and makes no row. Raises InputError if the folder goes meanwhile.
    """
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    lost = False
    for run in read_heads(folder):
        notes += _notes_on(run)
        if isinstance(run, FinishedRun):
            rows.append({"id": run.id} | flatten(run.config) | flatten(run.result) | {"id": run.id})
        else:
            lost |= run.copy_of is None
    if lost and (command := again(folder)):
        notes.append(f"{command} trains again what is lost")
    if not folder.exists():
        raise InputError(f"study {str(folder)!r} has gone while it was read: give the place where it is now")
    return frame_from_rows(sorted(rows, key=lambda row: row["id"])), tuple(notes)


def _notes_on(run: FinishedRun | NoRun) -> list[str]:
    """Return what is to be said of a run's file: nothing, or a sentence that names it."""
    if isinstance(run, NoRun):
        return [f"runs/{run.path.name} {run.reason}"]
    if run.broken:
        return [f"runs/{run.path.name}: line {run.broken[0]} is cut short or broken and was left out"]
    return []


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots: {"shape": {"width": 8}} is {"shape.width": 8}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
