"""Early warning: how signs of instability grow with size, and at which size they would cross a threshold.

Wortsman et al. 2023, arXiv:2309.14322, section 3.3: the largest attention logit of small models, at one learning rate
and one step, extrapolated on logarithmic axes, tells which large model will be unstable. Loss gets worse where it
reaches about 1e3, and training fails at about 1e4; that scale is of models of 1e7 parameters and more.
"""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.forecasting import Forecast
from froude.fitting.options import random_numbers
from froude.quantity import read_quantity
from froude.runs import Runs, RunsSource, read_runs

Side = Literal["above", "below"]

UNSTABLE_LOGIT = 1e4
"""Attention logits above which models of 1e7 parameters and more fail to train, arXiv:2309.14322."""
ORDERS = (1, 2)
"""Of the trends that count equally in a forecast: a few small models do not tell which of the two holds."""

_LEVEL = 0.9
_ENDS = ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
_DRAWS = 2000
_FARTHEST = np.log(1e6)  # a crossing farther beyond the runs than this is none
_GRID = 400  # sizes between, 3.5% apart


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Trend:
    """A positive quantity against size: ln y = a polynomial of ln x, of order 1 (a power law) or 2. By `fit_trend`.

    `coefficients` (order + 1,) are in powers of ln x − `middle`, the constant first. `draws` (draws, order + 1) are as
    many again, as uncertain as normal deviations of the runs make them, and `deviations` (draws,) the standard
    deviation of one run with each. `farthest` is the largest size of the runs.
    """

    order: int
    coefficients: np.ndarray
    draws: np.ndarray
    deviations: np.ndarray
    middle: float
    farthest: float

    def centre(self, x: float) -> float:
        """The trend's ln y at size x."""
        return float(self.coefficients @ self._powers(np.log(x)))

    def samples(self, x: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The trend's ln y at size x and the deviation of one run from it, (draws,) each.

        Quantiles of their sum are the prediction intervals of least squares.
        """
        return self.draws @ self._powers(np.log(x)), self.deviations * rng.standard_normal(len(self.draws))

    def crossings(self, threshold: float, beyond: Side) -> np.ndarray:
        """The size, from the largest run on, at which each draw of the trend first lies beyond threshold, (draws,).

        Infinite where it does not within a millionfold.
        """
        grid = np.linspace(np.log(self.farthest), np.log(self.farthest) + _FARTHEST, _GRID)
        crossed = _beyond(self.draws @ self._powers(grid), threshold, beyond)
        return np.where(crossed.any(axis=1), np.exp(grid)[crossed.argmax(axis=1)], np.inf)

    def _powers(self, log_x: np.ndarray | float) -> np.ndarray:
        return np.array([(log_x - self.middle) ** k for k in range(self.order + 1)])


def fit_trend(x: np.ndarray, y: np.ndarray, order: int = 1, seed: int = 0) -> Trend:
    """The trend of outcomes y (n,) against sizes x (n,), by least squares in logarithms.

    Draws are from the posterior under a flat prior, whose intervals are those of Student's t. InputError for values
    that are not positive, and for fewer than order + 2 sizes.
    """
    for name, values in (("sizes", x), ("outcomes", y)):
        if not np.all(values > 0):
            raise InputError(f"{name} of a trend hold {values[~(values > 0)][0]:g}: they must be positive")
    sizes = np.unique(x).size
    if sizes < order + 2:
        raise InputError(f"{sizes} sizes are too few for a trend of order {order}: train at least {order + 2}")
    middle = float(np.log(x).mean())
    columns = (np.log(x) - middle)[:, None] ** np.arange(order + 1)
    coefficients = np.linalg.lstsq(columns, np.log(y), rcond=None)[0]
    residuals = np.log(y) - columns @ coefficients
    rng, free = random_numbers(_DRAWS, seed), x.size - order - 1
    deviations = np.sqrt(residuals @ residuals / rng.chisquare(free, _DRAWS))
    root = np.linalg.cholesky(np.linalg.inv(columns.T @ columns))
    shifts = rng.standard_normal((_DRAWS, order + 1)) @ root.T
    return Trend(
        order=order,
        coefficients=coefficients,
        draws=coefficients + deviations[:, None] * shifts,
        deviations=deviations,
        middle=middle,
        farthest=float(x.max()),
    )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class InstabilityForecast:
    """What a sign will be in a model of N parameters, for runs of one kind: the `forecast` of one run, at 90%.

    `kind` is what the runs share, their learning rate say, and `trends` are those of each of `ORDERS`. `crossing` is
    the size from the largest run on at which they cross the threshold: median and 90% interval, None for never within
    a millionfold. `risk` is the probability that the model of N parameters lies beyond it. `n` runs went into it;
    `diverged` were left out.
    """

    kind: float
    trends: tuple[Trend, ...]
    forecast: Forecast
    crossing: tuple[float | None, float | None, float | None]
    risk: float
    n: int
    diverged: int


def forecast_instability(
    runs: RunsSource,
    N: float | str,
    sign: str = "attention_logit",
    *,
    per: str = "lr",
    threshold: float = UNSTABLE_LOGIT,
    beyond: Side = "above",
    seed: int = 0,
) -> tuple[InstabilityForecast, ...]:
    """What a sign of instability will be in a model of N parameters, for each value of the column `per`, ascending.

    `runs` has columns N, `per` and the sign, looked at after the same number of steps at every size. Those in which the
    sign is not finite are left out. A sign that falls, such as the gradient's size towards Adam's epsilon, is judged
    by a threshold with `beyond="below"`. InputError where steps differ, for a sign that is not positive, and for fewer
    than 4 sizes.
    """
    runs, size = read_runs(runs), read_quantity(N)
    if "step" in runs and np.unique(runs["step"]).size > 1:
        raise InputError('runs were looked at after different numbers of steps: choose one, with where("step = 100")')
    kinds = [runs.take(runs[per] == kind) for kind in np.unique(runs[per])]
    return tuple(_forecast_kind(each, per, size, sign, threshold, beyond, seed) for each in kinds)


def _forecast_kind(
    runs: Runs, per: str, N: float, sign: str, threshold: float, beyond: Side, seed: int
) -> InstabilityForecast:
    finite, rng = runs.take(runs.finite(sign)), random_numbers(_DRAWS, seed)
    trends = tuple(fit_trend(finite["N"], finite[sign], order, seed) for order in ORDERS)
    centres = np.array([trend.centre(N) for trend in trends])
    drawn, noise = np.stack([trend.samples(N, rng) for trend in trends], axis=1)
    samples = drawn + noise
    crossings = np.concatenate([trend.crossings(threshold, beyond) for trend in trends])
    lo, hi = np.exp(np.clip(np.quantile(samples, _ENDS), -700, 700))
    # Whole draws, as there is nothing between a size and never.
    low, middle, high = np.quantile(crossings, [_ENDS[0], 0.5, _ENDS[1]], method="nearest")
    return InstabilityForecast(
        kind=float(runs[per][0]),
        trends=trends,
        forecast=Forecast(
            at={"N": float(N)},
            mean=float(np.exp(centres.mean())),
            lo=float(lo),
            hi=float(hi),
            level=_LEVEL,
            parts={
                "parameters": float(np.sqrt(drawn.var(axis=1).mean())),
                "residual": float(noise.std()),
                "extrapolation": float(centres.std()),
            },
        ),
        crossing=(_size(middle), _size(low), _size(high)),
        risk=float(np.mean(_beyond(samples, threshold, beyond))),
        n=len(finite),
        diverged=len(runs) - len(finite),
    )


def _beyond(logs: np.ndarray, threshold: float, beyond: Side) -> np.ndarray:
    return logs >= np.log(threshold) if beyond == "above" else logs <= np.log(threshold)


def _size(crossing: float) -> float | None:
    """A size, None for one that is never reached."""
    return float(crossing) if np.isfinite(crossing) else None
