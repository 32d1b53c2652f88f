"""Runs in the folders in which MLflow kept them before its database, such as mlruns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError, shown
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.mlflow.values import STATES, deleted_note, mlflow_run
from froude.runs.logs.places import MOST_FOLDERS, files_below, is_folder
from froude.runs.logs.texts import names
from froude.runs.readers.reader import path_of

_DEEPEST = 3  # levels below a folder at which a run may lie
_META = "meta.yaml"
_STATUSES = ("", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
"""By number, from 1, as mlflow.entities.RunStatus has them."""


@final
@dataclass(frozen=True, kw_only=True)
class MlflowFolderReader:
    """Reads the file store of MLflow: the folder mlruns or one above it, an experiment's folder or a run's."""

    kinds: tuple[str, ...] = ("MLflow's mlruns",)

    def recognises(self, source: object) -> bool:
        """Whether the source is such a folder; not one that has a database, whose runs may be newer, beside it."""
        path = path_of(source)
        return path is not None and is_folder(path) and _holds_run(path) and not _has_database(path)

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs by the names of their folders, without deleted ones."""
        path = Path(source)
        kept, n_deleted = [], 0
        for folder in _runs(path):
            about, experiment = _meta(folder), _meta(folder.parent)
            if "deleted" in (about.get("lifecycle_stage"), experiment.get("lifecycle_stage")):
                n_deleted += 1
            else:
                kept.append((folder, about, experiment.get("name", folder.parent.name)))
        if not kept:
            what = "only deleted runs" if n_deleted else "no runs"
            raise InputError(f"{str(path)!r} holds {what} of MLflow: give a folder mlruns with runs")
        notes = deleted_note(n_deleted)
        for folder, about, experiment in kept:
            yield _run(folder, about, experiment, notes)
            notes = []


def _has_database(path: Path) -> bool:
    return (path / "mlflow.db").exists()


def _holds_run(path: Path) -> bool:
    """Whether a run lies at a folder or below, told without looking into all."""
    folders = (file.parent for file in files_below(path, lambda name: name == _META, MOST_FOLDERS))
    return any(_is_run(each) and len(each.relative_to(path).parts) <= _DEEPEST for each in folders)


def _runs(path: Path) -> Iterator[Path]:
    """The folders of runs at a folder, or up to three levels below it: they have a file on themselves."""
    for depth in range(_DEEPEST + 1):
        for meta in sorted(path.glob("/".join(["*"] * depth + [_META]))):
            folder = meta.parent
            if _is_run(folder) and not any(part.startswith(".") for part in folder.relative_to(path).parts):
                yield folder


def _is_run(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in ("metrics", "params", "tags"))


def _meta(folder: Path) -> dict[str, str]:
    """The texts of a file of `key: value` lines, which is all that MLflow writes of YAML there."""
    try:
        lines = (folder / _META).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(": ") for line in lines if not line.startswith((" ", "-")))
    return {key: value.strip().strip("'\"") for key, colon, value in pairs if colon}


def _run(folder: Path, about: dict[str, str], experiment: str, notes: list[str]) -> LoggedRun:
    notes = [*notes]
    if not about:
        notes.append(f"its {_META} is empty or cannot be read")
    number = about.get("status", "")
    status = _STATUSES[int(number)] if number in ("1", "2", "3", "4", "5") else number
    params, tags = ({name: _text(file, notes) for name, file in _named(folder / part)} for part in ("params", "tags"))
    series = {name: _series(name, file, notes) for name, file in _named(folder / "metrics")}
    return mlflow_run(
        id=about.get("run_id") or about.get("run_uuid") or folder.name,
        name=about.get("run_name"),
        status=status if status in STATES else "",
        experiment=experiment,
        params=params,
        tags=tags,
        series={name: each for name, each in series.items() if len(each.at)},
        notes=notes,
    )


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder by their names, which may hold slashes."""
    for file in files_below(folder, lambda name: True):
        yield file.relative_to(folder).as_posix(), file


def _text(file: Path, notes: list[str]) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        notes.append(f"{shown(file.name)} cannot be read ({error.strerror})")
        return ""


def _series(name: str, file: Path, notes: list[str]) -> Series:
    """The metric in a file of lines `time value step`; a line that is cut short or broken is left out."""
    at, values, broken = [], [], []
    body = _text(file, notes)
    for i, line in enumerate(body.split("\n"), start=1):
        if not line.strip():
            continue
        is_cut = i == body.count("\n") + 1
        try:
            _, value, *step = line.split()[:3]
            numbers = float(step[0]) if step else 0.0, float(value)
        except (ValueError, IndexError):
            is_cut, numbers = True, None
        if is_cut or numbers is None:
            broken.append(i)
            continue
        at.append(numbers[0])
        values.append(numbers[1])
    if broken:
        notes.append(f"broken or cut lines of the metric {shown(name)} were left out: {names(broken)}")
    return Series(x="step", at=np.array(at, float), values=np.array(values, float))
