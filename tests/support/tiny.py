"""Trainings small enough for a test: a corpus, trunks of models of a thousand parameters, a plan of them."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import froude
from froude.cost import Decoder
from froude.runs import Study
from froude.tank import Corpus, Design, Trunk
from froude.tank.corpus import Piece, Side, joined, manifest_of
from froude.tank.trainer import train_trunk

BATCH_TOKENS = 64
LETTERS = np.random.default_rng(0).integers(97, 123, (40, 8), dtype=np.uint8)
WORDS = [bytes(letters[: 3 + i % 5]) for i, letters in enumerate(LETTERS)]
PATIENCE_SECONDS = 600
SECONDS = {"pilot_seconds": 1.0, "target_seconds": 1.0}


def text(rng: np.random.Generator, n_bytes: int) -> bytes:
    """Lines of eight words each; the spelling of the words is what there is to learn."""
    picks = rng.integers(0, len(WORDS), (n_bytes // 32, 8))
    return b"\n".join(b" ".join(WORDS[i] for i in line) for line in picks)[:n_bytes]


def write_corpus(folder: Path, seed: int = 0, files: int = 80) -> Path:
    """A folder of text files of 5000 bytes each."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(files):
        (folder / f"{i:03}.txt").write_bytes(text(rng, 5000))
    return folder


def random_corpus(train_bytes: int = 20_000, seed: int = 0) -> Corpus:
    """A corpus that was never a folder."""
    rng = np.random.default_rng(seed)
    train, validation = (Piece(name=f"{n} bytes", data=text(rng, n)) for n in (train_bytes, 6000))
    sides: dict[Side, list[Piece]] = {"train": [train], "validation": [validation]}
    return Corpus(
        **{side: joined(pieces) for side, pieces in sides.items()},
        manifest=manifest_of(sides, dropped=[], unreadable=0),
    )


def trunk(width: int = 8, steps: tuple[int, ...] = (20, 40), **changes: Any) -> Trunk:
    """A trunk of 64 tokens a step; `steps` are the lengths of its runs."""
    values: dict[str, Any] = {
        "decoder": Decoder(width=width, layers=1, heads=2, context=16),
        "seed": 0,
        "tokens": tuple(BATCH_TOKENS * n for n in steps),
        "batch": 4,
        "lr": 0.01,
        "lr_embedding": 0.05,
        "warmup_tokens": 4 * BATCH_TOKENS,
        "decay_share": 0.2,
        "corpus": "0",
    }
    return Trunk(**values | changes)


def train(folder: Path, *trunks: Trunk, corpus: Corpus | None = None) -> dict[str, dict[str, Any]]:
    """Trains trunks one after another into a study; the results by run, with the curve of losses."""
    study = Study.create(folder, {})
    for each in trunks:
        train_trunk(each, corpus or random_corpus(), study)
    return outcome(study.path)


def prepared_study(folder: Path) -> Study:
    """A study in this folder with a corpus and nothing trained."""
    study = Study.create(folder / "study", {})
    random_corpus().save(study.path / "corpus")
    return study


def outcome(folder: Path) -> dict[str, dict[str, Any]]:
    """What every finished run of a study found out, without the times it took."""
    return {path.stem: timeless(path) for path in (folder / "runs").glob("*.jsonl")}


def timeless(path: Path) -> dict[str, Any]:
    """A run's configuration, result and curve, without what differs from one machine or moment to another."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    fleeting = ("seconds", "peak_memory_bytes", "tokens_per_s", "kind")
    rest = [{k: repr(v) for k, v in line.items() if k not in fleeting} for line in lines]
    return {"config": rest[0], "steps": rest[1:-1], "result": rest[-1]}


def loss_of(results: Mapping[str, Mapping[str, Any]], trunk: Trunk, length: int = -1) -> float:
    """The loss of the run of one of a trunk's lengths, the longest by default."""
    return float(results[trunk.run_id(trunk.tokens[length])]["result"]["loss"])


def write_plan(path: Path, steps: int = 160) -> Path:
    """A plan of four sizes with three lengths each; the target has four times the largest's parameters."""
    lengths = (steps // 4, steps // 2, steps)
    pilots = tuple(trunk(width, lengths) for width in (16, 12, 8, 4))
    design = Design(pilots=pilots, target=trunk(32, (2 * steps,), seed=4), **SECONDS)
    path.write_text(json.dumps({"format": 1, "design": design.to_dict()}))
    return path


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition; TimeoutError after minutes, by when something hangs."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > last:
            raise TimeoutError(f"not true after {PATIENCE_SECONDS} s")
        time.sleep(0.01)


def command(*arguments: str | Path) -> list[str]:
    """The command `froude pilot` in this interpreter."""
    return [sys.executable, "-c", "from froude.cli import main; main()", "pilot", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """An environment in which a process finds the package under test, wherever it starts."""
    return {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1]), **changes}
