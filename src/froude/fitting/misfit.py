"""A pattern that a law leaves in its residuals: what it misses along its inputs, and how that goes on beyond."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.fitting.curves.points import ALONG
from froude.fitting.measured import log_size
from froude.fitting.small_samples import student
from froude.laws import Law

_CHANCE, _CHANCE_WITHOUT_ONE = 0.01, 0.05  # the second: no single run makes a pattern
_SHARE = 1 / 3  # of the squares of the residuals: what is less, the drift of published studies holds already
_NOTICED = 1e-3  # relative: nobody wants to hear of a pattern of less than 0.1%
_FEWEST_SIZES = 4  # three lie on a parabola whatever they are
_WILD = 3.0  # robust standard deviations
_TERMS = 3  # of a parabola
_ORDERS, _MANY = (2, 4), 20
_CHANCE_OF_TURN = 1e-3
_FEWEST_AFTER = 2  # sizes beyond the turn: a single run may be a bad one


@final
@dataclass(frozen=True, kw_only=True)
class Misfit:
    """Residuals that follow a curve in u = ln of the product of the inputs `along`, from `lowest` to `highest`.

    `below` and `above` are how fast measured − predicted (of logarithms where the law's residuals are) changes for each
    factor e at the two ends, and is taken to go on beyond. `bend` is above 0 where the runs lie above the law at both
    ends. `chance` is the probability that noise alone would look like this. `turn` is the product from which on the
    outcome goes back, where it does and the law cannot.
    """

    along: tuple[str, ...]
    lowest: float
    highest: float
    below: float
    above: float
    at_lowest: float
    at_highest: float
    chance: float
    turn: float | None = None

    def error_at(self, at: Mapping[str, Any]) -> np.ndarray:
        """By how much the residuals change from the nearest end of the runs to inputs beyond it, at least 0."""
        u = np.asarray(sum(np.log(np.asarray(at[x], dtype=float)) for x in self.along))
        farther, nearer = np.maximum(0.0, u - self.highest), np.maximum(0.0, self.lowest - u)
        return abs(self.above) * farther + abs(self.below) * nearer


def find_misfit(law: Law, inputs: Mapping[str, np.ndarray], residuals: np.ndarray, y: np.ndarray) -> Misfit | None:
    """The clearest pattern in residuals (n,), log or plain as the law's are, of outcomes y (n,); None for noise.

    A curve in ln x is fitted to the residuals for each input x, and for the product of all: a parabola, and of many
    runs one of four terms. It counts where noise would look like it in one of a hundred cases (the F test of its terms,
    shared among what was tried, and without the run that lies farthest off too), where it explains a third of the
    squares, and where it is larger than 0.1%. So do outcomes that go back where the law of one input cannot. Residuals
    along curves go together by their nature: None for laws of these.
    """
    if ALONG.keys() & law.marks.keys():
        return None
    # A few wild runs at one end would make a pattern; they are told as far off the law.
    middle = np.median(residuals)
    widest = _WILD * 1.4826 * np.median(np.abs(residuals - middle))
    measured = -np.clip(residuals, middle - widest, middle + widest)
    size = 1.0 if law.is_relative else float(np.mean(np.abs(y)))
    p = max([len(member.parameters) for member, _ in law.members] or [len(law.parameters)])
    tried = list(_coordinates(law, inputs))
    orders = _ORDERS if y.size >= _MANY else _ORDERS[:1]
    chance = _CHANCE / max(len(tried) * len(orders), 1)
    found = [_curve(along, u, measured, order, p, chance, size) for along, u in tried for order in orders]
    clearest = min((each for each in found if each), key=lambda each: each.chance, default=None)
    turned = _turned(law, *tried[0], -residuals, y) if len(tried) == 1 else None
    if clearest is None or turned is None:
        return clearest or turned
    return replace(clearest, turn=turned.turn, above=max(clearest.above, turned.above, key=abs))


def _coordinates(law: Law, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Each input that makes runs larger, then all together, with the logarithms of their product (n,)."""
    sizes = tuple(x for x in inputs if law.marks[x].is_size)
    for along in dict.fromkeys([*((x,) for x in sizes), sizes]):
        u = log_size(law, {x: inputs[x] for x in along})
        if np.unique(np.round(u, 6)).size >= _FEWEST_SIZES:
            yield along, u


def _curve(
    along: tuple[str, ...], u: np.ndarray, measured: np.ndarray, order: int, p: int, chance: float, size: float
) -> Misfit | None:
    """The curve through measured residuals (n,) at u (n,), if it is likely to be more than noise."""
    near = np.arange(u.size) != np.argmax(np.abs(measured))
    curve, share, seen = _fit_curve(u, measured, order, p)
    if seen > chance or share < _SHARE or np.sqrt(np.mean(curve(u) ** 2)) < _NOTICED * size:
        return None
    if _fit_curve(u[near], measured[near], order, p)[2] > _CHANCE_WITHOUT_ONE:
        return None
    low, high = float(u.min()), float(u.max())
    # The chord over a fifth of the range: the slope of a curve of four terms at its very end is hardly known.
    chord = (high - low) / 5
    return Misfit(
        along=along,
        lowest=low,
        highest=high,
        below=float(curve(low + chord) - curve(low)) / chord,
        above=float(curve(high) - curve(high - chord)) / chord,
        at_lowest=float(curve(low)),
        at_highest=float(curve(high)),
        chance=seen,
    )


def _fit_curve(
    u: np.ndarray, measured: np.ndarray, order: int, p: int
) -> tuple[np.polynomial.Polynomial, float, float]:
    """The least-squares curve, its share of the squares about the mean, and the chance that noise has as large one.

    With w the share that is left and m degrees of freedom, the probability that F of 2 and m is larger is w^(m/2), of 4
    and m w^(m/2)·(1 + (1 − w)·m/2).
    """
    if np.unique(np.round(u, 6)).size < order + 2:
        return np.polynomial.Polynomial([0.0]), 0.0, 1.0
    curve = np.polynomial.Polynomial.fit(u, measured, order)
    left, total = np.sum((measured - curve(u)) ** 2), np.sum((measured - measured.mean()) ** 2)
    half = (u.size - max(order + 1, p + order - 1)) / 2
    if half <= 0 or total == 0:
        return curve, 0.0, 1.0
    w = float(left / total)
    return curve, 1 - w, w**half * (1 + (1 - w) * half if order > 2 else 1)


def _turned(law: Law, along: tuple[str, ...], u: np.ndarray, measured: np.ndarray, y: np.ndarray) -> Misfit | None:
    """Outcomes y (n,) that go back from some size on by more than noise, where the law only falls or only rises."""
    sign = law.trend.get(along[0]) if len(along) == 1 else None
    places, group = np.unique(u, return_inverse=True)
    if sign is None or places.size < _FEWEST_SIZES + 1:
        return None
    outcome, residual = (np.bincount(group, weights=w) / np.bincount(group) for w in (-sign * y, measured))
    best = int(np.argmin(outcome))
    after = slice(best, None)
    noise = _noise(places, outcome) * np.sqrt(2) * student(1 - _CHANCE_OF_TURN / places.size, places.size - _TERMS)
    if places.size - 1 - best < _FEWEST_AFTER or np.min(outcome[-_FEWEST_AFTER:]) <= outcome[best] + noise:
        return None
    slope = float(np.polynomial.Polynomial.fit(places[after], residual[after], 1).deriv()(0))
    last = float((residual[-1] - residual[-2]) / (places[-1] - places[-2]))
    return Misfit(
        along=along,
        lowest=float(places[0]),
        highest=float(places[-1]),
        below=0.0,
        above=max(slope, last, key=abs),
        at_lowest=float(residual[0]),
        at_highest=float(residual[-1]),
        chance=_CHANCE_OF_TURN,
        turn=float(np.exp(places[best])),
    )


def _noise(u: np.ndarray, outcome: np.ndarray) -> float:
    """The standard deviation of outcomes (k,) about parabolas through their neighbours in u."""
    windows = np.lib.stride_tricks.sliding_window_view(u, _TERMS + 1)
    apart = windows[:, :, None] - windows[:, None, :] + np.eye(_TERMS + 1)
    # The divided difference of neighbours, which is 0 on a parabola, scaled to keep the noise as it is.
    weights = 1 / apart.prod(axis=2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    off = np.sum(weights * np.lib.stride_tricks.sliding_window_view(outcome, _TERMS + 1), axis=1)
    return float(np.sqrt(np.mean(off**2)))
