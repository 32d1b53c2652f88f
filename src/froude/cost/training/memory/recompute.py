"""What to recompute in the backward pass: the fewest seconds under a bound of memory, exactly.

The operators of a block are a chain. Each is kept (what its backward pass needs stays in memory) or lies in a segment
that is recomputed: only the input of the segment stays, and when the backward pass comes to it the segment runs
forward again, and all that its operators need is in memory until it is done. Every operator runs again at most once.

This is the checkpoint placement of Chen et al. 2016 (arXiv:1604.06174) with kept operators beside, what Checkmate (Jain
et al. 2020, arXiv:1910.02653) finds for a chain under that restriction; rotor (Beaumont et al. 2019, "Optimal
checkpointing for heterogeneous chains") also recomputes the same operator more than once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from froude.errors import InputError

_ROUNDING = 1e-12  # relative: sums of the same seconds in another order are equal


@final
@dataclass(frozen=True, kw_only=True)
class Item:
    """An operator of the chain: what its backward pass needs, what it reads, and the seconds to run it forward again.

    `saved_bytes` is all that stays in memory where it is kept, its input too if it needs that. `input_bytes` is what
    stays where a recomputed segment begins with it.
    """

    name: str
    saved_bytes: float
    input_bytes: float
    seconds: float

    def __post_init__(self) -> None:
        if not (min(self.saved_bytes, self.input_bytes, self.seconds) >= 0):
            raise InputError(f"operator {self.name!r} has a negative size or time: bytes and seconds are at least 0")


@final
@dataclass(frozen=True, kw_only=True)
class KeptOrRepeated:
    """What one block does: the segments it recomputes, from an operator up to but without another, by position.

    `kept_bytes` stay in memory between its forward and its backward pass, `working_bytes` are those of the largest
    segment while it is recomputed, `seconds` is what all segments take.
    """

    segments: tuple[tuple[int, int], ...]
    kept_bytes: float
    working_bytes: float
    seconds: float


@final
@dataclass(frozen=True, kw_only=True)
class RecomputePlan:
    """The cheapest choice under the bound: how many of the blocks do what, most kept bytes first.

    `kept_bytes` are of all blocks and micro-batches in flight, `working_bytes` come on top while a segment is
    recomputed, `seconds` are those of one micro-batch.
    """

    choices: tuple[tuple[int, KeptOrRepeated], ...]
    kept_bytes: float
    working_bytes: float
    seconds: float


@final
@dataclass(frozen=True, kw_only=True)
class TooLittle:
    """No choice stays under the bound: `least_bytes` is the smallest bound that one does."""

    least_bytes: float


def best_recompute(
    items: Sequence[Item], layers: int, bound_bytes: float, in_flight: float = 1
) -> RecomputePlan | TooLittle:
    """The choice of fewest recomputed seconds for `layers` blocks of a chain of operators, or what bound would do.

    Kept bytes of all layers times `in_flight` micro-batches, and the working bytes of the largest segment, stay
    within `bound_bytes`. The optimum is exact: for every size that the largest segment may have, a dynamic program
    over the chain finds all choices of a block that no other beats in both bytes and seconds, and another over the
    layers how many take which. InputError where there are no items or layers.
    """
    if not items or layers < 1:
        raise InputError(f"{len(items)} operators in {layers} layers: there is nothing to keep or recompute")
    each = layers * in_flight
    fronts = _fronts(tuple(items))
    least = min(each * front[0].kept_bytes + working for working, front in fronts)
    if least > bound_bytes * (1 + _ROUNDING):
        return TooLittle(least_bytes=least)
    rooms = [(bound_bytes * (1 + 2 * _ROUNDING) - working) / in_flight for working, _ in fronts]
    pairs = [(front, room) for (_, front), room in zip(fronts, rooms, strict=True)]
    candidates = [(_mixed_seconds(front, layers, room), front, room) for front, room in pairs]
    best, counts, chosen = np.inf, (), ()
    for _, front, room in sorted(candidates, key=lambda each: each[0]):  # the most hopeful first, to rule out others
        spread = _spread(front, layers, room, best)
        if spread is not None:
            (best, counts), chosen = spread, front
    return _plan(counts, chosen, in_flight)


def _plan(counts: Sequence[int], front: Sequence[KeptOrRepeated], in_flight: float) -> RecomputePlan:
    chosen = [(n, choice) for n, choice in zip(counts, front, strict=True) if n]
    return RecomputePlan(
        choices=tuple(sorted(chosen, key=lambda pair: -pair[1].kept_bytes)),
        kept_bytes=in_flight * sum(n * choice.kept_bytes for n, choice in chosen),
        working_bytes=max(choice.working_bytes for _, choice in chosen),
        seconds=sum(n * choice.seconds for n, choice in chosen),
    )


@lru_cache(maxsize=64)
def _fronts(items: tuple[Item, ...]) -> tuple[tuple[float, tuple[KeptOrRepeated, ...]], ...]:
    """For every most working bytes the undominated choices of a block, fewest kept bytes first."""
    saved = np.concatenate([[0.0], np.cumsum([item.saved_bytes for item in items])]).tolist()
    sizes = {end - start for start, end in itertools.combinations(saved, 2)}
    fronts = [(working, _front(items, saved, working)) for working in sorted({0.0, *sizes})]
    before = [(), *(front for _, front in fronts)]
    # Room for a larger segment that no choice uses is worth nothing.
    return tuple(front for front, last in zip(fronts, before, strict=False) if front[1] != last)


_Row = tuple[float, float, float, tuple[tuple[int, int], ...]]
"""A choice for the first operators of the chain: kept bytes, seconds, working bytes, segments."""


def _front(items: Sequence[Item], saved: Sequence[float], working: float) -> tuple[KeptOrRepeated, ...]:
    """The undominated choices whose segments need at most `working` bytes: a program over the chain's positions."""
    at: list[list[_Row]] = [[(0.0, 0.0, 0.0, ())]]
    for end, item in enumerate(items, start=1):
        rows = [(kept + item.saved_bytes, seconds, most, cut) for kept, seconds, most, cut in at[-1]]
        again = 0.0
        for start in range(end - 1, -1, -1):
            size, again = saved[end] - saved[start], again + items[start].seconds
            if size > working:
                break
            begin = items[start].input_bytes
            rows += [(k + begin, s + again, max(most, size), (*cut, (start, end))) for k, s, most, cut in at[start]]
        at.append(_drop_dominated(rows))
    return tuple(
        KeptOrRepeated(kept_bytes=k, seconds=s, working_bytes=most, segments=cut) for k, s, most, cut in at[-1]
    )


def _drop_dominated(rows: list[_Row]) -> list[_Row]:
    """Those that no other beats in kept bytes and seconds, fewest bytes first."""
    best: list[_Row] = []
    for row in sorted(rows):
        if not best or row[1] < best[-1][1] * (1 - _ROUNDING):
            best.append(row)
    return best


def _spread(
    front: Sequence[KeptOrRepeated], layers: int, room: float, known: float
) -> tuple[float, tuple[int, ...]] | None:
    """Fewest seconds, and how many layers take each choice; None where none fits in `room` and takes at most `known`.

    Layers are added one by one. A sum is dropped where another has no more bytes and no more seconds, and where even
    a mixture of choices in the layers to come, as if counts need not be whole, does not bring it down to `known`.
    """
    kept, seconds = _points(front)
    if room < layers * kept[0]:
        return None
    hull = _hull(kept, seconds)
    known = min(known, _rounded_down(kept, seconds, hull, layers, room)) * (1 + _ROUNDING)
    used, spent = np.zeros(1), np.zeros(1)
    taken: list[tuple[np.ndarray, np.ndarray]] = []
    for left in range(layers - 1, -1, -1):
        sums, times = (used[:, None] + kept).ravel(), (spent[:, None] + seconds).ravel()
        index = np.flatnonzero(times + _mixture(kept[hull], seconds[hull], left, room - sums) <= known)
        index = index[np.lexsort((times[index], sums[index]))]
        least = np.minimum.accumulate(np.append(np.inf, times[index]))[:-1]
        index = index[(times[index] < least * (1 - _ROUNDING)) | np.isinf(least)]
        if not index.size:
            return None
        taken.append(np.divmod(index, len(front)))
        used, spent = sums[index], times[index]
    return float(spent[-1]), _counts(taken, len(front))


def _counts(taken: Sequence[tuple[np.ndarray, np.ndarray]], n_choices: int) -> tuple[int, ...]:
    """How many layers take each choice on the way to the last sum of the last layer."""
    counts = [0] * n_choices
    at = -1
    for before, choice in reversed(taken):
        counts[int(choice[at])] += 1
        at = int(before[at])
    return tuple(counts)


def _mixed_seconds(front: Sequence[KeptOrRepeated], layers: int, room: float) -> float:
    """What no choice of the layers can beat: `_mixture` of all of them."""
    kept, seconds = _points(front)
    hull = _hull(kept, seconds)
    return float(_mixture(kept[hull], seconds[hull], layers, np.array(room)))


def _points(front: Sequence[KeptOrRepeated]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([choice.kept_bytes for choice in front]), np.array([choice.seconds for choice in front])


def _mixture(kept: np.ndarray, seconds: np.ndarray, layers: int, room: np.ndarray) -> np.ndarray:
    """The fewest seconds of layers in this room where each may mix choices: a line between points of the hull."""
    if layers == 0:
        return np.where(room >= 0, 0.0, np.inf)
    return layers * np.interp(room / layers, kept, seconds, left=np.inf)


def _hull(kept: np.ndarray, seconds: np.ndarray) -> list[int]:
    """The positions of the lower convex hull of points in the order of their bytes."""
    hull: list[int] = []
    for k in range(kept.size):
        while len(hull) > 1:
            i, j = hull[-2:]
            if (seconds[j] - seconds[i]) * (kept[k] - kept[i]) < (seconds[k] - seconds[i]) * (kept[j] - kept[i]):
                break
            hull.pop()
        hull.append(k)
    return hull


def _rounded_down(kept: np.ndarray, seconds: np.ndarray, hull: Sequence[int], layers: int, room: float) -> float:
    """Seconds of a good choice in this room: the best mixture of two, its counts made whole."""
    last = int(np.searchsorted(kept[hull], room / layers, side="right")) - 1
    low = hull[last]
    if last + 1 == len(hull):
        return layers * float(seconds[low])
    high = hull[last + 1]
    many = min(int((room - layers * kept[low]) / (kept[high] - kept[low])), layers - 1)
    rest = room - (layers - many - 1) * kept[low] - many * kept[high]
    one = int(np.searchsorted(kept, rest, side="right")) - 1
    return float(many * seconds[high] + (layers - many - 1) * seconds[low] + seconds[max(one, low)])
