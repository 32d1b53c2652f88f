"""Two methods side by side: where their curves cross, who wins at a size not run, and by how many times less input."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.backtesting import Backtest
from froude.fitting.fits import Fit, read_fit
from froude.fitting.forecasting import extrapolation_error
from froude.fitting.options import random_numbers
from froude.laws.inverse import first_zero
from froude.provenance import Computed, recorded
from froude.quantity import AMOUNT, read_quantity

Side = Literal["first", "second"]

BEYOND = 1e3
"""Times the largest input of either fit, up to which crossings and equal outcomes are looked for."""


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval, which holds the draws that have one; `share` is the part of them that do.

    `value` is None where the fits themselves have none, `lo` and `hi` where no draw has one.
    """

    value: float | None
    lo: float | None
    hi: float | None
    share: float

    def to_dict(self) -> dict[str, float | None]:
        """As JSON."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi, "share": self.share}


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(Computed):
    """Two fits, `first` and `second`, along one input x, the better of which has the lower outcome.

    `crossing` is the first x at which they meet. `small` wins at the smallest x of both, `winner` at the x `at`: a side
    is named where the intervals there do not overlap, else it is None. `still_wins` is the probability that whichever
    is ahead at the smallest x is also ahead at `at`, and `multiplier` how many times the second's x the first needs
    there for the same outcome. `steeper` has the larger exponent, where both have one and their intervals do not
    overlap.
    """

    first: Fit
    second: Fit
    x: str
    at: float
    level: float
    crossing: Estimate
    small: Side | None
    winner: Side | None
    still_wins: float
    multiplier: Estimate
    steeper: Side | None

    def to_dict(self) -> dict[str, Any]:
        """What `froude compare --json` prints."""
        return {
            "x": self.x,
            "at": self.at,
            "level": self.level,
            "crossing": self.crossing.to_dict(),
            "small": self.small or "",
            "winner": self.winner or "",
            "still_wins": self.still_wins,
            "multiplier": self.multiplier.to_dict(),
            "steeper": self.steeper or "",
            **self.origin,
        }


@recorded
def compare(first: Fit | str | Path, second: Fit | str | Path, at: float | str) -> Comparison:
    """Two fits of laws of the same one input compared, up to and at an input of interest, as 1e24 or "1e24 FLOP".

    A fit may be given by the path of a file that it was saved to.

    Each bootstrap draw of either carries an error of extrapolation of its own, as large as forecasts have it, beyond
    the runs that were fitted: so a crossing far away is as unsure as a forecast there. The level is that of the first
    fit. InputError for laws of other or several inputs, outcomes in other units, and an `at` that is not positive.
    """
    first, second = read_fit(first), read_fit(second)
    (x,) = _input(first, second)
    at = read_quantity(at, AMOUNT)
    if not 0 < at < np.inf:
        raise InputError(f"{x} = {at:g}: give one positive number to compare at")
    low = max(each.inputs[x].min() for each in (first, second))
    high = BEYOND * max(at, *(each.inputs[x].max() for each in (first, second)))
    rng = np.random.default_rng(first.seed)
    draws = min(len(first.draws), len(second.draws))  # a refit that does not converge leaves none
    curves = _Curves.of(first, x, rng, draws), _Curves.of(second, x, rng, draws)

    def gap(values: np.ndarray) -> np.ndarray:
        return curves[0].at(values) - curves[1].at(values)

    def short(values: np.ndarray) -> np.ndarray:
        return curves[0].at(values) - curves[1].at(np.array([at]))

    ends = (1 - first.level) / 2, (1 + first.level) / 2
    ahead_small, ahead_at = (gap(np.array([each]))[:, 0] < 0 for each in (low, at))
    leads = bool(ahead_small[0])
    return Comparison(
        first=first,
        second=second,
        x=x,
        at=at,
        level=first.level,
        crossing=_estimate(first_zero(gap, (low, high)), ends),
        small=_ahead(curves, low, ends),
        winner=_ahead(curves, at, ends),
        still_wins=float(np.mean(ahead_at[1:] == leads)),
        multiplier=_estimate(first_zero(short, (low / BEYOND, high)) / at, ends),
        steeper=_steeper(first, second),
    )


def warn_of_reversal(here: Comparison, there: Comparison) -> str | None:
    """A sentence where whoever wins by the outcome `here` falls more slowly by the outcome `there`, else None."""
    if not here.winner or not there.steeper or here.winner == there.steeper:
        return None
    return (
        f"the {here.winner} wins at {here.x} = {here.at:g} by the one outcome, and by the other falls more slowly "
        f"than the {there.steeper}: what was chosen by the one may lose by the other"
    )


def error_ratio(
    first: Backtest, second: Backtest, *, draws: int = 1000, seed: int = 0, level: float = 0.9
) -> tuple[float, float, float]:
    """How many times larger the first's mean absolute error on held-out runs is than the second's, and its interval.

    From resampled held-out runs, which both must have predicted. InputError where they differ.
    """
    if not np.array_equal(first.rows, second.rows):
        raise InputError(f"{first.law.name} and {second.law.name} predicted other runs: hold out the same")
    errors = np.abs([first.rel_errors, second.rel_errors])
    chosen = random_numbers(draws, seed, level).integers(0, errors.shape[1], (draws, errors.shape[1]))
    ratios = np.divide(*errors[:, chosen].mean(axis=2))
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(np.divide(*errors.mean(axis=1))), float(low), float(high)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Curves:
    """The curve of a fit, and after it those of its draws, each with an error beyond the runs of its own, (draws,)."""

    fit: Fit
    x: str
    params: dict[str, np.ndarray]
    deviations: np.ndarray

    @classmethod
    def of(cls, fit: Fit, x: str, rng: np.random.Generator, draws: int) -> "_Curves":
        """Those of a fit and the first of its draws, their errors beyond the runs drawn from a normal."""
        params = {
            name: np.append(fit.params[name], fit.draws[:draws, k])[:, None]
            for k, name in enumerate(fit.law.parameters)
        }
        deviations = np.append(0.0, rng.standard_normal(draws))[:, None]
        return cls(fit=fit, x=x, params=params, deviations=deviations)

    def at(self, values: np.ndarray) -> np.ndarray:
        """Outcomes (1 + draws, k) at x (k,) or (1 + draws, k)."""
        given = {self.x: np.asarray(values, dtype=float)}
        centre = self.fit.law(**given, **self.fit.params)
        spread = extrapolation_error(self.fit, given)
        drawn = self.fit.law(**given, **self.params)
        if self.fit.law.is_relative:
            return self.fit.law.off_scale(self.fit.law.on_scale(drawn) + self.deviations * spread)
        return drawn + self.deviations * spread * np.abs(centre)


def _input(first: Fit, second: Fit) -> tuple[str, ...]:
    inputs = first.law.inputs
    if len(inputs) != 1 or second.law.inputs != inputs or first.law.unit != second.law.unit:
        raise InputError(
            f"{first.law.name} and {second.law.name} cannot be compared: fit two laws of the same one input and outcome"
        )
    return inputs


def _estimate(values: np.ndarray, ends: tuple[float, float]) -> Estimate:
    """The first value, and the interval of the others that are finite."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = (float(end) for end in np.quantile(drawn, ends)) if drawn.size else (None, None)
    value = float(values[0]) if np.isfinite(values[0]) else None
    return Estimate(value=value, lo=low, hi=high, share=drawn.size / (values.size - 1))


def _ahead(curves: "tuple[_Curves, _Curves]", at: float, ends: tuple[float, float]) -> Side | None:
    outcomes = (each.at(np.array([at]))[1:, 0] for each in curves)
    (first_low, first_high), (second_low, second_high) = (np.quantile(each, ends) for each in outcomes)
    if first_high < second_low:
        return "first"
    return "second" if second_high < first_low else None


def _steeper(first: Fit, second: Fit) -> Side | None:
    if not all("alpha" in each.intervals for each in (first, second)):
        return None
    (first_low, first_high), (second_low, second_high) = first.intervals["alpha"], second.intervals["alpha"]
    if first_low > second_high:
        return "first"
    return "second" if second_low > first_high else None
