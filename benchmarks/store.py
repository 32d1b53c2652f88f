"""How long a study of many runs takes to open, with its cache and without, and how much memory.

The study is made: runs of a hundred steps, written as `RunWriter` writes them, with N, D and losses of a published law
and noise. To open it is to read its table of runs and every curve, in a process of its own. Beside it smaller studies,
to show how it grows, and `froude fit` on each.
Command: python benchmarks/store.py
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from froude import get_law
from froude.runs import Study, run_id
from froude.runs.study.cache import FOLDER
from froude.runs.study.lines import json_lines
from record import record

SIZES = (1_000, 10_000, 100_000)
STEPS = 100
SEED = 0
OPEN = """
import json, resource, sys, time
begin = time.perf_counter()
from froude import Study
study = Study.open(sys.argv[1])
runs = study.runs()
table = time.perf_counter() - begin
curves = study.curves()
rows = sum(len(curve["step"]) for curve in curves.values())
seconds = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"runs": len(runs), "curves": len(curves), "rows": rows, "table_seconds": table, "seconds": seconds,
                  "cpu_seconds": used.ru_utime + used.ru_stime, "peak_bytes": used.ru_maxrss * 1024}))
"""
NOTES = (
    "The table of runs and all curves, in a process of its own, import of Froude included; the files stand in the "
    "system's cache. Seconds of the clock, in brackets of the processor, and the most memory. "
    "`froude fit` is the whole command with its defaults, with the cache.",
)


def write_study(folder: Path, n: int) -> None:
    """A study of n runs of STEPS steps each."""
    study = Study.create(folder, {"kind": "made", "runs": n})
    rng = np.random.default_rng([SEED, n])
    law = get_law("chinchilla")
    N = np.round(10 ** rng.uniform(6.5, 9.5, n))
    D = np.round(N * 20 * 2 ** rng.normal(0, 1.5, n))
    loss = law(N=N, D=D, **law.published["besiroglu-2024"]) * np.exp(0.005 * rng.standard_normal(n))
    share = (np.arange(STEPS) + 1) / STEPS
    for i in range(n):
        config = {"width": int(16 + i % 64), "lr": float(f"{10 ** rng.uniform(-4, -2):.3g}"), "seed": i}
        id = run_id(config)
        curve = (loss[i] * (0.5 + 0.5 * share**-0.4) + 0.01 * rng.standard_normal(STEPS)).tolist()
        tokens = (D[i] * share).astype(int).tolist()
        result = {"kind": "result", "N": float(N[i]), "D": float(D[i]), "loss": float(loss[i]), "seconds": 1.0}
        # The lines of steps are those of `json_lines`, which takes ten times as long for ten million of them.
        steps = "".join(
            f'{{"kind":"step","step":{k + 1},"tokens":{tokens[k]},"loss":{curve[k]!r}}}\n' for k in range(STEPS)
        )
        ends = [json_lines([line]) for line in ({"kind": "config", "id": id, "config": config}, result)]
        (study.path / "runs" / f"{id}.jsonl").write_bytes(ends[0] + steps.encode() + ends[1])


def opened(folder: Path) -> dict[str, Any]:
    """What opening a study takes, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", OPEN, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def fitted(folder: Path) -> dict[str, Any]:
    """What `froude fit` of a study takes."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "froude", "fit", str(folder), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("froude fit failed")
    cpu = used.ru_utime + used.ru_stime
    return {"seconds": time.perf_counter() - before, "cpu_seconds": cpu, "peak_bytes": used.ru_maxrss * 1024}


def cell(cost: dict[str, Any]) -> str:
    """Clock, processor and memory in a cell of the table."""
    return f"{cost['seconds']:.1f} s ({cost['cpu_seconds']:.1f} s), {cost['peak_bytes'] / 2**20:,.0f} MiB"


def measure(folder: Path, n: int) -> dict[str, str]:
    """A row of the table."""
    begin = time.perf_counter()
    write_study(folder, n)
    made = time.perf_counter() - begin
    without = opened(folder)
    with_cache = opened(folder)
    if (with_cache["runs"], with_cache["rows"]) != (n, n * STEPS) or without["rows"] != n * STEPS:
        raise RuntimeError(f"another study was read than was written: {without}, {with_cache}")
    fit = fitted(folder)
    cached = sum(path.stat().st_size for path in (folder / FOLDER).glob("*")) if (folder / FOLDER).exists() else 0
    row = {
        "runs": f"{n:,}",
        "curve rows": f"{n * STEPS:,}",
        "opens without its cache": cell(without),
        "with it": cell(with_cache),
        "its table alone": f"{with_cache['table_seconds']:.1f} s",
        "cache on disk": f"{cached / 2**20:,.0f} MiB",
        "`froude fit`": cell(fit),
    }
    print(json.dumps({**row, "made_seconds": made}), flush=True)
    return row


def command(sizes: Sequence[int]) -> str:
    """The command that makes the table."""
    words = "" if tuple(sizes) == SIZES else f" --sizes {' '.join(map(str, sizes))}"
    return f"python benchmarks/store.py{words}"


def main() -> None:
    """Measures each size and records the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--folder", type=Path, help="where the studies are made [default: a temporary one]")
    parser.add_argument("--no-record", action="store_true")
    given = parser.parse_args()
    rows = []
    for n in given.sizes:
        folder = Path(tempfile.mkdtemp(dir=given.folder))
        try:
            rows.append(measure(folder / "study", n))
        finally:
            shutil.rmtree(folder)
    if not given.no_record:
        record("store", command(given.sizes), rows, notes=NOTES)


if __name__ == "__main__":
    main()
