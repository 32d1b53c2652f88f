"""Three ways to the best size for a budget of compute, run on one table (Hoffmann et al. 2022, section 3)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.errors import InputError
from froude.fitting.allocation import Allocation, optimal
from froude.fitting.arguments import read_runs_first
from froude.fitting.bootstrap import resample, reweigh
from froude.fitting.estimation import estimate
from froude.fitting.measured import need_columns
from froude.fitting.options import FitOptions, random_numbers
from froude.fitting.procedures.frontiers import frontier_rows
from froude.fitting.procedures.isoflop import FEWEST_SIZES, budgets_of
from froude.laws import Law, get_law
from froude.provenance import Computed, recorded
from froude.quantity import AMOUNT, read_quantity
from froude.runs import Runs, RunsSource

_FEWEST_BUDGETS = 2  # a line needs two points
_LINE = ("a", "b", "N", "D")


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Approach(Computed):
    """One answer: N = N(C)·(C'/C)^a and D = D(C)·(C'/C)^b for a budget C', with N and D at the budget C.

    `intervals` holds the two ends for "a", "b", "N", "D" and "tokens_per_param", at the `level` asked for; none where
    the runs are just enough for the lines. `optima` are the points "C", "N" and "D" that the lines were drawn through,
    one a budget; none for a law.
    """

    name: str
    a: float
    b: float
    C: float
    N: float
    D: float
    intervals: Mapping[str, tuple[float, float]]
    optima: Mapping[str, np.ndarray]
    level: float = 0.9

    @property
    def tokens_per_param(self) -> float:
        """D/N at C."""
        return self.D / self.N


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Approaches(Computed):
    """The answers that a table allows, side by side, and why others are missing, a sentence each."""

    answers: tuple[Approach, ...]
    missing: tuple[str, ...]


@recorded
def approaches(
    runs: RunsSource,
    C: float | str,
    y: str = "loss",
    *,
    within: float = 4.0,
    law: Law | str = "chinchilla",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
) -> Approaches:
    """The best N and D for C FLOPs by the envelope, by isoFLOP parabolas and by a law of N and D.

    The options are those of `approach_1`, `approach_2` and `approach_3`. InputError where none of them can be run.
    """
    runs = read_runs_first("approaches", runs, C, "approaches(runs, 1e24)")
    budget = read_quantity(C, AMOUNT)
    options = {"draws": draws, "seed": seed, "level": level}
    ways: tuple[Callable[[], Approach], ...] = (
        lambda: approach_1(runs, budget, y, **options),
        lambda: approach_2(runs, budget, y, within=within, **options),
        lambda: approach_3(runs, budget, y, law=law, **options),
    )
    answers, missing = [], []
    for way in ways:
        try:
            answers.append(way())
        except InputError as reason:
            missing.append(str(reason))
    if not answers:
        raise InputError(missing[-1])
    return Approaches(answers=tuple(answers), missing=tuple(missing))


def approach_1(
    runs: Runs, C: float, y: str = "loss", *, draws: int = 1000, seed: int = 0, level: float = 0.9
) -> Approach:
    """The lower envelope: lines through the N and D of the best run of each doubling of compute.

    Rows may be finished runs or points of loss curves. The bootstrap resamples rows. The best of finitely many sizes is
    never quite the best size, and the more so the coarser they are. InputError where fewer than two budgets remain.
    """
    N, D, compute, outcome = _columns(runs, y)
    best = frontier_rows(compute, outcome)
    if best.size < _FEWEST_BUDGETS:
        raise InputError(
            f"approach 1 needs runs over {_FEWEST_BUDGETS} doublings of compute or more: add larger budgets"
        )
    drawn = np.full((draws, len(_LINE)), np.nan)
    for k, counts in enumerate(resample(draws, N.size, random_numbers(draws, seed, level))):
        taken = np.flatnonzero(counts)
        rows = taken[frontier_rows(compute[taken], outcome[taken])]
        if rows.size >= _FEWEST_BUDGETS:
            drawn[k] = _line(compute[rows], np.log(N[rows]), np.log(D[rows]), C)
    line = _line(compute[best], np.log(N[best]), np.log(D[best]), C)
    return _approach("1: envelope", C, line, drawn, {"C": compute[best], "N": N[best], "D": D[best]}, level)


def approach_2(
    runs: Runs,
    C: float,
    y: str = "loss",
    *,
    within: float = 4.0,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
) -> Approach:
    """IsoFLOP parabolas: lines through the N of least log y, and its D, of each budget of equal compute.

    A parabola in log N goes through the runs of a budget whose N is within a factor `within` of its best run's: the
    loss is no parabola, and a wide one has its lowest point elsewhere. On the surface of Hoffmann et al. it is 0.3% off
    for runs within a factor 2 of the best size, 4.1% within 16; np.inf takes all runs, as they did. A budget counts if
    three sizes or more bracket its lowest point. The bootstrap reweighs runs and budgets. InputError where fewer than
    two budgets count.
    """
    budgets = budgets_of(*_columns(runs, y), within)
    lowest = [each.lowest(np.ones((1, each.x.size)))[0] for each in budgets]
    good = [each for each, at in zip(budgets, lowest, strict=True) if np.isfinite(at)]
    if len(good) < _FEWEST_BUDGETS:
        raise InputError(
            f"approach 2 needs {_FEWEST_BUDGETS} budgets or more, each with sizes on both sides of the best at equal "
            f"compute, and finds {len(good)}: add runs of other sizes at equal C"
        )
    compute, sizes = (np.array([getattr(each, name) for each in good]) for name in ("C", "product"))
    log_N = np.array([at for at in lowest if np.isfinite(at)])
    rng = random_numbers(draws, seed, level)
    moved = np.stack([each.lowest(reweigh(draws, np.arange(each.x.size), rng)) for each in good], axis=1)
    weights = reweigh(draws, np.arange(len(good)), rng)
    drawn = np.full((draws, len(_LINE)), np.nan)
    for k, (row, weight) in enumerate(zip(moved, weights, strict=True)):
        if (finite := np.isfinite(row)).sum() >= _FEWEST_BUDGETS:
            drawn[k] = _line(compute[finite], row[finite], np.log(sizes[finite]) - row[finite], C, weight[finite])
    if len(good) == _FEWEST_BUDGETS and all(each.x.size == FEWEST_SIZES for each in good):
        drawn[:] = np.nan  # parabolas through three points and a line through two are exact: nothing tells how sure
    line = _line(compute, log_N, np.log(sizes) - log_N, C)
    optima = {"C": compute, "N": np.exp(log_N), "D": sizes / np.exp(log_N)}
    return _approach("2: isoFLOP parabolas", C, line, drawn, optima, level)


def approach_3(
    runs: Runs,
    C: float,
    y: str = "loss",
    *,
    law: Law | str = "chinchilla",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.9,
) -> Approach:
    """A law of N and D fitted to all runs, and its least loss at C. InputError where `fit` raises it."""
    law = get_law(law) if isinstance(law, str) else law
    N, D, compute, _ = _columns(runs, y)
    estimated = estimate(law, runs, y, options=FitOptions(draws=draws, seed=seed, level=level))
    return approach_of(optimal(estimated, C, flop_per_param_token=float(np.median(compute / (N * D)))), law)


def approach_of(allocation: Allocation, law: Law) -> Approach:
    """The third approach, from the best size for one budget by a law that was fitted."""
    return Approach(
        name=f"3: average of {len(law.members)} laws" if law.members else f"3: {law.name}",
        C=allocation.C,
        **{name: getattr(allocation, name) for name in _LINE},
        intervals={x: allocation.intervals[x] for x in (*_LINE, "tokens_per_param") if x in allocation.intervals},
        optima={name: np.array([]) for name in ("C", "N", "D")},
        level=allocation.level or 0.9,
    )


def _columns(runs: Runs, y: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """N, D, C and y of the runs that did not diverge, each (n,)."""
    need_columns(runs, ("N", "D", "C"), "the best size needs")
    finite = np.flatnonzero(runs.finite(y))
    if not finite.size or np.any(runs[y][finite] <= 0):
        raise InputError(f"the best size needs runs with {y} > 0: leave the others out with --where")
    return runs["N"][finite], runs["D"][finite], runs["C"][finite], runs[y][finite]


def _line(
    compute: np.ndarray, log_N: np.ndarray, log_D: np.ndarray, C: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """a, b, N and D, in the order of _LINE, of the least-squares lines through points (n,) of these weights."""
    points = np.stack([log_N, log_D], axis=1)
    (a, b), (at_N, at_D) = np.polyfit(np.log(compute / C), points, 1, w=None if weights is None else np.sqrt(weights))
    return np.array([a, b, np.exp(at_N), np.exp(at_D)])


def _approach(
    name: str, C: float, line: np.ndarray, drawn: np.ndarray, optima: Mapping[str, np.ndarray], level: float
) -> Approach:
    """An answer from its line and the lines (draws, 4) of its bootstrap, NaN where a draw gave none."""
    columns: dict[str, np.ndarray] = dict(zip(_LINE, drawn.T, strict=True))
    columns["tokens_per_param"] = columns["D"] / columns["N"]
    ends = [(1 - level) / 2, (1 + level) / 2]
    known = {each: values for each, values in columns.items() if np.isfinite(values).any()}
    low_high = {each: np.nanquantile(values, ends) for each, values in known.items()}
    return Approach(
        name=name,
        C=C,
        **dict(zip(_LINE, map(float, line), strict=True)),
        intervals={each: (float(low), float(high)) for each, (low, high) in low_high.items()},
        optima=optima,
        level=level,
    )
