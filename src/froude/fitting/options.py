"""How a law is fitted: the settings that every fit takes, as one value."""

from dataclasses import dataclass, replace
from typing import TypedDict, Unpack, final

import numpy as np

from froude.bounds import FEWEST_DRAWS, MOST_DRAWS, MOST_SEED, MOST_STARTS, share, whole_number
from froude.errors import InputError, shown
from froude.fitting.outcomes import OutcomeKind

MOST_EMPHASIS = 2.0


class FitKeywords(TypedDict, total=False):
    """The fields of `FitOptions`, as keywords of the public functions."""

    starts: int
    draws: int
    seed: int
    level: float
    cluster: str | None
    emphasis: float
    kind: OutcomeKind | None
    of_tank: bool


@final
@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Random `starts` of the solver, bootstrap `draws`, the `seed` of both, and the `level` of intervals.

    `cluster` names a column whose equal values are resampled together: runs taken from one training are not
    independent. `emphasis` lets large runs count more: with their size, the product of the inputs that make runs
    larger, to this power. `kind` says what the outcome is, where it is not to be recognised. `of_tank` says that the
    runs are the trainings of a pilot, whose forecasts have a record of their own. InputError for options that no fit
    can be made with.
    """

    starts: int = 27
    draws: int = 1000
    seed: int = 0
    level: float = 0.9
    cluster: str | None = None
    emphasis: float = 0.0
    kind: OutcomeKind | None = None
    of_tank: bool = False

    def __post_init__(self) -> None:
        whole_number("starts", self.starts, 1, MOST_STARTS)
        whole_number("draws", self.draws, FEWEST_DRAWS, MOST_DRAWS)
        whole_number("seed", self.seed, 0, MOST_SEED)
        share("level", self.level)
        if not 0 <= self.emphasis <= MOST_EMPHASIS:
            raise InputError(f"emphasis = {shown(self.emphasis)}: give a number from 0 to {MOST_EMPHASIS:g}")

    def change(self, **fields: Unpack[FitKeywords]) -> "FitOptions":
        """The same options but for these."""
        return replace(self, **fields)


def random_numbers(draws: int, seed: int, level: float = 0.9) -> np.random.Generator:
    """The random numbers of a bootstrap. InputError for draws, a seed or a level that no fit takes."""
    return np.random.default_rng(FitOptions(draws=draws, seed=seed, level=level).seed)


DEFAULT_OPTIONS = FitOptions()
"""What a fit takes where nothing else is asked for."""
