"""What a number of the user's may be: checked in one place, refused in a line that names it and its bounds."""

from __future__ import annotations

import sys
from numbers import Real
from typing import Any

from froude.errors import InputError, shown

LARGEST = sys.float_info.max
MOST_DEVICES = 10**7
"""Devices of a machine: dozens of times the largest there is."""
MOST_COUNT = 10**9
"""Sequences, positions and steps: the product of two is a whole number of 64 bits."""
MOST_SPENT = 1e100
"""FLOPs, dollars, seconds and tokens of a training: powers of them are still numbers."""
FEWEST_DRAWS, MOST_DRAWS = 20, 10**5
"""Bootstrap refits: fewer have no quantiles, and long before the most these change no more."""
MOST_STARTS = 10**4
MOST_LAWS = 100
"""Judged or averaged at once: twice as many as there are."""
MOST_REPEATS = 10**4
MOST_WORKERS, MOST_RETRIES = 1000, 100
MOST_MINUTES = 60 * 24 * 366
"""A year: what is asked for in minutes runs on this computer."""
LEAST_SHARE = 1e-6
"""Of a level and what it leaves: quantiles of less than a millionth are no more than rounding."""
MOST_SEED = 2**53
"""The largest whole number up to which every reader of JSON keeps all."""


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """Return `value` as an int. InputError, naming both, where it is no whole number from `least` to `most`."""
    if not is_number(value) or not least <= value <= most or value % 1:
        raise InputError(f"{name} = {_written(value)}: give a whole number from {least:,} to {most:,}")
    return int(value)


def finite_number(name: str, value: Any, least: float = -LARGEST, most: float = LARGEST) -> float:
    """Return `value` as a float. InputError, naming both, where it is no number from `least` to `most`."""
    if not is_number(value) or not least <= value <= most:
        raise InputError(f"{name} = {_written(value)}: give a finite number{_between(least, most)}")
    return float(value)


def positive_number(name: str, value: Any, most: float = LARGEST) -> float:
    """Return `value` as a float. InputError, naming both, where it is no number above 0 and up to `most`."""
    if not is_number(value) or not 0 < value <= most:
        limit = f" and at most {most:g}" if most < LARGEST else ""
        raise InputError(f"{name} = {_written(value)}: give a number above 0{limit}")
    return float(value)


def share(name: str, value: Any) -> float:
    """Return `value` as a float. InputError, naming both, where it is no number between 0 and 1, some way from both."""
    if not is_number(value) or not LEAST_SHARE <= value <= 1 - LEAST_SHARE:
        raise InputError(f"{name} = {_written(value)}: give a share between 0 and 1, such as 0.9")
    return float(value)


def is_number(value: Any) -> bool:
    """Whether a value is a number, which neither a text nor True is."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _between(least: float, most: float) -> str:
    if most < LARGEST:
        return f" from {least:g} to {most:g}"
    return f" of at least {least:g}" if least > -LARGEST else ""


def _written(value: Any) -> str:
    """A value as it stands in an error: one with a fraction to six digits."""
    return f"{value:g}" if is_number(value) and not isinstance(value, int) else shown(value)
