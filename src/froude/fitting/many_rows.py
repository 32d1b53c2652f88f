"""Fits of more rows than a search needs: minima are looked for among some rows, and settled on all.

Random starts and bootstrap refits take time in proportion to the rows. But where minima lie, and how far refits
scatter, a thousand rows tell nearly as well as a hundred thousand; the numbers of the fit itself come of all.
"""

from dataclasses import replace

import numpy as np

from froude.fitting.bootstrap import descend, draw_points, reweigh
from froude.fitting.evidence import NEGLIGIBLE_RESIDUAL, best_row
from froude.fitting.identification import check_determined, is_flat
from froude.fitting.measured import Measured, log_size
from froude.fitting.options import FitOptions
from froude.fitting.problem import FitProblem, search
from froude.fitting.solver import Minima
from froude.laws import Law

MANY = 3000
"""Up to so many rows, all take part in everything."""
SOME = 1000
"""How many of more rows are searched."""

_NEAR = 1.05  # times the lowest objective: the sampling error of a thousand rows
_DIGITS = 5  # of a coordinate: the noise of a hundred thousand rows is larger


def is_many(measured: Measured) -> bool:
    """Whether some of these rows are searched for all; never of points of curves, whose residuals go together."""
    return measured.n > MANY and measured.stretches is None and not measured.histories


def search_some(
    problem: FitProblem,
    measured: Measured,
    options: FitOptions,
    start_rng: np.random.Generator,
    draw_rng: np.random.Generator,
) -> tuple[Minima, Minima]:
    """The minima of a problem of many rows that random starts among some lead to, and bootstrap refits of the lowest.

    The refits are those of some rows m to these, whose deviations, of all n, are √(m/n) as large: but along a flat
    valley they are as large as they are. InputError where the rows do not determine the law.
    """
    some = problem.take(spread_rows(problem.law, measured, start_rng))
    found = search(some, options.starts, start_rng)
    minima = _settle(problem, found)
    there, here = minima.points[best_row(minima)], found.points[best_row(minima)]
    check_determined(problem, there, measured)
    drawn = draw_points(some, here, some.weights * reweigh(options.draws, np.arange(SOME), draw_rng), draw_rng)
    nearer = 1.0 if is_flat(some, here) else np.sqrt(SOME / measured.n)
    points = there + nearer * (drawn.points - here)
    space = problem.space()
    return minima, replace(drawn, points=np.clip(points, space.lower, space.upper))


def spread_rows(law: Law, measured: Measured, rng: np.random.Generator) -> np.ndarray:
    """The positions (SOME,) of rows of all sizes: one at random of each of as many equal parts in order of size."""
    ordered = np.argsort(np.broadcast_to(log_size(law, measured.inputs), measured.n), kind="stable")
    edges = np.linspace(0, measured.n, SOME + 1).astype(int)
    return np.sort(ordered[rng.integers(edges[:-1], edges[1:])])


def _settle(problem: FitProblem, found: Minima) -> Minima:
    """Where the minima found among some rows lie among all: each end once, and only those that may be the lowest.

    The others are left where they are, not converged, with the objective that all rows would have at that rate.
    """
    n = problem.measured.size
    lowest = found.objectives[best_row(found)]
    near = np.flatnonzero(found.objectives <= _NEAR * lowest + SOME * NEGLIGIBLE_RESIDUAL**2)
    _, first, end = np.unique(np.round(found.points[near], _DIGITS), axis=0, return_index=True, return_inverse=True)
    ends = descend(problem, found.points[near[first]], np.tile(problem.weights, (first.size, 1)))
    rest = replace(found, objectives=found.objectives * n / SOME, converged=np.zeros_like(found.converged))
    return rest.put(near, ends.take(end.ravel()))
