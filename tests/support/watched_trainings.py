"""Real trainings of the tank as logs of a Trainer: some finished, some under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paths import ROOT

KEPT = ROOT / "benchmarks" / "results" / "watch_trainings.json"
WIDTH, TRAININGS, FINISHED = 16, 12, 8
FAR = 10
"""Points, of 32, that those under way have."""


def kept_trainings(width: int = WIDTH) -> list[dict[str, Any]]:
    """The trainings of one size that a benchmark has kept, each with settings, steps and losses."""
    return [run for run in json.loads(KEPT.read_text())["rows"] if run["width"] == width]


def write_trainings(folder: Path, finished: int = FINISHED, far: int = FAR) -> list[dict[str, Any]]:
    """The first trainings as output folders, those from `finished` on cut short; what they were."""
    runs = kept_trainings()[:TRAININGS]
    for k, run in enumerate(runs):
        write_training(folder / f"r{k}", run, len(run["step"]) if k < finished else far)
    return runs


def write_training(folder: Path, run: dict[str, Any], points: int) -> None:
    """One training up to some point."""
    folder.mkdir(parents=True, exist_ok=True)
    log = []
    for k in range(points):
        log.append({"step": run["step"][k], "eval_loss": run["loss"][k]})
        rate = run["lr"] * run["rate"][k]
        norm = run["grad_norm"][k]
        log.append({"step": run["step"][k], "loss": run["train_loss"][k], "learning_rate": rate, "grad_norm": norm})
    state = {"max_steps": run["step"][-1], "global_step": run["step"][points - 1], "log_history": log}
    (folder / "trainer_state.json").write_text(json.dumps(state))
    (folder / "config.json").write_text(json.dumps({"lr": run["lr"], "decay_share": run["decay_share"]}))
