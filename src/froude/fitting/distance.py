"""How far inputs lie beyond the runs that a law was fitted to."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.fitting.extrapolation import shipped_extrapolation
from froude.fitting.measured import log_size
from froude.laws import Law

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
        sizes["C"] = N * D, at_N * at_D
    return {x: _factor(values, there) for x, (values, there) in sizes.items()}


def _factor(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.where(there > high, there / high, np.where(there < low, there / low, 1.0))


def distance_beyond(law: Law, fitted: Mapping[str, np.ndarray], at: Mapping[str, Any]) -> np.ndarray:
    """How far inputs lie beyond the fitted runs in ln size, at least 0, of their broadcast shape.

    ln(Πx / largest fitted Πx) over the inputs x that make runs larger, or how far each lies outside its own range, all
    together, where that is more: a run of more parameters than any on few tokens is no larger than all, and beyond
    them all the same; so is one smaller than all.
    """
    factors = factors_beyond(law, fitted, at)
    outside = sum((np.abs(np.log(factors[x])) for x in law.inputs if x in factors), start=np.zeros(()))
    return np.maximum(outside, log_size(law, at) - log_size(law, fitted).max())


def grown(distance: np.ndarray) -> np.ndarray:
    """Distances (in ln size) by which errors of extrapolation grow: as they are, to twice as far as studies reach.

    What a law misses grows with the distance where its slope is off, and with its square where it misses a bend. Within
    published studies errors grow evenly, which is taken to hold for as far again; from there on the worse is taken.
    """
    return distance * np.maximum(1.0, distance / (TAKEN_ON_TRUST * shipped_extrapolation().farthest))
