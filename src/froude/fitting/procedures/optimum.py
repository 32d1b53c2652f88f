"""The best settings of a training as powers of its size: learning rate and batch from parameters and tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import take_runs
from froude.fitting.bootstrap import reweigh
from froude.fitting.forecasting import Forecast
from froude.fitting.options import random_numbers
from froude.fitting.procedures.response_surface import Cells, ResponseSurface
from froude.provenance import Computed, recorded
from froude.quantity import read_quantity
from froude.runs import Runs, RunsSource
from froude.runs.optional_roles import with_optional_roles

SHAPES = tuple((order, window) for order in (2, 3) for window in (0.005, 0.01, 0.02, 0.04))
"""Orders of the response surface, and how far above the best run of its cell a run may lie to be fitted, relative."""

_LEVEL = 0.9
_ENDS = ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
_STARTS = 9
_FEW_STEPS = 60  # three times what a surface takes that the runs determine
_FEWEST_VALUES = 3  # of a setting within a surface: it takes as many to see that it bends
_AGREE = 1e-6  # of the objective


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Optimum(Computed):
    """Best settings, each a power law of size: setting = scale · Π size^exponent. Made by `fit_optimum`.

    `scales` and `exponents` by setting (and size), with 90% `intervals` of the exponents, from refits to resampled
    cells. `order` and `window` are the response surface's, and `excess` the mean relative excess of the outcome when
    the settings of each cell were chosen by it from the other cells. `n` runs of `cells` cells were fitted; `warnings`
    are sentences. `powers` (settings, 1 + sizes) are the logarithm of each best setting at the middle of the sizes,
    whose logarithms are `middle` (sizes,), and its exponents; `draws` (draws, …) those of the refits.
    """

    over: tuple[str, ...]
    by: tuple[str, ...]
    scales: Mapping[str, float]
    exponents: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]
    order: int
    window: float
    excess: float
    n: int
    cells: int
    warnings: tuple[str, ...]
    powers: np.ndarray
    draws: np.ndarray
    middle: np.ndarray

    def at(self, **sizes: Any) -> dict[str, Forecast]:
        """The best settings at one size, by name: `optimum.at(N=1e9, D=1e11)["lr"].mean`.

        Their intervals hold what the cells leave open about the power laws. InputError for a size that is missing,
        unknown or not positive.
        """
        return {name: self._forecast(k, _check_sizes(self.by, sizes)) for k, name in enumerate(self.over)}

    def _forecast(self, k: int, sizes: Mapping[str, float]) -> Forecast:
        x = np.append(1.0, np.log(list(sizes.values())) - self.middle)
        drawn = self.draws[:, k] @ x
        lo, hi = np.exp(np.quantile(drawn, _ENDS))
        return Forecast(
            at=dict(sizes),
            mean=float(np.exp(self.powers[k] @ x)),
            lo=float(lo),
            hi=float(hi),
            level=_LEVEL,
            parts={"parameters": float(drawn.std()), "residual": 0.0, "extrapolation": 0.0},
            y=self.over[k],
            by="a power law",
            of="mean",
        )


@recorded
def fit_optimum(
    runs: RunsSource,
    over: Sequence[str] = ("lr", "B"),
    by: Sequence[str] = ("N", "D"),
    y: str = "loss",
    *,
    draws: int = 200,
    seed: int = 0,
) -> Optimum:
    """The settings `over` at which the outcome y is least, as power laws of the sizes `by`.

    Settings and sizes are columns, read as the inputs of a law are: B is the batch in tokens. Runs of equal sizes form
    a cell, in which the settings were varied; one `ResponseSurface` is fitted to all cells together, robustly. Its
    order and how much of it is fitted are those of `SHAPES` that choose best for each cell from the others, by the
    excess of the run nearest to the choice. Diverged runs are left out. InputError where columns are missing or not
    positive, or cells too few or too alike to fit power laws.
    """
    rng = random_numbers(draws, seed)
    runs, over, by = take_runs(runs), tuple(over), tuple(by)
    cells, middle = _cells(with_optional_roles(runs, (*over, *by)), over, by, y)
    order, window, excess = _best_shape(cells)
    near = cells.take(cells.outcomes <= window)
    best, drawn, warnings = _solve(ResponseSurface(cells=near, order=order), draws, rng)
    powers, drawn = (points.reshape(-1, len(over), 1 + len(by)) for points in (best, drawn))
    ends = np.quantile(drawn, _ENDS, axis=0)
    return Optimum(
        over=over,
        by=by,
        scales=dict(zip(over, np.exp(powers[0, :, 0] - powers[0, :, 1:] @ middle).tolist(), strict=True)),
        exponents={s: dict(zip(by, powers[0, k, 1:].tolist(), strict=True)) for k, s in enumerate(over)},
        intervals={
            s: {x: (float(ends[0, k, m]), float(ends[1, k, m])) for m, x in enumerate(by, start=1)}
            for k, s in enumerate(over)
        },
        order=order,
        window=window,
        excess=excess,
        n=near.outcomes.size,
        cells=near.numbers.size,
        warnings=(*warnings, *_edges(cells, over), *_left_out(runs, y)),
        powers=powers[0],
        draws=drawn,
        middle=middle,
    )


def _solve(surface: ResponseSurface, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The powers of the best surface, (n_powers,), those of refits to resampled cells, and warnings about both."""
    minima = surface.minima(np.ones((_STARTS, surface.cells.outcomes.size)), surface.starts(_STARTS, rng))
    best = int(np.where(minima.converged, minima.objectives, np.inf).argmin())
    agree = int(np.sum(minima.converged & (minima.objectives <= minima.objectives[best] * (1 + _AGREE))))
    refits = surface.minima(reweigh(draws, surface.cells.cell, rng), np.tile(minima.points[best], (draws, 1)))
    usable = refits.points[refits.converged] if refits.converged.any() else minima.points[[best]]
    warnings = []
    if agree < _STARTS:
        warnings.append(f"only {agree} of {_STARTS} starts agree on this response surface: there may be a better one")
    if not refits.converged.all():
        missed = int(np.sum(~refits.converged))
        warnings.append(f"{missed} of {draws} refits did not converge: the intervals may be too narrow")
    return minima.points[best, : surface.n_powers], usable[:, : surface.n_powers], warnings


def _cells(runs: Runs, over: tuple[str, ...], by: tuple[str, ...], y: str) -> tuple[Cells, np.ndarray]:
    """The cells of the runs that did not diverge, and the mean logarithms of the sizes (M,)."""
    finite = runs.take(runs.finite(y))
    settings = np.column_stack([_logs(finite, name) for name in over])
    sizes = np.column_stack([_logs(finite, name) for name in by])
    outcomes = _logs(finite, y)
    distinct, cell = np.unique(sizes, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    if len(distinct) < 2 + len(by):
        raise InputError(
            f"the runs have {len(distinct)} different {' and '.join(by)}: power laws of {len(by)} need at least "
            f"{2 + len(by)}, with several {' and '.join(over)} each"
        )
    middle = sizes.mean(axis=0)
    if np.linalg.matrix_rank(distinct - distinct.mean(axis=0), tol=1e-6) < len(by):
        raise InputError(f"{' and '.join(by)} do not vary apart from each other: add runs, or leave one out of the law")
    lowest = np.full(len(distinct), np.inf)
    np.minimum.at(lowest, cell, outcomes)
    return Cells(settings=settings, sizes=sizes - middle, outcomes=outcomes - lowest[cell], cell=cell), middle


def _logs(runs: Runs, name: str) -> np.ndarray:
    values = runs[name]
    if values.dtype.kind != "f":
        raise InputError(f"column {name!r} holds no numbers: name another")
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if bad.size:
        raise InputError(f"{runs.row_name(int(bad[0]))} has {name} = {values[bad[0]]:g}: power laws need {name} > 0")
    return np.log(values)


def _best_shape(cells: Cells) -> tuple[int, float, float]:
    """The order and window that choose best for each cell from the others, and their mean excess."""
    feasible = [shape for shape in SHAPES if _is_determined(cells, *shape)]
    if not feasible:
        raise InputError(
            f"{cells.outcomes.size} runs in {cells.numbers.size} cells are too few near their best to fit a response "
            "surface: try more settings around the best of each cell"
        )
    excess = [np.mean([_excess_of(cells, c, order, window) for c in cells.numbers]) for order, window in feasible]
    best = int(np.argmin(excess))
    return (*feasible[best], float(excess[best]))


def _is_determined(cells: Cells, order: int, window: float) -> bool:
    near = cells.take(cells.outcomes <= window)
    settings = [near.settings[near.cell == c] for c in near.numbers]
    values = [[np.unique(column).size for column in each.T] for each in settings]
    enough = near.outcomes.size >= 2 * ResponseSurface(cells=near, order=order).n_parameters
    return enough and bool(np.all(np.median(values, axis=0) >= _FEWEST_VALUES))


def _excess_of(cells: Cells, left_out: int, order: int, window: float) -> float:
    """The excess of one cell when its settings are chosen from the other cells."""
    target = cells.take(cells.cell == left_out)
    surface = ResponseSurface(cells=cells.take((cells.cell != left_out) & (cells.outcomes <= window)), order=order)
    start = surface.starts(1, np.random.default_rng(0))
    minima = surface.minima(np.ones((1, surface.cells.outcomes.size)), start, _FEW_STEPS)
    return target.excess_near(surface.best_settings(minima.points[0], target.sizes[0]))


def _edges(cells: Cells, over: tuple[str, ...]) -> list[str]:
    """Settings whose best value is the smallest or largest tried, in some cells: the minimum may lie beyond."""
    warnings = []
    for k, name in enumerate(over):
        values = [cells.settings[cells.cell == c, k] for c in cells.numbers]
        best = cells.settings[cells.best(), k]
        count = sum(b in (t.min(), t.max()) for b, t in zip(best, values, strict=True))
        if count:
            warnings.append(
                f"the best {name} of {count} of {len(values)} cells is the smallest or largest tried: widen it"
            )
    return warnings


def _left_out(runs: Runs, y: str) -> list[str]:
    count = int(runs.diverged(y).sum())
    return [f"{count} diverged runs were left out"] if count else []


def _check_sizes(by: tuple[str, ...], sizes: Mapping[str, Any]) -> dict[str, float]:
    if set(sizes) != set(by):
        raise InputError(f"got {', '.join(sizes) or 'nothing'}: the best settings are known by {' and '.join(by)}")
    numbers = {name: read_quantity(sizes[name]) for name in by}
    for name, value in numbers.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name} = {value:g}: give one positive number")
    return numbers
