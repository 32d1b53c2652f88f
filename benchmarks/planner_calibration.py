"""Calibrates the constants that ship on measured rows: robust, and drawn to what physics suggests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from froude.cost.machine.constants import Constants, constants, entries
from froude.cost.stack.stack import Uncertainty
from froude.fitting.costs.batches import batches_of, predicted_seconds
from froude.fitting.costs.constants_fit import fit_constants
from planner_rows import Row

NOISE = 0.04
"""Standard deviation of log step times that the constants are not asked to explain; what is beyond counts linearly."""

OF_STACKS = ("grouped", "block_scaled", "fp4", "expert_launch", "timed")
"""Constants of which these rows say nothing: `planner_stacks.py` calibrates them, and users their own."""


def calibrate(rows: Sequence[Row]) -> Constants:
    """The constants that explain measured steps best, each drawn to its prior as strongly as its spread says."""
    moved = {name: entry for name, entry in entries().items() if name not in OF_STACKS}
    start = replace(constants(), **{name: float(entry["prior"]) for name, entry in moved.items()})
    prior = Uncertainty.of_spreads({name: float(entry["spread"]) for name, entry in moved.items()})
    return fitted(rows, start, prior)


def fitted(rows: Sequence[Row], start: Constants, prior: Uncertainty) -> Constants:
    """The constants that explain the rows best, those in `prior` moved from where they start."""
    seconds = np.array([row.seconds for row in rows])
    return fit_constants(batches_of(rows), seconds, start, prior, NOISE).constants


def log_errors(rows: Sequence[Row], found: Constants) -> np.ndarray:
    """Logarithms of predicted over measured step seconds."""
    return np.log(predicted_seconds(batches_of(rows), found) / np.array([row.seconds for row in rows]))
