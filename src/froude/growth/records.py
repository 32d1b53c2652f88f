"""Timings in a study folder: each is a run, written whole, and not made again; those of two machines do not mix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from froude.documents import DocumentKind
from froude.errors import InputError, shown
from froude.growth.experiment import Experiment
from froude.growth.timing import Timing
from froude.runs import Study

TIMING = DocumentKind(what="timing", remedy="remove that file, and the same command times it again")
_SET = ("method", "size", "repetition")
_MEASURED = ("cpu_seconds", "wall_seconds", "calls", "peak_bytes", "quality")
_MADE = ("machine", "date")


@final
@dataclass(frozen=True, kw_only=True)
class Records:
    """Where timings are kept: the study they are written to, if any, and earlier ones by method, size, repetition."""

    study: Study | None = None
    earlier: Mapping[tuple[str, float, int], Timing] = field(default_factory=dict)

    @classmethod
    def at(cls, folder: str | Path | None, experiment: Experiment, seed: int) -> Records:
        """The records in a study folder, made if it is not there; without a folder none are kept.

        Raises InputError if the folder holds another experiment, or this one with other code or another seed.
        """
        if folder is None:
            return cls()
        settings = {"kind": "growth", "title": experiment.title, "version": experiment.version or "", "seed": seed}
        study = Study.create(folder, settings)
        return cls(study=study, earlier={(t.method, t.size, t.repetition): t for t in _timings(study)})

    def write(self, timing: Timing) -> None:
        """Keep a timing, as a finished run."""
        if self.study is None:
            return
        with self.study.writer({name: getattr(timing, name) for name in _SET}) as run:
            values = {name: getattr(timing, name) for name in (*_MEASURED, *_MADE)}
            run.finish(**{name: value for name, value in values.items() if _is_known(value)})

    def check_machine(self, machine: str | None) -> None:
        """InputError where what is kept was made on another machine than this one, which is to add to it."""
        others = {t.machine for t in self.earlier.values() if t.machine} - {machine}
        if self.study and machine and others:
            raise InputError(
                f"study {str(self.study.path)!r} was timed on {min(others)}, and this is {machine}: "
                "timings of two machines do not mix, choose another folder with --study"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """That some timings do not say where they were made, if so."""
        unnamed = sum(not t.machine for t in self.earlier.values())
        if not unnamed:
            return ()
        return (f"{unnamed} of {len(self.earlier)} timings kept do not say on which machine they were made",)


def _timings(study: Study) -> list[Timing]:
    runs = study.runs()
    names = ("id", *_SET, *_MEASURED, *_MADE)
    columns = {name: runs[name].tolist() if name in runs else [None] * len(runs) for name in names}
    rows = ({name: column[i] for name, column in columns.items()} for i in range(len(runs)))
    return [_timing(study, row) for row in rows]


def _timing(study: Study, row: Mapping[str, Any]) -> Timing:
    """The timing that a run of a study is. InputError, naming its file, for a run that is none."""
    known = {name: _value(value) for name, value in row.items() if name != "id" and _is_known(value)}
    file = study.path / "runs" / f"{row['id']}.jsonl"
    timing = TIMING.check(known, str(file), Timing)
    faults = {
        "size": timing.size > 0, "repetition": timing.repetition >= 0, "calls": timing.calls > 0,
        "cpu_seconds": timing.cpu_seconds > 0, "wall_seconds": timing.wall_seconds > 0,
        "peak_bytes": (timing.peak_bytes or 0) >= 0,
    }  # fmt: skip
    if wrong := next((name for name, holds in faults.items() if not holds), None):
        raise TIMING.wrong(file, f"{wrong} is {shown(getattr(timing, wrong))}, which cannot be")
    return timing


def _value(value: Any) -> Any:
    """A cell of a column as its file has it: a whole number stays one where others of the column are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_known(value: str | float | None) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
