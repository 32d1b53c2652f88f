"""The steps of a run as columns of numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def curve_of(steps: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return the numbers of steps (step, tokens, loss, ...), each (steps,), NaN where missing."""
    names = {k for s in steps for k, v in s.items() if isinstance(v, int | float)}
    order = dict.fromkeys(k for s in steps for k in s if k in names)
    return {k: np.array([_number(s.get(k)) for s in steps], dtype=float) for k in order}


def _number(value: object) -> float:
    """Return a value as a float: NaN for what is no number, infinity for an integer beyond all floats."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.inf
