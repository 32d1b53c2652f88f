"""A study while it runs: how far it is, what diverged, and the verdicts of `froude watch`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from froude.answers.answer import Answer
from froude.answers.watching import answer_of_watch
from froude.errors import InputError
from froude.fitting import watch
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf, count_runs
from froude.web.work import SameElsewhere, command_of


@final
@dataclass(frozen=True, kw_only=True)
class StudyProgress:
    """How many runs of a study are finished and under way."""

    name: str
    finished: int
    running: int

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self.running > 0


def progress_of(name: str, path: Path) -> StudyProgress:
    """How far a study is, by the names of its files."""
    finished, running = count_runs(path)
    return StudyProgress(name=name, finished=finished, running=running)


def verdicts(shelf: Shelf, query: AddressQuery) -> Answer | str:
    """What `froude watch` says of a study, or why it can say nothing yet."""
    try:
        return answer_of_watch(watch(shelf.path(query.one("path")), goal=query.amount("goal")))
    except InputError as error:
        return str(error)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python of the verdicts."""
    path, goal = shelf.path(query.one("path")), query.one("goal")
    return SameElsewhere(
        command=command_of("watch", path, *(["--goal", goal] if goal else []), "--every", "60"),
        python=f"import froude\nverdicts = froude.watch({str(path)!r}{f', goal={goal}' if goal else ''})",
    )
