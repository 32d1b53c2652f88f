"""Speculation in a simulation: drafted tokens, how many of them a pass keeps, and what drafting takes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from typing import final

import numpy as np

from froude.bounds import whole_number
from froude.cost.model.model import Model
from froude.errors import InputError

MOST_DRAFTED = 64
_PASSES = 2**16


@final
@dataclass(frozen=True, kw_only=True)
class Speculation:
    """`drafted` tokens a pass, which the model verifies all at once.

    `acceptance` is the chance that a drafted token is kept where all before it are, one for all positions or one for
    each (Leviathan et al. 2022, arXiv:2211.17192, takes one). `draft` is the model that drafts, on the same devices,
    a token after the other; without one, drafting takes `draft_share` of a pass that decodes, a token: 0 as where
    n-grams of the prompt are looked up.
    """

    drafted: int
    acceptance: float | tuple[float, ...]
    draft: Model | None = None
    draft_share: float = 0.0

    def __post_init__(self) -> None:
        whole_number("drafted", self.drafted, 1, MOST_DRAFTED)
        chances = self.by_position
        if len(chances) != self.drafted or not all(0 <= one <= 1 for one in chances):
            raise InputError(
                f"acceptance is {self.acceptance}: give a share from 0 to 1, or one for each drafted token"
            )
        if not 0 <= self.draft_share <= 1:
            raise InputError(f"draft_share is {self.draft_share}: give a share of a pass from 0 to 1")

    @property
    def by_position(self) -> tuple[float, ...]:
        """The chance for each drafted token."""
        own = self.acceptance
        return tuple(own) if isinstance(own, Sequence) else (float(own),) * self.drafted

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass yields on average, its own next one among them: 1 + Σ of products of chances."""
        return 1.0 + float(np.sum(np.cumprod(self.by_position)))


@final
class Yields:
    """What passes yield one after the other, drawn once; each request reads on from a place of its own."""

    __slots__ = ("places", "sums")

    def __init__(self, speculation: Speculation, rng: np.random.Generator) -> None:
        kept = np.cumprod(rng.random((_PASSES, speculation.drafted)) < speculation.by_position, axis=1).sum(axis=1)
        self.sums: list[int] = [0, *accumulate((1 + kept).tolist())]
        self.places = cycle(rng.integers(0, _PASSES, 2**16).tolist())

    def passes(self, tokens: int) -> int:
        """Passes that so many tokens take: a part of the last one's yield may be too much."""
        place, whole = next(self.places), len(self.sums) - 1
        rounds, rest = divmod(tokens + self.sums[place], self.sums[-1])
        return rounds * whole + bisect_left(self.sums, rest) - place
