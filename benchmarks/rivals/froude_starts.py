"""Froude's solver from 27 random starts, the seed of which is the first argument."""

import time

import numpy as np
from handed import hand_back, handed

from froude import get_law
from froude.fitting.problem import FitProblem, make_problem
from froude.fitting.solver import Minima, minimise

STARTS = 27
WARM_UP = 10_000  # a seed


def posed(runs: dict[str, np.ndarray]) -> FitProblem:
    """The problem that every tool is given."""
    return make_problem(get_law("chinchilla"), {x: runs[x] for x in "ND"}, runs["loss"])


def from_starts(problem: FitProblem, weights: np.ndarray, seed: int) -> Minima:
    """Where 27 random starts end under each row of weights (rows, n): (rows · 27) minima."""
    points = problem.starts(STARTS, np.random.default_rng(seed))
    return minimise(
        problem.residuals,
        np.tile(points, (len(weights), 1)),
        np.repeat(weights, STARTS, axis=0),
        problem.space(),
    )


def main() -> None:
    """Fit from one seed, after another to warm up, and hand back the best."""
    runs, wanted = handed()
    once = np.ones((1, len(runs["loss"])))
    from_starts(posed(runs), once, WARM_UP)
    begin = time.process_time()
    problem = posed(runs)
    ends = from_starts(problem, once, wanted.start)
    seconds = time.process_time() - begin
    best = problem.parameters(ends.points[[ends.objectives.argmin()]])
    hand_back(
        runs,
        get_law("chinchilla")(N=runs["N"], D=runs["D"], **best),
        seconds,
        ends.objectives.tolist(),
        int(ends.converged.sum()),
        STARTS,
        ["froude", "numpy"],
    )


if __name__ == "__main__":
    main()
