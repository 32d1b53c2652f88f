"""How sure the parameters are: the law refitted to resampled runs."""

import numpy as np

from froude.errors import InputError
from froude.fitting.problem import FitProblem
from froude.fitting.solver import Minima, minimise
from froude.runs import Runs

_FEW_STEPS, _MANY_STEPS = 40, 1000


def refits(problem: FitProblem, best: np.ndarray, weights: np.ndarray) -> Minima:
    """The minima (draws) under each row of weights (draws, n), started from the point best (P,)."""
    return descend(problem, np.tile(best, (len(weights), 1)), weights)


def descend(problem: FitProblem, starts: np.ndarray, weights: np.ndarray) -> Minima:
    """The minima that starts (rows, P) near them lead to, each under its row of weights (rows, n).

    One that is not reached in a few steps goes the long way round, through every stage of the solver; where that does
    not suffice, it goes on from there with patience.
    """
    residuals, space = problem.residuals, problem.space()
    minima = minimise(residuals, starts, weights, space, gradual=False, max_steps=_FEW_STEPS)
    if (late := np.flatnonzero(~minima.converged)).size:
        minima = minima.put(late, minimise(residuals, starts[late], weights[late], space))
    if (late := np.flatnonzero(~minima.converged)).size:
        last = minimise(residuals, minima.points[late], weights[late], space, gradual=False, max_steps=_MANY_STEPS)
        minima = minima.put(late, last)
    return minima


def resample(draws: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n runs is taken in each draw, (draws, n): the bootstrap."""
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)


def reweigh(draws: int, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The weight of each run (n,) in each draw, (draws, n): runs of one group (n,) share theirs.

    This is the Bayesian bootstrap (Rubin 1981): as wide as taking groups with replacement, but none ever falls out.
    Groups are few, and without one of them a law of two inputs may not be determined.
    """
    names, member = np.unique(groups, return_inverse=True)
    weights = rng.exponential(size=(draws, names.size))
    return (weights / weights.mean(axis=1, keepdims=True))[:, member]


def cluster_groups(runs: Runs, rows: np.ndarray, cluster: str) -> np.ndarray:
    """The values (n,) of the column cluster at these rows of runs; InputError where there is only one."""
    values = runs[cluster][rows]
    groups = values if values.dtype.kind == "f" else values.astype(str)
    if np.unique(groups).size < 2:
        raise InputError(f"{cluster} has one value, {groups[0]}: runs cannot be resampled by it; name another column")
    return groups
