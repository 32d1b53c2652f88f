"""What repeating tokens does to a law of single epochs, said by one number, and which way of saying so to believe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude import Runs
from froude.laws.levers.repetition import repeated_tokens

# What the one number may be: a third of a percent apart, far closer than runs determine it.
HALF_LIVES = np.geomspace(0.1, 1e4, 4000)
PENALTIES = np.geomspace(1e-7, 1.0, 4000)
FEWEST = 0.5  # of the runs, below a cut

Base = Callable[[np.ndarray, np.ndarray], np.ndarray]


@final
@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to go on from a law of single epochs: `at(runs, number)` is the loss, of the broadcast shape of both."""

    name: str
    numbers: np.ndarray
    at: Callable[[Runs, float | np.ndarray], np.ndarray]

    def fitted(self, runs: Runs) -> float:
        """The number under which the logarithms of the losses are least off, in the mean."""
        misfit = np.abs(np.log(self.at(runs, self.numbers[:, None]) / runs["loss"])).sum(axis=1)
        return float(self.numbers[misfit.argmin()])


def ways(law: Base) -> tuple[Way, Way]:
    """Tokens wear out, as in Muennighoff et al. 2023, or models overfit, as in Lovelace et al. 2026.

    The latter, arXiv:2605.01640, add P·(epochs - 1)·N/U for U unique tokens, in their form of one parameter.
    """

    def worn(runs: Runs, half_life: float | np.ndarray) -> np.ndarray:
        return law(runs["N"], repeated_tokens(D=runs["D"], U=runs["U"], R_D=half_life))

    def overfitted(runs: Runs, penalty: float | np.ndarray) -> np.ndarray:
        repeats = np.maximum(runs["D"] / runs["U"] - 1, 0)
        return law(runs["N"], runs["D"]) + penalty * repeats * runs["N"] / runs["U"]

    return (
        Way(name="tokens wear out", numbers=HALF_LIVES, at=worn),
        Way(name="models overfit", numbers=PENALTIES, at=overfitted),
    )


def best_way(runs: Runs, tried: Sequence[Way]) -> Way:
    """The way that predicts the larger of these models best from the smaller."""
    return min(tried, key=lambda way: held_out_error(way, runs))


def held_out_error(way: Way, runs: Runs) -> float:
    """The error on larger models: root mean square at each cut, geometric mean over the cuts.

    A cut is at every size that has half of the runs or more at it and below, and some above.
    """
    errors = []
    for size in np.unique(runs["N"])[:-1]:
        below = runs["N"] <= size
        if below.mean() < FEWEST:
            continue
        rest = runs.take(~below)
        forecast = way.at(rest, way.fitted(runs.take(below)))
        errors.append(np.sqrt(np.mean(np.log(forecast / rest["loss"]) ** 2)))
    return float(np.exp(np.mean(np.log(errors))))
