"""Steps as a user measures them: those of a stack whose attention and matmuls are slower than the ones that ship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import froude

TRUTH: Mapping[str, float] = MappingProxyType({"attention": 0.6, "matmul": 0.92})
"""Factors of constants that nobody told Froude."""

NOISE = (1.01, 0.985, 1.0, 1.015, 0.99, 1.005)
"""What one measurement is off by."""

LAYOUTS: tuple[Mapping[str, Any], ...] = (
    {"model": "llama-3.1-8b", "devices": 8, "seq_len": 8192, "global_batch": 64, "micro_batch": 1},
    {"model": "llama-3.1-8b", "devices": 8, "seq_len": 2048, "global_batch": 256, "micro_batch": 4},
    {"model": "llama-3.1-8b", "devices": 64, "seq_len": 32768, "global_batch": 64, "micro_batch": 1},
    {"model": "qwen2.5-0.5b", "devices": 8, "seq_len": 4096, "global_batch": 256, "micro_batch": 8},
    {"model": "llama-2-13b", "devices": 16, "seq_len": 4096, "global_batch": 128, "micro_batch": 2},
    {"model": "llama-3.1-70b", "devices": 128, "seq_len": 8192, "global_batch": 128, "micro_batch": 1},
)


def true_stack() -> froude.Stack:
    """The stack that the steps are of."""
    return replace(froude.get_stack("torchtitan"), factors=TRUTH)


def true_seconds(layout: Mapping[str, Any]) -> float:
    """Seconds of a step of that stack."""
    given = {name: value for name, value in layout.items() if name not in ("model", "devices")}
    machine = f"{layout['devices']} x h100"
    cost = froude.train_cost(layout["model"], machine, stack=true_stack(), zero=3, recompute="full", **given)
    return float(cost.cost.step_seconds)


def measured_columns(rows: int = len(LAYOUTS)) -> dict[str, list[Any]]:
    """A table of the first measured steps, a column a name."""
    some = LAYOUTS[:rows]
    columns = {name: [layout[name] for layout in some] for name in some[0]}
    seconds = [true_seconds(layout) * off for layout, off in zip(some, NOISE, strict=False)]
    shared = {"machine": "h100", "zero": 3, "recompute": "full", "stack": "torchtitan"}
    return {**columns, **{name: [value] * len(some) for name, value in shared.items()}, "step_seconds": seconds}


def write_measured(path: Path, columns: Mapping[str, list[Any]] | None = None) -> Path:
    """The table as a CSV file."""
    table = measured_columns() if columns is None else columns
    lines = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path
