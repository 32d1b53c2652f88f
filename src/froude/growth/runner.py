"""An experiment run: each method timed over growing sizes within a budget of time."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from froude.bounds import MOST_MINUTES, MOST_REPEATS, MOST_SEED, positive_number, whole_number
from froude.growth.experiment import Experiment, ask
from froude.growth.records import Records
from froude.growth.results import GrowthResult, analyse_timings
from froude.growth.timing import Timing, peak_of, time_call
from froude.provenance import recorded
from froude.quantity import format_seconds

REPEATS = 5
BUDGET_S = 60.0
OTHER_SIZES = "fix it or leave that size out"
EXTRA_CALLS = 2  # beside the repetitions: the call whose memory is measured is slower for being traced
STEEPEST = 4.0  # exponent predicted at most, since two sizes are little to tell it by


@recorded
def grow(
    experiment: Experiment,
    *,
    seconds: float = BUDGET_S,
    repeats: int = REPEATS,
    seed: int = 0,
    study: str | Path | None = None,
    machine: str | None = None,
    watch: Callable[[str], None] = lambda progress: None,
) -> GrowthResult:
    """Time each method over growing sizes and fit how time and quality grow.

    The methods take turns in every repetition, so that other work on the computer slows them alike. A method grows no
    further once its next size is predicted to take more than is left of `seconds` on the wall. With a `study` folder
    every timing is a run in it, and those it holds are not made again. `machine` names this one in every timing.
    `watch` is called with a line on each size.

    Raises InputError where a method fails or is too fast to time, budget, repetitions or seed cannot be, or timings
    would be added to a study of another machine.
    """
    positive_number("seconds", seconds, 60 * MOST_MINUTES)
    whole_number("repeats", repeats, 1, MOST_REPEATS)
    whole_number("seed", seed, 0, MOST_SEED)
    records = Records.at(study, experiment, seed)
    runner = _Runner(experiment, records, time.monotonic() + seconds, repeats, seed, machine)
    for size in experiment.sizes:
        active = runner.select(size)
        if not active:
            break
        watch(f"{experiment.size_name} = {size:g}")
        runner.measure(active, size)
    return analyse_timings(experiment, runner.timings, [*runner.notes, *records.notes], seed)


class _Runner:
    """Times methods at growing sizes, and keeps the timings."""

    def __init__(
        self, experiment: Experiment, records: Records, deadline: float, repeats: int, seed: int, machine: str | None
    ) -> None:
        self.experiment, self.records, self.machine = experiment, records, machine
        self.deadline, self.repeats, self.seed = deadline, repeats, seed
        self.timings: list[Timing] = []
        self.notes: list[str] = []
        self.stopped: set[str] = set()

    def select(self, size: float) -> list[str]:
        """The methods whose repetitions at a size what is left of the budget holds, or the study has already."""
        left, active = self.deadline - time.monotonic(), []
        for name in self.experiment.methods:
            if name in self.stopped:
                continue
            known = all((name, size, turn) in self.records.earlier for turn in range(self.repeats))
            needed = 0.0 if known else self.predict_seconds(name, size) * (self.repeats + EXTRA_CALLS)
            if needed and needed > left:
                self.stop(name, size, needed, left)
                continue
            left -= needed
            active.append(name)
        return active

    def stop(self, name: str, size: float, needed: float, left: float) -> None:
        """Lets a method grow no further, and notes why."""
        self.stopped.add(name)
        self.notes.append(
            f"{name} stops before {self.experiment.size_name} = {size:g}: about "
            f"{format_seconds(needed, 2)} needed, {format_seconds(max(left, 0.0), 2)} left of the budget"
        )

    def predict_seconds(self, name: str, size: float) -> float:
        """Seconds on the wall of one call, along the power through the last two sizes; 0 where there are none."""
        by_size: dict[float, list[float]] = {}
        for t in self.timings:
            if t.method == name:
                by_size.setdefault(t.size, []).append(t.wall_seconds)
        points = [(n, float(np.median(seconds))) for n, seconds in by_size.items()][-2:]
        if not points:
            return 0.0
        exponent = 1.0
        if len(points) == 2:
            (n, s), (m, r) = points
            exponent = min(STEEPEST, max(0.0, math.log(r / s) / math.log(m / n)))
        return points[-1][1] * (size / points[-1][0]) ** exponent

    def measure(self, names: list[str], size: float) -> None:
        """Times these methods in turns; past the deadline a size is left with the repetitions that it has."""
        where = self.experiment.sizes.index(size)
        for turn in range(self.repeats):
            missing = [name for name in names if (name, size, turn) not in self.records.earlier]
            self.timings += [self.records.earlier[name, size, turn] for name in names if name not in missing]
            if not missing or (turn and time.monotonic() > self.deadline):
                continue
            self.records.check_machine(self.machine)
            rng = np.random.default_rng([self.seed, where, turn])
            data = ask(
                f"prepare of {self.experiment.title!r} at {size:g}",
                self.experiment.prepare,
                size,
                rng,
                remedy=OTHER_SIZES,
            )
            for name in missing:
                timing = self.time_once(name, size, turn, data)
                self.timings.append(timing)
                self.records.write(timing)

    def time_once(self, name: str, size: float, turn: int, data: Any) -> Timing:
        """One timing; the first of a size measures memory too."""
        what = f"method {name!r} at {self.experiment.size_name} = {size:g}"
        call = functools.partial(self.experiment.methods[name], data)
        sample, peak, quality = ask(what, time_call, call, what, remedy=OTHER_SIZES), None, None
        if turn == 0:  # after the sample: what a first call loads is not the method's
            peak = ask(what, peak_of, call, remedy=OTHER_SIZES)
        if self.experiment.quality is not None:
            ends = (self.experiment.quality, data, sample.result)
            quality = ask(f"quality of {what}", _number_of, *ends, remedy=OTHER_SIZES)
        return Timing(
            method=name, size=size, repetition=turn, cpu_seconds=sample.cpu_seconds,
            wall_seconds=sample.wall_seconds, calls=sample.calls, peak_bytes=peak, quality=quality,
            machine=self.machine, date=time.strftime("%Y-%m-%d", time.gmtime()),
        )  # fmt: skip


def _number_of(quality: Callable[[Any, Any], float], data: Any, result: Any) -> float:
    return float(quality(data, result))
