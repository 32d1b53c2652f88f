"""Something nobody said: what was taken for it, why, and what else would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Assumption:
    """Something nobody said: its value, why it was taken, and the step time of alternatives over that of the value.

    `why` is empty where the value says it itself.
    """

    name: str
    value: str
    why: str
    effect: tuple[float, float] = (1.0, 1.0)

    def __str__(self) -> str:
        sentence = f"{self.name}: {self.value}" + (f" ({self.why})" if self.why else "")
        lo, hi = self.effect
        return sentence if lo == hi == 1.0 else f"{sentence}; otherwise the step takes {lo - 1:+.0%} to {hi - 1:+.0%}"


def parse_assumptions(sentences: tuple[str, ...]) -> Iterator[Assumption]:
    """Assumptions of a machine or a model, written "name: value"."""
    for sentence in sentences:
        name, _, rest = sentence.partition(": ")
        yield Assumption(name=name, value=rest, why="")
