"""The best size of a model by trying: a walk over a fixed grid of parameters, first in octaves, then in eighths."""

from __future__ import annotations

import math
from collections.abc import Callable

PER_OCTAVE = 8
"""Sizes tried for each factor of two of parameters, at the finest."""

_QUARTER = PER_OCTAVE // 4
_LEAST, _MOST = 24, 44  # log2 of the smallest and largest sizes tried: 17M and 18T parameters
_PATIENCE = 2  # octaves without an improvement, after which a walk ends

Rank = tuple[float, float]
"""How good a size is, the smallest best: first 0 for a plan and more for what is none, then by how much."""


def best_place(rank: Callable[[int], Rank], start: int) -> int:
    """The place of the grid of least rank, by a walk in octaves from a start both ways, then around the best.

    Octaves are whole powers of two wherever the walk starts, so that problems with the same best size find it alike.
    Around the best octave every quarter as far as the next octaves is tried, because the rank of sizes is not smooth:
    shapes and layouts come in whole numbers. Then the eighths beside the best of these.
    """
    octave = min(max(round(start / PER_OCTAVE), _LEAST), _MOST)
    best = octave * PER_OCTAVE
    for direction in (1, -1):
        best = min(best, _walk(rank, best, direction), key=rank)
    for reach, stride in ((PER_OCTAVE, _QUARTER), (1, 1)):
        best = min(filter(_inside, range(best - reach, best + reach + 1, stride)), key=rank)
    return best


def size_at(place: int) -> float:
    """Parameters at a place of the grid."""
    return 2.0 ** (place / PER_OCTAVE)


def place_of(n_params: float) -> int:
    """The place of the grid nearest to a number of parameters."""
    return round(math.log2(n_params) * PER_OCTAVE)


def _walk(rank: Callable[[int], Rank], start: int, direction: int) -> int:
    """The best place met in octaves of one direction, until none was better for a while."""
    best, misses, place = start, 0, start + direction * PER_OCTAVE
    while misses < _PATIENCE and _inside(place):
        if rank(place) < rank(best):
            best, misses = place, 0
        else:
            misses += 1
        place += direction * PER_OCTAVE
    return best


def _inside(place: int) -> bool:
    return _LEAST * PER_OCTAVE <= place <= _MOST * PER_OCTAVE
