"""How a law is fitted: the settings that every fit takes, as one value."""

from dataclasses import dataclass, replace
from typing import TypedDict, Unpack, final

from froude.errors import InputError

_FEWEST_DRAWS = 20


class FitKeywords(TypedDict, total=False):
    """The fields of `FitOptions`, as keywords of the public functions."""

    starts: int
    draws: int
    seed: int
    level: float
    cluster: str | None


@final
@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Random `starts` of the solver, bootstrap `draws`, the `seed` of both, and the `level` of intervals.

    `cluster` names a column whose equal values are resampled together: runs taken from one training are not
    independent. InputError for options that no fit can be made with.
    """

    starts: int = 27
    draws: int = 1000
    seed: int = 0
    level: float = 0.9
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.starts < 1:
            raise InputError(f"starts = {self.starts}: give at least 1")
        if self.draws < _FEWEST_DRAWS:
            raise InputError(f"draws = {self.draws}: an interval needs at least {_FEWEST_DRAWS} bootstrap refits")
        if not 0 < self.level < 1:
            raise InputError(f"level = {self.level:g}: give a share between 0 and 1, such as 0.9")

    def change(self, **fields: Unpack[FitKeywords]) -> "FitOptions":
        """The same options but for these."""
        return replace(self, **fields)


DEFAULT_OPTIONS = FitOptions()
"""What a fit takes where nothing else is asked for."""
