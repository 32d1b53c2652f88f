"""Is the pilot's forecast method or luck? Many seeds, and every rolling hold-out inside each study.

Every seed is a whole `froude pilot` of its own. Inside each study the runs up to 1/1.5, 1/2, ... 1/8 of the largest
N·D are handed to the same method, which forecasts the runs above. Beside it: the largest pilot's loss taken for the
forecast, and a straight line of log loss in log C with its own prediction interval. A study counts once, whatever the
number of its runs.
Command: python benchmarks/pilot.py [--seeds 10] [--minutes 1]; whole runs: --whole --minutes 5 --first 1 --seeds 3;
what a person reads during one, which the README shows: --story --minutes 5 --first 1; what intervals learn from other
seeds: --learn --minutes 5 --first 6 --seeds 8
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from froude import Runs, Study
from froude.fitting import choose
from froude.fitting.choice import CUTS
from froude.fitting.extrapolation import PilotRecord, shipped
from froude.pilots.result import LEVEL
from record import record

LEARNED = Path(__file__).parents[1] / "src/froude/fitting/extrapolation.json"
METHODS = ("froude", "largest pilot's loss", "straight line in log C")


@dataclass(frozen=True)
class Outcome:
    """One forecast of one run, by one method; an interval of no width means that the method gives none."""

    method: str
    predicted: float
    lo: float
    hi: float
    measured: float

    @property
    def error(self) -> float:
        """Relative error, absolute."""
        return abs(self.predicted - self.measured) / self.measured


def forecasts(fitted: Runs, wanted: Runs) -> Iterator[Outcome]:
    """Every method's forecasts of the wanted runs from the fitted ones."""
    loss = wanted["loss"]
    forecast = choose(fitted, cluster="trunk", level=LEVEL, of_tank=True).fit.predict(N=wanted["N"], D=wanted["D"])
    for mean, lo, hi, measured in zip(forecast.mean, forecast.lo, forecast.hi, loss, strict=True):
        yield Outcome("froude", mean, lo, hi, measured)
    largest = float(fitted["loss"][np.argmax(fitted["C"])])
    yield from (Outcome(METHODS[1], largest, largest, largest, measured) for measured in loss)
    yield from straight_line(fitted, wanted)


def straight_line(fitted: Runs, wanted: Runs) -> Iterator[Outcome]:
    """Ordinary least squares of log loss on log C, with its prediction interval."""
    x, y = np.log(fitted["C"]), np.log(fitted["loss"])
    slope, intercept = np.polyfit(x, y, 1)
    spread = math.sqrt(np.sum((y - intercept - slope * x) ** 2) / (len(x) - 2))
    reach = float(special.stdtrit(len(x) - 2, (1 + LEVEL) / 2))
    for C, measured in zip(wanted["C"], wanted["loss"], strict=True):
        middle = intercept + slope * math.log(C)
        width = reach * spread * math.sqrt(1 + 1 / len(x) + (math.log(C) - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
        yield Outcome(METHODS[2], math.exp(middle), math.exp(middle - width), math.exp(middle + width), measured)


def hold_outs(pilots: Runs) -> Iterator[Outcome]:
    """Rolling hold-outs inside one study: what is below a cut, at least half of it, forecasts what is above."""
    size = pilots["N"] * pilots["D"]
    for cut in CUTS:
        below = size <= size.max() / cut
        if below.sum() >= len(pilots) / 2:
            yield from forecasts(pilots.take(below), pilots.take(~below))


def split(study: Study) -> tuple[Runs, Runs]:
    """The study's pilots and its target; diverged runs are left out."""
    target = study.read_json("forecast.json")["at"]
    runs = study.runs()
    runs = runs.take(~runs.diverged())
    is_target = runs["N"] * runs["D"] >= target["N"] * target["D"]
    return runs.take(~is_target), runs.take(is_target)


def learn(studies: Mapping[str, Study]) -> None:
    """Writes what whole pilots show of their own forecasts, on which intervals of others rest, to where it ships."""
    drifts, reaches = [], []
    for name, study in studies.items():
        pilots, target = split(study)
        fit = choose(pilots, cluster="trunk", level=LEVEL, of_tank=True).fit
        error = math.log(fit.predict(N=target["N"], D=target["D"]).mean[0] / target["loss"][0])
        reaches.append(float(fit.reach({"N": target["N"], "D": target["D"]})[0]))
        drifts.append(error / reaches[-1])
        print(f"{name}: {error:+.2%} at {math.exp(reaches[-1]):.1f} times the largest", flush=True)
    found = PilotRecord(drift=math.sqrt(np.mean(np.square(drifts))), farthest=max(reaches), pilots=tuple(studies))
    learned = replace(shipped(), tank=found).to_dict()
    LEARNED.write_text(json.dumps(learned) + "\n", encoding="utf-8")
    print(found)


def summary(kind: str, method: str, by_study: list[list[Outcome]]) -> dict[str, str]:
    """A row of the table: means over studies."""
    mine = [[o for o in outcomes if o.method == method] for outcomes in by_study]
    mine = [outcomes for outcomes in mine if outcomes]
    error = np.mean([np.mean([o.error for o in outcomes]) for outcomes in mine])
    worst = max(o.error for outcomes in mine for o in outcomes)
    inside = np.mean([np.mean([o.lo <= o.measured <= o.hi for o in outcomes]) for outcomes in mine])
    width = np.mean([np.mean([(o.hi - o.lo) / 2 / o.predicted for o in outcomes]) for outcomes in mine])
    none = width == 0
    return {
        "what": f"{kind} ({sum(map(len, mine))} runs of {len(mine)} studies)",
        "method": method,
        "mean error": f"{error:.2%}",
        "worst error": f"{worst:.2%}",
        f"inside {LEVEL:.0%}": "no interval" if none else f"{inside:.0%}",
        "mean half-width": "no interval" if none else f"{width:.1%}",
    }


def run_pilot(seed: int, minutes: float, folder: Path) -> tuple[dict[str, Any], float]:
    """The JSON of one whole command, and its wall seconds."""
    command = [sys.executable, "-m", "froude", "pilot", "--json", "--seed", str(seed), "--minutes", f"{minutes:g}"]
    begin = time.monotonic()
    done = subprocess.run([*command, "--study", str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - begin


def story(seed: int, minutes: float) -> list[str]:
    """The lines of a whole command as a person reads them at 80 columns, without those of single runs."""
    minutes_option = () if minutes == 5 else ("--minutes", f"{minutes:g}")
    words = ["pilot", *minutes_option, "--seed", str(seed), "--study", "tank"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "froude", *words],
            cwd=folder,
            env={**os.environ, "COLUMNS": "80"},
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("      run  ")]
    return [f"$ froude {' '.join(words)}", *lines]


def whole_row(seed: int, result: Mapping[str, Any], seconds: float) -> dict[str, str]:
    """A row of the table of whole runs."""
    lo, hi = result["interval"]
    halving = result["validation_halving"]
    return {
        "seed": str(seed),
        "target": f"N = {result['target']['N']:,}, D = {result['target']['D']:,}",
        "forecast": f"{result['predicted']:.4f}",
        "90% interval": f"{lo:.4f} to {hi:.4f} (±{(hi - lo) / 2 / result['predicted']:.1%})",
        "measured": f"{result['measured']:.4f}",
        "error": f"{result['rel_error']:.2%}",
        "inside": "yes" if result["inside"] else "no",
        "× compute, × N": f"{result['compute_ratio']:.1f}, {result['params_ratio']:.1f}",
        "changes with half the validation text": f"{halving['ratio_change']:.2%}",
        "minutes": f"{seconds / 60:.1f}",
    }


def main() -> None:
    """Runs the studies that are not there yet, and records the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--whole", action="store_true", help="record the whole runs, in place of the method")
    parser.add_argument("--story", action="store_true", help="record what a person reads, in place of the method")
    parser.add_argument("--learn", action="store_true", help="learn from whole runs, in place of the method")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--studies", type=Path, default=Path("froude-studies/benchmark"))
    options = parser.parse_args()
    command = " ".join(["python benchmarks/pilot.py", *sys.argv[1:]])
    if options.story:
        record("pilot_story", command, [{"line": line} for line in story(options.first, options.minutes)])
        return
    options.studies.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first, options.first + options.seeds)
    folders = [options.studies / f"{options.minutes:g}-{seed}" for seed in seeds]
    rows = []
    for seed, folder in zip(seeds, folders, strict=True):
        result, seconds = run_pilot(seed, options.minutes, folder)
        rows.append(whole_row(seed, result, seconds))
        print(rows[-1], flush=True)
    if options.learn:
        learn({f"{options.minutes:g} minutes, seed {s}": Study.open(f) for s, f in zip(seeds, folders, strict=True)})
        return
    if options.whole:
        record("pilot_runs", command, rows)
        return
    pairs = [split(Study.open(folder)) for folder in folders]
    targets = [list(forecasts(pilots, target)) for pilots, target in pairs]
    rolling = [list(hold_outs(pilots)) for pilots, _ in pairs]
    table = [
        summary(kind, method, outcomes)
        for kind, outcomes in (("target", targets), ("rolling hold-out", rolling))
        for method in METHODS
    ]
    record("pilot", command, table, runs=rows)
    for row in table:
        print(row)


if __name__ == "__main__":
    main()
