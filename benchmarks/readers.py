"""Reading logs: 20,000 runs of 20 rows each, copies of a few that were written as the trainer or tracker writes them.

What counts is the CPU time of one process: of a read to a table of runs (`froude.read_runs`), of an import into a
study, and of a second import, which finds nothing new; imports are timed on fewer runs and scaled. A format of a
trainer joins by an entry in `FORMATS`: what writes one run into a folder. Trackers' own libraries write their logs
(`reader_logs.py`, in the Python of `--trackers`, where they are installed), and where a tracker ships a reader of its
own, that reads beside, on fewer runs and scaled.
Command: python benchmarks/readers.py --trackers PYTHON
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reader_logs import PEERS
from record import HERE, record

RUNS, ROWS = 20_000, 20
FEWER = 500
"""Runs of an import, and of a tracker's own reader, whose seconds are scaled."""
MOST_SECONDS = 60.0
SCRIPT = """
import json, sys, time
import froude
kind, source, study = sys.argv[1:]
begin = time.process_time()
runs = froude.read_runs(source) if kind == "read" else froude.import_runs(source, study)
n = len(runs) if kind == "read" else runs.n_runs
print(json.dumps({"seconds": time.process_time() - begin, "runs": n}))
"""


def numbers(step: int) -> dict[str, float]:
    """What a run logs at a step."""
    return {
        "loss": 5.0 - step / 100, "learning_rate": 1e-3 * (1 - step / 100), "grad_norm": 1.0 + step / 50,
        "epoch": step / ROWS, "num_input_tokens_seen": 524288 * step, "eval_loss": 5.1 - step / 100,
    }  # fmt: skip


CONFIG = {
    "model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
    "architectures": ["GPT2LMHeadModel"],
}  # fmt: skip


def trainer_state(folder: Path) -> None:
    """An output folder of the Hugging Face Trainer, with the model's configuration."""
    log = [{"step": step, **numbers(step)} for step in range(1, ROWS + 1)]
    state = {"global_step": ROWS, "max_steps": ROWS, "log_history": log}
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=2, sort_keys=True))
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))


def lightning(folder: Path) -> None:
    """A version of Lightning's CSVLogger."""
    names = [*numbers(0), "step"]
    lines = [",".join(str(v) for v in (*numbers(step).values(), step)) for step in range(1, ROWS + 1)]
    (folder / "metrics.csv").write_text("\n".join([",".join(names), *lines]) + "\n")
    (folder / "hparams.yaml").write_text("n_params: 124439808\nlr: 0.001\nlayers: 12\n")


def json_lines(folder: Path) -> None:
    """Metrics as JSON lines."""
    lines = [json.dumps({"step": step, **numbers(step)}) for step in range(1, ROWS + 1)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "config.json").write_text(json.dumps(CONFIG))


def text(folder: Path) -> None:
    """What nanoGPT prints."""
    lines = [f"step {i}: train loss {5 - i / 100}, val loss {5.1 - i / 100}" for i in range(1, ROWS + 1)]
    (folder / "train.log").write_text("\n".join(["tokens per iteration will be: 491,520", *lines]) + "\n")


FORMATS: Mapping[str, Callable[[Path], None]] = {
    "Hugging Face trainer_state.json": trainer_state,
    "Lightning CSVLogger": lightning,
    "JSON lines": json_lines,
    "text of nanoGPT": text,
}
"""Format → what writes one run into a folder; those of trackers join here."""

TRACKERS: Mapping[str, str] = {
    "W&B, offline": "wandb", "TensorBoard": "tensorboard", "MLflow, SQLite": "mlflow", "trackio": "trackio",
}  # fmt: skip
"""Format → the kind of `reader_logs.py`, which writes it by the tracker's own library."""

PEER = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
import reader_logs
read = reader_logs.PEERS[sys.argv[2]]
read(pathlib.Path(sys.argv[4]))  # imports what it needs
begin = time.process_time()
n = read(pathlib.Path(sys.argv[3]))
assert n, "it finds nothing"
print(time.process_time() - begin)
"""


def copies(write: Callable[[Path], None], folder: Path, runs: int) -> None:
    """A folder with so many copies of one run, each in a folder of its own."""
    first = folder / "run00000"
    first.mkdir(parents=True)
    write(first)
    for i in range(1, runs):
        shutil.copytree(first, folder / f"run{i:05d}")


def timed(kind: str, source: Path, study: Path) -> dict[str, Any]:
    """CPU and wall seconds of a read or an import in a process of its own, and its memory."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind, str(source), str(study)], stdout=subprocess.PIPE, text=True, check=True
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - begin, "peak_mib": peak}


def logs_of(name: str, folder: Path, runs: int, trackers: str | None) -> Path:
    """A source of so many runs, written into a folder."""
    if name in FORMATS:
        copies(FORMATS[name], folder / "logs", runs)
        return folder / "logs"
    words = [str(trackers), str(HERE / "reader_logs.py"), TRACKERS[name], str(folder), str(runs)]
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Path(printed.splitlines()[-1])


def peer_seconds(name: str, trackers: str | None) -> float | None:
    """CPU seconds of the tracker's own reader on FEWER runs; None where it ships none."""
    kind = TRACKERS.get(name)
    if kind is None or kind not in PEERS:
        return None
    with tempfile.TemporaryDirectory() as many, tempfile.TemporaryDirectory() as few:
        sources = [str(logs_of(name, Path(place), n, trackers)) for place, n in ((many, FEWER), (few, 5))]
        words = [str(trackers), "-c", PEER, str(HERE), kind, *sources]
        return float(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def measure(name: str, runs: int, trackers: str | None) -> dict[str, str]:
    """The row of a format."""
    seconds: dict[str, float] = {}
    for n, kinds in ((runs, ("read",)), (min(runs, FEWER), ("import", "again"))):
        with tempfile.TemporaryDirectory() as folder:
            source = logs_of(name, Path(folder), n, trackers)
            for kind in kinds:
                done = timed("read" if kind == "read" else "import", source, Path(folder) / "study")
                assert done["runs"] == n
                seconds[kind] = done["seconds"] * RUNS / n
                print(f"{name}, {kind}: {done}", flush=True)
    peer = peer_seconds(name, trackers)
    row = {kind: f"{each:.1f} s" for kind, each in seconds.items()}
    return {"format": name, **row, "its own reader": "none" if peer is None else f"{peer * RUNS / FEWER:.1f} s"}


def notes(runs: int) -> str:
    """What the seconds are of."""
    of_read = "" if runs == RUNS else f"a read was timed on {runs:,} and scaled, "
    return (
        f"CPU seconds of one process for {RUNS:,} runs of {ROWS} rows with 2 to 6 numbers each: {of_read}"
        "an import into a new study, the same once more (again), and a tracker's own reader "
        f"on {FEWER:,} and scaled. The aim is a read in under a minute."
    )


def main() -> None:
    """Times every format and writes the table; the exit code says whether each was read in under a minute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="fewer runs, whose seconds are scaled")
    parser.add_argument("--only", help="a format whose name has this in it, not recorded")
    parser.add_argument("--trackers", help="the Python in which wandb, tensorboard, mlflow and trackio are installed")
    given = parser.parse_args()
    names = [name for name in (*FORMATS, *(TRACKERS if given.trackers else ())) if (given.only or "") in name]
    rows = [measure(name, given.runs, given.trackers) for name in names]
    if not given.only:
        words = f" --runs {given.runs}" if given.runs != RUNS else ""
        command = f"python benchmarks/readers.py{words} --trackers PYTHON"
        record("readers", command, rows, notes=[notes(given.runs)], runs=given.runs)
    slow = [row["format"] for row in rows if float(row["read"].split()[0]) > MOST_SECONDS]
    sys.exit(f"not within {MOST_SECONDS:.0f} s: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
