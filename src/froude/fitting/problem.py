"""A law and the runs it is fitted to, as the residuals a solver minimises.

Everything is scaled: inputs are divided by their geometric mean, parameters move in the coordinate of their
kind. A point is one vector of coordinates; points come in batches of shape (rows, P).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from froude.fitting.dual import Dual
from froude.fitting.measured import log_size
from froude.fitting.solver import DELTA, Minima, ParameterBounds, minimise
from froude.laws import Law
from froude.laws.kinds import Input
from froude.laws.lr_history import LrHistory
from froude.laws.residual_scales import magnitude

# A law such as Kaplan's is absurd at most random points: powers of powers overflow. One in eight never is.
_CANDIDATES = 8
_PAIRS_AT_ONCE = 10_000
_MOST_TAKEN = 0.9
# The misfit of a rough law, one with breaks, has many hollows. Of 32 points, each the best of four, that have gone down
# for thirty steps, one is in the deepest.
_EACH, _FALLING, FIRST_STEPS = 4, 32, 30


@final
@dataclass(frozen=True, kw_only=True)
class KnownExponents:
    """What exponents are known to be before the runs speak: `typical`, give or take a factor exp(`deviation`), where
    runs lie off the law by the relative `noise`, mean absolute."""

    typical: float
    deviation: float
    noise: float

    @property
    def pull(self) -> float:
        """Its weight beside the Huber losses of runs, which grow by `DELTA` for each unit of a residual."""
        return DELTA * self.noise / self.deviation**2


OF_TANK = KnownExponents(typical=0.25, deviation=0.25, noise=0.004)
"""Exponents of N and D of the tank's small trainings: with it the pilots of seeds 6 to 13 err least (`--learn` of
benchmarks/pilot.py); fits to a pilot's few lengths alone find anything from 0.1 to 1.7."""


@final
@dataclass(frozen=True, kw_only=True)
class FitProblem:
    """A law, its scaled inputs (n,), what was measured (n,), the factors the inputs were divided by, how much each run
    weighs in the sum that is minimised (n,), and what is known of its exponents beforehand."""

    law: Law
    inputs: tuple[Dual | LrHistory, ...]
    measured: np.ndarray
    factors: Mapping[str, float]
    weights: np.ndarray
    known: KnownExponents | None = None

    def take(self, rows: np.ndarray) -> "FitProblem":
        """The problem of some rows (k,) alone, in the same coordinates."""
        inputs = tuple(values[rows] for values in self.inputs)
        return replace(self, inputs=inputs, measured=self.measured[rows], weights=self.weights[rows])

    def residuals(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (rows, n) and their derivatives by coordinate (rows, P, n) at points (rows, P).

        At an absurd point, where the law overflows or is negative, they are not finite, which is not warned of.
        """
        with np.errstate(all="ignore"):
            return self._residuals(points)

    def _residuals(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residual = np.empty((len(points), self.measured.size))
        slopes = np.zeros((len(points), points.shape[1], self.measured.size))
        parameters = self._parameters(points)
        for some, inputs in self._pieces:
            predicted = self.law.function(*inputs, **parameters)
            factor = 1.0
            if self.law.residual == "log":
                np.subtract(predicted.log, self.measured[some], out=residual[:, some])
                factor = 1 / predicted.value
            elif self.law.residual == "log error":
                np.subtract(self.law.on_scale(predicted.value), self.measured[some], out=residual[:, some])
                factor = 1 / (1 - predicted.value)
            else:
                np.subtract(predicted.value, self.measured[some], out=residual[:, some])
            for k, name in enumerate(self.law.parameters):
                if name in predicted.tangents:
                    np.multiply(predicted.tangents[name], factor, out=slopes[:, k, some])
        return residual, slopes

    @cached_property
    def _pieces(self) -> tuple[tuple[slice, tuple[Dual | LrHistory, ...]], ...]:
        """The inputs, cut where the histories of the runs are together too long for the cache of one core."""
        histories = [x for x in self.inputs if isinstance(x, LrHistory)]
        if not histories:
            return ((slice(None), self.inputs),)
        ends = np.flatnonzero(np.diff(histories[0].starts // _PAIRS_AT_ONCE)) + 1
        pieces = [slice(a, b) for a, b in zip([0, *ends], [*ends, self.measured.size], strict=True)]
        return tuple((some, tuple(values[some] for values in self.inputs)) for some in pieces)

    def _parameters(self, points: np.ndarray) -> dict[str, Dual]:
        parameters = {}
        for k, (name, kind) in enumerate(self.law.kinds.items()):
            z = points[:, k, None]
            if kind.coordinate == "log":
                value = np.exp(z)
                parameters[name] = Dual(value, {name: value}, z)
            else:
                parameters[name] = Dual(z, {name: np.ones_like(z)})
        return parameters

    def space(self) -> ParameterBounds:
        """Where the coordinates may lie, and how far one step may take them."""
        kinds = self.law.kinds.values()
        bounds = [self._bounds(name) for name in self.law.parameters]
        ends = [
            [np.log(b) if k.coordinate == "log" else b for b in ends] for k, ends in zip(kinds, bounds, strict=True)
        ]
        lower, upper = np.array(ends, dtype=float).T
        # A logarithm that moves by 3 changes its parameter twentyfold: no linearisation holds that far.
        longest = np.array([3.0 if k.coordinate == "log" else np.inf for k in kinds])
        if self.known is None:
            return ParameterBounds(lower=lower, upper=upper, longest_step=longest)
        is_exponent = np.array([kind.name == "exponent" for kind in kinds])
        return ParameterBounds(
            lower=lower,
            upper=upper,
            longest_step=longest,
            expected=np.where(is_exponent, np.log(self.known.typical), 0.0),
            pull=np.where(is_exponent, self.known.pull, 0.0),
        )

    def _bounds(self, name: str) -> tuple[float, float]:
        kind = self.law.kinds[name]
        if not (kind.within or kind.below):
            return kind.bounds
        (x,) = self.law.carries[name]
        values = self._numbers[x]
        return (kind.bounds[0], _MOST_TAKEN * float(values.min())) if kind.below else (values.min(), values.max())

    @property
    def _numbers(self) -> dict[str, np.ndarray]:
        """The scaled inputs that are numbers, (n,) each."""
        return {x: v.value for x, v in zip(self.law.inputs, self.inputs, strict=True) if isinstance(v, Dual)}

    def starts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Random points (count, P) to start from: the best of several draws of the kinds each."""
        if not any(kind.rough for kind in self.law.kinds.values()):
            return self.scatter(count, rng)
        points = self._best(self._draw(_EACH * _FALLING * count, rng), _FALLING * count)
        fallen = minimise(
            self.residuals, points, np.tile(self.weights, (len(points), 1)), self.space(), max_steps=FIRST_STEPS
        )
        return self._best(fallen.points, count)

    def scatter(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Random points (count, P) all over, none of them absurd, however many hollows the law has."""
        return self._best(self._draw(_CANDIDATES * count, rng), count)

    @cached_property
    def scales(self) -> np.ndarray:
        """What is one in a coordinate, (P,): the size of the outcome for a floor, which is plain, else 1."""
        level = np.median(magnitude(self.law.residual, self.measured))
        return np.array([level if kind.name == "floor" else 1.0 for kind in self.law.kinds.values()])

    def _draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        level = float(magnitude(self.law.residual, self.measured).min())
        space = self.space()
        columns = []
        for k, kind in enumerate(self.law.kinds.values()):
            drawn = kind.draw(rng, count, level)
            with np.errstate(divide="ignore"):  # a share of an outcome of 0 is the lower bound
                drawn = np.log(drawn) if kind.coordinate == "log" else drawn
            columns.append(rng.uniform(space.lower[k], space.upper[k], count) if kind.within else drawn)
        return np.clip(np.stack(columns, axis=-1), space.lower, space.upper)

    def _best(self, points: np.ndarray, count: int) -> np.ndarray:
        """Of as many groups of points, the one in each that is least far off."""
        with np.errstate(all="ignore"):
            misfit = np.abs(self.residuals(points)[0]).sum(axis=1)
        misfit = np.where(np.isfinite(misfit), misfit, np.inf).reshape(count, -1)
        return points.reshape(count, -1, points.shape[1])[np.arange(count), misfit.argmin(axis=1)]

    def parameters(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """The law's parameters in the units of the runs, each (rows,), at points (rows, P)."""
        kinds = enumerate(self.law.kinds.items())
        scaled = {p: np.exp(points[:, i]) if k.coordinate == "log" else points[:, i] for i, (p, k) in kinds}
        return self.law.rescale(scaled, {x: 1 / f for x, f in self.factors.items()})


def make_problem(
    law: Law, inputs: Mapping[str, Any], y: np.ndarray, emphasis: float = 0.0, known: KnownExponents | None = None
) -> FitProblem:
    """The problem of fitting law to outcomes y (n,) at inputs {role: (n,)}, all finite, positive where it asks.

    Runs weigh as their size to the power `emphasis`, and one on average; `known` is what is known of exponents.
    """
    factors = _factors(law, inputs)
    scaled = tuple(_scaled(law.marks[x].read(inputs[x]) / factors[x], law.marks[x]) for x in law.inputs)
    measured = law.on_scale(y)
    weights = np.ones(measured.size)
    if emphasis:
        size = log_size(law, inputs)
        weights = np.exp(emphasis * (size - size.max()))
    return FitProblem(
        law=law, inputs=scaled, measured=measured, factors=factors, weights=weights / weights.mean(), known=known
    )


def search(problem: FitProblem, starts: int, rng: np.random.Generator) -> Minima:
    """The minima that so many random starts lead to."""
    points = problem.starts(starts, rng)
    return minimise(problem.residuals, points, np.tile(problem.weights, (starts, 1)), problem.space())


def _factors(law: Law, inputs: Mapping[str, Any]) -> dict[str, float]:
    """What each input is divided by: the middle of the first input of its unit, as a law may compare the two."""
    middle: dict[str, float] = {}
    for x, mark in law.marks.items():
        middle.setdefault(mark.unit, _middle(inputs[x], mark))
    return {x: middle[mark.unit] for x, mark in law.marks.items()}


def _middle(values: Any, mark: Input) -> float:
    if mark.domain == "history":
        return float(values.rate.max())
    size = np.abs(values[values != 0])
    return float(np.exp(np.log(size).mean())) if size.size and mark.domain != "count" else 1.0


def _scaled(values: Any, mark: Input) -> Dual | LrHistory:
    if isinstance(values, LrHistory):
        lifted = {name: _with_log(getattr(values, name)) for name in ("rate", "area", "steps")}
        return replace(values, **lifted)
    return Dual(values) if mark.domain == "real" else _with_log(values)


def _with_log(values: np.ndarray) -> Dual:
    return Dual(values, log=np.log(values))
