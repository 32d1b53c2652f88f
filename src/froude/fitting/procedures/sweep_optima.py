"""The best settings of each size that a table of runs sweeps: learning rate and batch at the least loss."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import take_runs
from froude.fitting.bootstrap import reweigh
from froude.fitting.options import random_numbers
from froude.fitting.procedures.quadratics import fit_quadratics, is_determined, n_coefficients
from froude.fitting.procedures.sweep_sizes import SweptSize, swept_sizes
from froude.provenance import Computed, recorded
from froude.quantity import format_quantity
from froude.runs import Runs, RunsSource

WINDOWS = (0.003, 0.005, 0.01, 0.02, 0.04, 0.08)
"""How far above the best run of its size a run may lie to be fitted, relative."""

_USUAL = 0.01  # of WINDOWS, where sizes are too few to choose one by
_FEWEST_VALUES = 3  # of a setting: it takes as many to see that the outcome bends
_MOST_LOST = 0.1  # of refits without a least value: more than an interval leaves out
_FACTOR = np.log(2.0)
_NAMED = 3


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SweepOptimum:
    """The best settings of one size, by a quadratic surface in their logarithms through its `n` best runs.

    `best` and `intervals` are by setting; `outcome` is the least that the surface gives. `costs` says by setting how
    much the outcome rises where that setting alone is a factor two off, as (value, lower end, upper end), in units of
    the outcome: outcome·(exp(h·(ln 2)²/2) − 1), where h is the curvature of the log outcome. `swept` is the size with
    all its runs, and `bend` (K, K) the curvature.
    """

    sizes: Mapping[str, float]
    n: int
    best: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    outcome: float
    costs: Mapping[str, tuple[float, float, float]]
    swept: SweptSize
    bend: np.ndarray


@final
@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A size whose best settings its runs do not tell, and why not."""

    sizes: Mapping[str, float]
    why: str


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SweepOptima(Computed):
    """The best settings `over` of each size `by`, where the outcome `y` is least. Made by `sweep_optima`.

    `left_out` are the sizes that tell none. `window` is how far above the best run of its size a run may be, relative,
    and `excess` what a setting costs, relative, that is chosen for a size from the others; None where those are too few
    to say. Intervals are at `level`, from refits to reweighted runs of the size.
    """

    over: tuple[str, ...]
    by: tuple[str, ...]
    y: str
    optima: tuple[SweepOptimum, ...]
    left_out: tuple[LeftOut, ...]
    window: float
    excess: float | None
    level: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens it, a sentence for each reason why sizes were left out."""
        return tuple(_about_left_out(self.left_out, len(self.optima) + len(self.left_out)))

    @property
    def runs(self) -> Runs:
        """The optima as a table, a row each: sizes, best settings and outcome."""
        columns = {x: [each.sizes[x] for each in self.optima] for x in self.by}
        columns |= {name: [each.best[name] for each in self.optima] for name in self.over}
        table = Runs.from_columns({**columns, self.y: [each.outcome for each in self.optima]})
        return replace(table, warnings=(*table.warnings, *self.warnings))


@recorded
def sweep_optima(
    runs: RunsSource,
    over: Sequence[str] = ("lr", "B"),
    by: Sequence[str] = ("N", "D"),
    y: str = "loss",
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
) -> SweepOptima:
    """The settings `over` at which the outcome y is least, for each size `by` that the runs sweep.

    Settings and sizes are columns, read as the inputs of a law are: B is the batch in tokens. Runs whose sizes agree
    within 2% are of one size. A quadratic surface in the logarithms of settings goes through the log outcomes of its
    runs near the best (WINDOWS: the one whose optima tell the best settings of other sizes best). A size is left out
    where a setting has fewer than three values, or the best run or the lowest point lies at the edge of what was tried.
    Diverged runs are left out. InputError where no size tells its best, and for columns missing or not positive.
    """
    rng = random_numbers(draws, seed, level)
    sizes = swept_sizes(take_runs(runs), tuple(over), tuple(by), y)
    window, excess = _best_window(sizes)
    judged = [_optimum(each, window, reweigh(draws, np.arange(each.n), rng), level) for each in sizes]
    optima = tuple(each for each in judged if isinstance(each, SweepOptimum))
    left_out = tuple(each for each in judged if isinstance(each, LeftOut))
    if not optima:
        raise InputError(
            f"no size tells its best {' and '.join(over)}: {left_out[0].why}, at {where(left_out[0].sizes)}"
        )
    return SweepOptima(
        over=tuple(over), by=tuple(by), y=y, optima=optima, left_out=left_out, window=window, excess=excess, level=level
    )


def where(sizes: Mapping[str, float]) -> str:
    """Sizes in a line: "N = 215M, D = 4B"."""
    return ", ".join(f"{x} = {format_quantity(value)}" for x, value in sizes.items())


def _optimum(size: SweptSize, window: float, weights: np.ndarray, level: float) -> SweepOptimum | LeftOut:
    """The best settings of a size, refitted under each row of weights (draws, n)."""
    if why := _why_not(size):
        return LeftOut(sizes=size.sizes, why=why)
    near = _near(size, window)
    middle = size.settings[near].mean(axis=0)
    surfaces = fit_quadratics(
        size.settings[near] - middle, size.outcomes[near], np.vstack([np.ones(size.n), weights])[:, near]
    )
    least = surfaces.least()
    best, drawn = middle + least[0], middle + least[1:][surfaces.has_least[1:]]
    if why := _why_no_least(size, best, len(drawn) / len(weights)):
        return LeftOut(sizes=size.sizes, why=why)
    ends = [(1 - level) / 2, (1 + level) / 2]
    intervals = np.exp(np.quantile(drawn, ends, axis=0))
    outcome = float(np.exp(size.lowest + surfaces.at(np.nan_to_num(least))[0]))
    costs = outcome * np.expm1(_FACTOR**2 / 2 * np.diagonal(surfaces.bend, axis1=1, axis2=2))
    low, high = np.quantile(costs[1:][surfaces.has_least[1:]], ends, axis=0)
    return SweepOptimum(
        sizes=size.sizes,
        n=int(near.sum()),
        best=dict(zip(size.over, np.exp(best).tolist(), strict=True)),
        intervals=dict(zip(size.over, map(tuple, intervals.T.tolist()), strict=True)),
        outcome=outcome,
        costs=dict(zip(size.over, zip(costs[0].tolist(), low.tolist(), high.tolist(), strict=True), strict=True)),
        swept=size,
        bend=surfaces.bend[0],
    )


def _why_not(size: SweptSize) -> str | None:
    """Why a size tells no best settings, before anything is fitted."""
    for name, values in zip(size.over, size.settings.T, strict=True):
        if (different := np.unique(values.round(6)).size) < _FEWEST_VALUES:
            return f"{different} {'value' if different == 1 else 'values'} of {name} tried, and it takes three"
    coefficients = n_coefficients(len(size.over))
    if size.n <= coefficients or not is_determined(size.settings - size.settings.mean(axis=0)):
        return f"{size.n} runs do not tell a surface over {' and '.join(size.over)}: it takes {coefficients + 1} apart"
    for name, values in zip(size.over, size.settings.T, strict=True):
        if values[size.outcomes.argmin()] in (end := (values.min(), values.max())):
            which = "smallest" if values[size.outcomes.argmin()] == end[0] else "largest"
            return f"the best run has the {which} {name} that was tried"
    return None


def _why_no_least(size: SweptSize, best: np.ndarray, share: float) -> str | None:
    """Why what was fitted to a size is no optimum."""
    if np.isnan(best).any() or share < 1 - _MOST_LOST:
        return f"runs near the best do not bend up on both sides of a best {' and '.join(size.over)}"
    for name, value, values in zip(size.over, best, size.settings.T, strict=True):
        if not values.min() < value < values.max():
            return f"the lowest point lies beyond the {'smallest' if value < values.mean() else 'largest'} {name} tried"
    return None


def _near(size: SweptSize, window: float) -> np.ndarray:
    """Which runs of a size are fitted, (n,): those in the window, or twice as many as a surface has numbers."""
    fewest = min(size.n, 2 * n_coefficients(len(size.over)))
    near = size.outcomes <= max(np.log1p(window), np.sort(size.outcomes)[fewest - 1])
    return (
        near if is_determined(size.settings[near] - size.settings[near].mean(axis=0)) else np.ones(size.n, dtype=bool)
    )


def _best_window(sizes: Sequence[SweptSize]) -> tuple[float, float | None]:
    """The window whose optima choose best for each size from the others, with the mean excess of that choice.

    They choose by a power law of the sizes, and the run counts whose settings are nearest to the choice.
    """
    excess = {window: _excess_of(sizes, window) for window in WINDOWS}
    known = {window: value for window, value in excess.items() if value is not None}
    if not known:
        return _USUAL, None
    best = min(known, key=lambda window: known[window])
    return best, known[best]


def _excess_of(sizes: Sequence[SweptSize], window: float) -> float | None:
    """The mean relative excess over the best run where each size has settings chosen from the others' optima."""
    found = [(each, _optimum(each, window, np.ones((1, each.n)), 0.5)) for each in sizes]
    told = [(size, optimum) for size, optimum in found if isinstance(optimum, SweepOptimum)]
    if len(told) < 3 + len(sizes[0].sizes):
        return None
    places = np.log([[1.0, *each.sizes.values()] for each, _ in told])
    places[:, 0] = 1.0
    best = np.log([[*optimum.best.values()] for _, optimum in told])
    costs = []
    for k, (size, _) in enumerate(told):
        others = np.arange(len(told)) != k
        chosen = places[k] @ np.linalg.lstsq(places[others], best[others], rcond=None)[0]
        costs.append(np.expm1(size.outcomes[np.square(size.settings - chosen).sum(axis=1).argmin()]))
    return float(np.mean(costs))


def _about_left_out(left_out: Sequence[LeftOut], total: int) -> Iterator[str]:
    """A sentence for each reason, with the first sizes that it holds for."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for each in left_out:
        by_reason.setdefault(each.why, []).append(each.sizes)
    for why, sizes in by_reason.items():
        named = "; ".join(map(where, sizes[:_NAMED]))
        more = f" and {len(sizes) - _NAMED} more" if len(sizes) > _NAMED else ""
        yield f"{len(sizes)} of {total} sizes left out, {why}: {named}{more}"
