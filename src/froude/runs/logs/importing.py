"""Logs become runs of a study: each in a file of its own, written whole, and again only where its log has grown."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, final

from froude.errors import InputError
from froude.files import remedy_of, write_files
from froude.provenance import Computed, recorded
from froude.runs.logs.evidence import RoleValue
from froude.runs.logs.known_readers import read_logs
from froude.runs.logs.logged_run import LoggedRun, State
from froude.runs.logs.role_summary import RoleSource, check_columns, run_notes, summarize_roles
from froude.runs.logs.run_roles import roles_of_run
from froude.runs.logs.run_rows import row_of_run, steps_of_run
from froude.runs.study.folder import Study
from froude.runs.study.lines import json_lines
from froude.runs.study.run_file import run_id
from froude.runs.study.writer import UNFINISHED

Change = Literal["new", "grown", "same", "kept"]
"""What an import does to a run of a study: "kept" is one whose log has become shorter than what is there."""
SETTINGS: Mapping[str, Any] = {"runs": "imported from logs"}
_AT_ONCE = 256  # files that are synced together


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RunImport(Computed):
    """What an import read and wrote.

    `states` and `changes` count its runs by how they stand and by what became of their files ("new", "grown", "same",
    "kept"); `roles` say what was taken for which role, `notes` what was cut short or left out.
    """

    study: Path
    sources: tuple[str, ...]
    states: Mapping[State, int]
    changes: Mapping[Change, int]
    roles: tuple[RoleSource, ...]
    notes: tuple[str, ...]

    @property
    def n_runs(self) -> int:
        """How many runs the sources hold."""
        return sum(self.states.values())


@recorded
def import_runs(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    study: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
) -> RunImport:
    """Write the runs of logs into a study folder, and return what was read.

    A source is a log or a folder of logs of one kind: see `LOG_READERS`. `columns` maps a role (N, D, loss, …) to a
    metric, a value of the summary or a key of the configuration; the rest is found.

    A run is known by the place of its source and its id there. Imported again it changes nothing; where its log has
    grown its file is replaced, at once and whole. A running run is kept as unfinished (`.part`), with all of its steps,
    and counts once it has ended. A log that has become shorter than what was imported changes nothing. All is read
    before anything is written; a killed import loses nothing, and the next goes on.

    Raises InputError for what is no log, where loss, N or D may be several numbers (it says what to give), and for a
    folder that holds something else or cannot be written.
    """
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    if not given:
        raise InputError("no log is given to import: give files or folders")
    read = [(str(source), *read_logs(source)) for source in given]
    every = [run for _, some, _ in read for run in some]
    runs = [(source, run) for source, some, _ in read for run in some if run.series or run.summary]
    notes = (*(note for *_, left_out in read for note in left_out), *run_notes(every))
    if not runs:
        raise InputError(f"{', '.join(map(repr, map(str, given)))} holds no runs: {notes[0] if notes else 'no step'}")
    check_columns(columns or {}, (run for _, run in runs))
    found = [roles_of_run(run, columns) for _, run in runs]
    folder = Study.create(Path(study), SETTINGS)
    files = (_file_of(source, run, roles) for (source, run), roles in zip(runs, found, strict=True))
    changes = Counter(_written(folder.path / "runs", files))
    kept = changes["kept"]
    shorter = (f"{kept} logs are shorter than what was imported of them: they are kept as they were",) if kept else ()
    return RunImport(
        study=folder.path,
        sources=tuple(map(str, given)),
        states=Counter(run.state for _, run in runs),
        changes=changes,
        roles=summarize_roles(found),
        notes=(*notes, *shorter),
    )


@final
@dataclass(frozen=True, kw_only=True)
class _RunFile:
    """A run as it is written: the name of its file, which of the two it is to be, and what is in it."""

    id: str
    is_finished: bool
    body: bytes


def _file_of(source: str, run: LoggedRun, roles: Mapping[str, RoleValue]) -> _RunFile:
    base = Path(source).resolve()
    base = base.parent if base.is_file() else base
    place = os.path.normpath(base / run.id) if base.exists() else f"{source}/{run.id}"
    config = {"source": place, "name": run.name, "config": run.config}
    id = run_id({"source": place})
    result = {k: v for k, v in row_of_run(run, roles).items() if k not in ("id", "name")}
    is_finished = run.state != "running"
    lines = [
        {"kind": "config", "id": id, "config": config},
        *({**step, "kind": "step"} for step in steps_of_run(run, roles)),
        *([{**result, "kind": "result"}] if is_finished else []),
    ]
    try:
        body = json_lines(lines)
    except TypeError:  # dates of YAML, and what else a tracker keeps
        body = json_lines(json.loads(json.dumps(lines, default=str)))
    return _RunFile(id=id, is_finished=is_finished, body=body)


def _written(folder: Path, files: Iterable[_RunFile]) -> Iterator[Change]:
    """Write files of runs that are new or have grown, some at a time, and yield what became of each."""
    try:
        left = iter(files)
        while some := list(islice(left, _AT_ONCE)):
            changes: list[tuple[_RunFile, Change]] = [(file, _change(folder, file)) for file in some]
            wanted = [file for file, change in changes if change in ("new", "grown")]
            write_files({_path(folder, file.id, file.is_finished): file.body for file in wanted})
            for file in wanted:  # the other one goes only once this one is there
                _path(folder, file.id, not file.is_finished).unlink(missing_ok=True)
            for _, change in changes:
                yield change
    except OSError as error:
        raise InputError(f"cannot write {error.filename!r} ({error.strerror}): {remedy_of(error)}") from error


def _path(folder: Path, id: str, is_finished: bool) -> Path:
    return folder / f"{id}.jsonl{'' if is_finished else UNFINISHED}"


def _change(folder: Path, file: _RunFile) -> Change:
    """What is to be done with a run, by what is there of it. Raises OSError."""
    there = [path for done in (True, False) if (path := _path(folder, file.id, done)).exists()]
    if not there:
        return "new"
    bodies = {path: path.read_bytes() for path in there}
    if bodies.get(_path(folder, file.id, file.is_finished)) == file.body and len(there) == 1:
        return "same"
    steps = max(body.count(b'"kind":"step"') for body in bodies.values())
    return "kept" if file.body.count(b'"kind":"step"') < steps else "grown"
