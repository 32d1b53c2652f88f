"""What is said of forecasts by a fit: each beside how far beyond the runs it lies, and what is to be doubted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import amount, number_and_interval, percent, plain_number
from froude.fitting import Forecast, PublishedFit
from froude.fitting.distance import TAKEN_ON_TRUST
from froude.fitting.extrapolation import shipped
from froude.quantity import format_quantity

_MILLION = 1e6
_THOUSANDS = 1e4
_RUNS: Mapping[str, str] = {"run": "one run", "mean": "the mean of many runs"}


def answer_of_forecast(forecast: Forecast) -> Answer:
    """One forecast, which may be of several places."""
    return Answer(
        headline=_headline(forecast),
        tables=(_table(forecast.level, tuple(forecast.at), [forecast]),),
        notes=(*_taken_out([forecast]), *forecast.notes),
        warnings=(*_unchecked([forecast]), *forecast.warnings),
        data=forecast.to_dict(),
    )


def answer_of_forecasts(forecasts: Sequence[Forecast], below: float | None = None) -> Answer:
    """Forecasts by one fit or by published constants, each at one place.

    Where there is a goal, with the probability of coming out `below` it.
    """
    first = forecasts[0]
    chances = () if below is None else tuple(each.probability_below(below) for each in forecasts)
    return Answer(
        headline=_headline(first),
        tables=(_table(first.level, tuple(first.at), forecasts, below, chances),),
        notes=(*_taken_out(forecasts), *first.notes),
        warnings=(*_unchecked(forecasts), *first.warnings),
        data=[
            each.to_dict() | ({} if below is None else {"below": {"goal": below, "probability": chances[i]}})
            for i, each in enumerate(forecasts)
        ],
    )


def _headline(forecast: Forecast) -> str:
    by = f", by {forecast.by}" if forecast.by else ""
    if isinstance(forecast.fit, PublishedFit) and not forecast.fit.forecasts_outcome:
        return f"{forecast.y}{by}"
    return f"{forecast.y} of {_RUNS[forecast.of]}{by}"


def _table(
    level: float,
    inputs: Sequence[str],
    forecasts: Sequence[Forecast],
    goal: float | None = None,
    chances: Sequence[float] = (),
) -> Table:
    """A row a place; where there is a goal, with the chance of each forecast, of one place each, to come out below."""
    places = [place for each in forecasts for place in _places(each)]
    goals = () if goal is None else (f"below {plain_number(goal)}",)
    beyond = ("beyond the runs",) if any(place.beyond for place in places) else ()
    rows = [
        (
            *map(format_quantity, place.at.values()),
            *_value_cells(*place.interval),
            *(chance_text(chance) for chance in chances[i : i + 1]),
            *([beyond_text(place.beyond)] if beyond else []),
        )
        for i, place in enumerate(places)
    ]
    return Table(
        title="",
        columns=(*inputs, "forecast", f"{level:.0%} interval", *goals, *beyond),
        rows=tuple(rows),
        left=(len(inputs) + 2 + len(goals),) if beyond else (),
    )


def _value_cells(mean: float, lo: float | None, hi: float | None) -> tuple[str, str]:
    """A value and its interval; what is no loss may be an amount of millions."""
    if abs(mean) < _THOUSANDS:
        return number_and_interval(mean, lo, hi)
    return amount(mean), "unknown" if lo is None or hi is None else f"{amount(lo)} to {amount(hi)}"


def chance_text(probability: float) -> str:
    """A probability in whole percent; of what is nearly sure no more than that."""
    if not 0.01 <= probability <= 0.99:
        return "over 99%" if probability > 0.5 else "under 1%"
    return f"{probability:.0%}"


class _PlaceForecast(NamedTuple):
    """One place of a forecast, which may be of several: its value with both ends, and how far beyond the runs it is."""

    at: dict[str, float]
    interval: tuple[float, float | None, float | None]
    beyond: dict[str, float]
    distance: float


def _places(forecast: Forecast) -> Iterator[_PlaceForecast]:
    """Each place of a forecast."""
    n, distance = len(forecast.at), 1.0 if forecast.distance is None else forecast.distance
    known = forecast.lo is not None
    ends = (forecast.lo, forecast.hi) if known else (np.nan, np.nan)
    values = (*forecast.at.values(), forecast.mean, *ends, distance, *forecast.beyond.values())
    for row in zip(*(each.ravel().tolist() for each in np.broadcast_arrays(*values)), strict=True):
        at, (*interval, far), beyond = row[:n], row[n : n + 4], row[n + 4 :]
        yield _PlaceForecast(
            at=dict(zip(forecast.at, at, strict=True)),
            interval=(interval[0], interval[1] if known else None, interval[2] if known else None),
            beyond=dict(zip(forecast.beyond, beyond, strict=True)),
            distance=far,
        )


def beyond_text(beyond: Mapping[str, float]) -> str:
    """How far inputs lie beyond the fitted runs: "N 120×, C 3,000×", "D 20× below", or "inside"."""
    factors = {x: (times_text(max(factor, 1 / factor)), factor < 1) for x, factor in beyond.items()}
    shown = [f"{x} {text}×{' below' if below else ''}" for x, (text, below) in factors.items() if text != "1"]
    return ", ".join(shown) or "inside"


def _times(factor: float) -> str:
    return f"{times_text(factor)} times" if factor > 1 else f"{times_text(1 / factor)} times below"


def times_text(factor: float) -> str:
    """A factor of at least 1 with two digits or three: "1.02", "9.8", "120", "3,000", and "3 × 10²⁰"."""
    if factor >= _MILLION:
        return amount(factor, "FLOP", digits=2)
    return f"{factor:.3g}" if factor < 100 else f"{float(f'{factor:.2g}'):,.0f}"


def _taken_out(forecasts: Sequence[Forecast]) -> Iterator[str]:
    """By how much laws like this one have been off so far beyond their runs, which is no part of the forecast."""
    shares = np.concatenate([np.ravel(each.taken_out) for each in forecasts])
    if not shares.any():
        return
    low, high = (percent(abs(share), 1) for share in (np.abs(shares).min(), np.abs(shares).max()))
    by = high if low == high else f"{low} to {high}"
    yield f"laws of this kind have been {by} too {'high' if shares.sum() < 0 else 'low'} so far out; taken out"


def _unchecked(forecasts: Sequence[Forecast]) -> Iterator[str]:
    """What is said of the farthest forecast, if it is farther from its runs than any that was ever checked."""
    places = [place for each in forecasts for place in _places(each)]
    if places:
        worst = max(places, key=lambda place: place.distance)
        yield from distance_warning(worst.at, worst.beyond, worst.distance)


def distance_warning(at: Mapping[str, float], beyond: Mapping[str, float], distance: float) -> Iterator[str]:
    """What is said of a forecast at some place that is farther from its runs than any that was ever checked."""
    checked = math.exp(shipped().farthest)
    if distance <= checked:
        return
    x, factor = max(beyond.items(), key=lambda pair: abs(math.log(pair[1])))
    where = f"{x} = {format_quantity(at[x])}" if x in at else f"{x} = 6·N·D"
    said = (
        f"{where} is {_times(factor)} the {'largest' if factor > 1 else 'smallest'} run, and forecasts were checked on "
        f"published runs up to {times_text(checked)} times"
    )
    if distance > checked**TAKEN_ON_TRUST:
        yield f"do not trust what lies so far out: {said}; check the units, or make larger runs"
    else:
        yield f"{said}: how far this one errs is not known"
