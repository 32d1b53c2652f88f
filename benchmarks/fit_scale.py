"""How long `froude fit` takes of many rows, and what is lost by searching some of them for all.

The table is made: N on a ladder of sizes, tokens around twenty a parameter, losses of the published law that small runs
scatter about more, a bend that no law of the catalogue has, and what tables have that no law tells of: runs far off,
diverged and unmeasured ones, seeds. What counts is the CPU time of the whole command, user and system, with one thread
for BLAS and with as many as it likes. The drift is that of the same fit with every row in every hold-out.
Command: python benchmarks/fit_scale.py
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from froude import fit, get_law, read_runs
from froude.fitting import many_rows
from record import record

SIZES = (1_000, 10_000, 100_000)
LAWS = (
    ("chinchilla",),
    ("chinchilla-tied",),
    ("auto",),
    ("power-floor", "--x", "C"),
    ("auto", "--x", "C"),
)
SEED = 0
ONE_THREAD: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)
NOTES = (
    "CPU time, user and system, of the whole command with 1,000 refits and 27 starts. The drift is what a forecast's "
    "error grows by for each factor e; beside it the same with every row in every hold-out and in every search.",
)


def write_table(path: Path, n: int) -> None:
    """A table of n rows with the irregularities of real ones."""
    rng = np.random.default_rng([SEED, n])
    N = 10 ** rng.choice(np.linspace(6.5, 9.5, 13), n) * rng.choice([1.0, 1.07], n)
    D = np.round(N * 20 * 2 ** rng.normal(0, 2, n), -5) + 1e6
    smooth = get_law("chinchilla")(N=N, D=D, **get_law("chinchilla").published["besiroglu-2024"])
    bend = 0.004 * np.sin(np.log(N * D) / 3)
    noise = (0.003 + 0.01 * (1e7 / N) ** 0.25) * rng.standard_normal(n)
    wild = (rng.random(n) < 0.01) * rng.exponential(0.2, n)
    loss = [f"{value:.4f}" for value in smooth * np.exp(bend + noise + wild)]
    for text, share in (("nan", 0.003), ("", 0.002)):
        for row in np.flatnonzero(rng.random(n) < share):
            loss[row] = text
    seeds = rng.integers(0, 5, n)
    lines = [f"run-{i},{N[i]:.6g},{D[i]:.0f},{seeds[i]},{loss[i]}" for i in range(n)]
    path.write_text("\n".join(["id,params,tokens,seed,loss", *lines]) + "\n")


def command_seconds(table: Path, law: Sequence[str], *, one_thread: bool) -> tuple[float, dict[str, Any]]:
    """CPU seconds of one `froude fit`, and what it prints as JSON."""
    command = [sys.executable, "-m", "froude", "fit", str(table), "--law", *law, "--json"]
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    if one_thread:
        environment.update(ONE_THREAD)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, json.loads(done.stdout)


def full_drift(table: Path, law: Sequence[str]) -> tuple[float, float]:
    """The drift where every row takes part in everything, and its CPU seconds with twenty refits."""
    begin = time.process_time()
    with patch.object(many_rows, "MANY", max(SIZES)):
        found = fit(law[0], read_runs(table), x=law[2] if len(law) > 1 else None, draws=20)
    return found.drift, time.process_time() - begin


def measure(table: Path, n: int, law: Sequence[str]) -> dict[str, str]:
    """The row of a law and a number of rows."""
    one, found = command_seconds(table, law, one_thread=True)
    many, _ = command_seconds(table, law, one_thread=False)
    full, full_seconds = full_drift(table, law)
    return {
        "rows": f"{n:,}",
        "law": " ".join(law),
        "fitted": f"{found['n']:,}",
        "CPU-seconds, one thread": f"{one:.1f}",
        "CPU-seconds, threads free": f"{many:.1f}",
        "drift": f"{found['drift']:.3%}",
        "with full hold-outs": f"{full:.3%}",
        "difference": f"{found['drift'] / full - 1:+.2%}",
        "CPU-seconds of these, 20 refits": f"{full_seconds:.0f}",
    }


def main() -> None:
    """Measures every law at every number of rows and records the table; a quick run leaves out the most rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the longest table, and nothing is recorded")
    quick = parser.parse_args().quick
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES[:-1] if quick else SIZES:
            table = Path(folder) / f"runs{n}.csv"
            write_table(table, n)
            for law in LAWS:
                rows.append(measure(table, n, law))
                print(rows[-1], flush=True)
    if not quick:
        record("fit_scale", "python benchmarks/fit_scale.py", rows, notes=NOTES)


if __name__ == "__main__":
    main()
