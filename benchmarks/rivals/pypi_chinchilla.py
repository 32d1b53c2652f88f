"""The PyPI package `chinchilla` as its README fits an existing table: BFGS from a grid of 5^5 starts.

Its loss function is the one it offers as that of the Chinchilla paper, with the δ of this benchmark. Its picture of
the fit is left out, and its pool of processes, so that all its work is counted.
"""

import csv
import itertools
import math
import tempfile
import time
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from handed import DELTA, hand_back, handed, leave_if_missing

GRID = {
    "E": np.linspace(1, 2, 5),
    "a": np.linspace(1, 10, 5),
    "b": np.linspace(1, 10, 5),
    "alpha": np.linspace(0.1, 0.7, 5),
    "beta": np.linspace(0.1, 0.7, 5),
}


def thinned(optimize: Any, wanted: range) -> list[Any]:
    """Let `optimize.minimize` skip the calls that are not wanted; returns the list in which it keeps its results."""
    kept: list[Any] = []
    calls, minimize = itertools.count(), optimize.minimize

    def run(*args: Any, **options: Any) -> Any:
        if next(calls) not in wanted:
            return optimize.OptimizeResult(fun=np.inf)
        kept.append(minimize(*args, **options))
        return kept[-1]

    optimize.minimize = run
    return kept


def project(folder: str, runs: dict[str, np.ndarray]) -> Any:
    """The package's own object on a folder with the runs, its messages and its picture switched off."""
    with (Path(folder) / "df.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["C", "N", "D", "loss"])
        table.writerows(zip(6 * runs["N"] * runs["D"], runs["N"], runs["D"], runs["loss"], strict=True))
    log_huber = import_module("chinchilla._metrics").log_huber
    grid = {name: list(values) for name, values in GRID.items()}
    made = import_module("chinchilla").Chinchilla(
        folder, param_grid=grid, loss_fn=partial(log_huber, delta=DELTA), log_level=50
    )
    made.visualizer.optim = lambda *args, **options: None
    return made


def main() -> None:
    """Fit from every start and hand back the best."""
    leave_if_missing("chinchilla", "chinchilla==0.2.0")
    warnings.simplefilter("ignore")
    runs, wanted = handed()
    starts = math.prod(len(values) for values in GRID.values())
    kept = thinned(import_module("chinchilla.core").sciop, range(starts)[wanted])
    with tempfile.TemporaryDirectory() as folder:
        made = project(folder, runs)
        begin = time.process_time()
        made.fit(parallel=False)
        seconds = time.process_time() - begin
    hand_back(
        runs,
        made.predict_loss(runs["N"], runs["D"]),
        seconds,
        [end.fun for end in kept],
        sum(bool(end.success) for end in kept),
        starts,
        ["chinchilla", "numpy", "scipy"],
    )


if __name__ == "__main__":
    main()
