"""Runs in event files: each folder of such files is a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.errors import InputError, shown
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.places import MOST_FOLDERS, files_below, is_folder
from froude.runs.logs.tensorboard.events import EventRun
from froude.runs.logs.tensorboard.tfrecords import records
from froude.runs.readers.reader import path_of

_NAME = "tfevents"
_TIME = re.compile(r"\d{9,}\.\d+")
_STARTED = re.compile(r"tfevents\.(\d+)(?:.*\.(\d+))?")


@final
@dataclass(frozen=True, kw_only=True)
class TensorBoardReader:
    """Reads event files: one, or all below a folder, where each folder that has some is a run.

    Files of a folder are parts of its run by age: where a later one steps back, it replaces what was there. What torch
    writes of hyperparameters into a folder named by the time belongs to the run in whose folder that is.
    """

    kinds: tuple[str, ...] = ("TensorBoard's event files", "a folder with them")

    def recognises(self, source: object) -> bool:
        """Whether the source is an event file, or a folder with one below it."""
        path = path_of(source)
        return path is not None and any(files_below(path, _is_events, MOST_FOLDERS))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs by the names of their folders."""
        path = Path(source)
        files: dict[Path, list[Path]] = {}
        for each in files_below(path, _is_events):
            files.setdefault(each.parent, []).append(each)
        if not files:
            raise InputError(f"{str(path)!r} has no event file below it: give the folder that TensorBoard shows")
        sessions = {each for each in files if _TIME.fullmatch(each.name) and each.parent in files}
        for folder, each in files.items():
            if folder in sessions:
                continue
            id = folder.relative_to(path).as_posix() if is_folder(path) else path.name
            inner = [file for session in sorted(sessions) if session.parent == folder for file in files[session]]
            yield _read(id, folder.resolve().name if id == "." else id, each, inner, path)


def _is_events(name: str) -> bool:
    return _NAME in name and not name.endswith(".profile-empty")


def _age(path: Path) -> tuple[int, int, str]:
    """What orders files by the time at which they were begun, as their names say, then by their number."""
    started = _STARTED.search(path.name)
    return int(started[1]) if started else 0, int(started[2] or 0) if started else 0, path.name


def _read(id: str, name: str, files: list[Path], session_files: list[Path], source: Path) -> LoggedRun:
    run, session = EventRun(), EventRun()
    for gathered, paths in ((run, files), (session, session_files)):
        for path in sorted(paths, key=_age):
            gathered.part += 1
            gathered.notes += _take_file(path, gathered, f"of {shown(path.name)}, " if len(paths) > 1 else "", source)
    series = {tag: column.series() for tag, column in run.columns.items() if column.steps}
    finals = {tag: float(column.values[-1]) for tag, column in session.columns.items() if column.values}
    return LoggedRun(
        id=id,
        name=name,
        state="unknown",
        config={**run.configuration(), **session.configuration()},
        summary=finals,
        series=series,
        notes=(*run.said(), *session.said()),
    )


def _take_file(path: Path, run: EventRun, where: str, source: Path) -> list[str]:
    """Add the events of a file to a run, and return what is to be said of the file."""
    notes: list[str] = []
    try:
        with path.open("rb") as file:
            n_events = 0
            for event in records(file, notes):
                run.take(event)
                n_events += 1
    except OSError as error:
        if path == source:
            raise InputError(f"{str(path)!r} cannot be read ({error.strerror}): check its rights") from None
        notes.append(f"the file cannot be read ({error.strerror})")
    else:
        if not n_events:
            if path == source and notes:
                raise InputError(f"{str(path)!r} holds no events: give a file that a SummaryWriter wrote")
            notes = notes or ["the log holds nothing yet"]
    return [f"{where}{note}" for note in notes]
