"""Timings in a study folder: each is a run, written whole, and not made again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

from froude.growth.experiment import Experiment
from froude.growth.timing import Timing
from froude.runs import Study

_SET = ("method", "size", "repetition")
_FOUND = ("cpu_seconds", "wall_seconds", "calls", "peak_bytes", "quality")


@final
@dataclass(frozen=True, kw_only=True)
class Records:
    """Where timings are kept: the earlier ones by (method, size, repetition), and the studies they are written to."""

    studies: tuple[Study, ...] = ()
    earlier: Mapping[tuple[str, float, int], Timing] = field(default_factory=dict)

    @classmethod
    def at(cls, folder: str | Path | None, experiment: Experiment, seed: int) -> Records:
        """The records in a study folder, made if it is not there; without a folder none are kept.

        Raises InputError if the folder holds another experiment, or this one with other code or another seed.
        """
        if folder is None:
            return cls()
        settings = {"kind": "growth", "title": experiment.title, "version": experiment.version, "seed": seed}
        study = Study.create(folder, settings)
        found = _timings(study) if study.finished() else []
        return cls(studies=(study,), earlier={(t.method, t.size, t.repetition): t for t in found})

    def write(self, timing: Timing) -> None:
        """Keep a timing, as a finished run."""
        values = asdict(timing)
        for study in self.studies:
            with study.writer({name: values[name] for name in _SET}) as run:
                run.finish(**{n: values[n] for n in _FOUND if not math.isnan(values[n])})


def _timings(study: Study) -> list[Timing]:
    runs = study.runs()
    columns = {name: runs[name].tolist() if name in runs else [math.nan] * len(runs) for name in (*_SET, *_FOUND)}
    return [_timing({name: column[i] for name, column in columns.items()}) for i in range(len(runs))]


def _timing(row: Mapping[str, Any]) -> Timing:
    numbers = {name: math.nan if row[name] is None else float(row[name]) for name in row if name != "method"}
    whole = {name: int(numbers[name]) for name in ("repetition", "calls")}
    return Timing(method=str(row["method"]), **{**numbers, **whole})
