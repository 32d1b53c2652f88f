"""How sure the parameters are: the law refitted to resampled runs."""

from statistics import NormalDist

import numpy as np

from froude.errors import InputError
from froude.fitting.identification import TYPICAL_NOISE, is_flat, is_interpolated, scaled_slopes
from froude.fitting.problem import FitProblem
from froude.fitting.solver import DELTA, Minima, minimise
from froude.runs import Runs

_FEW_STEPS, _MANY_STEPS = 40, 1000
_LEAST_NOISE = 1e-12
_HARDLY_MORE = 4  # runs than parameters: resampled, so few say too little of what one run may be off by


def draw_points(problem: FitProblem, best: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> Minima:
    """What else than the point best (P,) the parameters may be, (draws): refits to each row of weights (draws, n).

    They start from best, and where the valley there is flat (`is_flat`) from a random point each besides: what a refit
    from best would never leave is a place in the valley, not what the runs say. Where hardly more runs than parameters
    are, refits would all come back to best, or nearly; see `_around`.
    """
    n, p = weights.shape[1], best.size
    if is_interpolated(n, p):
        return _around(problem, best, len(weights), TYPICAL_NOISE, rng)
    flat = is_flat(problem, best)
    if not flat and n - p <= _HARDLY_MORE:
        return _around(problem, best, len(weights), _pooled_noise(problem, best), rng)
    near = refits(problem, best, weights)
    if not flat:
        return near
    far = minimise(problem.residuals, problem.scatter(len(weights), rng), weights, problem.space())
    # Misfits that differ by no more than noise are two places of one valley: the random one stands for all the others.
    better = far.converged & ~(near.converged & (near.objectives < far.objectives * (1 - 1 / n)))
    return near.put(np.flatnonzero(better), far.take(better))


def _around(problem: FitProblem, best: np.ndarray, draws: int, noise: float, rng: np.random.Generator) -> Minima:
    """Points (draws) about best (P,) that runs with this noise could have led to, the law being linear there.

    A direction that this noise leaves open by more than one is left open by one: exponents of other studies hardly
    differ by a factor e.
    """
    directions, values, _ = np.linalg.svd(scaled_slopes(problem, best))
    values = np.pad(values, (0, best.size - values.size))
    open_ = noise / np.sqrt(values**2 + noise**2)
    space = problem.space()
    points = best + problem.scales * (rng.standard_normal((draws, best.size)) * open_) @ directions.T
    everywhere = np.zeros(draws)
    return Minima(
        points=np.clip(points, space.lower, space.upper),
        objectives=everywhere,
        gradients=everywhere,
        converged=np.ones(draws, dtype=bool),
        steps=np.zeros(draws, dtype=int),
    )


def _pooled_noise(problem: FitProblem, best: np.ndarray) -> float:
    """The noise of all runs alike, from their residuals at best (P,), as wide as it makes minima of Huber's loss.

    These scatter by √E[ψ²]/E[ψ'] of what those of least squares do, ψ being the derivative of the loss: up to √(π/2).
    """
    (residuals,) = problem.residuals(best[None])[0]
    noise = max(float(np.sqrt(residuals @ residuals / (residuals.size - best.size))), _LEAST_NOISE)
    normal, end = NormalDist(), DELTA / noise
    inside = 2 * normal.cdf(end) - 1
    squares = inside - 2 * end * normal.pdf(end) + end**2 * (1 - inside)
    return noise * np.sqrt(squares) / inside


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
    """The weight of each run (n,) in each draw, (draws, n), of mean 1: runs of one group (n,) share theirs.

    This is the Bayesian bootstrap (Rubin 1981): as wide as taking groups with replacement, but none ever falls out.
    Where groups are few, a law of two inputs may not be determined without one of them.
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
