"""A study: a folder of runs on disk, in which workers need no lock and a kill costs at most a line.

```
study.json            the settings that define the study; written once, never changed
plan.json, ...        other documents, each replaced whole (`write_json`)
runs/<id>.jsonl       a finished run: a config line, step lines, a result line
runs/<id>.jsonl.part  an unfinished run
trunks/               checkpoints, written whole (`atomic_write`)
study.parquet         a cache of the finished runs, never the truth
```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.errors import InputError
from froude.result import Result
from froude.runs.roles import ROLES
from froude.runs.study.atomic import atomic_write
from froude.runs.study.gather import flatten, study_table
from froude.runs.study.lines import read_json_lines
from froude.runs.study.writer import UNFINISHED, RunWriter

if TYPE_CHECKING:
    import polars as pl

    from froude.runs.table import Runs

SETTINGS = "study.json"
"""The file that makes a folder a study."""
_FORMAT = 1


def run_id(config: Mapping[str, Any]) -> str:
    """Return the name of the run with this configuration: 16 hex digits of the SHA-256 of its canonical JSON.

    The order of keys does not matter; 1 and 1.0 differ. Raises TypeError for what JSON has no form for.
    """
    return hashlib.sha256(_canonical(config).encode()).hexdigest()[:16]


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
            document = json.loads((path / SETTINGS).read_bytes())
            if document["format"] != _FORMAT:
                raise InputError(
                    f"{str(path)!r} is a study of format {document['format']}, not {_FORMAT}: "
                    "use the froude that wrote it"
                )
            return cls(path=path, settings=document["settings"])
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{str(path)!r} is no study: give a folder with a {SETTINGS}") from None
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{str(path / SETTINGS)!r} cannot be read: restore it or choose another study") from None

    @property
    def trunks(self) -> Path:
        """The folder of checkpoints; write them with `atomic_write`."""
        return self.path / "trunks"

    def write_json(self, name: str, value: Any) -> None:
        """Replace the document `name` ("plan.json"): a reader sees the old or the new. Raises OSError."""
        atomic_write(self.path / name, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")

    def read_json(self, name: str) -> Any:
        """Return the document `name`. Raises InputError if there is none or it is no JSON."""
        try:
            return json.loads((self.path / name).read_bytes())
        except (OSError, ValueError):
            raise InputError(f"study {str(self.path)!r} has no readable {name}: run its command again") from None

    def finished_ids(self) -> set[str]:
        """Return the ids of the finished runs."""
        return {path.stem for path in (self.path / "runs").glob("*.jsonl")}

    def writer(
        self, config: Mapping[str, Any], keep: int | None = None, prefix: Iterable[Mapping[str, Any]] = ()
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
            try:
                lines = read_json_lines(path).objects
            except FileNotFoundError:
                continue
            return tuple({k: v for k, v in line.items() if k != "kind"} for line in lines if line.get("kind") == "step")
        raise InputError(f"study {str(self.path)!r} has no run {id!r}: `finished_ids` gives them")

    def curve(self, id: str) -> dict[str, np.ndarray]:
        """Return the numbers of a run's steps (step, tokens, loss, ...), each (steps,), NaN where missing.

        Raises InputError if the study has no such run.
        """
        steps = self.steps(id)
        names = {k for s in steps for k, v in s.items() if isinstance(v, int | float)}
        order = dict.fromkeys(k for s in steps for k in s if k in names)
        return {k: np.array([s.get(k, np.nan) for s in steps], dtype=float) for k in order}

    def runs(self) -> Runs:
        """Return the finished runs, sorted by id: their configurations and results as columns.

        `notes` tells of files that cannot be read or lack a result, which are not counted. Raises InputError
        if N, D, C or loss hold what `read_runs` refuses.
        """
        from froude.runs.table import Runs

        frame, notes = study_table(self.path)
        return replace(Runs.from_frame(frame, known_columns(frame)), notes=notes)

    def _earlier(self, name: str) -> tuple[dict[str, Any], ...]:
        """Return the steps of an unfinished attempt at the run, none if there was none."""
        part = self.path / "runs" / f"{name}.jsonl{UNFINISHED}"
        lines = read_json_lines(part).objects if part.exists() else ()
        return tuple(line for line in lines if line.get("kind") == "step" and "step" in line)


def known_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Return the roles that a study's columns bear by name: nothing is chosen by likeness, whatever else is there."""
    return {role: role for role in ROLES if role in frame.columns}


def _make(path: Path, settings: Mapping[str, Any]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise InputError(f"{str(path)!r} holds other files and no study: choose an empty folder with --study")
    document = {"format": _FORMAT, "settings": settings}
    atomic_write(path / SETTINGS, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


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


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
