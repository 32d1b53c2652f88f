"""Calibrates the constants of the step-time model on measured rows: robust, and drawn to what physics suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from froude.cost.machine.constants import Constants, constants, entries
from froude.cost.stack.stack import Stack
from froude.cost.training.layout import Kept, Precision
from froude.cost.training.step import step_seconds
from planner_rows import Row

NOISE = 0.04
"""Standard deviation of log step times that the constants are not asked to explain; what is beyond counts linearly."""


OF_STACKS = ("grouped", "block_scaled", "fp4", "expert_launch")
"""Constants of which these rows say nothing: `planner_stacks.py` calibrates them."""


def stacked(rows: Sequence[Row]) -> list[tuple[np.ndarray, Any, Any, Any]]:
    """Rows in batches of equal structure: their places, and model, machine and layout with arrays for numbers."""
    places: dict[Any, list[int]] = {}
    for i, row in enumerate(rows):
        places.setdefault(_kind(row), []).append(i)
    return [
        (
            np.array(at),
            _merged([rows[i].model for i in at]),
            rows[at[0]].machine,
            _merged([rows[i].layout for i in at]),
        )
        for at in places.values()
    ]


def predicted(batches: Sequence[tuple[np.ndarray, Any, Any, Any]], constants: Constants) -> np.ndarray:
    """Step seconds of all rows, in their order."""
    seconds = np.empty(sum(len(at) for at, *_ in batches))
    for at, model, machine, layout in batches:
        seconds[at] = step_seconds(model, machine, layout, constants).total
    return seconds


def calibrate(rows: Sequence[Row]) -> Constants:
    """The constants that explain measured steps best, each drawn to its prior as strongly as its spread says."""
    moved = {name: entry for name, entry in entries().items() if name not in OF_STACKS}
    start = replace(constants(), **{name: float(entry["prior"]) for name, entry in moved.items()})
    return fitted(rows, start, {name: float(entry["spread"]) for name, entry in moved.items()})


def fitted(
    rows: Sequence[Row], start: Constants, spreads: Mapping[str, float], most_steps: int | None = None
) -> Constants:
    """The constants named in `spreads` moved to explain the rows, each drawn to where it starts; the others stay.

    A spread is a factor, one standard deviation of the constant's logarithm. `most_steps` bounds those of the solver.
    """
    batches, measured = stacked(rows), np.log([row.seconds for row in rows])
    prior, spread = np.log([getattr(start, name) for name in spreads]), np.log(list(spreads.values()))

    def moved(logs: np.ndarray) -> Constants:
        return replace(start, **dict(zip(spreads, np.exp(logs).tolist(), strict=True)))

    def residuals(logs: np.ndarray) -> np.ndarray:
        off = (np.log(predicted(batches, moved(logs))) - measured) / NOISE
        huber = np.sign(off) * np.sqrt(np.where(abs(off) < 1, off**2, 2 * abs(off) - 1))
        return np.concatenate([huber, (logs - prior) / spread])

    return moved(least_squares(residuals, prior, x_scale=spread, max_nfev=most_steps).x)


def _kind(row: Row) -> tuple[Any, ...]:
    """What rows of one batch share: chip, categories, and the structure of the model."""
    parts = {**vars(row.layout), "stack": row.layout.stack and row.layout.stack.version}
    categories = [parts[name] for name in sorted(parts) if isinstance(parts[name], bool | str | Precision | Kept)]
    dropout = row.model.blocks[0].operators
    machine = row.machine
    return (row.table, machine.chip.name, machine.devices_per_node, repr(categories), row.layout.zero, len(dropout))


def _merged(values: Sequence[Any]) -> Any:
    """One description whose numbers are arrays, from several of equal structure."""
    first = values[0]
    if isinstance(first, tuple):
        return tuple(_merged([value[i] for value in values]) for i in range(len(first)))
    if isinstance(first, Stack):
        return first  # of one version, whatever was asked for
    if hasattr(first, "__dataclass_fields__"):
        merged = {f.name: _merged([getattr(value, f.name) for value in values]) for f in fields(first)}
        return replace(first, **merged)
    if isinstance(first, bool | str | Mapping) or first is None:
        return first
    return first if all(np.all(value == first) for value in values) else np.array(values)
