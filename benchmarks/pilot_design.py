"""How wide a range of sizes should the pilots span? Forecasts of planted laws under the noise of real pilots.

The truth is the tied law fitted to a hundred real runs of the tank; each trunk and each run deviates by 0.3% from it,
as real ones do. A figure is over the seeds of one design at five minutes.
Command: python benchmarks/pilot_design.py
"""

import math
from statistics import median

import numpy as np

import froude.tank.design as design_of_pilots
from froude import Runs, get_law
from froude.fitting import choose
from froude.tank import Design, PilotRecipe, Speed, design_pilot
from record import record

TRUTH = {"E": 1.01, "A": 20.8, "alpha": 0.403, "B": 97.0}
DEVIATION = 0.003  # of a trunk, and of a run on it
SEEDS = 10
RATIOS = (1.5, 2, 3, 4)
SPEED = Speed(seconds_per_flop={16: 8e-11, 32: 3.4e-11, 64: 1.95e-11, 128: 1.25e-11})
LAW = get_law("chinchilla-tied")


def main() -> None:
    """Simulates every ratio and records the table."""
    rows = [row(ratio) for ratio in RATIOS]
    record("pilot_design", "python benchmarks/pilot_design.py", rows, seeds=SEEDS)


def row(ratio: float) -> dict[str, str]:
    """Error and width of the forecasts of one design."""
    design_of_pilots.WIDTH_RATIO = ratio
    design = design_pilot(minutes=5, workers=2, speed=SPEED, recipe=PilotRecipe(corpus=""), seed=0)
    N, D = float(design.target.decoder.n_non_embedding), float(design.target.tokens[-1])
    truth = LAW(N=N, D=D, **TRUTH)
    fits = [choose(runs_of(design, seed), cluster="trunk").fit for seed in range(SEEDS)]
    forecasts = [fit.predict(N=N, D=D) for fit in fits]
    errors = [forecast.mean / truth - 1 for forecast in forecasts]
    found = {
        "largest over smallest width": f"{ratio:g}",
        "error (root mean square)": f"{math.sqrt(np.mean(np.square(errors))):.2%}",
        "worst": f"{max(map(abs, errors)):.1%}",
        "half-width (median)": f"{median((f.hi - f.lo) / 2 / f.mean for f in forecasts):.1%}",
        "inside 90%": f"{sum(f.lo <= truth <= f.hi for f in forecasts)} of {SEEDS}",
    }
    print(found, flush=True)
    return found


def runs_of(design: Design, seed: int) -> Runs:
    """The runs of a design's pilots under the planted law."""
    rng, rows = np.random.default_rng(seed), []
    for trunk in design.pilots:
        shared = rng.normal()
        for tokens in trunk.tokens:
            N = trunk.decoder.n_non_embedding
            loss = LAW(N=N, D=tokens, **TRUTH) * math.exp(DEVIATION * (shared + rng.normal()))
            rows.append({"N": N, "D": tokens, "loss": loss, "trunk": trunk.id})
    return Runs.from_rows(rows)


if __name__ == "__main__":
    main()
