"""Block coordinate descent: blocks by the largest gradient, against random ones, on least squares and logistic loss.

"Let's Make Block Coordinate Descent Converge Faster" (Nutini, Laradji and Schmidt, arXiv:1712.08859) compares rules of
choosing a block and updating it. Here a block is the BLOCK coordinates of largest gradient (Gauss-Southwell) or drawn
at random, its update one step of Newton's method in it (for the logistic loss with the bound 1/4 on the curvature, so
every step descends). The gradient is computed in full by either, so a saved iteration is saved time; what a cheap
random rule saves beside it is not counted.

The quality is the number of iterations until the norm of the gradient has fallen by TOLERANCE; the size is the number
of coordinates, of problems with four rows for each and a ridge.

Expected: fewer iterations for the greedy rule on both problems at every size.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

BLOCK, TOLERANCE, RIDGE, MOST = 5, 1e-4, 0.1, 100_000
ROWS = 4
PROBLEMS = ("squares", "logistic")
RULES = ("greedy", "random")


class Problem(NamedTuple):
    """Rows (m, n), signs (m,) to be predicted, and the seed of a random rule."""

    rows: np.ndarray
    signs: np.ndarray
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Problem:
    """Gaussian rows with columns of unlike scale, and noisy signs of a sparse linear function."""
    n = int(size)
    rows = rng.normal(size=(ROWS * n, n)) * np.exp(0.5 * rng.normal(size=n))
    truth = rng.normal(size=n) * (rng.random(n) < 0.2)
    return Problem(rows, np.where(rows @ truth + rng.normal(size=ROWS * n) > 0, 1.0, -1.0), int(rng.integers(2**31)))


def slope(problem: str, margin: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The derivative (m,) of the loss in the prediction of each row."""
    if problem == "squares":
        return margin - signs
    return -signs * 0.5 * (1 - np.tanh(signs * margin / 2))


def descend(data: Problem, problem: str, rule: str) -> int:
    """Iterations to the tolerance. ValueError where MOST do not reach it."""
    rng = np.random.default_rng(data.seed)
    rows, count = data.rows, len(data.rows)
    bound = (1.0 if problem == "squares" else 0.25) * rows.T @ rows / count + RIDGE * np.eye(rows.shape[1])
    x, margin, first = np.zeros(rows.shape[1]), np.zeros(count), 0.0
    for iteration in range(MOST):
        gradient = rows.T @ slope(problem, margin, data.signs) / count + RIDGE * x
        norm = np.linalg.norm(gradient)
        first = first or norm
        if norm <= TOLERANCE * first:
            return iteration
        greedy = rule == "greedy"
        block = (
            np.argpartition(-np.abs(gradient), BLOCK)[:BLOCK] if greedy else rng.choice(x.size, BLOCK, replace=False)
        )
        step = np.linalg.solve(bound[np.ix_(block, block)], gradient[block])
        x[block] -= step
        margin -= rows[:, block] @ step
    raise ValueError(f"{rule} blocks do not solve {problem} in {MOST} iterations")


def fewer(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether greedy blocks need fewer iterations at every size, and how time to the tolerance grows."""
    statements = {}
    for problem in PROBLEMS:
        counts = [
            [result.median(f"{problem}, {rule}", n, "quality") for rule in RULES] for n in result.experiment.sizes
        ]
        gains = [random / greedy for greedy, random in counts]
        statements[f"{problem}: {min(gains):.1f} to {max(gains):.1f} times fewer iterations by greedy blocks"] = (
            min(gains) > 1
        )
        fits = [result.growth(f"{problem}, {rule}") for rule in RULES]
        grown = " and ".join(f"{fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})" for fit in fits)
        statements[f"{problem}: time to tolerance grows with exponents {grown}"] = all(fit.lo > 0 for fit in fits)
    return statements


EXPERIMENT = growth.Experiment(
    title=f"Descent in blocks of {BLOCK} coordinates: greedy against random",
    source="Nutini, Laradji and Schmidt 2017, arXiv:1712.08859",
    sizes=(20, 40, 80, 160),
    methods={
        f"{problem}, {rule}": lambda data, problem=problem, rule=rule: descend(data, problem, rule)
        for problem in PROBLEMS
        for rule in RULES
    },
    prepare=prepare,
    quality=lambda data, iterations: float(iterations),
    quality_name="iterations",
    size_name="coordinates",
    expected="fewer iterations by greedy blocks on both problems at every size",
    claims=(growth.RowClaim(row="faster-bcd", holds=fewer),),
)
