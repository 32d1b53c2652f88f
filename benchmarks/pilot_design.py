"""How wide a range of sizes should the pilots span, and how long should they be? Planted laws under real noise.

The truth is the tied law fitted to a hundred real runs of the tank. The loss of a training deviates from it as real
seeds do: eight of them at width 24 differ by 0.4%, six at width 12 by 0.65%, and what a run has of its own beside its
trunk is a third of that. A figure is over the seeds of one design at five minutes.
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
DEVIATION, AT_WIDTH, SHRINKS = 0.004, 24, 0.6  # of a trunk, at a width, and as which power of the width it shrinks
OWN_DEVIATION = 0.0015  # of a run beside its trunk's
SEEDS = 16
DESIGNS = ((3, math.inf), (3, 250), (3, 140), (3, 100), (3, 60), (2, 100), (1.5, 100))
SPEED = Speed(seconds_per_flop={16: 1e-10, 32: 5e-11, 64: 2.9e-11, 128: 2e-11})
LAW = get_law("chinchilla-tied")


def main() -> None:
    """Simulates every design and records the table."""
    rows = [row(*design) for design in DESIGNS]
    record("pilot_design", "python benchmarks/pilot_design.py", rows, seeds=SEEDS)


def row(ratio: float, most_tokens: float) -> dict[str, str]:
    """Error and width of the forecasts of one design."""
    design_of_pilots.WIDTH_RATIO, design_of_pilots.MOST_TOKENS_A_PARAMETER = ratio, most_tokens
    design = design_pilot(minutes=5, workers=2, speed=SPEED, recipe=PilotRecipe(corpus=""), seed=0)
    N, D = float(design.target.decoder.n_non_embedding), float(design.target.tokens[-1])
    truth = LAW(N=N, D=D, **TRUTH)
    fits = [choose(runs_of(design, seed), cluster="trunk", of_tank=True).fit for seed in range(SEEDS)]
    forecasts = [fit.predict(N=N, D=D) for fit in fits]
    errors = [forecast.mean / truth - 1 for forecast in forecasts]
    found = {
        "largest over smallest width": f"{ratio:g}",
        "most tokens a parameter": "as time allows" if math.isinf(most_tokens) else f"{most_tokens:g}",
        "trainings": str(len(design.pilots)),
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
        shared = DEVIATION * (AT_WIDTH / trunk.decoder.width) ** SHRINKS * rng.normal()
        for tokens in trunk.tokens:
            N = trunk.decoder.n_non_embedding
            loss = LAW(N=N, D=tokens, **TRUTH) * math.exp(shared + OWN_DEVIATION * rng.normal())
            rows.append({"N": N, "D": tokens, "loss": loss, "trunk": trunk.id})
    return Runs.from_rows(rows)


if __name__ == "__main__":
    main()
