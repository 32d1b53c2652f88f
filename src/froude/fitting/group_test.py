"""Whether groups of runs lie off one another by more than noise, and by more than a wrong form of the law explains."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import final

import numpy as np

from froude.fitting.measured import Measured
from froude.fitting.problem import FitProblem

BITS = float(-np.log(np.log(2)))
"""The logarithm of how many times larger a loss is in bits than in nats, 1/ln 2."""

_SHIFTS, _SLOPES = 2.0, 10.0  # that groups lie apart is likelier than that they cross: what chances are taken times
_WILD = 5.0  # robust standard deviations, beyond which a residual counts as that far off
_LEAST_FREE = 3  # degrees of freedom
_RANK, _LITTLE = 1e-4, 1e-2  # what is less, of a column of length one, or of one of ones, is no direction of its own
_TOGETHER = 0.95
_SPLITS, _STEPS = (0.1, 0.25, 0.5, 0.75, 0.9), 20
_FEWEST, _LEAST = 3, 0.1  # of the runs, in the smaller heap
_FEWEST_IN_UNIT = 2
_FAR, _FAR_IN_UNIT, _APART = 8.0, 5.0, 0.02  # heaps: in noise, in noise where they are bits and nats, relative
_SAME_UNIT = 0.05


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GroupDifference:
    """What groups explain of residuals: `by_run` (n,), by how much that of its group moves each run, relative; the part
    of it that the law could not have moved alike, root mean square, is `noticed`, and explains this `share` of the
    squares. `chance` is that of noise to look like it. `crosses` says that it is another at each size."""

    by_run: np.ndarray
    noticed: float
    share: float
    chance: float
    crosses: bool


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class TwoHeaps:
    """Which runs (n,) are in the `upper` heap, how far `apart` the two lie, relative, whether as bits and nats do."""

    upper: np.ndarray
    apart: float
    is_unit: bool


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class GroupTest:
    """How far runs lie off a law, `off` (n,), relative to the outcome, and the directions `known` (n, k), orthonormal,
    along which the law, with any of its parameters, and a parabola in the logarithms of its inputs move them.

    `sizes` are the logarithms (n,) of the inputs that make runs larger, and last that of their product, each of
    mean 0 and deviation 1.
    """

    off: np.ndarray
    known: np.ndarray
    sizes: tuple[np.ndarray, ...]
    is_log: bool

    @classmethod
    def of(cls, problem: FitProblem, point: np.ndarray, measured: Measured) -> "GroupTest":
        """The test of a fit, at a point (1, P) in the coordinates of its problem."""
        residuals, slopes = problem.residuals(point)
        law = problem.law
        plain = [np.log(values) for x, values in measured.inputs.items() if law.marks[x].is_size]
        logs = [_standard(values) for values in plain]
        bends = [a * b for k, a in enumerate(logs) for b in logs[k:]]
        known = _directions(np.stack([np.ones(measured.n), *slopes[0], *logs], axis=1))
        wide = _directions(np.concatenate([known, np.stack(bends, axis=1)], axis=1)) if bends else known
        scale = 1.0 if law.is_relative else float(np.mean(np.abs(measured.y)))
        return cls(
            off=-residuals[0] / scale,
            known=wide if measured.n >= 2 * wide.shape[1] + _LEAST_FREE else known,
            sizes=(*logs, _standard(np.sum(plain, axis=0))) if logs else (),
            is_log=law.residual == "log",
        )

    def difference(self, labels: np.ndarray) -> GroupDifference:
        """What groups with these labels (n,), from 0, explain: by a shift each, or by one that grows with size."""
        shifts = np.eye(int(labels.max()) + 1)[labels]
        apart = self._explained(shifts, _SHIFTS, crosses=False)
        if not self.sizes:
            return apart
        slopes = shifts * self.sizes[-1][:, None]
        crossing = self._explained(np.concatenate([shifts, slopes], axis=1), _SLOPES, crosses=True)
        return min(apart, crossing, key=lambda each: each.chance)

    def _explained(self, columns: np.ndarray, times: float, *, crosses: bool) -> GroupDifference:
        """What columns (n, q) explain beyond what is known.

        With w the share of the squares that is left and m degrees of freedom, −(m + q/2 − 1)·ln w is distributed as chi
        squared of q (Bartlett). Neighbours in size whose residuals go together, along a training or a pattern that the
        law leaves, tell less than as many that do not: m is taken (1 − r)/(1 + r) times, r being their correlation.
        """
        middle = np.median(self.off)
        widest = _WILD * 1.4826 * np.median(np.abs(self.off - middle))
        before = self._beyond_known(np.clip(self.off, middle - widest, middle + widest))
        added = _directions(self._beyond_known(columns), _LITTLE)
        (n, p), q = self.known.shape, added.shape[1]
        total = float(before @ before)
        if q == 0 or n - p - q < _LEAST_FREE or total == 0:
            return GroupDifference(by_run=np.zeros(n), noticed=0.0, share=0.0, chance=1.0, crosses=crosses)
        effect = added @ (added.T @ before)
        after = before - effect
        left = max(float(after @ after) / total, 1e-300)
        ordered = after[np.lexsort(self.sizes[:-1])] if self.sizes else after
        together = float(np.clip(ordered[1:] @ ordered[:-1] / max(ordered @ ordered, 1e-300), 0.0, _TOGETHER))
        free = (n - p - q) * (1 - together) / (1 + together)
        chance = times * _chance(-max(free + q / 2 - 1, 0.5) * np.log(left), q)
        return GroupDifference(
            by_run=columns
            @ np.linalg.lstsq(self._beyond_known(columns), self._beyond_known(self.off), rcond=_LITTLE)[0],
            noticed=float(np.sqrt(np.mean(effect**2))),
            share=1 - left,
            chance=min(1.0, chance),
            crosses=crosses,
        )

    def two_heaps(self) -> TwoHeaps | None:
        """The two heaps that the runs lie in, if what is left about them is little beside what parts them."""
        n = self.off.size
        if n - self.known.shape[1] - 1 < _LEAST_FREE:
            return None
        upper, apart, noise = max(map(self._split, _SPLITS), key=lambda split: split[1] / max(split[2], 1e-12))
        is_unit = self.is_log and abs(apart - BITS) < _SAME_UNIT
        fewest = _FEWEST_IN_UNIT if is_unit else max(_FEWEST, _LEAST * n)
        if min(upper.sum(), n - upper.sum()) < fewest:
            return None
        if apart < max((_FAR_IN_UNIT if is_unit else _FAR) * noise, _APART):
            return None
        return TwoHeaps(upper=upper, apart=apart, is_unit=is_unit)

    def _split(self, share: float) -> tuple[np.ndarray, float, float]:
        """The upper heap (n,) that is reached from this share of the runs, its shift, and the noise about both."""
        n, p = self.known.shape
        upper, shift, rest = self.off > np.quantile(self.off, 1 - share), 0.0, self.off
        for _ in range(_STEPS):
            free = self._beyond_known(upper.astype(float))
            shift = float(free @ self.off) / max(float(free @ free), 1e-12)
            rest = shift * upper + self._beyond_known(self.off - shift * upper)
            now = rest > shift / 2
            if np.array_equal(now, upper) or not 0 < now.sum() < n:
                break
            upper = now
        left = rest - shift * upper
        return upper, shift, float(np.sqrt(left @ left / (n - p - 1)))

    def _beyond_known(self, columns: np.ndarray) -> np.ndarray:
        """The part of columns (n,) or (n, q) that is known of none."""
        return columns - self.known @ (self.known.T @ columns)


def _standard(values: np.ndarray) -> np.ndarray:
    """Values (n,) with mean 0 and deviation 1, if they differ."""
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _directions(columns: np.ndarray, little: float | None = None) -> np.ndarray:
    """An orthonormal basis (n, k) of what columns (n, m) span.

    Directions that are hardly there are left out: those of columns of length one, or, where `little` is given, those
    that are no more than this of a column of ones.
    """
    lengths = np.linalg.norm(columns, axis=0)
    scaled = columns[:, lengths > 0] / lengths[lengths > 0] if little is None else columns
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    least = _RANK * sizes.max(initial=0.0) if little is None else little * np.sqrt(len(columns))
    return left[:, sizes > least]


def _chance(gain: float, q: int) -> float:
    """The probability that chi squared of q degrees exceeds a gain, by its cube root (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * q)
    z = ((max(gain, 0.0) / q) ** (1 / 3) - (1 - spread)) / np.sqrt(spread)
    return NormalDist().cdf(-float(z))
