"""Is anything lost when processes die? A pilot whose parent and workers are killed ends as one that was left alone.

Half of the kills fall on a replacement of a file, just before it or just after, of every kind of file that a study has;
the others at random moments. All are SIGKILL, of the command or of one of its workers. After each kill of the command
the same command is given again, until the study is finished; then its runs are compared with those of a study that
nobody disturbed: none lost, none there twice, equal configurations, curves and losses, and nothing left lying about.
Ends with exit code 1 where that does not hold.
Command: python benchmarks/kills.py [--kills 100] [--seed 0] [--record]
"""

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from froude.cost import Decoder
from froude.runs.study.run_file import FinishedRun, read_folder
from froude.tank import Design, Trunk
from record import record

PARENTS_FILES = (  # in the order in which a study gets them
    *("study.json", "train.bin", "validation.bin", "manifest.json", "environment.json", "plan.json", "seconds.json"),
    *("fit.json", "forecast.json", "result.json", "report.html"),
)
WORKERS_FILES = (".jsonl.part", ".pt", ".npy", ".jsonl")
KILLS_A_STUDY = 10
PATIENCE_SECONDS = 600
FLEETING = ("seconds", "peak_memory_bytes", "tokens_per_s", "kind")
LEFTOVERS = ("**/.*.tmp", "runs/*.part", "trunks/*.pt", "**/*.damaged")

HOOK = """
    import os, signal, sys
    from pathlib import Path

    ORDER = Path(__file__).with_name("order")

    def dying(source, target, *rest, real=os.replace, **options):
        try:
            ending, when = ORDER.read_text().split()
        except (OSError, ValueError):
            return real(source, target, *rest, **options)
        if os.fspath(target).endswith(ending):
            try:
                ORDER.unlink()  # one process obeys it
            except FileNotFoundError:
                return real(source, target, *rest, **options)
            if when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            real(source, target, *rest, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(source, target, *rest, **options)

    os.replace = dying
"""


@dataclass(frozen=True)
class Kill:
    """When to kill whom: at a replacement of a file with this ending, "before" or "after", or at a random "moment"."""

    file: str
    when: str

    @property
    def stage(self) -> int:
        """Where it falls in the story of a study; at a random moment, among the trainings."""
        return PARENTS_FILES.index(self.file) if self.file in PARENTS_FILES else PARENTS_FILES.index("plan.json")

    @property
    def kind(self) -> str:
        """In the table."""
        return f"{self.when} {self.file}" if self.when != "moment" else f"at a random moment, {self.file}"


def schedule(rng: random.Random) -> Iterator[Kill]:
    """Kills without end: every file once before and once after its replacement, then again; moments in between."""
    files = [Kill(file, when) for file in (*PARENTS_FILES, *WORKERS_FILES) for when in ("before", "after")]
    rng.shuffle(files)
    for kill in itertools.cycle(files):
        yield kill
        yield Kill(rng.choice(["command", "worker"]), "moment")


def in_order(kills: Iterable[Kill]) -> list[Kill]:
    """In the order of a study's story."""
    return sorted(kills, key=lambda kill: (kill.stage, kill.when == "after"))


class Laboratory:
    """A corpus and a plan, and sessions of the command on them in which processes die when they are told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.order = folder / "hook" / "order"
        self.order.parent.mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(textwrap.dedent(HOOK))
        write_corpus(folder / "corpus")
        (folder / "plan.json").write_text(json.dumps({"format": 1, "design": design().to_dict()}))

    def start(self, study: Path) -> subprocess.Popen[str]:
        """The command, begun."""
        words = ["--study", study, "--corpus", self.folder / "corpus", "--plan", self.folder / "plan.json"]
        path = os.pathsep.join([str(self.order.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.Popen(
            [sys.executable, "-m", "froude", "pilot", "--device", "cpu", *map(str, words)],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def disturb(self, study: Path, kills: Sequence[Kill], seconds: float, rng: random.Random) -> Iterator[Kill]:
        """Runs the command until the study is finished, killing on the way; gives the kills that took place."""
        left = list(kills)
        while True:
            process = self.start(study)
            while left and process.poll() is None:
                if self.carry_out(kill := left.pop(0), process, seconds, rng):
                    yield kill
            self.order.unlink(missing_ok=True)
            errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
            if process.returncode == 0:
                return
            killed = process.returncode == -signal.SIGKILL or "a training was stopped" in errors
            if "Traceback" in errors or not killed:
                raise SystemExit(f"{study.name} ended with code {process.returncode}: {errors[-2000:]}")

    def carry_out(self, kill: Kill, process: subprocess.Popen[str], seconds: float, rng: random.Random) -> bool:
        """Whether a process was killed as this says, before the command ended by itself."""
        if kill.when == "moment":
            return kill_at_a_moment(process, kill.file, rng.uniform(0, seconds), rng)
        self.order.with_suffix(".new").write_text(f"{kill.file} {kill.when}")
        self.order.with_suffix(".new").replace(self.order)
        while self.order.exists() and process.poll() is None:
            time.sleep(0.01)
        return not self.order.exists()


def kill_at_a_moment(process: subprocess.Popen[str], whom: str, after: float, rng: random.Random) -> bool:
    """Kills the command or one of its workers after some seconds; whether it was there to be killed."""
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        pass
    workers = children_of(process.pid)
    victim = rng.choice(workers) if whom == "worker" and workers else process.pid
    os.kill(victim, signal.SIGKILL)
    if victim == process.pid:
        process.wait()
    return True


def children_of(pid: int) -> list[int]:
    """The processes that this one has started and that are still there."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass(frozen=True)
class Damage:
    """What a disturbed study lacks, has twice, has otherwise than the undisturbed one, and what lies about in it."""

    lost: int
    doubled: int
    unequal: int
    left: int


def compare(study: Path, whole: Path) -> Damage:
    """A disturbed study beside the undisturbed one."""
    here, there = runs_of(study), runs_of(whole)
    files = list((study / "runs").iterdir())
    forecasts = [json.loads((folder / "forecast.json").read_text())["predicted"] for folder in (study, whole)]
    return Damage(
        lost=len(there.keys() - here.keys()),
        doubled=len(files) - len(here),
        unequal=sum(here[id] != there[id] for id in here.keys() & there.keys()) + (forecasts[0] != forecasts[1]),
        left=len(leftovers(study)),
    )


def leftovers(study: Path) -> list[str]:
    """Files that nobody needs, by their names in the study."""
    return [str(path.relative_to(study)) for pattern in LEFTOVERS for path in study.glob(pattern)]


def runs_of(study: Path) -> dict[str, Any]:
    """What every run of a study found out, to the last bit, without the times it took."""
    runs = [run for run in read_folder(study / "runs") if isinstance(run, FinishedRun)]
    return {run.id: (dict(run.config), [*map(timeless, run.steps)], timeless(run.result)) for run in runs}


def timeless(values: Any) -> dict[str, str]:
    """Values as texts, so that NaN equals itself."""
    return {name: repr(value) for name, value in values.items() if name not in FLEETING}


def write_corpus(folder: Path, files: int = 80) -> None:
    """Text files of 5000 bytes each, of forty words."""
    rng = np.random.default_rng(0)
    words = ["".join(map(chr, rng.integers(97, 123, 3 + i % 5))) for i in range(40)]
    folder.mkdir()
    for i in range(files):
        lines = (" ".join(words[k] for k in rng.integers(0, 40, 8)) for _ in range(150))
        (folder / f"{i:03}.txt").write_text("\n".join(lines)[:5000])


def design(steps: int = 240) -> Design:
    """Four sizes with three lengths each, and a target of four times the largest's parameters."""
    pilots = tuple(trunk(width, (steps // 4, steps // 2, steps)) for width in (16, 12, 8, 4))
    return Design(pilots=pilots, target=trunk(32, (2 * steps,)), pilot_seconds=1.0, target_seconds=1.0)


def trunk(width: int, steps: Sequence[int]) -> Trunk:
    """A training of 64 tokens a step."""
    decoder, batch = Decoder(width=width, layers=1, heads=2, context=16), 4
    return Trunk(
        decoder=decoder, seed=0, tokens=tuple(64 * n for n in steps), batch=batch, lr=0.01, lr_embedding=0.05,
        warmup_tokens=256, decay_share=0.2, corpus="",
    )  # fmt: skip


def main() -> None:
    """Kills, compares, prints a table, and keeps it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help="keep the table in benchmarks/results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = attack(Laboratory(Path(folder)), asked.kills, random.Random(asked.seed))
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "study"}
    for row in (*rows, {"study": "all", **total}):
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if asked.record:
        record("kills", f"python benchmarks/kills.py --kills {asked.kills} --seed {asked.seed}", rows)
    sys.exit(any(total[name] for name in ("lost", "doubled", "unequal", "left")))


def attack(laboratory: Laboratory, kills: int, rng: random.Random) -> list[dict[str, Any]]:
    """A row for each disturbed study."""
    whole, begin = laboratory.folder / "undisturbed", time.monotonic()
    list(laboratory.disturb(whole, (), 0.0, rng))
    seconds, rows, kinds, to_come = time.monotonic() - begin, [], Counter(), schedule(rng)
    while (left := kills - kinds.total()) > 0:
        study = laboratory.folder / f"study {len(rows) + 1}"
        group = in_order(itertools.islice(to_come, min(KILLS_A_STUDY, left)))
        done = list(laboratory.disturb(study, group, seconds / 2, rng))
        kinds.update(kill.kind for kill in done)
        rows.append({"study": len(rows) + 1, "kills": len(done), **vars(compare(study, whole))})
        for name in leftovers(study):
            print(f"left in study {len(rows)}: {name}")
    for kind, count in sorted(kinds.items()):
        print(f"{count:4}  {kind}")
    return rows


if __name__ == "__main__":
    main()
