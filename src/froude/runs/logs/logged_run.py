"""A run as a tracker or a trainer logged it, before it is settled which of its numbers is what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

import numpy as np

State = Literal["finished", "running", "crashed", "unknown"]
"""How a run stands by what its log says: one that was killed or failed is "crashed"."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One metric along a run: `values` (n,) at `at` (n,), both in the order in which they were logged.

    `x` names what `at` counts: "step" is the tracker's own, others are metrics that the user set as its axis.
    """

    x: str
    at: np.ndarray
    values: np.ndarray


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LoggedRun:
    """A run as its log has it.

    `id` is the tracker's own or made of the file's place below the source: unique there, and the same when the log has
    grown. `config` is nested as it was logged; `summary` holds the values that the tracker keeps of the whole run;
    `series` each metric by its name. `notes` say what was cut short or left out, and where: a sentence each, without
    the run's name.
    """

    id: str
    name: str
    state: State
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    series: Mapping[str, Series]
    notes: tuple[str, ...] = ()


class LogReader(Protocol):
    """Reads the runs of one format of log; the members are `LOG_READERS`, one contract suite runs over all of them."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it reads, in words, for a message to a user who gave something else."""
        ...

    def recognises(self, source: object) -> bool:
        """Whether a source is of its kind, told without reading it whole."""
        ...

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield the runs in a source, each as whole as its log is: a torn one up to the tear, with a note.

        Raises InputError, in one line, where there is nothing that can be read.
        """
        ...
