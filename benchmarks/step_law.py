"""Which learning rate and batch for a size that was not swept? On the public sweeps of the Step Law, one size left out.

For each cell (N, D) in turn, the settings are chosen from the other cells alone; what counts is the excess of the
smoothed loss at the sampled settings nearest to the choice over the least in the cell. The published rule was fitted
to all cells, those it is judged on too.
Command: FROUDE_PUBLISHED=... python benchmarks/step_law.py
"""

from collections.abc import Callable, Mapping

import numpy as np

from froude import Runs, get_law
from froude.fitting.procedures.optimum import fit_optimum
from froude.runs import get_published
from record import record

NEAR_BEST = 0.0025  # the published recipe keeps the runs of a cell that lie within so much of its best
RESAMPLES = 20_000

PUBLISHED, RECIPE = "published rule, fitted to all cells", "published recipe, refitted without the cell"

Choose = Callable[[Runs, float, float], tuple[float, float]]
"""From the runs of other cells and N and D: the learning rate and the batch in tokens."""


def main() -> None:
    """Chooses for every cell in three ways and records the table."""
    runs = get_published("steplaw").read("dense.csv")
    cells = np.unique(np.column_stack([runs["N"], runs["D"]]), axis=0)
    ways: dict[str, Choose] = {
        PUBLISHED: published,
        RECIPE: recipe,
        "Froude, `fit_optimum` without the cell": ours,
    }
    excess = {name: np.array([excess_of(runs, N, D, choose) for N, D in cells]) for name, choose in ways.items()}
    rows = [row(name, excess) for name in excess]
    per_cell = [
        {"N": N, "D": D, **{name: values[i] for name, values in excess.items()}} for i, (N, D) in enumerate(cells)
    ]
    for each in rows:
        print(each)
    record("step_law", "python benchmarks/step_law.py", rows, notes=NOTES, cells=per_cell)


NOTES = (
    "Excess of the smoothed loss over the least of the cell, at the sampled settings nearest to those chosen; mean and "
    "worst over 17 cells of 1911 dense runs (github.com/step-law/steplaw), each left out in turn. The interval is that "
    "of a paired bootstrap over cells.",
)


def excess_of(runs: Runs, N: float, D: float, choose: Choose) -> float:
    """The relative excess in one cell of the settings chosen from the others."""
    inside = (runs["N"] == N) & (runs["D"] == D)
    lr, batch = choose(runs.take(~inside), N, D)
    cell = runs.take(inside)
    nearest = (np.log(cell["lr"] / lr) ** 2 + np.log(cell["batch_tokens"] / batch) ** 2).argmin()
    return float(cell["loss"][nearest] / cell["loss"].min() - 1)


def published(others: Runs, N: float, D: float) -> tuple[float, float]:
    """The rule of the paper."""
    lr, batch = get_law("step-law-lr"), get_law("step-law-batch")
    constants = "step-law-2025"
    return lr(N=N, D=D, **lr.published[constants]), batch(D=D, **batch.published[constants])


def recipe(others: Runs, N: float, D: float) -> tuple[float, float]:
    """Powers through all runs near the best of their cell, by least squares: the batch by tokens alone."""
    sizes = np.column_stack([others["N"], others["D"]])
    least = [others["loss"][(sizes == size).all(axis=1)].min() for size in sizes]
    near = others.take(others["loss"] <= (1 + NEAR_BEST) * np.array(least))
    one, n, d = np.ones(len(near)), np.log(near["N"]), np.log(near["D"])
    lr = np.linalg.lstsq(np.column_stack([one, n, d]), np.log(near["lr"]), rcond=None)[0]
    batch = np.linalg.lstsq(np.column_stack([one, d]), np.log(near["batch_tokens"]), rcond=None)[0]
    return float(np.exp(lr @ [1, np.log(N), np.log(D)])), float(np.exp(batch @ [1, np.log(D)]))


def ours(others: Runs, N: float, D: float) -> tuple[float, float]:
    """One bowl for all cells, its order and window chosen by leaving out one cell after another."""
    best = fit_optimum(others, draws=20).at(N=N, D=D)
    return best["lr"].mean, best["B"].mean


def row(name: str, excess: Mapping[str, np.ndarray]) -> dict[str, str]:
    """A line of the table."""
    return {
        "settings chosen by": name,
        "mean excess": f"{excess[name].mean():.3%}",
        "worst": f"{excess[name].max():.3%}",
        "less the published rule's (90%)": difference(excess[name], excess[PUBLISHED]),
        "less the refitted recipe's (90%)": difference(excess[name], excess[RECIPE]),
    }


def difference(excess: np.ndarray, other: np.ndarray) -> str:
    """The mean difference with the interval of a paired bootstrap over cells; nothing for the same."""
    less = excess - other
    picks = np.random.default_rng(0).integers(0, less.size, (RESAMPLES, less.size))
    lo, hi = np.quantile(less[picks].mean(axis=1), [0.05, 0.95])
    return f"{less.mean():+.3%} ({lo:+.3%} to {hi:+.3%})" if less.any() else ""


if __name__ == "__main__":
    main()
