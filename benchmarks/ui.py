"""How long the pages of `froude ui` let wait for their first byte, on studies of a thousand and of 100,000 runs.

A study is made of run files as sweeps write them, a server is started on it as a user starts one, and once it has said
that it is ready each page is asked for, one request after another on new connections: the first time, and the median of
the next. Beside it stands how long the server takes to be ready.
Command: python benchmarks/ui.py
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from froude import get_law
from froude.runs import Study
from record import record

SIZES = (1_000, 100_000)
ASKED = {1_000: 0.1, 100_000: 0.5}
"""Seconds to the first byte that are asked for, by runs."""

PAGES = {
    "studies": "/",
    "a study": "/study?path={0}",
    "sorted": "/study?path={0}&sort=-loss&page=7",
    "filtered": "/study?path={0}&where=N+%3E+1e8",
    "its JSON": "/study.json?path={0}",
    "law, not fitted yet": "/law?path={0}&law=chinchilla",
}
AGAIN, SEED = 5, 0
NOTES = ("Requests one after another, each on a new connection, after the server has said that it is ready.",)


def make_study(folder: Path, n: int) -> Path:
    """A study of n finished runs of a few steps, whose losses follow a published law."""
    study = Study.create(folder / f"runs-{n}", {"made": "benchmark"})
    rng = np.random.default_rng([SEED, n])
    N = 10 ** rng.uniform(6, 9, n)
    D = 20 * N * 2 ** rng.normal(0, 1.5, n)
    law = get_law("chinchilla")
    loss = law(N=N, D=D, **law.published["besiroglu-2024"]) * np.exp(0.003 * rng.standard_normal(n))
    for i in range(n):
        id = f"{i:016x}"
        config = {"n_layers": int(rng.integers(2, 40)), "lr": 0.001, "seed": i}
        steps = [{"kind": "step", "step": k, "loss": float(loss[i] + 2 / k)} for k in (1, 2, 4)]
        result = {"kind": "result", "N": float(N[i]), "D": float(D[i]), "loss": float(loss[i])}
        lines = [{"kind": "config", "id": id, "config": config}, *steps, result]
        (study.path / "runs" / f"{id}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return study.path


def first_byte(address: str) -> float:
    """Seconds until a page's first byte is there."""
    begin = time.perf_counter()
    with urllib.request.urlopen(address, timeout=120) as reply:
        reply.read(1)
        taken = time.perf_counter() - begin
        reply.read()
    return taken


def measure(study: Path, n: int) -> list[dict[str, str]]:
    """A row for each page."""
    command = [sys.executable, "-m", "froude", "ui", str(study), "--port", "0", "--json"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        start = time.perf_counter() - begin
        rows = []
        for page, path in PAGES.items():
            address = ready["address"].rstrip("/") + path.format(study.name)
            first, *again = (first_byte(address) for _ in range(AGAIN + 1))
            rows.append(
                {
                    "runs": f"{ready['runs']:,}",
                    "page": page,
                    "first time, ms": f"{1000 * first:.0f}",
                    "again, ms": f"{1000 * statistics.median(again):.0f}",
                    "asked, ms": f"{1000 * ASKED[n]:.0f}",
                    "ready after, s": f"{start:.1f}",
                }
            )
            print(rows[-1], flush=True)
        server.terminate()
    return rows


def main() -> None:
    """Measures every size and records the table; a quick run leaves out the larger study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smaller study alone, and nothing is recorded")
    quick = parser.parse_args().quick
    rows: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES[:1] if quick else SIZES:
            rows += measure(make_study(Path(folder), n), n)
    if not quick:
        record("ui", "python benchmarks/ui.py", rows, notes=NOTES)


if __name__ == "__main__":
    main()
