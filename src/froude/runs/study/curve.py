"""The steps of a run as columns of numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def curve_of(steps: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return the numbers of steps (step, tokens, loss, ...), each (steps,), NaN where missing."""
    same = _of_same_names(steps)
    if same is not None:
        return same
    names = {k for s in steps for k, v in s.items() if isinstance(v, int | float)}
    order = dict.fromkeys(k for s in steps for k in s if k in names)
    return {k: np.array([_number(s.get(k)) for s in steps], dtype=float) for k in order}


def _of_same_names(steps: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray] | None:
    """Return the curve of steps that have the same names in the same order and hold plain numbers; None of others."""
    names = tuple(steps[0]) if steps else ()
    if not names or any(tuple(step) != names for step in steps):
        return None
    try:
        columns = [np.array(values) for values in zip(*(step.values() for step in steps), strict=True)]
    except ValueError:  # lists of several lengths
        return None
    if any(column.dtype.kind not in "fiu" or column.ndim != 1 for column in columns):
        return None
    return {name: column.astype(float) for name, column in zip(names, columns, strict=True)}


def _number(value: object) -> float:
    """Return a value as a float: NaN for what is no number, infinity for an integer beyond all floats."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.inf
