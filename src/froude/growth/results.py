"""An experiment run over growing sizes within a budget of time, and what came out."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

import numpy as np

from froude.errors import InputError
from froude.growth.command import Command
from froude.growth.crossing import Crossing, find_crossing
from froude.growth.experiment import Experiment, RowClaim, one_line
from froude.growth.exponents import Growth, Unfitted, fit_growth
from froude.growth.records import Records
from froude.growth.timing import GRAINS, Timing, clock_grain, peak_of, time_call
from froude.quantity import format_seconds

REPEATS = 5
ROUNDS = 5
BUDGET_S = 60.0
EXTRA_CALLS = 2  # beside the repetitions: the call whose memory is measured is slower for being traced
STEEPEST = 4.0  # exponent foreseen at most, since two sizes are little to tell it by


Measure = Literal["time", "memory", "quality"]


class JudgedClaim(NamedTuple):
    """A claim, and each of its statements with whether it is true."""

    claim: RowClaim
    statements: Mapping[str, bool]

    @property
    def holds(self) -> bool:
        """Whether all statements are true."""
        return all(self.statements.values())

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {
            "row": self.claim.row, "shows": self.claim.shows, "holds": self.holds, "statements": dict(self.statements)
        }  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True)
class Grown:
    """The timings of an experiment, and what they say.

    `time`, `memory` and `quality` hold a fit for each method, `crossings` one for each pair of methods; `notes` tell
    which method stopped before the largest size, and why.
    """

    experiment: Experiment = field(repr=False)
    timings: tuple[Timing, ...] = field(repr=False)
    time: dict[str, Growth | Unfitted]
    memory: dict[str, Growth | Unfitted]
    quality: dict[str, Growth | Unfitted]
    crossings: tuple[Crossing, ...]
    notes: tuple[str, ...]

    def of(self, method: str, size: float) -> list[Timing]:
        """The repetitions of one method at one size."""
        return [t for t in self.timings if (t.method, t.size) == (method, size)]

    def growth(self, method: str, of: Measure = "time") -> Growth:
        """How the CPU seconds, peak bytes or quality of one method grow; InputError where no exponent can be told."""
        found = getattr(self, of).get(method, Unfitted(reason="not measured"))
        if isinstance(found, Unfitted):
            raise InputError(f"{of} of {method!r} has no exponent ({found.reason}): give other sizes")
        return found

    def median(self, method: str, size: float, of: str) -> float:
        """The median over repetitions of a field of `Timing` at one size, of those that were measured.

        Raises InputError where that size was not reached.
        """
        values = [value for t in self.of(method, size) if not math.isnan(value := getattr(t, of))]
        if not values:
            raise InputError(f"{of} of {method!r} at {size:g} was not measured: give more time or smaller sizes")
        return float(np.median(values))

    def fastest(self, method: str, *, rounds: int = ROUNDS, seed: int = 0) -> dict[float, float]:
        """The least CPU seconds of a call at each size: of the repetitions, and of more in rounds.

        A size is measured at a time of its own, in which other work on the computer may slow it more than others. A
        round takes all sizes in turn, on the data of one repetition each. Raises InputError where a size was not
        reached.
        """
        made = self.experiment
        if left := [size for size in made.sizes if not self.of(method, size)]:
            raise InputError(f"{method!r} at {left[0]:g} was not measured: give more time or smaller sizes")
        least = {size: min(t.cpu_seconds for t in self.of(method, size)) for size in made.sizes}
        data = {size: made.prepare(size, np.random.default_rng([seed, i])) for i, size in enumerate(made.sizes)}
        for size in [*made.sizes] * rounds:
            again = time_call(functools.partial(made.methods[method], data[size]))
            least[size] = min(least[size], again.cpu_seconds)
        return least

    def judged(self) -> tuple[JudgedClaim, ...]:
        """The experiment's claims; one that needs what could not be measured does not hold, and says why."""
        return tuple(JudgedClaim(claim, self._statements(claim)) for claim in self.experiment.claims)

    def _statements(self, claim: RowClaim) -> Mapping[str, bool]:
        try:
            return claim.holds(self)
        except InputError as error:
            return {str(error): False}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON, NaN where nothing was measured."""
        about = self.experiment
        resident = any(isinstance(method, Command) for method in about.methods.values())
        memory = "resident" if resident else "allocated"
        return {
            **{name: getattr(about, name) for name in ("title", "source", "expected", "size_name", "quality_name")},
            "clock": {"grain_seconds": clock_grain(), "sample_grains": GRAINS, "memory": memory},
            "timings": [asdict(t) for t in self.timings],
            "time": {name: fit.to_dict() for name, fit in self.time.items()},
            "memory": {name: fit.to_dict() for name, fit in self.memory.items()},
            "quality": {name: fit.to_dict() for name, fit in self.quality.items()},
            "crossings": [crossing.to_dict() for crossing in self.crossings],
            "claims": [one.to_dict() for one in self.judged()],
            "notes": list(self.notes),
        }


def grow(
    experiment: Experiment,
    *,
    seconds: float = BUDGET_S,
    repeats: int = REPEATS,
    seed: int = 0,
    study: str | Path | None = None,
    machine: str = "",
    watch: Callable[[str], None] = lambda said: None,
) -> Grown:
    """Time each method over growing sizes and fit how time and quality grow.

    The methods take turns in every repetition, so that other work on the computer slows them alike. A method grows no
    further once its next size is foreseen to take more than is left of `seconds` on the wall. With a `study` folder
    every timing is a run in it, and those it holds are not made again. `machine` names this one in every timing.
    `watch` is told of each size.

    Raises InputError where a method fails or is too fast to time, the budget or the repetitions are none, or timings
    would be added to a study of another machine.
    """
    if not seconds > 0 or repeats < 1:
        raise InputError(f"{seconds:g} seconds and {repeats} repetitions: give more than none of both")
    records = Records.at(study, experiment, seed)
    runner = _Runner(experiment, records, time.monotonic() + seconds, repeats, seed, machine)
    for size in experiment.sizes:
        active = runner.that_may_grow(size)
        if not active:
            break
        watch(f"{experiment.size_name} = {size:g}")
        runner.measure(active, size)
    return summarise(experiment, runner.timings, [*runner.notes, *records.notes], seed)


def summarise(experiment: Experiment, timings: Iterable[Timing], notes: Iterable[str] = (), seed: int = 0) -> Grown:
    """What timings say: fits of CPU seconds, peak memory and quality, and the crossings of each pair of methods."""
    timings = tuple(timings)
    times = _by_size(experiment, timings, "cpu_seconds")
    peaks = _by_size(experiment, timings, "peak_bytes")
    judged = _by_size(experiment, timings, "quality") if experiment.has_quality else {}
    fits = {name: fit_growth([*by], [*by.values()], seed=seed) for name, by in times.items()}
    crossings = tuple(
        find_crossing((a, b), (times[a], times[b]), (fits[a], fits[b]), seed)
        for a, b in itertools.combinations(experiment.methods, 2)
    )
    return Grown(
        experiment=experiment,
        timings=timings,
        time=fits,
        memory={name: fit_growth([*by], [*by.values()], seed=seed) for name, by in peaks.items()},
        quality={name: fit_growth([*by], [*by.values()], floor=False, seed=seed) for name, by in judged.items()},
        crossings=crossings,
        notes=tuple(notes),
    )


def _by_size(experiment: Experiment, timings: Iterable[Timing], of: str) -> dict[str, dict[float, list[float]]]:
    """A field of timings by method and size, its repetitions in a list; memory only where it was measured."""
    found: dict[str, dict[float, list[float]]] = {name: {} for name in experiment.methods}
    for t in timings:
        if of != "peak_bytes" or not math.isnan(t.peak_bytes):
            found[t.method].setdefault(t.size, []).append(getattr(t, of))
    return found


class _Runner:
    """Times methods at growing sizes, and keeps what it found."""

    def __init__(
        self, experiment: Experiment, records: Records, deadline: float, repeats: int, seed: int, machine: str
    ) -> None:
        self.experiment, self.records, self.machine = experiment, records, machine
        self.deadline, self.repeats, self.seed = deadline, repeats, seed
        self.timings: list[Timing] = []
        self.notes: list[str] = []
        self.stopped: set[str] = set()

    def that_may_grow(self, size: float) -> list[str]:
        """The methods whose repetitions at a size what is left of the budget holds, or the study has already."""
        left, active = self.deadline - time.monotonic(), []
        for name in self.experiment.methods:
            if name in self.stopped:
                continue
            known = all((name, size, turn) in self.records.earlier for turn in range(self.repeats))
            needed = 0.0 if known else self.foreseen(name, size) * (self.repeats + EXTRA_CALLS)
            if needed and needed > left:
                self.stop(name, size, needed, left)
                continue
            left -= needed
            active.append(name)
        return active

    def stop(self, name: str, size: float, needed: float, left: float) -> None:
        """Lets a method grow no further, and says why."""
        self.stopped.add(name)
        self.notes.append(
            f"{name} stops before {self.experiment.size_name} = {size:g}: about "
            f"{format_seconds(needed, 2)} needed, {format_seconds(max(left, 0.0), 2)} left of the budget"
        )

    def foreseen(self, name: str, size: float) -> float:
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
            data = self._told(f"prepare of {self.experiment.title!r} at {size:g}", self.experiment.prepare, size, rng)
            for name in missing:
                made = self.one(name, size, turn, data)
                self.timings.append(made)
                self.records.write(made)

    def one(self, name: str, size: float, turn: int, data: Any) -> Timing:
        """One timing; the first of a size measures memory too."""
        what = f"method {name!r} at {self.experiment.size_name} = {size:g}"
        call = functools.partial(self.experiment.methods[name], data)
        sample, peak = self._told(what, time_call, call, what), math.nan
        if turn == 0:  # after the sample: what a first call loads is not the method's
            peak = self._told(what, peak_of, call)
        quality = self._told(f"quality of {what}", self.experiment.quality, data, sample.result)
        return Timing(
            method=name, size=size, repetition=turn, cpu_seconds=sample.cpu_seconds,
            wall_seconds=sample.wall_seconds, calls=sample.calls, peak_bytes=peak, quality=float(quality),
            machine=self.machine, date=time.strftime("%Y-%m-%d", time.gmtime()),
        )  # fmt: skip

    @staticmethod
    def _told(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a user's function returns; InputError in one line where it fails."""
        try:
            return function(*arguments)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{what} fails ({one_line(error)}): mend it or leave that size out") from error
