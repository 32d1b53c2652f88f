"""Froude's bootstrap: 4000 refits to the runs, and 200 to a loss curve of 20,000 points."""

import json
import time
from typing import Any

import numpy as np
from froude_starts import STARTS, from_starts, posed
from handed import handed

from froude import Runs, get_law
from froude.fitting.bootstrap import refits, resample
from froude.fitting.estimation import estimate
from froude.fitting.options import FitOptions
from froude.fitting.problem import FitProblem

DRAWS, CHECKED = 4000, 40
CURVE_LAW, CURVE_TRUTH = "power-floor", {"E": 2.5, "A": 900.0, "alpha": 0.4}
CURVE_POINTS, CURVE_NOISE, CURVE_DRAWS = 20_000, 0.01, 200


def bootstrap(problem: FitProblem, draws: int, checked: int) -> dict[str, Any]:
    """Refits under resampled weights, and how far some of them lie from the best of 27 starts under the same weights.

    `apart` is the largest relative difference of the two objectives.
    """
    rng = np.random.default_rng(0)
    ends = from_starts(problem, np.ones((1, problem.measured.size)), seed=0)
    begin = time.process_time()
    weights = resample(draws, problem.measured.size, rng)
    found = refits(problem, ends.points[ends.objectives.argmin()], weights)
    seconds = time.process_time() - begin
    rows = rng.choice(draws, checked, replace=False)
    twins = from_starts(problem, weights[rows], seed=1)
    lowest = np.where(twins.converged, twins.objectives, np.inf).reshape(checked, STARTS).min(axis=1)
    return {
        "seconds": seconds,
        "draws": draws,
        "converged": int(found.converged.sum()),
        "checked": checked,
        "apart": float(np.abs(found.objectives[rows] / lowest - 1).max()),
    }


def curve_inputs() -> dict[str, np.ndarray]:
    """What the law of the curve is a law of: tokens seen."""
    return {"D": 5e6 * np.arange(1, CURVE_POINTS + 1)}


def curve() -> dict[str, Any]:
    """An estimation with its warnings, without the hold-outs that no rival has, on a synthetic loss curve."""
    inputs = curve_inputs()
    law = get_law(CURVE_LAW, *inputs) if len(inputs) == 1 else get_law(CURVE_LAW)
    noise = CURVE_NOISE * np.random.default_rng(0).standard_normal(CURVE_POINTS)
    runs = Runs.from_columns({**inputs, "loss": law(**inputs, **CURVE_TRUTH) * np.exp(noise)})
    begin = time.process_time()
    fit = estimate(law, runs, options=FitOptions(starts=STARTS, draws=CURVE_DRAWS))
    return {
        "seconds": time.process_time() - begin,
        "law": law.name,
        "points": CURVE_POINTS,
        "draws": CURVE_DRAWS,
        "converged": len(fit.draws),
        "agree": fit.starts_agree,
        "starts": fit.starts_tried,
    }


def main() -> None:
    """Measure both and print them."""
    runs, _ = handed()
    print(json.dumps({"bootstrap": bootstrap(posed(runs), DRAWS, CHECKED), "curve": curve()}))


if __name__ == "__main__":
    main()
