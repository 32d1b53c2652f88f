"""What fits may be off by, drawn together: outcomes of the same draw of several fits share a part of their error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.comparing.routes import Route, route_to
from froude.fitting.fits import Fit
from froude.fitting.forecasting import Forecast, correction, extrapolation_error
from froude.fitting.residuals import residual_deviation
from froude.fitting.small_samples import stretch

SHARED = 0.5
"""The correlation of what two fits to runs of one study err by beyond them: the mean over eight published studies,
0.48, which lie between -0.3 and 0.98 (`benchmarks/sibling_errors.py`)."""

BEYOND = 1e3
"""Times the largest size of any fit, up to which crossings and equal outcomes are looked for."""

_GRID = 400  # sizes from the least to the largest that is looked at
_SEARCHED = 24  # sizes at which draws are searched for their best N and D; between, their deviations are interpolated
_WILD = 700  # logarithm of what no float holds


Of = Literal["run", "mean"]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A fit and what it says on a route, each array its own value and then those of its draws.

    `curve` (1 + draws, sizes) are mean outcomes by size, `mean` (1 + draws,) that at the size compared at, `run` one of
    a run there, or of the mean if that is asked for, and `smallest` (1 + draws,) that at the smallest size of all fits.
    """

    fit: Fit
    forecast: Forecast
    curve: np.ndarray
    mean: np.ndarray
    run: np.ndarray
    smallest: np.ndarray


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Several fits, drawn together on a route at rising `sizes`, and at the size `at`."""

    route: Route
    at: float
    of: Of
    sizes: np.ndarray
    smallest: float
    drawn: tuple[Drawn, ...]

    @property
    def level(self) -> float:
        """The level of intervals: that of the first fit."""
        return self.drawn[0].fit.level

    @property
    def measured(self) -> np.ndarray:
        """Which of the sizes are not below all runs, (sizes,)."""
        return self.sizes >= self.smallest

    def on_frontier(self) -> "Sides | None":
        """The same fits at the same compute on the frontier; None where a law has no best N and D there."""
        try:
            return draw_sides([each.fit for each in self.drawn], {"C": self.at}, self.of)
        except NoFrontierError:
            return None


@final
class NoFrontierError(InputError):
    """A law has no best N and D at a compute."""


def draw_sides(fits: Sequence[Fit], at: float | str | Mapping[str, float | str], of: Of) -> Sides:
    """Fits drawn together, at a place that suits their laws. InputError where none does, and for another `of`."""
    route, size = route_to(fits, at)
    runs = [route.sizes_of(fit) for fit in fits]
    smallest = float(min(each.min() for each in runs))
    sizes = np.geomspace(smallest / BEYOND, BEYOND * max(size, *(each.max() for each in runs)), _GRID)
    rng = np.random.default_rng(fits[0].seed)
    draws = min(len(fit.draws) for fit in fits)  # a refit that does not converge leaves none
    deviations = shared_deviations(len(fits), draws, rng)
    drawn = []
    for fit, deviation in zip(fits, deviations, strict=True):
        forecast = _forecast(fit, route, size, of)
        mean, low = outcomes(fit, route, np.array([size, smallest]), deviation).T
        run = run_noise(fit, route, size, mean, rng) if of == "run" else mean
        curve = outcomes(fit, route, sizes, deviation)
        drawn.append(Drawn(fit=fit, forecast=forecast, curve=curve, mean=mean, run=run, smallest=low))
    return Sides(route=route, at=size, of=of, sizes=sizes, smallest=smallest, drawn=tuple(drawn))


def _forecast(fit: Fit, route: Route, size: float, of: Of) -> Forecast:
    inputs = {x: float(values[0]) for x, values in route.inputs(fit, np.array([size])).items()}
    if not np.isfinite([*inputs.values()]).all():
        raise NoFrontierError(
            f"{route.x} = {size:g}: {fit.law.name} puts its least {fit.y} at no size there; give a C nearer to the "
            "runs, or N=…,D=…"
        )
    return fit.predict(of=of, **inputs)


def shared_deviations(n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Standard normals (n, draws) that are correlated by SHARED."""
    common = rng.standard_normal(draws)
    return np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * rng.standard_normal((n, draws))


def outcomes(fit: Fit, route: Route, sizes: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """The outcome (1 + draws, k) at sizes (k,) on a route: what the fit forecasts, then one for each of its draws.

    Of an accuracy it is the error rate. A draw deviates as its bootstrap refit does, by as much more as few runs ask
    for, and by its deviation (draws,) of the error of extrapolation. NaN where a law has no best N and D.
    """
    law, inputs = fit.law, route.inputs(fit, sizes)
    with np.errstate(all="ignore"):  # a wild draw far outside the runs may be anything
        centre = law(**inputs, **fit.params)
        off = _off(fit, route, sizes, len(deviations)) + deviations[:, None] * extrapolation_error(fit, inputs)
        unit = 1.0 if law.is_relative else np.abs(centre)
        middle = law.on_scale(centre) + correction(fit, inputs) * unit
        drawn = middle + np.clip(off, -_WILD, _WILD) * unit
        return law.falling(law.off_scale(np.vstack([middle, drawn])))


def run_noise(fit: Fit, route: Route, size: float, outcome: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Outcomes (1 + draws,) at a size, those of the draws with the noise of one run."""
    inputs = route.inputs(fit, np.array([size]))
    noise = np.append(0.0, rng.standard_normal(outcome.size - 1)) * residual_deviation(fit, inputs)
    return outcome * np.exp(noise) if fit.law.is_relative else outcome + noise


def _off(fit: Fit, route: Route, sizes: np.ndarray, draws: int) -> np.ndarray:
    """What the first bootstrap refits deviate from the fit's own curve by, relative, (draws, k)."""
    if fit.interpolates:  # no refits tell what parameters leave open
        return np.zeros((draws, len(sizes)))
    searched = route.along == "frontier" and len(sizes) > _SEARCHED
    places = np.geomspace(sizes[0], sizes[-1], _SEARCHED) if searched else sizes
    centre = _on_route(fit, route, places, fit.params)
    tall = {name: fit.draws[:draws, k, None] for k, name in enumerate(fit.law.parameters)}
    drawn = _on_route(fit, route, places, tall)
    off = fit.law.on_scale(drawn) - fit.law.on_scale(centre)
    off = off if fit.law.is_relative else off / np.abs(centre)
    if searched:
        off = np.array([np.interp(np.log(sizes), np.log(places), each) for each in off])
    return off * stretch(fit.level, fit.n, fit.n_parameters)


def _on_route(fit: Fit, route: Route, sizes: np.ndarray, params: Mapping[str, Any]) -> np.ndarray:
    """The law's value at sizes (k,) under parameters that are numbers or (draws, 1): each at its own inputs."""
    shape = np.broadcast_shapes(sizes.shape, *(np.shape(value) for value in params.values()))
    near = None
    if route.along == "frontier":
        near = np.broadcast_to(route.inputs(fit, sizes)["N"], shape)
    inputs = route.inputs(fit, np.broadcast_to(sizes, shape), params, near)
    return fit.law(**inputs, **params)
