"""Verdicts on trainings that run: where each will end, beside a goal and its family, and what looks wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np

from froude.bounds import positive_number
from froude.errors import InputError
from froude.fitting.watching.course import Course
from froude.fitting.watching.ends import EndForecast, LearnedEnds
from froude.fitting.watching.family import FamilyLaw, family_law
from froude.fitting.watching.reading import WatchedRun, watched_runs
from froude.fitting.watching.signs import has_diverged, signs_of
from froude.provenance import Computed, recorded

Says = Literal["on course", "above its law", "stop", "diverged", "finished", "too early", "length unknown"]
STOP_BELOW = 0.01
"""The probability of reaching the goal below which a training is called "stop"."""
EARLIEST = 0.05
"""The share of its way before which nothing is said of a training: no errors were learned there."""


@final
@dataclass(frozen=True, kw_only=True)
class RunVerdict:
    """What is said of one training.

    `share` is how much of its way it has gone, `loss` its latest one, `forecast` that at its end with the interval at
    90%. `reaches` is the probability that it ends at the goal or below. `above_law` is by how much it will end above
    the law of its family, relative, with the half-width at 90%. `signs` are phrases on what looks wrong.
    """

    name: str
    says: Says
    step: float
    end_step: float | None
    loss: float
    forecast: float | None = None
    interval: tuple[float, float] | None = None
    reaches: float | None = None
    above_law: tuple[float, float] | None = None
    signs: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """How much of its way it has gone, from 0 to 1; None where its length is not known."""
        return None if self.end_step is None else min(1.0, self.step / self.end_step)

    @property
    def should_stop(self) -> bool:
        """Whether it is not worth going on with."""
        return self.says in ("stop", "diverged")


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class WatchResult(Computed):
    """Verdicts on trainings, with the goal, and how many finished ones they were learned from."""

    runs: tuple[RunVerdict, ...]
    goal: float | None
    finished: int
    notes: tuple[str, ...] = ()

    @property
    def to_stop(self) -> tuple[RunVerdict, ...]:
        """The trainings that should be stopped."""
        return tuple(run for run in self.runs if run.should_stop)


@recorded
def watch(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    against: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    goal: float | None = None,
    steps: float | None = None,
    columns: Mapping[str, str] | None = None,
) -> WatchResult:
    """Return where running trainings will end, by their curves so far and by trainings that have finished.

    `sources` and `against` are logs that `froude.read_runs` reads, or studies. Finished trainings of all of them teach
    how the others go on; without any, trainings of other studies do, with wide intervals. `goal` is the loss to be
    reached. `steps` is the planned length, where the configuration does not say it and the finished trainings differ.
    `columns` maps roles to what the logs call them: {"loss": "eval/c4/loss"}. Nothing is written.

    The forecast is that of `forecast_end`. InputError for what is no log, and where no training has a loss.
    """
    given, beside = _paths(sources), _paths(against)
    if goal is not None:
        positive_number("goal", goal)
    length = None if steps is None else positive_number("steps", steps)
    runs, notes = _read(given, columns)
    if not runs:
        raise InputError(f"{', '.join(map(repr, map(str, given)))} hold no loss yet: name it with --columns")
    others, more = _read(beside, columns)
    finished = [run for run in (*runs, *others) if run.is_finished]
    result = verdicts(runs, finished, goal=goal, steps=length)
    return replace(result, notes=(*notes, *more, *result.notes))


def verdicts(
    runs: Sequence[WatchedRun], finished: Sequence[WatchedRun], *, goal: float | None = None, steps: float | None = None
) -> WatchResult:
    """Verdicts on trainings, the finished ones last, by those that have finished."""
    known = [course for run in finished if not has_diverged(run) and (course := run.course()) is not None]
    law = family_law([run for run in finished if not has_diverged(run)])
    length = steps or _common_length(known)
    found = [_verdict(run, finished, known, law, goal, length) for run in runs]
    unknown = sum(run.says == "length unknown" for run in found)
    notes = [f"{unknown} of {len(found)} runs do not say how long they will be: give --steps"] if unknown else []
    if not known:
        notes.append("no finished training to learn from: how those of other studies went is taken, give --against")
    return WatchResult(
        runs=tuple(sorted(found, key=lambda run: run.says == "finished")),
        goal=goal, finished=len(known), notes=tuple(notes),
    )  # fmt: skip


def _verdict(
    run: WatchedRun, finished: Sequence[WatchedRun], known: Sequence[Course], law: FamilyLaw | None,
    goal: float | None, length: float | None,
) -> RunVerdict:  # fmt: skip
    others = [each for each in finished if each is not run]
    course = run.course(run.end or length)
    end = None if course is None else course.end
    base = RunVerdict(
        name=run.name, says="on course", step=float(run.at[-1]), end_step=end, loss=float(run.loss[-1]),
        signs=() if run.is_finished else tuple(signs_of(run, others)),
    )  # fmt: skip
    if has_diverged(run):
        return replace(base, says="diverged")
    if run.is_finished:
        return replace(base, says="finished")
    if course is None:
        return replace(base, says="length unknown")
    if course.share < EARLIEST:
        return replace(base, says="too early")
    forecast = LearnedEnds.learn(known, course.share).forecast(course)
    above = None if law is None else law.distance(run, forecast)
    reaches = None if goal is None else forecast.probability_below(goal)
    return replace(
        base, says=_says(reaches, above), forecast=forecast.loss, interval=forecast.interval(),
        reaches=reaches, above_law=above,
    )  # fmt: skip


def _says(reaches: float | None, above: tuple[float, float] | None) -> Says:
    if reaches is not None and reaches < STOP_BELOW:
        return "stop"
    return "above its law" if above is not None and above[0] > above[1] else "on course"


def stop_forecast(run: WatchedRun, finished: Sequence[WatchedRun]) -> EndForecast | None:
    """The end of a training of a sweep, None where it cannot be told yet: too early, or too few have finished."""
    known = [course for each in finished if not has_diverged(each) and (course := each.course()) is not None]
    course = run.course(run.end or _common_length(known))
    if course is None or course.share < EARLIEST or not course.is_sound:
        return None
    return LearnedEnds.learn(known, course.share).forecast(course)


def _common_length(known: Sequence[Course]) -> float | None:
    """The length of the finished trainings, where all are as long."""
    ends = np.array([course.end for course in known])
    return float(np.median(ends)) if ends.size and np.ptp(ends) <= 0.02 * ends.max() else None


def _read(
    sources: Sequence[str | os.PathLike[str]], columns: Mapping[str, str] | None
) -> tuple[list[WatchedRun], list[str]]:
    """The trainings of all sources, and what was left out of them."""
    read = [watched_runs(source, columns) for source in sources]
    return [run for runs, _ in read for run in runs], [note for _, notes in read for note in notes]


def _paths(given: Any) -> list[str | os.PathLike[str]]:
    return [given] if isinstance(given, str | os.PathLike) else list(given)
