"""Which size is the best, drawn again and again: as the parameters may be, and as laws err beyond their runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.fitting.distance import UNSHARED, distances_by_direction
from froude.fitting.fits import Fit
from froude.fitting.forecasting import correction, extrapolation_error
from froude.fitting.published_fit import PublishedFit
from froude.fitting.tokens import inputs_for

DRAWS = 1000
_WIDEST = np.log(1e4)  # sizes from 1e-4 to 1e4 times the best are looked at
_GRID = 401


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SizeDraws:
    """Losses along the sizes that one budget pays for: `N` and `D` (sizes,), `log_loss` (draws, sizes).

    Each draw has parameters of its own, and an error of extrapolation that is one number a direction in which sizes lie
    beyond the runs: so the losses of two sizes differ as `predict_difference` says.
    """

    N: np.ndarray
    D: np.ndarray
    log_loss: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The N of least loss of each draw (draws,), by a parabola through the three sizes about it.

        The smallest or the largest size where a draw has no hollow between them.
        """
        k = _lowest(self.log_loss)
        inner = np.clip(k, 1, len(self.N) - 2)
        below, at, above = (np.take_along_axis(self.log_loss, (inner + j)[:, None], axis=1)[:, 0] for j in (-1, 0, 1))
        with np.errstate(all="ignore"):
            off = np.clip(np.nan_to_num((below - above) / (2 * (below - 2 * at + above))), -1, 1)
        step = np.log(self.N[1] / self.N[0])
        return np.where(k == inner, self.N[inner] * np.exp(step * off), self.N[k])

    @property
    def unbounded(self) -> float:
        """The share of draws without a best size among those looked at."""
        return float(np.mean(np.isin(_lowest(self.log_loss), (0, len(self.N) - 1))))

    def extra(self, N: float, best: float) -> np.ndarray:
        """How much higher each draw's log loss is at a size than at another (draws,)."""
        x = np.log(self.N)
        return np.array([np.interp(np.log(N), x, row) - np.interp(np.log(best), x, row) for row in self.log_loss])


def _lowest(losses: np.ndarray) -> np.ndarray:
    """The position of each row's lowest hollow; of its lower end where it has none.

    Far from all runs a law may fall for ever, which is no best size.
    """
    inside = losses[:, 1:-1]
    hollow = (inside < losses[:, :-2]) & (inside <= losses[:, 2:])
    lowest = np.argmin(np.where(hollow, inside, np.inf), axis=1) + 1
    end = np.where(losses[:, 0] <= losses[:, -1], 0, losses.shape[1] - 1)
    return np.where(hollow.any(axis=1), lowest, end)


def expected_loss(source: Fit | PublishedFit, N: Any, D: Any, unique: float | None = None) -> np.ndarray:
    """The loss that is forecast, of the broadcast shape of N and D, of which at most so many tokens are unique."""
    at = inputs_for(source.law, N, D, unique)
    corrected = np.exp(correction(source, at)) if isinstance(source, Fit) else 1.0
    return np.asarray(corrected * source.law(**at, **source.params))


def draw_sizes(
    source: Fit | PublishedFit,
    best: float,
    tokens: Callable[[np.ndarray], np.ndarray],
    unique: float | None = None,
    seed: int = 0,
) -> SizeDraws:
    """The losses of draws at sizes about the `best` one, each on the `tokens` that the budget leaves it."""
    N = best * np.exp(np.linspace(-_WIDEST, _WIDEST, _GRID))
    D = tokens(N)
    N, D = N[D > 0], D[D > 0]
    at = inputs_for(source.law, N, D, unique)
    return SizeDraws(N=N, D=D, log_loss=_parameters(source, at) + _errors(source, at, np.random.default_rng(seed)))


def _parameters(source: Fit | PublishedFit, at: Mapping[str, Any]) -> np.ndarray:
    """The log loss of each draw of the parameters (DRAWS, sizes)."""
    fitted = isinstance(source, Fit)
    draws = np.array([[source.params[name] for name in source.law.parameters]]) if _exact(source) else source.draws
    rows = draws[np.arange(DRAWS) % len(draws)]
    with np.errstate(all="ignore"):  # a wild draw may give anything
        losses = source.law(**at, **{name: rows[:, [k]] for k, name in enumerate(source.law.parameters)})
        log_loss = np.nan_to_num(np.log(losses), nan=np.inf)
    return log_loss + (correction(source, at) if fitted else 0.0)


def _exact(source: Fit | PublishedFit) -> bool:
    """Whether refits say nothing, as the law goes through all runs."""
    return isinstance(source, Fit) and source.interpolates


def _errors(source: Fit | PublishedFit, at: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """An error of extrapolation a draw, of the log loss, (DRAWS, sizes)."""
    directions = distances_by_direction(source.law, source.inputs, at)
    lengths = np.linalg.norm(directions, axis=0)
    towards = directions / np.where(lengths > 0, lengths, 1.0)
    size = extrapolation_error(source, at) if isinstance(source, Fit) else source.extrapolation(at)
    return UNSHARED * rng.standard_normal((DRAWS, len(directions))) @ towards * size
