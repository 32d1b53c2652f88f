"""The law of a family of trainings: how their ends go with size and length, to which another is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.fitting.watching.ends import EndForecast
from froude.fitting.watching.reading import WatchedRun

_FEWEST_BEYOND = 2  # trainings more than constants
_NORMAL_90 = 1.645


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FamilyLaw:
    """log L = a + b log N + c log S, S the length in steps: by least squares, for sizes and lengths near the fitted.

    `inputs` are those of N and S that differ among the finished trainings; `inverse` is that of the squares of their
    logarithms (k, k), `deviation` the deviation of residuals, relative.
    """

    inputs: tuple[str, ...]
    constants: np.ndarray
    inverse: np.ndarray
    deviation: float

    def distance(self, run: WatchedRun, forecast: EndForecast) -> tuple[float, float] | None:
        """By how much a training will end above the law, relative, with the half-width at 90%."""
        row = _row(run, self.inputs)
        if row is None:
            return None
        above = forecast.loss / math.exp(float(row @ self.constants)) - 1
        of_law = self.deviation * math.sqrt(float(row @ self.inverse @ row))
        low, high = forecast.interval()
        return above, math.hypot(_NORMAL_90 * of_law, (high - low) / 2 / forecast.loss)


def family_law(finished: Sequence[WatchedRun]) -> FamilyLaw | None:
    """The law of finished trainings that say how large they are; None for too few, or where none differ."""
    runs = [run for run in finished if run.n_params]
    if not runs:
        return None
    values = {"N": [float(run.n_params or 0) for run in runs], "S": [float(run.at[-1]) for run in runs]}
    inputs = tuple(name for name, each in values.items() if max(each) > 1.05 * min(each))
    if not inputs or len(runs) < 1 + len(inputs) + _FEWEST_BEYOND:
        return None
    rows = np.array([row for run in runs if (row := _row(run, inputs)) is not None])
    ends = np.log([run.loss[-1] for run in runs])
    constants, _, rank, _ = np.linalg.lstsq(rows, ends, rcond=None)
    if rank < rows.shape[1]:
        return None
    free = len(runs) - rows.shape[1]
    deviation = math.sqrt(float(((ends - rows @ constants) ** 2).sum()) / free)
    return FamilyLaw(inputs=inputs, constants=constants, inverse=np.linalg.inv(rows.T @ rows), deviation=deviation)


def _row(run: WatchedRun, inputs: Sequence[str]) -> np.ndarray | None:
    length = run.end or float(run.at[-1])
    values = {"N": run.n_params, "S": length}
    if any(not values[name] for name in inputs):
        return None
    return np.array([1.0, *(math.log(values[name] or 1.0) for name in inputs)])
