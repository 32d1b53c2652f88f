"""The learning rate of a training, and its history at each point: the area under it, and every change so far.

Steps are optimizer steps, and sums run over every one of them. As a rate is linear between the steps at which it is
known, they have closed forms: the sum of a linear sequence is the area of its trapezoid and half its two ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.errors import InputError

_LAGS_PER_OCTAVE, _HALVINGS = 2, 3
_NOTHING = 1e-9  # of the peak: a change or a rate that is smaller counts as none
# A jump is a change by a tenth of the peak or more, ten times those around it, within a fiftieth of the training.
_JUMP, _LONE, _SHORT = 0.1, 10.0, 0.02
_EACH = ("drop", "rate", "area", "steps")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LrHistory:
    """The changes of the learning rate before each of n points, those of all points one after the other, (p,).

    A change has its `drop` (rate before less rate after), the `rate` after it, and the `area` under the rate and the
    number of `steps` from it to its point, both inclusive. Those of point i start at `starts[i]`, (n,), and are at
    least one, which may be a drop of 0.
    """

    drop: Any
    rate: Any
    area: Any
    steps: Any
    starts: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (n,) of the points, with which other inputs broadcast."""
        return self.starts.shape

    @property
    def pairs(self) -> int:
        """The number p of pairs of a point and a change."""
        return self.drop.size

    def sum(self, values: Any) -> Any:
        """The sum over the changes of each point: values (…, p) to sums (…, n)."""
        return np.add.reduceat(values, self.starts, axis=-1)

    def __getitem__(self, which: np.ndarray | slice) -> "LrHistory":
        """That of some of the points."""
        counts = np.diff(self.starts, append=self.pairs)[which]
        starts = _starts(counts)
        pairs = np.repeat(self.starts[which] - starts, counts) + np.arange(counts.sum())
        return LrHistory(**{name: getattr(self, name)[pairs] for name in _EACH}, starts=starts)

    def __truediv__(self, unit: float) -> "LrHistory":
        """The same with learning rates counted in this unit."""
        return LrHistory(
            drop=self.drop / unit, rate=self.rate / unit, area=self.area / unit, steps=self.steps, starts=self.starts
        )


def join_histories(histories: Sequence[LrHistory]) -> LrHistory:
    """The history of all points of these histories, in order."""
    before = _starts(np.array([history.pairs for history in histories]))
    together = {name: np.concatenate([getattr(history, name) for history in histories]) for name in _EACH}
    return LrHistory(
        **together, starts=np.concatenate([history.starts + k for history, k in zip(histories, before, strict=True)])
    )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LearningRates:
    """The learning rate of one training: `rates` (k,) at `steps` (k,), linear between them.

    InputError for steps that do not increase or are no whole numbers, and for rates that are negative, not finite, or
    all zero.
    """

    steps: np.ndarray
    rates: np.ndarray

    def __post_init__(self) -> None:
        if self.steps.size < 2 or np.any(np.diff(self.steps) <= 0) or np.any(self.steps % 1):
            raise InputError("the steps of a learning rate must be whole numbers that increase: give two or more")
        if not (np.all(np.isfinite(self.rates)) and np.all(self.rates >= 0) and np.any(self.rates > 0)):
            raise InputError("learning rates must be finite, none below 0 and one above: correct them")

    @classmethod
    def from_log(cls, steps: np.ndarray, rates: np.ndarray) -> "LearningRates":
        """Those of a log, rates (k,) at steps (k,).

        Before its first step the rate is taken to have grown linearly from 0. A lone change between two steps that
        lie close together is a jump: it is taken to have happened in one step, at the later of the two.
        """
        if steps[0] > 0:
            steps, rates = np.concatenate([[0.0], steps]), np.concatenate([[0.0], rates])
        jumps = np.flatnonzero(_jumps(steps, rates))
        return cls(
            steps=np.insert(steps, jumps + 1, steps[jumps + 1] - 1),
            rates=np.insert(rates, jumps + 1, rates[jumps]),
        )

    @property
    def peak_step(self) -> float:
        """The step at which warm-up ends: from there on the rate does not grow, at first."""
        falls = np.flatnonzero(np.diff(self.rates) <= _NOTHING * self.rates.max())
        return float(self.steps[falls[0]] if falls.size else self.steps[-1])

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The rate at these steps, of their shape."""
        return np.interp(steps, self.steps, self.rates)

    def area(self, steps: np.ndarray) -> np.ndarray:
        """The sum of the rates of all steps up to each of these, of their shape."""
        return _integral(self.steps, self.rates, steps, _mean) + (self.rates[0] + self.at(steps)) / 2

    def root_area(self, steps: np.ndarray) -> np.ndarray:
        """The sum of the square roots of the rates of all steps up to each of these, of their shape."""
        ends = np.sqrt(self.rates[0]) + np.sqrt(self.at(steps))
        return _integral(self.steps, self.rates, steps, _mean_root) + ends / 2

    def changes(self, at: np.ndarray) -> LrHistory:
        """The history of points at these steps (n,): all changes of the rate, those of warm-up too."""
        return self._history(at, np.diff(self.rates, prepend=self.rates[0]))

    def drops(self, at: np.ndarray) -> LrHistory:
        """The history of points at these steps (n,): the changes of the rate since the end of warm-up."""
        return self._history(at, np.where(self.steps > self.peak_step, np.diff(self.rates, prepend=self.rates[0]), 0.0))

    def _history(self, at: np.ndarray, differences: np.ndarray) -> LrHistory:
        """Changes within an octave of steps before a point are taken as two at most, each in its middle.

        A law's value differs by less than one part in ten thousand from that with every step by itself.
        """
        edges = np.concatenate([at[:, None] - _lags(at.max()), np.tile(self._warming, (at.size, 1))], axis=1)
        edges = -np.sort(-np.maximum(edges, self.steps[0]), axis=1)
        falls, rises = (self._middles(edges, np.maximum(sign * differences, 0.0)) for sign in (-1.0, 1.0))
        drop = np.concatenate([falls[0], -rises[0]], axis=1)
        middle = np.concatenate([falls[1], rises[1]], axis=1)
        is_change = np.abs(drop) > _NOTHING * self.rates.max()
        is_change[:, 0] |= ~is_change.any(axis=1)
        counts = is_change.sum(axis=1)
        step, now = middle[is_change], np.repeat(at, counts)
        rate = np.maximum(self.at(step), _NOTHING * self.rates.max())
        before, up_to = (_integral(self.steps, self.rates, each, _mean) for each in (step, now))
        area = up_to - before + (rate + self.at(now)) / 2
        return LrHistory(drop=drop[is_change], rate=rate, area=area, steps=now - step + 1, starts=_starts(counts))

    @property
    def _warming(self) -> np.ndarray:
        """Steps of warm-up between which changes are told apart however old: its rates differ by large factors."""
        return self.peak_step / 2.0 ** np.arange(_HALVINGS)

    def _middles(self, edges: np.ndarray, differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How much is gone through between successive edges (n, k + 1), and the middle step of it, each (n, k)."""
        so_far = np.cumsum(differences)
        passed = np.interp(edges, self.steps, so_far)
        moments = edges * passed - _integral(self.steps, so_far, edges, _mean)
        drop = passed[:, :-1] - passed[:, 1:]
        with np.errstate(all="ignore"):
            middle = (moments[:, :-1] - moments[:, 1:]) / drop
        middle = np.where(drop > 0, middle, edges[:, :-1])
        # The change at step k is one from k - 1 to k, half a step before it.
        return drop, np.clip(middle, edges[:, 1:], edges[:, :-1]) + 0.5


def _lags(longest: float) -> np.ndarray:
    """The ages of changes that are told apart, in steps: two in each octave, from one step to all."""
    octaves = np.arange(0, 1 + np.ceil(np.log2(max(longest, 2.0)) * _LAGS_PER_OCTAVE)) / _LAGS_PER_OCTAVE
    return np.concatenate([[0.0], np.unique(np.round(2.0**octaves))])


def _jumps(steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Which of the changes from each step to the next, (k - 1,), are jumps."""
    change, width = np.abs(np.diff(rates)), np.diff(steps)
    around = np.maximum(np.concatenate([[0.0], change[:-1]]), np.concatenate([change[1:], [0.0]]))
    large = (change > _JUMP * rates.max()) & (change > _LONE * around)
    return large & (width > 1) & (width < _SHORT * steps[-1]) & (steps[:-1] > 0)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a + b) / 2


def _mean_root(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of the square root of what goes linearly from a to b."""
    root_a, root_b = np.sqrt(a), np.sqrt(b)
    return 2 / 3 * (a + root_a * root_b + b) / np.maximum(root_a + root_b, 1e-300)


def _integral(
    steps: np.ndarray, values: np.ndarray, at: np.ndarray, mean: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """The area from the first step to each of `at` under a function of values (k,), linear between steps (k,).

    `mean(a, b)` is the mean of the function where values go from a to b.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(np.diff(steps) * mean(values[:-1], values[1:]))])
    piece = np.clip(np.searchsorted(steps, at, side="right") - 1, 0, steps.size - 2)
    return cumulative[piece] + (at - steps[piece]) * mean(values[piece], np.interp(at, steps, values))
