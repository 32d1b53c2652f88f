"""Contests that other benchmarks hold: their rows, from the results they left."""

import json
from pathlib import Path

import numpy as np

from .compare import Contest

RESULTS = Path(__file__).parents[1] / "results"
OURS = "Froude"
ARRAYS = ("ours", "theirs", "groups")


def contests(results: Path = RESULTS) -> list[Contest]:
    """The contests whose results are there."""
    return [*schedule_laws(results / "schedule_laws.json"), *step_law(results / "step_law.json")]


def schedule_laws(path: Path) -> list[Contest]:
    """Curves under schedules that were not fitted: what their benchmark left as "contests", the fields of each."""
    if not path.exists():
        return []
    held = json.loads(path.read_text()).get("contests", [])
    return [Contest(**each | {name: np.array(each[name]) for name in ARRAYS}) for each in held]


def step_law(path: Path) -> list[Contest]:
    """Learning rate and batch of a size that was left out, by the excess of the loss over the least of its sweep."""
    if not path.exists():
        return []
    cells = json.loads(path.read_text())["cells"]
    ways = [name for name in cells[0] if name not in ("N", "D")]
    (own,) = (name for name in ways if name.startswith(OURS))
    return [
        Contest(
            name="learning rate and batch: excess loss",
            split="one (N, D) of the Step Law's sweeps left out in turn",
            rival=rival,
            fitted=len(cells) - 1,
            ours=np.array([cell[own] for cell in cells]),
            theirs=np.array([cell[rival] for cell in cells]),
            groups=np.arange(len(cells)),
        )
        for rival in ways
        if rival != own
    ]
