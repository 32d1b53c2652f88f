"""Measured peaks of memory: one factor of what is counted, and the error that is left.

In logarithms measured / counted ~ Normal(log factor, σ²), with prior log factor ~ Normal(0, τ²). What is known of
counted peaks, one standard deviation of `RELATIVE_ERROR` in all, is parted equally between both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.training.memory.device_memory import RELATIVE_ERROR


@final
@dataclass(frozen=True, kw_only=True)
class MemoryFit:
    """By what `factor` measured peaks are over counted ones, and the relative `error`, one standard deviation, that a
    peak so counted has. Mean absolute errors of the rows are before, with the factor, and with that of all others."""

    rows: int
    factor: float
    error: float
    before: float
    fitted: float
    left_out: float


def fit_memory(measured_bytes: np.ndarray, counted_bytes: np.ndarray, error: float, noise_rows: float) -> MemoryFit:
    """The factor of counted peaks (rows,) that explains measured ones, where the error was `error` before.

    The noise that is known counts as so many rows beside these.
    """
    off = np.log(measured_bytes / counted_bytes)
    prior = min(error, RELATIVE_ERROR) ** 2 / 2
    factors, noise = _factor(off, 1.0), prior
    for _ in range(2):
        noise = (noise_rows * prior + float(np.sum((off - factors) ** 2))) / (noise_rows + len(off))
        factors = _factor(off, noise / prior)
    held = [_factor(np.delete(off, i), noise / prior) for i in range(len(off))]
    return MemoryFit(
        rows=len(off),
        factor=float(np.exp(factors)),
        error=float(np.sqrt(noise + noise / (len(off) + noise / prior))),
        before=float(np.mean(abs(np.expm1(-off)))),
        fitted=float(np.mean(abs(np.expm1(factors - off)))),
        left_out=float(np.mean(abs(np.expm1(np.array(held) - off)))),
    )


def _factor(off: np.ndarray, ratio: float) -> float:
    """The mean of log ratios, drawn to 0 by a prior that counts as `ratio` rows."""
    return float(np.sum(off) / (len(off) + ratio))
