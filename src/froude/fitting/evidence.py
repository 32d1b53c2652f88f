"""All that a fit is judged by: the runs, the minima that every start led to, and the bootstrap refits."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import final

import numpy as np
from numpy.ma import masked_invalid

from froude.fitting.checkpoints import trainings_of
from froude.fitting.identification import is_interpolated
from froude.fitting.measured import Measured
from froude.fitting.misfit import Misfit, find_misfit
from froude.fitting.mixtures import MixedRuns, find_mixture
from froude.fitting.options import FitOptions
from froude.fitting.problem import FitProblem
from froude.fitting.small_samples import widened
from froude.fitting.solver import Minima, minimise
from froude.runs import Runs

_AGREE = 1e-6
_SAME, _SAME_OF_SPREAD, _BEYOND = 1e-3, 0.1, 3.0
NEGLIGIBLE_RESIDUAL = 1e-9
"""Objectives of residuals below one part in a billion are all as good as zero."""

# In robust standard deviations: runs farther off count less, as they pull a robust fit less.
_FULL_WEIGHT = 3.0
_NO_DIRECTION = 1e-7  # singular values this small beside the largest are rounding


def best_row(minima: Minima) -> int:
    """The row with the lowest objective among those that converged; among all where none did."""
    trusted = minima.converged if minima.converged.any() else np.isfinite(minima.objectives)
    return int(np.where(trusted, minima.objectives, np.inf).argmin())


@final
@dataclass(frozen=True, eq=False)
class FitEvidence:
    """What was fitted to what, and what came out of every start and of every bootstrap refit."""

    runs: Runs
    y: str
    measured: Measured
    problem: FitProblem
    minima: Minima
    refits: Minima
    options: FitOptions

    @property
    def best(self) -> int:
        """The start that the fit is taken from."""
        return best_row(self.minima)

    @property
    def lowest(self) -> float:
        """The fit's objective."""
        return float(self.minima.objectives[self.best])

    @property
    def slack(self) -> float:
        """How far apart two objectives may be and count as the same."""
        return _AGREE * self.lowest + 0.5 * self.measured.n * NEGLIGIBLE_RESIDUAL**2

    @cached_property
    def agree(self) -> np.ndarray:
        """Which starts converged to the fit's objective and forecast what it forecasts, (starts,).

        At every corner of the runs, thrice beyond, their outcomes lie within a thousandth of the fit's, or within a
        tenth of what the refits spread over: parameters of a term that is nothing may differ, and do no harm. Points of
        curves have no corners.
        """
        if self.measured.histories:
            return self.as_good
        (outcome,) = self._at_corners(self.point)
        size = np.abs(outcome) if self.problem.law.is_relative else np.abs(self.measured.y).mean()
        with np.errstate(all="ignore"):  # a start or a refit may have ended where the law is absurd
            spread = masked_invalid(self._at_corners(self.refits.points[self.usable])).std(axis=0).filled(0.0)
            off = np.abs(self._at_corners(self.minima.points) - outcome)
        return self.as_good & np.all(off <= np.maximum(_SAME * size, _SAME_OF_SPREAD * spread), axis=1)

    def _at_corners(self, points: np.ndarray) -> np.ndarray:
        """The outcomes (rows, corners) at points (rows, P), thrice beyond the runs along every input that makes them
        larger, and at the middle of the others."""
        law, inputs = self.problem.law, self.measured.inputs
        sizes = [x for x in inputs if law.marks[x].is_size]
        ends = [(inputs[x].min() / _BEYOND, inputs[x].max() * _BEYOND) for x in sizes]
        corners = dict(zip(sizes, np.array(list(product(*ends))).T, strict=True))
        at = {x: corners.get(x, np.median(values)) for x, values in inputs.items()}
        tall = {name: values[:, None] for name, values in self.problem.parameters(points).items()}
        with np.errstate(all="ignore"):
            return np.atleast_2d(law(**at, **tall))

    @property
    def as_good(self) -> np.ndarray:
        """Which starts converged to the fit's objective, (starts,), wherever they ended."""
        return self.minima.converged & (np.abs(self.minima.objectives - self.lowest) <= self.slack)

    @property
    def point(self) -> np.ndarray:
        """The fit in the solver's coordinates, (1, P)."""
        return self.minima.points[self.best][None]

    @cached_property
    def params(self) -> dict[str, float]:
        """The fitted parameters."""
        return {name: float(value[0]) for name, value in self.problem.parameters(self.point).items()}

    @cached_property
    def residuals(self) -> np.ndarray:
        """The residuals of the fitted runs, (n,)."""
        return self.problem.residuals(self.point)[0][0]

    @cached_property
    def misfit(self) -> Misfit | None:
        """The pattern that the law leaves in the residuals; None for noise."""
        return find_misfit(self.problem.law, self.measured.inputs, self.residuals, self.measured.y)

    @cached_property
    def mixture(self) -> MixedRuns | None:
        """The groups of runs that do not belong together; None where all do."""
        return find_mixture(self.problem, self.point, self.measured, self.runs)

    @cached_property
    def trainings(self) -> tuple[str, int] | None:
        """The input that grows along trainings whose points the rows are, and their number; None for runs."""
        return trainings_of(self.problem.law, self.runs, self.measured)

    @cached_property
    def leverage(self) -> np.ndarray:
        """How much of each run's fitted value it decides itself, (n,), from 0 to 1; they add up to the parameters.

        The diagonal of the hat matrix of the fit linearised at the optimum, without the parameters at a bound.
        """
        residuals, slopes = self.problem.residuals(self.point)
        space = self.problem.space()
        free = (self.point[0] > space.lower) & (self.point[0] < space.upper)
        far = np.abs(residuals[0]) / (_FULL_WEIGHT * 1.4826 * np.median(np.abs(residuals[0])) + NEGLIGIBLE_RESIDUAL)
        weighted = slopes[0, free] / np.sqrt(np.maximum(1.0, far))
        lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
        _, sizes, directions = np.linalg.svd(weighted / np.where(lengths > 0, lengths, 1.0), full_matrices=False)
        known = directions[sizes > _NO_DIRECTION * sizes.max(initial=0.0)]
        return np.einsum("kn,kn->n", known, known)

    def refit_without(self, run: int) -> Minima:
        """Where the fit goes from its optimum when one of its runs (0 to n − 1) is left out: one row."""
        weights = self.problem.weights[None].copy()
        weights[0, run] = 0.0
        return minimise(self.problem.residuals, self.point, weights, self.problem.space())

    @property
    def usable(self) -> np.ndarray:
        """Which refits converged, (draws,); all where none did, which is warned of."""
        return self.refits.converged if self.refits.converged.any() else ~self.refits.converged

    @cached_property
    def draws(self) -> dict[str, np.ndarray]:
        """The parameters of the refits that converged, each (draws,)."""
        return self.problem.parameters(self.refits.points[self.usable])

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The percentile interval of each parameter; none where the law goes through all runs."""
        if is_interpolated(self.measured.n, len(self.params)):
            return {}
        return {name: self.interval(values) for name, values in self.draws.items()}

    def interval(self, values: np.ndarray) -> tuple[float, float]:
        """The central interval of values (draws,) at the fit's level, wider where runs are few."""
        level = widened(self.options.level, self.measured.n, len(self.problem.law.parameters))
        with np.errstate(invalid="ignore"):  # between two draws that are infinite
            low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)
