"""Where two methods take equally long: inside what was measured, beyond it by their fits, or nowhere."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

import numpy as np

from froude.growth.exponents import DRAWS, LEVEL, Growth, Unfitted

Kind = Literal["inside", "extrapolated", "none"]

BEYOND = 1000.0
"""Times the largest size measured, up to which fits are asked for a crossing."""

CERTAIN = 0.95
"""Share of bootstrap draws that must agree on which method is faster at a size; else it is a tie there."""

ENOUGH = 4
"""Repetitions from which it is no chance that one method is always faster: 1 in 35 for two alike; 1 in 10 with 3."""


@final
@dataclass(frozen=True, kw_only=True)
class Crossing:
    """At `size`, with interval [lo, hi], `first` and `second` take equally long; `faster_above` is faster past it.

    "inside" is read off the measured times, and is the last crossing if there are several. "extrapolated" lies past
    the largest common size, by the fits alone, if nine draws in ten cross there. "none" has no sizes, and names the
    one faster at the largest size that tells them apart, if one does. `share` is the part of the bootstrap draws that
    cross in that way, `repetitions` the fewest at a size that counts.
    """

    first: str
    second: str
    kind: Kind
    faster_above: str | None = None
    size: float | None = None
    lo: float | None = None
    hi: float | None = None
    share: float = 0.0
    repetitions: int = 0

    @property
    def is_certain(self) -> bool:
        """Whether repetitions, where there are any, are enough to be sure of it and for an interval."""
        return not 0 < self.repetitions < ENOUGH

    def to_dict(self) -> dict[str, Any]:
        """The crossing as JSON."""
        return asdict(self) | {"faster_above": self.faster_above or ""}


def find_crossing(
    names: tuple[str, str],
    times: tuple[Mapping[float, Sequence[float]], Mapping[float, Sequence[float]]],
    fits: tuple[Growth | Unfitted, Growth | Unfitted],
    seed: int = 0,
) -> Crossing:
    """Where two methods cross; `times` are seconds of repetitions by size, and the sizes of both count.

    Inside, it lies between two sizes at which one, then the other is faster beyond doubt; there the logarithm of the
    ratio of median seconds is straight in the logarithm of size, and the interval comes from resampled repetitions.
    Beyond, the fits' curves and draws are compared.
    """
    common = sorted(set(times[0]) & set(times[1]))
    if not common:
        return Crossing(first=names[0], second=names[1], kind="none")
    x, counts = np.array(common), np.array([min(len(one[n]) for one in times) for n in common])
    ratio = np.log([np.median(times[0][n]) / np.median(times[1][n]) for n in common])
    draws = _resampled(times, common, np.random.default_rng(seed))
    decided = np.flatnonzero((np.sign(draws) == np.sign(ratio)).mean(axis=0) >= CERTAIN)
    changes = [(i, j) for i, j in itertools.pairwise(decided) if ratio[i] * ratio[j] < 0]
    leader = names[int(ratio[decided[-1]] > 0)] if decided.size else None
    if changes:
        i, j = changes[-1]
        part = slice(i, j + 1)
        zeros = np.array([_last_zero(x[part], row[part]) for row in draws])
        return _crossing(names, "inside", leader, _last_zero(x[part], ratio[part]), zeros, counts[part])
    if leader and isinstance(fits[0], Growth) and isinstance(fits[1], Growth):
        far = np.geomspace(x[-1], BEYOND * x[-1], 200)
        where = _last_zero(far, np.log(fits[0].at(far) / fits[1].at(far)))
        if math.isfinite(where):
            zeros = np.array([_last_zero(far, row) for row in np.log(fits[0].draws_at(far) / fits[1].draws_at(far))])
            if np.isfinite(zeros).mean() >= LEVEL:
                return _crossing(names, "extrapolated", names[int(leader == names[0])], where, zeros, counts)
    return _crossing(names, "none", leader, None, np.full(1, math.nan), counts)


def _crossing(
    names: tuple[str, str], kind: Kind, above: str | None, size: float | None, draws: np.ndarray, counts: np.ndarray
) -> Crossing:
    """A crossing with the interval of those draws that cross; `counts` are the repetitions at sizes that count."""
    crossed = draws[np.isfinite(draws)]
    lo, hi = np.quantile(crossed, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist() if crossed.size else (None, None)
    return Crossing(
        first=names[0], second=names[1], kind=kind, faster_above=above,
        size=size, lo=lo, hi=hi, share=crossed.size / draws.size, repetitions=int(counts.min()),
    )  # fmt: skip


def _resampled(
    times: Sequence[Mapping[float, Sequence[float]]], common: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Logarithms of the ratio of median seconds, repetitions taken with replacement: (DRAWS, sizes)."""
    first, second = (
        np.stack([np.median(rng.choice(list(one[n]), (DRAWS, len(one[n]))), axis=1) for n in common], axis=1)
        for one in times
    )
    return np.log(first / second)


def _last_zero(x: np.ndarray, y: np.ndarray) -> float:
    """Where y last changes its sign along x, straight in log x; NaN where it does not."""
    changes = np.flatnonzero(np.sign(y[:-1]) * np.sign(y[1:]) < 0)
    if not changes.size:
        return math.nan
    i = changes[-1]
    share = y[i] / (y[i] - y[i + 1])
    return float(x[i] * (x[i + 1] / x[i]) ** share)
