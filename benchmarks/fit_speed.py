"""Fitting L(N, D) beside the classic recipe and two packages from PyPI: CPU seconds, objective, starts that agree.

All are given the 240 digitised Chinchilla points (all 245 less the five with the fewest tokens) and judged by one
score, the sum of Huber(log predicted − log measured, δ = 1e-3). Each runs in a process of its own with BLAS on one
thread; what counts is its CPU time around the fit, imports left out. Froude's starts and fifths of the classic grid
take turns, as the speed of a machine that others use changes. The packages need Python 3.12 and may live in another
interpreter: `python3.12 -m venv rivals && rivals/bin/pip install chinchilla==0.2.0 simple-scaling-laws==0.2.0`.
Command: python benchmarks/fit_speed.py --rivals rivals/bin/python
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.runs import Runs, get_published
from record import record

HERE = Path(__file__).parent / "rivals"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
FEWEST_TOKENS = 5  # rows left out, as in the published refit
TURNS = 5
QUICK = 97  # every 97th start: a prime, so that no axis of a grid is left out
AGREE = 1e-6
NOTES = (
    "CPU time of one process around the fit, BLAS on one thread. All are judged by the same objective, whatever "
    "they minimise themselves; a start agrees when it ends within 1e-6, relative, of the tool's own best.",
)

Found = Mapping[str, Any]


def points(runs: Runs) -> dict[str, list[float]]:
    """The columns N, D and loss of the runs that are fitted."""
    kept = np.sort(np.argsort(runs["D"], kind="stable")[FEWEST_TOKENS:])
    return {name: runs[name][kept].tolist() for name in ("N", "D", "loss")}


def run(script: str, python: str, given: Mapping[str, Any], first: int = 0, every: int = 1) -> Found:
    """What a script of `rivals/` hands back."""
    done = subprocess.run(
        [python, str(HERE / f"{script}.py"), str(first), str(every)],
        input=json.dumps(given),
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def together(turns: Sequence[Found], seconds: float) -> Found:
    """What several turns of one tool found, as if it had been one that took so many seconds."""
    return {
        **turns[0],
        "seconds": seconds,
        "score": min(turn["score"] for turn in turns),
        "objectives": [value for turn in turns for value in turn["objectives"]],
        "succeeded": sum(turn["succeeded"] for turn in turns),
    }


def share_that_agree(objectives: Sequence[float]) -> float:
    """The share of starts that end within 1e-6, relative, of the lowest end."""
    ends = np.array(objectives)
    return float(np.mean(ends <= ends.min() * (1 + AGREE)))


def whole_seconds(found: Found) -> float:
    """CPU seconds of the whole recipe: as measured, scaled up where only some of its starts were tried."""
    return found["seconds"] * max(1.0, found["starts"] / len(found["objectives"]))


def row(tool: str, found: Found, ours: float) -> dict[str, str]:
    """The row of a tool that fits once; `ours` are the CPU seconds of Froude's 27 starts."""
    tried, seconds = len(found["objectives"]), whole_seconds(found)
    only = "" if tried >= found["starts"] else f" ({tried} starts, CPU scaled up)"
    return {
        "tool": tool,
        "CPU-seconds": f"{seconds:.3g}",
        "× Froude's starts": times(seconds / ours),
        "objective × 1e3": f"{found['score'] * 1e3:.7f}",
        "starts": f"{found['starts']}{only}",
        "agree": percent(share_that_agree(found["objectives"])),
        "report success": percent(found["succeeded"] / tried),
    }


def missing_row(tool: str, install: str) -> dict[str, str]:
    """The row of a tool that is not installed."""
    nothing = {"score": np.nan, "seconds": np.nan, "objectives": [1.0], "succeeded": 0, "starts": 1}
    blank = dict.fromkeys(row(tool, nothing, 1.0), "")
    return {**blank, "tool": tool, "CPU-seconds": f"not installed: `pip install {install}`"}


def refit_rows(found: Found, ours: float) -> list[dict[str, str]]:
    """The rows of Froude's bootstraps."""
    boot, curve = found["bootstrap"], found["curve"]
    titles = {
        "bootstrap": f"Froude: {boot['draws']} bootstrap refits",
        "curve": f"Froude: `{curve['law']}` on {curve['points']:,} points, with {curve['draws']} refits",
    }
    starts = {"bootstrap": "1 each", "curve": str(curve["starts"])}
    agree = {
        "bootstrap": f"{boot['checked']} of them within {boot['apart']:.0e} of the best of 27 starts",
        "curve": percent(curve["agree"] / curve["starts"]),
    }
    return [
        {
            "tool": titles[part],
            "CPU-seconds": f"{each['seconds']:.3g}",
            "× Froude's starts": times(each["seconds"] / ours),
            "objective × 1e3": "",
            "starts": starts[part],
            "agree": agree[part],
            "report success": percent(each["converged"] / each["draws"]),
        }
        for part, each in found.items()
    ]


def times(ratio: float) -> str:
    """A ratio, without decimals where it is large."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def percent(share: float) -> str:
    """A share, which is "0%" only where it is none and "100%" only where it is all."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{share:.1%}" if 0.001 <= share <= 0.999 else f"{share:.3%}"


def measure(given: Mapping[str, Any], rivals: str, thin: int) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """The rows of the table, and the versions of what ran; `thin` leaves out all but every k-th start of a grid."""
    here = sys.executable
    turns = [
        (run("froude_starts", here, given, turn), run("classic", here, given, turn * thin, TURNS * thin))
        for turn in range(TURNS)
    ]
    own, classic = zip(*turns, strict=True)
    ours = median(turn["seconds"] for turn in own)
    found = {
        "classic recipe: L-BFGS-B from a grid": together(classic, sum(turn["seconds"] for turn in classic)),
        "`chinchilla` 0.2.0": run("pypi_chinchilla", rivals, given, 0, thin),
        "`simple-scaling-laws` 0.2.0": run("pypi_simple", rivals, given),
        f"Froude: random starts, median of {TURNS} seeds": together(own, ours),
    }
    rows = [
        missing_row(tool, each["missing"]) if "missing" in each else row(tool, each, ours)
        for tool, each in found.items()
    ]
    rows += refit_rows(run("froude_refits", here, given), ours)
    return rows, {tool: each.get("versions", {}) for tool, each in found.items()}


def main() -> None:
    """Runs every tool and records the table; a quick run is only shown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rivals", default=sys.executable, help="the Python interpreter that has the packages")
    parser.add_argument("--quick", action="store_true", help=f"every {QUICK}th start of a grid, CPU scaled up")
    options = parser.parse_args()
    try:
        given = points(get_published("chinchilla_epoch").read())
    except InputError as missing:
        sys.exit(f"fit_speed: {missing}")
    rows, versions = measure(given, options.rivals, QUICK if options.quick else 1)
    for each in rows:
        print(each)
    if not options.quick:
        command = "python benchmarks/fit_speed.py --rivals rivals/bin/python"
        record("fit_speed", command, rows, notes=NOTES, versions=versions)


if __name__ == "__main__":
    main()
