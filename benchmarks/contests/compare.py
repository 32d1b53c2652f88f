"""A contest: two forecasts of the same runs, none of which either was fitted to, and whether they differ."""

from dataclasses import dataclass
from typing import final

import numpy as np

RESAMPLES = 4000
LEVEL = 0.9
BETTER, EQUAL, WORSE = "better", "equal within noise", "worse"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """Errors of the judged runs, `ours` and `theirs`, each (judged,), relative and without sign.

    `fitted` is how many runs both were given, `rival` what they are put beside; errors of one group (judged,) are not
    independent and are resampled together.
    """

    name: str
    split: str
    rival: str
    fitted: int
    ours: np.ndarray
    theirs: np.ndarray
    groups: np.ndarray

    @property
    def difference(self) -> float:
        """The mean error of Froude less that of the rival."""
        return float(np.mean(self.ours - self.theirs))

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """The 90% interval of the difference under a bootstrap of the groups."""
        names, member = np.unique(self.groups, return_inverse=True)
        sums = np.bincount(member, weights=self.ours - self.theirs)
        sizes = np.bincount(member)
        drawn = np.random.default_rng(seed).multinomial(names.size, np.full(names.size, 1 / names.size), RESAMPLES)
        low, high = np.quantile((drawn @ sums) / (drawn @ sizes), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """Whether Froude is better or worse, which it is where the interval of the difference leaves out zero."""
        low, high = self.interval()
        if high < 0:
            return BETTER
        return WORSE if low > 0 else EQUAL

    def row(self) -> dict[str, str]:
        """The contest as a line of the table."""
        low, high = self.interval()
        return {
            "contest": self.name,
            "split": self.split,
            "fitted / judged": f"{self.fitted} / {self.ours.size}",
            "beside": self.rival,
            "its error": percent(self.theirs.mean()),
            "Froude's": percent(self.ours.mean()),
            "difference (90%)": f"{signed(self.difference)} ({signed(low)} to {signed(high)})",
            "Froude is": self.verdict,
        }


def percent(share: float) -> str:
    """A share with three digits, as in 1.81%."""
    return f"{100 * share:.3g}%"


def signed(share: float) -> str:
    """A difference of shares with two digits, as in -0.37%."""
    return f"{100 * share:+.2g}%"


def off(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """How far off predictions are, relative and without sign."""
    return np.abs(predicted / measured - 1)
