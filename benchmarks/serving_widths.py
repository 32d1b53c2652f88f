"""How wide intervals of serving must be: spreads of constants between deployments, learned from held-out errors.

In logarithms an error is J·δ + ε: J are slopes of a latency in the constants, δ what a deployment's constants differ by
from those that were fitted, each with a spread of its own, and ε what no constant explains, with one for each quantity.
Spreads are the most likely ones under Student's t (4 degrees of freedom), each drawn to half of its prior spread; then
what is unexplained of each quantity is as large as it takes for 90% of its errors to lie inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import minimize

from froude.cost.serving.constants import serving_entries
from froude.cost.serving.intervals import HALF_WIDTH

LEVEL, FREEDOM = 0.9, 4.0
DRAWN = 3.0
"""Weight of each spread's squared distance from where it is drawn to, in logarithms."""

UNEXPLAINED = (0.06, 0.05, 0.25)
"""Where what no constant explains of TPOT, throughput and TTFT is drawn to."""

TIED = {"tensorrt_llm": "sglang"}
"""Engines' factors have one spread: of an engine that is left out nothing else is known."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Widths:
    """Standard deviations of constants' logarithms (constants,), and of what none explains (quantities,)."""

    between: np.ndarray
    unexplained: np.ndarray

    def half_widths(self, slopes: np.ndarray) -> np.ndarray:
        """Half-widths of 90% intervals (quantities, rows) by slopes (constants, quantities, rows)."""
        explained = np.einsum("kqr,k->qr", slopes**2, self.between**2)
        return HALF_WIDTH * np.sqrt(explained + self.unexplained[:, None] ** 2)


def fit_widths(errors: np.ndarray, slopes: np.ndarray, names: Sequence[str]) -> Widths:
    """Spreads by log errors (quantities, rows) and slopes (constants, quantities, rows)."""
    tied = np.array([names.index(TIED.get(name, name)) for name in names])
    spreads = np.log([float(serving_entries()[name]["spread"]) for name in names])
    center = np.log([*(spreads / 2), *UNEXPLAINED])
    squares, many = slopes**2, len(names)

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        own, rest = np.exp(2 * logs[:many])[tied], np.exp(2 * logs[many:])
        variance = np.einsum("kqr,k->qr", squares, own) + rest[:, None]
        off = errors**2 / variance / FREEDOM
        value = np.sum(0.5 * np.log(variance) + 0.5 * (FREEDOM + 1) * np.log1p(off))
        slope = (0.5 - 0.5 * (FREEDOM + 1) * off / (1 + off)) / variance
        by_own = np.zeros(many)
        np.add.at(by_own, tied, 2 * own * np.einsum("qr,kqr->k", slope, squares))
        gradient = np.concatenate([by_own, 2 * rest * slope.sum(axis=1)])
        away = logs - center
        return value + DRAWN * float(away @ away), gradient + 2 * DRAWN * away

    found = minimize(loss, center, jac=True, method="L-BFGS-B", bounds=[(-8, 1)] * len(center))
    widths = Widths(between=np.exp(found.x[:many])[tied], unexplained=np.exp(found.x[many:]))
    stretch = np.quantile(abs(errors) / widths.half_widths(slopes), LEVEL, axis=1)
    between = widths.between * min(stretch.mean(), 1.0)
    explained = np.einsum("kqr,k->qr", squares, between**2)
    return Widths(between=between, unexplained=np.array([_rest(*pair) for pair in zip(errors, explained, strict=True)]))


def _rest(errors: np.ndarray, explained: np.ndarray) -> float:
    """What must be unexplained beside so much variance that 90% of the errors (rows,) lie inside."""
    tried = np.geomspace(0.01, 2, 200)
    inside = [np.mean(abs(errors) <= HALF_WIDTH * np.sqrt(explained + one**2)) for one in tried]
    return float(tried[int(np.argmax(np.array(inside) >= LEVEL))])
