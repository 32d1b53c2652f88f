"""Runs in files that W&B wrote, those of a running or a killed one too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.places import MOST_FOLDERS, files_below
from froude.runs.logs.wandb.block_log import records
from froude.runs.logs.wandb.records import WandbRun, project_of
from froude.runs.readers.reader import path_of

_STARTED = re.compile(r"(\d{8}_\d{6})-")
_ENDING = ".wandb"


@final
@dataclass(frozen=True, kw_only=True)
class WandbReader:
    """Reads .wandb files: one, or all below a folder such as `wandb`; files of one run are parts of it, by age."""

    kinds: tuple[str, ...] = (f"W&B's {_ENDING}", "a folder with W&B's runs")

    def recognises(self, source: object) -> bool:
        """Whether the source is such a file, or a folder with one below it."""
        path = path_of(source)
        return path is not None and any(_files(path, MOST_FOLDERS))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs by the names of their files."""
        path = Path(source)
        parts: dict[str, list[Path]] = {}
        for each in sorted(_files(path), key=_age):
            parts.setdefault(each.stem.removeprefix("run-"), []).append(each)
        if not parts:
            raise InputError(f"{str(path)!r} has no {_ENDING} file below it: give the folder that W&B wrote")
        for id, paths in parts.items():
            runs = _read(id, paths, source=path)
            for project, run in runs.items():
                yield run.logged_run(id if len(runs) == 1 else f"{project}/{id}")


def _files(source: Path, most: int | None = None) -> Iterator[Path]:
    return files_below(source, lambda name: name.endswith(_ENDING), most)


def _age(path: Path) -> tuple[str, str]:
    """What orders files by the time at which their runs were started, as the folder of each says."""
    started = _STARTED.search(path.parent.name)
    return started[1] if started else "", str(path)


def _read(id: str, paths: list[Path], source: Path) -> dict[str, WandbRun]:
    """The run of an id by project, of which there are several where they share the id."""
    runs: dict[str, WandbRun] = {}
    for path in paths:
        run, notes = None, []
        try:
            with path.open("rb") as file:
                for record in records(file, notes):
                    if run is None and (project := project_of(record)) is not None:
                        run = runs.setdefault(project, WandbRun(id))
                    if run is not None:
                        run.take(record)
        except (OSError, InputError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            if path == source:
                raise InputError(f"{str(path)!r} cannot be read, it {reason}: give a log that W&B wrote") from None
            notes.append(f"the file cannot be read: it {reason}")
        if run is None:
            run = runs.setdefault(next(iter(runs), ""), WandbRun(id))
            notes = notes or ["the log ends before its run begins"]
        elif run.state == "unknown":
            notes.append("the log has no end: the run goes on, or was killed")
        run.notes += [f"of its files, {path.name}: {note}" for note in notes] if len(paths) > 1 else notes
    return runs
