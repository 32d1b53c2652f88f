"""A run of a study written from any training loop, in three lines; whatever ends the loop, no line is lost."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, final

from froude.errors import InputError, close_names
from froude.runs.study.documents import SETTINGS
from froude.runs.study.folder import Study
from froude.runs.study.run_file import run_id
from froude.runs.study.writer import RunWriter
from froude.sweeps.plain import plain

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "LOCAL_RANK")
"""What launchers call the number of a process: the first that is set counts, and only number 0 writes."""


def log(
    study: str | Path, config: Mapping[str, Any], *, N: float | None = None, D: float | None = None,
    keep: int | None = None,
) -> RunLog:  # fmt: skip
    """The log of a run in the folder `study`, made if it is not there; a context manager.

    ```python
    with froude.log("study", {"width": 64, "lr": 3e-3}, N=1.2e6, D=2.4e7) as run:
        run.step(step=10, tokens=40_960, loss=5.1)
        run.finish(loss=3.2)
    ```
    `N` parameters and `D` tokens are columns of the run, as whatever `config` holds; `finish` may give them too. A run
    is known by all of these. One that was not finished is begun anew; where the loop goes on from a checkpoint, `keep`
    is its step, and the lines up to that stay. Of several processes only that of rank 0 writes.

    InputError where the folder cannot be a study's, the run is finished already, or a value has no form in JSON.
    """
    facts = {name: value for name, value in (("N", N), ("D", D)) if value is not None}
    whole = {name: plain(name, value) for name, value in {**config, **facts}.items()}
    if rank() > 0:
        return RunLog(None, str(study))
    home = _study(Path(study))
    id = run_id(whole)
    if id in home.finished_ids():
        raise InputError(
            f"run {id} of {str(study)!r} is finished already: give it another config, a seed say, or another study"
        )
    return RunLog(home.writer(whole, keep), str(study))


@final
class RunLog:
    """Writes the lines of one run; made by `froude.log`. In a process of another rank than 0 it writes nothing."""

    def __init__(self, writer: RunWriter | None, study: str) -> None:
        self._writer = writer
        self._study = study
        self._is_finished = False
        self._steps = 0

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is None:
            return
        self._writer.close()
        if self._is_finished:
            return
        what = f"froude: run {self._writer.id} of {self._study!r} is left unfinished after {self._steps} steps"
        if error is not None:
            error.add_note(what)
        else:
            warnings.warn(f"{what}: call finish(loss=…) at its end", stacklevel=2)

    def step(self, **values: Any) -> None:
        """A line of the run's curve: step, tokens, loss, lr, … The system has it before this returns. OSError."""
        if self._writer is not None:
            self._writer.step(**_line(values))
        self._steps += 1

    def finish(self, **result: Any) -> None:
        """What came out: loss, other metrics, and N and D where they are known only now. The run is finished. OSError.

        A loss that is NaN or infinite is that of a run that diverged, which is kept.
        """
        if "loss" not in result:
            near = close_names("loss", result)
            raise InputError(f"finish() lacks the loss{f', is it {near[0]!r}?' if near else ''}: give loss=…")
        if self._writer is not None:
            self._writer.finish(**_line(result))
        self._is_finished = True


def rank() -> int:
    """The number of this process among those that train together, as their launcher says; 0 where none does."""
    for name in RANKS:
        value = os.environ.get(name, "")
        if value.isdigit():
            return int(value)
    return 0


def _study(folder: Path) -> Study:
    """The study in a folder; another process may be making it at this moment."""
    if (folder / SETTINGS).exists():
        return Study.open(folder)
    try:
        return Study.create(folder, {"kind": "log"})
    except InputError:
        if (folder / SETTINGS).exists():
            return Study.open(folder)
        raise


def _line(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a line. InputError for a name that the file needs itself, and for what has no form in JSON."""
    if "kind" in values:
        raise InputError("a run's line has a 'kind' of its own: give yours another name")
    return {name: plain(name, value) for name, value in values.items()}
