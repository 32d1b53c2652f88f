"""The constants of the serving model moved to explain measured latencies: the most likely ones under a normal prior.

In logarithms, log seconds = log predicted(constants) + noise, and log constants ~ Normal(log prior, spread²), each on
its own. Gauss-Newton steps with the weights of Huber's loss; slopes by differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from froude.cost.serving.constants import ServingConstants, serving_entries

MOST_STEPS, MOST_HALVINGS, SETTLED, SHIFT = 12, 4, 0.1, 0.02

Errors = Callable[[ServingConstants], np.ndarray]
"""Log errors of every measurement by the constants, NaN where none was made."""


@final
@dataclass(frozen=True, kw_only=True)
class Prior:
    """Where constants start and how far they may move, as standard deviations of their logarithms."""

    start: ServingConstants
    spreads: Mapping[str, float]

    @classmethod
    def shipped(cls, names: Sequence[str] | None = None) -> Prior:
        """What `constants.toml` says, of some constants or all; those left out stay at their prior."""
        entries = serving_entries()
        start = ServingConstants(**{name: float(entry["prior"]) for name, entry in entries.items()})
        chosen = entries if names is None else {name: entries[name] for name in names}
        return cls(start=start, spreads={name: float(np.log(entry["spread"])) for name, entry in chosen.items()})


Slopes = Callable[[ServingConstants], np.ndarray]
"""Slopes of the log errors (measurements, constants) in the logarithms of a prior's constants."""


def fit_serving(
    errors: Errors,
    noise: np.ndarray,
    prior: Prior,
    near: ServingConstants | None = None,
    steps: int = MOST_STEPS,
    slopes_at: Slopes | None = None,
) -> ServingConstants:
    """The constants that explain measurements best, each drawn to its prior.

    `noise` (measurements,) is the standard deviation of log seconds that constants are not asked to explain; what is
    beyond counts linearly. The search begins `near` some constants and takes at most so many
    `steps`, by `slopes_at` where these are known more cheaply than one constant after the other.
    """
    names, spreads = list(prior.spreads), np.array(list(prior.spreads.values()))
    origin = asdict(prior.start)
    start = np.log([origin[name] for name in names])

    def constants_of(logs: np.ndarray) -> ServingConstants:
        return ServingConstants(**{**origin, **dict(zip(names, np.exp(logs).tolist(), strict=True))})

    def at(logs: np.ndarray) -> np.ndarray:
        found = errors(constants_of(logs))
        return np.where(np.isfinite(found), found, 0.0)

    def loss(logs: np.ndarray, found: np.ndarray) -> float:
        off = abs(found) / noise
        return float(np.sum(np.where(off < 1, off**2, 2 * off - 1)) + np.sum(((logs - start) / spreads) ** 2))

    logs = start if near is None else np.log([asdict(near)[name] for name in names])
    found = at(logs)
    for _ in range(steps):
        if slopes_at is None:
            slopes = np.stack([(at(logs + SHIFT * unit) - found) / SHIFT for unit in np.eye(len(names))], axis=1)
        else:
            slopes = slopes_at(constants_of(logs))
        weights = np.minimum(1, noise / np.maximum(abs(found), 1e-12)) / noise**2
        normal = np.diag(1 / spreads**2) + (slopes.T * weights) @ slopes
        step = -np.linalg.solve(normal, slopes.T @ (weights * found) + (logs - start) / spreads**2)
        before = loss(logs, found)
        for _ in range(MOST_HALVINGS):
            after = at(logs + step)
            if loss(logs + step, after) < before:
                break
            step = step / 2
        else:
            break
        logs, found = logs + step, after
        if np.max(abs(step) / spreads) < SETTLED:
            break
    return constants_of(logs)
