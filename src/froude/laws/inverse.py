"""Laws read backwards: the input at which a law reaches an outcome, or any difference along an input its zero."""

from collections.abc import Callable
from typing import Any

import numpy as np

from froude.errors import InputError
from froude.laws.definition import Law

_GRID = 400
_HALVINGS = 50


def input_giving(law: Law, outcome: Any, x: str, between: tuple[float, float], **given: Any) -> np.ndarray:
    """The input x at which a law gives `outcome`, of the broadcast shape of what is given; NaN where it does not.

    `given` are its other inputs and its parameters, each a number or an array of equal shapes: the draws of a fit give
    one x each. x is looked for between two values; of several, the smallest is taken. InputError for an x that the
    law does not take, and for ends that are not positive and rising.
    """
    if x not in law.inputs:
        raise InputError(f"{law.name} takes no {x}: it is a law of {' and '.join(law.inputs)}")
    low, high = between
    if not 0 < low < high < np.inf:
        raise InputError(f"{x} between {low:g} and {high:g}: give two positive numbers, the smaller first")
    target = np.asarray(outcome, dtype=float)[..., None]
    of = {name: np.asarray(value, dtype=float)[..., None] for name, value in given.items()}
    return first_zero(lambda at: law(**{x: at}, **of) - target, between)


def first_zero(difference: Callable[[np.ndarray], np.ndarray], ends: tuple[float, float]) -> np.ndarray:
    """The smallest x between the ends at which differences change their sign, (…), by a grid and then by halving.

    `difference` takes x (k,) or (…, k) to differences (…, k). NaN where none changes its sign.
    """
    grid = np.linspace(np.log(ends[0]), np.log(ends[1]), _GRID)
    positive = difference(np.exp(grid)) > 0
    changes = positive[..., 1:] != positive[..., :-1]
    first = np.argmax(changes, axis=-1)
    low, high = grid[first], grid[first + 1]
    above = positive[..., 0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        same = (difference(np.exp(middle)[..., None])[..., 0] > 0) == above
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.where(changes.any(axis=-1), np.exp((low + high) / 2), np.nan)[()]
