"""How far inputs lie beyond the runs that a law was fitted to."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from froude.fitting.extrapolation import shipped
from froude.laws import Law

UNSHARED = 1.4
"""By how much errors of extrapolation at two places differ more than their distances say, as laws also miss bends.

Learned on pairs of held-out runs of nine published studies (benchmarks/differences.py): with it 90% intervals of the
difference of two runs hold 90% of them, and as many where each study is judged by a factor learned on the others.
"""

TAKEN_ON_TRUST = 2.0
"""How many times as far as published studies reach, in ln size, errors are taken to grow evenly: a guess."""


def factors_beyond(law: Law, fitted: Mapping[str, np.ndarray], at: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """By which factor each input, of those that make runs larger, lies beyond the fitted runs, of its own shape.

    Above 1 it is that of the largest run, below 1 that of the smallest, and 1 among them. Beside N and D stands their
    product, the compute, as C.
    """
    sizes = {x: (fitted[x], np.asarray(at[x], dtype=float)) for x in fitted if law.marks[x].is_size}
    if {"N", "D"} <= {*sizes} and "C" not in sizes:
        (N, at_N), (D, at_D) = sizes["N"], sizes["D"]
        with np.errstate(over="ignore"):  # what no float holds is infinitely far
            sizes["C"] = N * D, at_N * at_D
    return {x: _factor(values, there) for x, (values, there) in sizes.items()}


def _factor(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.where(there > high, there / high, np.where(there < low, there / low, 1.0))


def distance_beyond(law: Law, fitted: Mapping[str, np.ndarray], at: Mapping[str, Any]) -> np.ndarray:
    """How far inputs lie beyond the fitted runs in ln size, at least 0, of their broadcast shape.

    It is the most of `distances_by_direction`.
    """
    return distances_by_direction(law, fitted, at).max(axis=0)


def distances_by_direction(law: Law, fitted: Mapping[str, np.ndarray], at: Mapping[str, Any]) -> np.ndarray:
    """How far inputs lie beyond the fitted runs along each direction in ln size, at least 0: (directions, *shape).

    The directions are all in which inputs that make runs larger change alone, together or against each other: so there
    is ln(Πx / largest fitted Πx), how far each lies outside its own range, and for runs on a ladder of fixed D/N how
    far D/N lies off it, however ordinary N and D are by themselves.
    """
    sizes = [x for x in law.inputs if law.marks[x].is_size]
    logs = [(np.log(fitted[x]), np.log(np.asarray(at[x], dtype=float))) for x in sizes]
    beyond = [
        sum(sign * there for sign, (_, there) in zip(signs, logs, strict=True))
        - np.max(sum(sign * runs for sign, (runs, _) in zip(signs, logs, strict=True)))
        for signs in product((-1, 0, 1), repeat=len(sizes))
    ]
    return np.maximum(0.0, np.stack(np.broadcast_arrays(*beyond)))


def grown(distance: np.ndarray) -> np.ndarray:
    """Distances (in ln size) by which errors of extrapolation grow: as they are, to twice as far as studies reach.

    What a law misses grows with the distance where its slope is off, and with its square where it misses a bend. Within
    published studies errors grow evenly, which is taken to hold for as far again; from there on the worse is taken.
    """
    return distance * np.maximum(1.0, distance / (TAKEN_ON_TRUST * shipped().farthest))
