"""The PyPI package `simple-scaling-laws` as its README fits a table, with the one bootstrap draw it insists on.

It minimises squares of the loss itself, from the best points of a grid, in two passes; the starts are those of the
second. It has no other objective to choose.
"""

import time
import warnings
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
from handed import hand_back, handed, leave_if_missing

TARGET = "test_loss__nats"
TURNS = 5


def watch_last_pass(package: str) -> list[Any]:
    """Returns the list that will hold the ends of the starts of the last pass of each fit."""
    api: Any = import_module(f"{package}.api")
    fitting: Any = import_module(f"{package}.fitting")
    fit_curve, least_squares = api.fit_curve, fitting.least_squares
    ends: list[Any] = []
    last: list[Any] = []

    def solve(*args: Any, **options: Any) -> Any:
        ends.append(least_squares(*args, **options))
        return ends[-1]

    def fit(*args: Any, **options: Any) -> Any:
        ends.clear()
        found = fit_curve(*args, **options)
        last[:] = ends
        return found

    fitting.least_squares, api.fit_curve = solve, fit
    return last


def main() -> None:
    """Fit five times, after one to warm up, and hand back the median time."""
    package = "simple_scaling_laws"
    leave_if_missing(package, "simple-scaling-laws==0.2.0")
    warnings.simplefilter("ignore")
    runs, _ = handed()
    table = {
        "training_run_id": [f"run {i}" for i in range(len(runs["N"]))],
        "model_size__n_params": runs["N"],
        "dataset_size__n_tokens": runs["D"],
        TARGET: runs["loss"],
    }
    frame = import_module("polars").DataFrame(table)
    last = watch_last_pass(package)
    fit = import_module(package).fit
    model = fit(frame, n_draws=1)
    taken = []
    for _ in range(TURNS):
        begin = time.process_time()
        fit(frame, n_draws=1)
        taken.append(time.process_time() - begin)
    point, places = model.fits[TARGET].params, model.fitting_predictors(frame)
    hand_back(
        runs,
        np.asarray(model.law.evaluate(point, places)),
        median(taken),
        [end.cost for end in last],
        sum(bool(end.success) for end in last),
        len(last),
        ["simple-scaling-laws", "numpy", "scipy"],
    )


if __name__ == "__main__":
    main()
