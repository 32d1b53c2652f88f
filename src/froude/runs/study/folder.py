"""A study: a folder of runs on disk, in which workers need no lock and a kill costs at most a line.

```
study.json            the settings that define the study; written once, never changed
plan.json, ...        other documents, each replaced whole (`write_json`)
runs/<id>.jsonl       a finished run: a config line, step lines, a result line
runs/<id>.jsonl.part  an unfinished run
trunks/               checkpoints, written whole (`write_file`)
logs/<id>/, output/   of a sweep: a trainer's own files, and what each run was given and printed
cache/                the runs once more, for studies of many; see `cache`
jobs/                 of Slurm: what its jobs are given and print
*.damaged             what was damaged and has been made again (`set_aside`)
```

What is read is checked. A run is known by the id inside its file, so that a copy is no second run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.files import write_file
from froude.result import Result
from froude.runs.roles import ROLES
from froude.runs.study.cache import read_curves, read_heads
from froude.runs.study.curve import curve_of
from froude.runs.study.documents import FORMAT, SETTINGS, read_document, read_settings, unreadable
from froude.runs.study.gather import flatten, study_table
from froude.runs.study.lines import read_json_lines
from froude.runs.study.run_file import FinishedRun, read_folder, run_id, without_kind
from froude.runs.study.writer import UNFINISHED, RunWriter

if TYPE_CHECKING:
    import polars as pl

    from froude.runs.table import Runs


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Study(Result):
    """A folder of runs and the settings that define it; made by `Study.create` or `Study.open`."""

    path: Path
    settings: Mapping[str, Any]

    @classmethod
    def create(cls, path: str | Path, settings: Mapping[str, Any]) -> Study:
        """Return the study in folder `path`, made if it is not there, opened if its settings are these.

        Raises InputError if the folder holds a study of other settings, or other files (hidden ones do not
        count), or cannot be written.
        """
        path = Path(path)
        try:
            if not (path / SETTINGS).exists():
                _make(path, settings)
            for folder in ("runs", "trunks"):
                (path / folder).mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"study folder {str(path)!r} cannot be written ({error.strerror}): choose another with --study"
            ) from None
        study = cls.open(path)
        _check_same(study, settings)
        return study

    @classmethod
    def open(cls, path: str | Path) -> Study:
        """Return the study in folder `path`. Raises InputError if there is none that can be read."""
        path = Path(path)
        try:
            return cls(path=path, settings=read_settings(path))
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{str(path)!r} is no study: give a folder with a {SETTINGS}") from None
        except (OSError, DocumentError) as error:
            raise unreadable(path, SETTINGS, error) from None

    @property
    def trunks(self) -> Path:
        """The folder of checkpoints; write them with `write_file`."""
        return self.path / "trunks"

    def write_json(self, name: str, value: Any) -> None:
        """Replace the document `name` ("plan.json"): a reader sees the old or the new. Raises OSError."""
        write_file(self.path / name, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")

    def read_json(self, name: str, kind: Any = Any) -> Any:
        """Return the document `name`, converted to this type; numbers may be NaN.

        Raises InputError, with the command that makes it again, if there is none or it is damaged.
        """
        try:
            return read_document(self.path / name, kind)
        except (OSError, DocumentError) as error:
            raise unreadable(self.path, name, error) from None

    def finished_ids(self) -> set[str]:
        """Return the ids of the finished runs; a file that holds none, or a copy, does not count."""
        return {run.id for run in read_heads(self.path) if isinstance(run, FinishedRun)}

    def writer(
        self, config: Mapping[str, Any], keep: float | None = None, prefix: Iterable[Mapping[str, Any]] = ()
    ) -> RunWriter:
        """Return a writer for the run of this configuration, its file begun anew.

        It starts with the steps `prefix` if there are any (a branch starts with its trunk's, see `steps`),
        else with those steps of an unfinished earlier attempt that are not after step `keep`, or none. Raises OSError.
        """
        name = run_id(config)
        final_path = self.path / "runs" / f"{name}.jsonl"
        steps = list(prefix) or ([] if keep is None else [s for s in self._earlier(name) if s["step"] <= keep])
        return RunWriter(final_path, {"kind": "config", "id": name, "config": config}, steps)

    def steps(self, id: str) -> tuple[dict[str, Any], ...]:
        """Return the steps of a run, finished or not, as they were written; an incomplete line is left out.

        Raises InputError if the study has no such run.
        """
        finished = self.path / "runs" / f"{id}.jsonl"
        unfinished = finished.with_name(finished.name + UNFINISHED)
        # Finished twice: the run may be finished between a look for the one file and a look for the other.
        for path in (finished, unfinished, finished):
            if lines := _lines_of(path, id):
                return tuple(without_kind(line) for line in lines if line.get("kind") == "step")
        for run in read_folder(self.path / "runs"):
            if isinstance(run, FinishedRun) and run.id == id:
                return run.steps
        raise InputError(f"study {str(self.path)!r} has no run {id!r}: `finished_ids` gives them")

    def curve(self, id: str) -> dict[str, np.ndarray]:
        """Return the numbers of a run's steps (step, tokens, loss, ...), each (steps,), NaN where missing.

        Raises InputError if the study has no such run.
        """
        return curve_of(self.steps(id))

    def curves(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the curve of each finished run, by its id, in their order."""
        return read_curves(self.path)

    def runs(self, ids: Iterable[str] | None = None) -> Runs:
        """Return the finished runs, or those of them with these ids, sorted by id.

        Their configurations and results are columns; `notes` tells of files that hold no finished run or one that is
        counted already. Raises InputError if N, D, C or loss hold what `read_runs` refuses.
        """
        import polars as pl

        from froude.runs.table import Runs

        frame, notes = study_table(self.path)
        if ids is not None and not frame.is_empty():
            frame = frame.filter(pl.col("id").is_in(list(ids)))
        return replace(Runs.from_frame(frame, known_columns(frame)), notes=notes)

    def _earlier(self, name: str) -> tuple[dict[str, Any], ...]:
        """Return the steps of an unfinished attempt at the run, none if there was none."""
        lines = _lines_of(self.path / "runs" / f"{name}.jsonl{UNFINISHED}", name)
        return tuple(line for line in lines if line.get("kind") == "step" and "step" in line)


def _lines_of(path: Path, id: str) -> tuple[dict[str, Any], ...]:
    """Return the lines of the file of a run, none where it cannot be read or holds another run."""
    try:
        lines = read_json_lines(path).objects
    except (OSError, DocumentError):
        return ()
    return lines if all(line.get("id", id) == id for line in lines if line.get("kind") == "config") else ()


def known_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Return the roles that a study's columns bear by name: nothing is chosen by likeness, whatever else is there."""
    return {role: role for role in ROLES if role in frame.columns}


def _make(path: Path, settings: Mapping[str, Any]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise InputError(f"{str(path)!r} holds other files and no study: choose an empty folder with --study")
    write_settings(path, settings)


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings that make a folder a study. Raises OSError."""
    document = {"format": FORMAT, "settings": settings}
    write_file(folder / SETTINGS, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def _check_same(study: Study, settings: Mapping[str, Any]) -> None:
    """Raise InputError, naming the first key that differs, if the study was made with other settings."""
    old, new = flatten(study.settings), flatten(settings)
    for key in sorted(old.keys() | new.keys()):
        was, wanted = (json.dumps(v[key], sort_keys=True) if key in v else "not set" for v in (old, new))
        if was != wanted:
            raise InputError(
                f"study {str(study.path)!r} was made with {key} = {was}, now {wanted}: "
                "choose another folder with --study"
            )
