"""Pictures of growth as data: repetitions over sizes, fitted curves with bands, and where two methods cross."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.growth import Crossing, Growth, GrowthResult
from froude.growth.results import Measure
from froude.quantity import format_quantity

FIELDS: Mapping[Measure, str] = {"time": "cpu_seconds", "memory": "peak_bytes", "quality": "quality"}
"""The field of a timing behind each measure."""

PLACES = 60  # of a curve
FARTHEST = 32.0  # times the largest size measured, up to which a crossing is drawn


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthCurve:
    """A fitted curve y over sizes x (k,) with its band, extrapolated past `measured_to`."""

    x: np.ndarray
    y: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    measured_to: float

    @property
    def is_extrapolated(self) -> bool:
        """Whether it goes on past what was measured."""
        return bool(self.x[-1] > self.measured_to)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthSeries:
    """One method, by its place among all: repetitions at sizes x with values y (n,), and their curve if any."""

    name: str
    order: int
    x: np.ndarray
    y: np.ndarray
    curve: GrowthCurve | None


@final
@dataclass(frozen=True, kw_only=True)
class CrossingMark:
    """Where two methods cross: a size, its interval if it has one, and the seconds there."""

    title: str
    size: float
    interval: tuple[float, float] | None
    seconds: float
    label: str


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthView:
    """One measure of all methods over sizes; only that of time has crossings."""

    measure: Measure
    series: tuple[GrowthSeries, ...]
    crossings: tuple[CrossingMark, ...]
    x_label: str
    y_label: str


def view_of(result: GrowthResult, measure: Measure) -> GrowthView:
    """The picture of CPU seconds, peak memory or quality against size."""
    about = result.experiment
    crossings = [one for one in result.crossings if measure == "time" and _is_near(result, one)]
    series = [_series(result, measure, name, crossings) for name in about.methods]
    return GrowthView(
        measure=measure,
        series=tuple(each for each in series if each.x.size),
        crossings=tuple(_mark(result, one) for one in crossings),
        x_label=about.size_name,
        y_label={"time": "CPU seconds of a call", "memory": "peak memory", "quality": about.quality_name}[measure],
    )


def crossing_label(crossing: Crossing, size_name: str) -> str:
    """The size at which two methods cross: "n = 1.02k"; nothing where they do not."""
    return "" if crossing.size is None else f"{size_name} = {format_quantity(crossing.size)}"


def _series(result: GrowthResult, measure: Measure, name: str, crossings: list[Crossing]) -> GrowthSeries:
    field = FIELDS[measure]
    pairs = [(t.size, getattr(t, field)) for t in result.timings if t.method == name and getattr(t, field) is not None]
    x, y = np.array([pair for pair in pairs if np.isfinite(pair[1])], dtype=float).reshape(-1, 2).T
    order, fit = list(result.experiment.methods).index(name), result.fits(measure).get(name)
    if not isinstance(fit, Growth):
        return GrowthSeries(name=name, order=order, x=x, y=y, curve=None)
    far = max([x.max(), *(one.size for one in crossings if one.size and name in (one.first, one.second))])
    along = np.unique(np.append(np.geomspace(x.min(), far, PLACES), x.max()))
    lo, hi = np.quantile(fit.draws_at(along), [(1 - fit.level) / 2, (1 + fit.level) / 2], axis=0)
    curve = GrowthCurve(x=along, y=fit.at(along), lo=lo, hi=hi, measured_to=float(x.max()))
    return GrowthSeries(name=name, order=order, x=x, y=y, curve=curve)


def _is_near(result: GrowthResult, crossing: Crossing) -> bool:
    """Whether a crossing lies inside what was measured, or near enough to it to be drawn."""
    return crossing.size is not None and crossing.size <= FARTHEST * max(t.size for t in result.timings)


def _mark(result: GrowthResult, crossing: Crossing) -> CrossingMark:
    """The crossing with the seconds that both take there: along medians inside, on the curve beyond."""
    size, fit = crossing.size or 0.0, result.time[crossing.first]
    if crossing.kind == "extrapolated" and isinstance(fit, Growth):
        seconds = float(fit.at(size))
    else:
        sizes = sorted({t.size for t in result.timings if t.method == crossing.first})
        medians = [result.median(crossing.first, n, "cpu_seconds") for n in sizes]
        seconds = float(np.exp(np.interp(np.log(size), np.log(sizes), np.log(medians))))
    interval = None if crossing.lo is None or crossing.hi is None else (crossing.lo, crossing.hi)
    label = crossing_label(crossing, result.experiment.size_name)
    title = f"{crossing.first} and {crossing.second} cross{', extrapolated' if crossing.kind == 'extrapolated' else ''}"
    return CrossingMark(title=title, size=size, interval=interval, seconds=seconds, label=label)
