"""Load tests of an engine whose constants are other ones than those that ship, with known noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from froude.cost.serving.constants import serving_constants
from froude.fitting.costs.serving_batches import predicted_latency, serving_batches
from froude.fitting.costs.serving_rows import ServingRow
from measured_trainings import write_measured

TRUE = {"step": 2.0, "bandwidth": 0.9}
"""Factors by which the engine's constants are other ones."""

NOISE = (1.02, 0.97, 1.01, 1.0, 0.99, 1.03, 0.98, 1.0)
LOADS = ((1, 1024, 256), (4, 1024, 256), (16, 1024, 256), (64, 1024, 256), (1, 4096, 512), (4, 4096, 512),
         (16, 4096, 512), (32, 4096, 512))  # fmt: skip
"""Users, and tokens of a request."""


def served_columns(rows: int = len(LOADS)) -> dict[str, list[Any]]:
    """A table of load tests, a column a name, in a user's words and milliseconds."""
    shipped = serving_constants()
    true = replace(shipped, **{name: getattr(shipped, name) * factor for name, factor in TRUE.items()})
    points = [
        ServingRow(model="llama-3.1-8b", machine="h100", devices=1, engine="vllm", version="0.12.0", input=i, output=o,
                   concurrency=users)
        for users, i, o in LOADS[:rows]
    ]  # fmt: skip
    seconds = predicted_latency(serving_batches(points), true)
    known = {"model": "llama-3.1-8b", "gpu": "h100", "engine": "vllm", "version": "0.12.0", "tp": 1}
    return {
        **{name: [value] * rows for name, value in known.items()},
        **{name: [getattr(point, of) for point in points] for name, of in
           (("isl", "input"), ("osl", "output"), ("users", "concurrency"))},
        "ttft_ms": [1e3 * one * off for one, off in zip(seconds["ttft_seconds"], NOISE, strict=False)],
        "tpot_ms": [1e3 * one * off for one, off in zip(seconds["tpot_seconds"], NOISE[::-1], strict=False)],
    }  # fmt: skip


def write_served(path: Path, rows: int = len(LOADS)) -> Path:
    """The table as a CSV file."""
    return write_measured(path, served_columns(rows))
