"""Sweeps small enough for a test: a space of three widths, and the command of the toy trainer."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from froude.runs import Study

TRAINER = Path(__file__).with_name("toy_trainer.py")
COMMAND = (
    f"{shlex.quote(sys.executable)} -S {shlex.quote(str(TRAINER))} --width {{width}} --lr {{lr}} --tokens {{tokens}}"
)
SPACE: dict[str, Any] = {
    "grid": {"width": [16, 32, 64], "lr": 0.003},
    "derived": {"tokens": "20 * 48 * width**2"},
}


def one(**changes: Any) -> list[dict[str, Any]]:
    """A space of one run."""
    return [{"width": 16, "lr": 0.003, "tokens": 245760, **changes}]


def train(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A function as a trainer: it yields a mapping a step and returns what came out."""
    print("what it prints is no metric")
    for step in (1, 2):
        yield {"step": step, "tokens": 10 * step, "train_loss": config["width"] / step}
    return {"val_loss": config["width"] / 3, "N": 100}


def by_formula(config: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """A trainer as a function, which says its tokens and loss but no parameters."""
    yield {"step": 1, "tokens": config["tokens"], "loss": loss_of(config["width"], config["tokens"])}


def study_in(path: Path) -> Study:
    """The study in a folder."""
    return Study.open(path)


def loss_of(width: int, tokens: float) -> float:
    """The loss that the toy trainer comes to at the learning rate of the space."""
    return 1.7 + 400 / (48 * width**2) ** 0.34 + 410 / tokens**0.28


def run_files(study: Path) -> dict[str, dict[str, Any]]:
    """What the finished runs of a study hold, by id: the lines of configuration, steps and result, without seconds."""
    return {path.stem: timeless_lines(path) for path in sorted((study / "runs").glob("*.jsonl"))}


def timeless_lines(path: Path) -> dict[str, Any]:
    """The lines of a run's file by their kind."""
    lines: dict[str, Any] = {"step": []}
    for line in map(json.loads, path.read_text().splitlines()):
        kind = line.pop("kind")
        line.pop("seconds", None)
        if kind == "step":
            lines["step"].append(line)
        else:
            lines[kind] = line
    return lines
