"""A constant that measurements moved, and what is still uncertain of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class MovedConstant:
    """A constant of a cost model before and after, and one standard deviation of its logarithm as a factor."""

    name: str
    before: float
    after: float
    spread_before: float
    spread_after: float
