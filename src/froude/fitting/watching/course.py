"""The course of one training: its loss along its way to a planned end, and what was set for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from froude.errors import InputError

Setting = float | str
_SMOOTHED = 0.06  # of the way so far: losses over which a noisy curve is averaged
_FEWEST_SMOOTHED = 6  # losses within that, below which the curve is taken as it is


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """A training as far as it is known.

    `at` (n,) are steps, or tokens, increasing; `loss` (n,) in nats a token; `end` is where the training is planned to
    end, in the same unit. `settings` are numbers and words that were set. InputError for a curve without points.
    """

    name: str
    at: np.ndarray
    loss: np.ndarray
    end: float
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.at.size or self.at.shape != self.loss.shape or not self.end > 0:
            raise InputError(f"run {self.name!r} has no curve: it needs steps with a loss, and an end above 0")

    @property
    def share(self) -> float:
        """How much of its way the training has gone, from 0 to 1."""
        return float(min(1.0, self.at[-1] / self.end))

    @property
    def is_sound(self) -> bool:
        """Whether its latest loss is a number above 0."""
        return bool(np.isfinite(self.loss[-1]) and self.loss[-1] > 0)

    @property
    def end_loss(self) -> float:
        """The loss at its latest point, averaged where the curve is noisy."""
        return float(np.exp(self.level(np.array([self.share]))[0]))

    def until(self, share: float) -> Course | None:
        """The same as it was known at a share of its way; None before its first point."""
        known = self.at <= share * self.end * (1 + 1e-9)
        return replace(self, at=self.at[known], loss=self.loss[known]) if known.any() else None

    def level(self, shares: np.ndarray) -> np.ndarray:
        """The logarithm of the loss at shares (k,) of the way, averaged over what lies shortly before each."""
        good = np.isfinite(self.loss) & (self.loss > 0)
        at, log_loss = self.at[good] / self.end, np.log(self.loss[good])
        if not at.size:
            return np.full(shares.shape, np.nan)
        return np.array([_local(at, log_loss, share) for share in shares])


def _local(at: np.ndarray, values: np.ndarray, share: float) -> float:
    """The value (n,) at a share: of a straight line through the last points where there are many, else between two."""
    near = (at <= share * (1 + 1e-9)) & (at >= share * (1 - _SMOOTHED))
    if near.sum() < _FEWEST_SMOOTHED:
        return float(np.interp(share, at, values))
    x, y = at[near] - share, values[near]
    slope = 0.0 if np.ptp(x) == 0 else np.cov(x, y, bias=True)[0, 1] / x.var()
    return float(y.mean() - slope * x.mean())
