"""What an engine costs a run: the rate of trivial runs, each a task of the engine and a durable file of a study.

A trivial run writes its configuration, one step and its result, and is synced. Ten thousand of them on this machine and
on Ray, a hundred on Slurm; beside each the same runs with a hundred to a task, which no command does: it shows what of
the cost is the engine's. The clusters are those of the tests, on this machine: Ray of two nodes, Slurm of one.
Command: python benchmarks/engines.py
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import clusters
from froude.engines import Engine, Report, RunFinished, get_engine
from froude.runs import Study
from record import record

RUNS = {"local": 10_000, "ray": 10_000, "ray://": 10_000, "slurm": 100}
WORKERS = 2
BATCH = 100
NOTES = (
    f"{WORKERS} workers. Seconds of the clock from the first task given to the last value taken; start and end of the "
    "engine stand apart. A run is written and synced (fsync of file and folder).",
)


@dataclass(frozen=True, kw_only=True)
class TrivialRuns:
    """Writes runs of one step, by their numbers, into a study."""

    study: str
    numbers: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"study": self.study, "numbers": list(self.numbers)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrivialRuns":
        """The task that `to_dict` described."""
        return cls(study=values["study"], numbers=tuple(values["numbers"]))

    def perform(self, report: Report) -> int:
        """Writes them; their number."""
        study = Study.open(self.study)
        for number in self.numbers:
            with study.writer({"number": number}) as writer:
                writer.step(step=1, tokens=1, loss=1.0 + 1 / (1 + number))
                writer.finish(loss=1.0 + 1 / (1 + number), N=1.0, D=1.0)
            report(RunFinished(run=writer.id, loss=1.0))
        return len(self.numbers)


@contextmanager
def engine_of(name: str, study: Path) -> Iterator[Callable[[int], Engine]]:
    """What makes the engine of this name, its cluster at work."""
    if name == "ray://":
        with clusters.ray_cluster() as cluster:
            yield get_engine(cluster.address, None, study)
    elif name == "slurm":
        with clusters.slurm() as variables:
            os.environ |= {key: variables[key] for key in ("SLURM_CONF", "PATH")}
            yield get_engine(name, None, study)
    else:
        yield get_engine(name, None, study)


def measure(name: str, n: int, batch: int) -> dict[str, float]:
    """Seconds that the engine takes to start, to perform n runs with so many to a task, and to end."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(Path(folder) / "study", {})
        tasks = [
            TrivialRuns(study=str(study.path), numbers=tuple(range(start, min(n, start + batch))))
            for start in range(0, n, batch)
        ]
        with engine_of(name, study.path) as make:
            begin = time.perf_counter()
            with make(WORKERS) as engine:
                engine.run([TrivialRuns(study=str(study.path), numbers=())])  # that all is imported
                started = time.perf_counter()
                engine.run(tasks)
                ended = time.perf_counter()
            closed = time.perf_counter()
        if (kept := len(study.finished_ids())) != n:
            raise RuntimeError(f"{kept} runs of {n} are kept")
    return {"start": started - begin, "work": ended - started, "end": closed - ended}


def main() -> None:
    """Measures each engine, a run to a task and a batch to a task, and records the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=RUNS, nargs="*", default=list(RUNS))
    parser.add_argument("--share", type=float, default=1.0, help="of the runs, for a trial that is not recorded")
    given = parser.parse_args()
    # Workers of every kind import this file by its name.
    os.environ["PYTHONPATH"] = os.pathsep.join([*map(os.path.abspath, sys.path)])
    rows = []
    for name in given.only:
        n = max(2, round(RUNS[name] * given.share))
        single, batched = measure(name, n, 1), measure(name, n, BATCH)
        rows.append(
            {
                "engine": name,
                "runs": f"{n:,}",
                "runs a second": f"{n / single['work']:,.3g}",
                "milliseconds a run and worker": f"{1000 * single['work'] * WORKERS / n:,.3g}",
                f"the same, {BATCH} runs to a task": f"{1000 * batched['work'] * WORKERS / n:,.3g}",
                "start and end": f"{single['start']:.1f} s, {single['end']:.1f} s",
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    if given.share == 1 and len(rows) == len(RUNS):
        record("engines", "python benchmarks/engines.py", rows, notes=NOTES)


if __name__ == "__main__":
    # A task must be importable by others, which a class of __main__ is not.
    from engines import main as imported_main  # pyright: ignore

    imported_main()
