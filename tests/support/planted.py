"""Tables of runs whose losses follow a known law."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from froude import get_law

CHINCHILLA = get_law("chinchilla").published["besiroglu-2024"]
QUICK = ("--draws", "50")
"""Options of a fit whose intervals are not looked at closely."""


def planted(noise: float = 0.003, seed: int = 0) -> dict[str, np.ndarray]:
    """Runs on a grid of sizes and lengths whose losses follow the published law up to noise."""
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(2e9, 2e11, 6)))
    rng = np.random.default_rng(seed)
    loss = get_law("chinchilla")(N=N, D=D, **CHINCHILLA) * np.exp(noise * rng.standard_normal(N.size))
    return {"N": N, "D": D, "loss": loss}


def write_csv(path: Path, columns: Mapping[str, Any]) -> Path:
    """A CSV file of these columns."""
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path
