"""Two methods side by side: who is ahead at a size not run, by how much, and where their curves cross."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.backtesting import Backtest
from froude.fitting.comparing.drawn import Of, Sides, draw_sides
from froude.fitting.comparing.estimates import Estimate, estimate, first_sign_change
from froude.fitting.comparing.routes import Route
from froude.fitting.fits import Fit, read_fit
from froude.fitting.forecasting import Forecast
from froude.fitting.options import random_numbers
from froude.provenance import Computed, recorded

Side = Literal["first", "second"]


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(Computed):
    """Two fits, `first` and `second`, the better of which has the lower outcome, compared at the size `at` of `x`.

    `route` says which runs it goes through: along the one input x, or by compute x = C at a constant D/N, or on the
    frontier of compute, where each fit has its own best N and D. `forecasts` are those of `predict` there. `ratio` is
    the outcome of the first over that of the second, `of` one run each or of the mean of many, and `ahead` the
    probability that it is below 1. A side is named the `winner` where the interval of the ratio leaves out 1, and
    `small` at the smallest size of both likewise, else None. `still_wins` is the probability that whichever is ahead at
    the smallest size is also ahead at `at`. `multiplier` is how many times x the first needs for the outcome that the
    second has at `at`, on this route, and `best_multiplier` the same on the frontier, None where it is no other.
    `crossing` is the first x at which the curves meet. `steeper` has the larger exponent, where both have one and their
    intervals do not overlap.
    """

    first: Fit
    second: Fit
    x: str
    at: float
    level: float
    route: Route
    of: Of
    forecasts: tuple[Forecast, Forecast]
    ratio: Estimate
    ahead: float
    crossing: Estimate
    small: Side | None
    winner: Side | None
    still_wins: float
    multiplier: Estimate
    best_multiplier: Estimate | None
    steeper: Side | None

    def to_dict(self) -> dict[str, Any]:
        """What `froude compare --json` prints."""
        best = {} if self.best_multiplier is None else {"best_multiplier": self.best_multiplier.to_dict()}
        return {
            "x": self.x,
            "at": self.at,
            "along": self.route.along,
            "of": self.of,
            "level": self.level,
            "forecasts": [forecast_to_dict(each) for each in self.forecasts],
            "ratio": self.ratio.to_dict(),
            "ahead": {"first": self.ahead, "second": 1 - self.ahead},
            "crossing": self.crossing.to_dict(),
            "small": self.small or "",
            "winner": self.winner or "",
            "still_wins": self.still_wins,
            "multiplier": self.multiplier.to_dict(),
            **best,
            "steeper": self.steeper or "",
            **self.origin,
        }


def forecast_to_dict(forecast: Forecast) -> dict[str, Any]:
    """What the JSON of a comparison says of a forecast."""
    return {name: getattr(forecast, name) for name in ("at", "mean", "lo", "hi", "beyond", "distance")}


@recorded
def compare(
    first: Fit | str | Path,
    second: Fit | str | Path,
    at: float | str | Mapping[str, float | str],
    *,
    of: Of = "run",
) -> Comparison:
    """Two fits compared at a size of interest: the ratio of their outcomes, and how much more compute the one needs.

    A fit may be given by the path of a file that it was saved to. Of laws of one input, `at` is a value of it, as 1e24
    or "1e24 FLOP". Of laws of N and D it is compute, C: each has its own best N and D then, as `optimal` finds them; or
    {"N": 7e9, "D": 140e9}, from where both go along at the same D/N. Compute is C = 6·N·D.

    Each bootstrap draw of either carries an error of extrapolation beyond the runs that were fitted, as large as
    forecasts have it: so a crossing far away is as unsure as a forecast there. Methods that are measured and fitted
    alike err partly alike, so these errors are correlated (`froude.fitting.comparing.drawn.SHARED`). The level is that
    of the first fit. InputError for laws of other inputs, outcomes in other units, an `at` that does not suit them, and
    a law that has no best N and D there.
    """
    (comparison,) = compare_sides(draw_sides([read_fit(first), read_fit(second)], at, of), [(0, 1)])
    return comparison


def compare_sides(sides: Sides, pairs: Sequence[tuple[int, int]]) -> list[Comparison]:
    """The comparisons of pairs of sides, by their positions: all of the same draws."""
    on_frontier = sides.on_frontier() if sides.route.along == "ratio" else None
    return [_compare(sides, on_frontier, i, j) for i, j in pairs]


def _compare(sides: Sides, on_frontier: Sides | None, i: int, j: int) -> Comparison:
    (one, other), level = (sides.drawn[i], sides.drawn[j]), sides.level
    ratio = one.run / other.run
    ahead = float(np.mean(ratio[1:] < 1))
    small = one.smallest / other.smallest
    gap = one.curve - other.curve
    return Comparison(
        first=one.fit,
        second=other.fit,
        x=sides.route.x,
        at=sides.at,
        level=level,
        route=sides.route,
        of=sides.of,
        forecasts=(one.forecast, other.forecast),
        ratio=estimate(ratio, level),
        ahead=ahead,
        crossing=estimate(first_sign_change(gap[:, sides.measured], sides.sizes[sides.measured]), level),
        small=_winner(small, level),
        winner=_winner(ratio, level),
        still_wins=ahead if small[0] < 1 else 1 - ahead,
        multiplier=_multiplier(sides, i, j),
        best_multiplier=None if on_frontier is None else _multiplier(on_frontier, i, j),
        steeper=_steeper(one.fit, other.fit),
    )


def _multiplier(sides: Sides, i: int, j: int) -> Estimate:
    """How many times the size the first needs for what the second has at it."""
    short = sides.drawn[i].curve - sides.drawn[j].mean[:, None]
    return estimate(first_sign_change(short, sides.sizes) / sides.at, sides.level)


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


def _winner(ratio: np.ndarray, level: float) -> Side | None:
    """The side that is ahead in all of the interval of a ratio (1 + draws,)."""
    each = estimate(ratio, level)
    if each.hi is not None and each.hi < 1:
        return "first"
    return "second" if each.lo is not None and each.lo > 1 else None


def _steeper(first: Fit, second: Fit) -> Side | None:
    if not all("alpha" in each.intervals for each in (first, second)):
        return None
    (first_low, first_high), (second_low, second_high) = first.intervals["alpha"], second.intervals["alpha"]
    if first_low > second_high:
        return "first"
    return "second" if second_low > first_high else None
