"""What came out of an experiment on growth: fits, crossings, medians, and its claims judged by them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, final

import numpy as np

from froude.errors import InputError
from froude.growth.command import Command
from froude.growth.crossing import Crossing, find_crossing
from froude.growth.experiment import Experiment, RowClaim, ask
from froude.growth.exponents import Growth, Unfitted, fit_growth
from froude.growth.timing import GRAINS, Timing, clock_grain, time_call
from froude.provenance import Computed

ROUNDS = 5

Measure = Literal["time", "memory", "quality"]


class JudgedClaim(NamedTuple):
    """A claim, and each of its statements with whether it is true."""

    claim: RowClaim[GrowthResult]
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
@dataclass(frozen=True, kw_only=True, repr=False)
class GrowthResult(Computed):
    """The timings of an experiment, and what follows from them.

    `time`, `memory` and `quality` hold a fit for each method, `crossings` one for each pair of methods; `notes` name
    each method that stopped before the largest size, and why.
    """

    experiment: Experiment = field(repr=False)
    timings: tuple[Timing, ...] = field(repr=False)
    time: dict[str, Growth | Unfitted]
    memory: dict[str, Growth | Unfitted]
    quality: dict[str, Growth | Unfitted]
    crossings: tuple[Crossing, ...]
    notes: tuple[str, ...]

    def timings_of(self, method: str, size: float) -> list[Timing]:
        """The repetitions of one method at one size."""
        return [t for t in self.timings if (t.method, t.size) == (method, size)]

    def fits(self, measure: Measure) -> dict[str, Growth | Unfitted]:
        """The fits of one measure by method."""
        return {"time": self.time, "memory": self.memory, "quality": self.quality}[measure]

    def growth(self, method: str, of: Measure = "time") -> Growth:
        """How the CPU seconds, peak bytes or quality of one method grow; InputError where it has no exponent."""
        fit = self.fits(of).get(method, Unfitted(reason="not measured"))
        if isinstance(fit, Unfitted):
            raise InputError(f"{of} of {method!r} has no exponent ({fit.reason}): give other sizes")
        return fit

    def median(self, method: str, size: float, of: str) -> float:
        """The median over repetitions of a field of `Timing` at one size, of those that were measured.

        Raises InputError where that size was not reached.
        """
        values = self.values(method, size, of)
        if not values:
            raise InputError(f"{of} of {method!r} at {size:g} was not measured: give more time or smaller sizes")
        return float(np.median(values))

    def values(self, method: str, size: float, of: str) -> list[float]:
        """A field of `Timing` at one size, of those repetitions in which it was measured."""
        values = [getattr(timing, of) for timing in self.timings_of(method, size)]
        return [value for value in values if value is not None and not math.isnan(value)]

    def fastest(self, method: str, *, rounds: int = ROUNDS, seed: int = 0) -> dict[float, float]:
        """The least CPU seconds of a call at each size: of the repetitions, and of more in rounds.

        A size is measured at a time of its own, in which other work on the computer may slow it more than others. A
        round takes all sizes in turn, on the data of one repetition each. Raises InputError where a size was not
        reached.
        """
        about = self.experiment
        if left := [size for size in about.sizes if not self.timings_of(method, size)]:
            raise InputError(f"{method!r} at {left[0]:g} was not measured: give more time or smaller sizes")
        least = {size: min(t.cpu_seconds for t in self.timings_of(method, size)) for size in about.sizes}
        data = {size: about.prepare(size, np.random.default_rng([seed, i])) for i, size in enumerate(about.sizes)}
        for size in [*about.sizes] * rounds:
            again = time_call(functools.partial(about.methods[method], data[size]))
            least[size] = min(least[size], again.cpu_seconds)
        return least

    @property
    def is_of_processes(self) -> bool:
        """Whether methods are commands, whose memory is that of processes as the system counts it."""
        return any(isinstance(method, Command) for method in self.experiment.methods.values())

    def judge_claims(self) -> tuple[JudgedClaim, ...]:
        """The experiment's claims; one that needs what could not be measured does not hold, and says why."""
        return tuple(JudgedClaim(claim, self._statements(claim)) for claim in self.experiment.claims)

    def _statements(self, claim: RowClaim[GrowthResult]) -> Mapping[str, bool]:
        try:
            return ask(f"the claim of {claim.row!r}", lambda: dict(claim.holds(self)))
        except InputError as error:
            return {str(error): False}

    def to_dict(self, claims: Iterable[JudgedClaim] | None = None) -> dict[str, Any]:
        """Everything as JSON, null where nothing was measured; with claims as judged before, or judged now."""
        about = self.experiment
        names = ("title", "source", "expected", "size_name", "quality_name")
        memory = "resident" if self.is_of_processes else "allocated"
        return {
            **{name: getattr(about, name) or "" for name in names},
            "clock": {"grain_seconds": clock_grain(), "sample_grains": GRAINS, "memory": memory},
            "timings": [timing.to_dict() for timing in self.timings],
            "time": {name: fit.to_dict() for name, fit in self.time.items()},
            "memory": {name: fit.to_dict() for name, fit in self.memory.items()},
            "quality": {name: fit.to_dict() for name, fit in self.quality.items()},
            "crossings": [crossing.to_dict() for crossing in self.crossings],
            "claims": [one.to_dict() for one in (self.judge_claims() if claims is None else claims)],
            "notes": list(self.notes),
            **self.origin,
        }


def analyse_timings(
    experiment: Experiment, timings: Iterable[Timing], notes: Iterable[str] = (), seed: int = 0
) -> GrowthResult:
    """What follows from timings: fits of seconds, memory and quality, and the crossings of each pair of methods."""
    timings = tuple(timings)
    times = _by_size(experiment, timings, "cpu_seconds")
    peaks = _by_size(experiment, timings, "peak_bytes")
    qualities = {} if experiment.quality is None else _by_size(experiment, timings, "quality")
    fits = {name: fit_growth([*by], [*by.values()], seed=seed) for name, by in times.items()}
    crossings = tuple(
        find_crossing((a, b), (times[a], times[b]), (fits[a], fits[b]), seed)
        for a, b in itertools.combinations(experiment.methods, 2)
    )
    return GrowthResult(
        experiment=experiment,
        timings=timings,
        time=fits,
        memory={name: fit_growth([*by], [*by.values()], seed=seed) for name, by in peaks.items()},
        quality={name: fit_growth([*by], [*by.values()], floor=False, seed=seed) for name, by in qualities.items()},
        crossings=crossings,
        notes=tuple(notes),
    )


def _by_size(experiment: Experiment, timings: Iterable[Timing], of: str) -> dict[str, dict[float, list[float]]]:
    """A field of timings by method and size, its repetitions in a list; memory only where it was measured."""
    values: dict[str, dict[float, list[float]]] = {name: {} for name in experiment.methods}
    for timing in timings:
        value = getattr(timing, of)
        if of != "peak_bytes" or value is not None:
            values[timing.method].setdefault(timing.size, []).append(math.nan if value is None else value)
    return values
