"""One response surface for many cells of runs: how the outcome rises around its best settings, which move with size.

A cell holds the runs of one size (say, parameters and tokens) under many settings (say, learning rate and batch). Near
its minimum, the logarithm of the outcome in cell c is

    f_c + q(u) + h(u),   u_k = ln setting_k − (a_k0 + Σ_m a_km·ln size_m),

where q is a quadratic that never falls from u = 0, h holds the terms of third and higher order that let it lean, and
f_c is the cell's own minimum. Only the best settings differ between cells, as powers of size: so every run of
every cell helps to find them.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import final

import numpy as np

from froude.fitting.solver import Minima, ParameterBounds, minimise

_SPREAD = 0.2  # of random starts around the first, in logarithms of settings
_STEEPNESS = 0.3  # of a first surface: a setting off by a factor e costs 9%


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Runs by cell, in logarithms: settings (n, K), sizes (n, M), outcomes (n,), and the number of the cell (n,).

    Sizes are less their mean over all runs, and outcomes less the lowest of the cell: they are 0 at best.
    """

    settings: np.ndarray
    sizes: np.ndarray
    outcomes: np.ndarray
    cell: np.ndarray

    @cached_property
    def numbers(self) -> np.ndarray:
        """The numbers of the cells, ascending."""
        return np.unique(self.cell)

    def take(self, which: np.ndarray) -> "Cells":
        """The runs at these positions, or where a Boolean array (n,) is True."""
        return replace(self, **{name: values[which] for name, values in self._arrays()})

    def best(self) -> np.ndarray:
        """The position of the best run of each cell, (cells,)."""
        return np.array([np.flatnonzero(self.cell == c)[self.outcomes[self.cell == c].argmin()] for c in self.numbers])

    def excess_near(self, settings: np.ndarray) -> float:
        """The relative excess over the best outcome, of the run whose settings are nearest to these (K,) in logarithms.

        For the runs of one cell.
        """
        nearest = np.square(self.settings - settings).sum(axis=1).argmin()
        return float(np.expm1(self.outcomes[nearest] - self.outcomes.min()))

    def _arrays(self) -> list[tuple[str, np.ndarray]]:
        return [(name, getattr(self, name)) for name in self.__dataclass_fields__]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ResponseSurface:
    """The residuals of a surface of this order fitted to cells; points (rows, P) hold powers, shape and minima f_c.

    The powers come first: a_k0, a_k1, … a_kM for every setting k.
    """

    cells: Cells
    order: int

    @property
    def n_powers(self) -> int:
        """How many coordinates say where the best settings lie."""
        return self.cells.settings.shape[1] * (1 + self.cells.sizes.shape[1])

    @property
    def n_parameters(self) -> int:
        """The number of coordinates of a point."""
        return self.n_powers + len(self._pairs) + len(self._terms) + self.cells.numbers.size

    def best_settings(self, point: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The logarithms of the best settings, (…, K), at points (…, P) and sizes (M,) as the cells count them."""
        powers = point[..., : self.n_powers].reshape(*point.shape[:-1], -1, 1 + sizes.size)
        return powers @ np.append(1.0, sizes)

    def minima(self, weights: np.ndarray, starts: np.ndarray, max_steps: int = 500) -> Minima:
        """Where each of starts (rows, P) leads to, under weights of the runs (rows, n)."""
        free = np.full(self.n_parameters, np.inf)
        space = ParameterBounds(lower=-free, upper=free, longest_step=np.ones_like(free))
        return minimise(self.residuals, starts, weights, space, max_steps=max_steps)

    def starts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points (count, P) to start from: powers through the best runs of the cells, and others around them."""
        best = self.cells.best()
        powers = np.linalg.lstsq(self._sizes[best], self.cells.settings[best], rcond=None)[0].T.ravel()
        first = np.zeros(self.n_parameters)
        first[: self.n_powers] = powers
        first[self.n_powers : self.n_powers + len(self._pairs)] = [_STEEPNESS * (i == j) for i, j in self._pairs]
        points = np.tile(first, (count, 1))
        points[1:, : self.n_powers] += _SPREAD * rng.standard_normal((count - 1, self.n_powers))
        return points

    def residuals(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (rows, n) in the logarithm of the outcome and their derivatives (rows, P, n)."""
        rows, n, p = len(points), self.cells.outcomes.size, self.n_powers
        slopes = np.zeros((rows, self.n_parameters, n))
        powers = points[:, :p].reshape(rows, -1, self._sizes.shape[1])
        u = self.cells.settings.T - powers @ self._sizes.T
        value, by_u = self._rise(points[:, p:], u, slopes[:, p:])
        slopes[:, :p] = -(by_u[:, :, None, :] * self._sizes.T).reshape(rows, p, n)
        own = np.searchsorted(self.cells.numbers, self.cells.cell)
        first = self.n_parameters - self.cells.numbers.size
        slopes[:, first + own, np.arange(n)] = 1.0
        return value + points[:, first:][:, own] - self.cells.outcomes, slopes

    def _rise(self, shape: np.ndarray, u: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """q + h (rows, n) and its derivative by u (rows, K, n); those by the shape go into slopes."""
        pairs, settings = self._pairs, u.shape[1]
        triangle = np.zeros((len(u), settings, settings))
        for k, (i, j) in enumerate(pairs):
            triangle[:, i, j] = shape[:, k]
        t = triangle @ u
        value, by_u = np.square(t).sum(axis=1), 2 * triangle.transpose(0, 2, 1) @ t
        for k, (i, j) in enumerate(pairs):
            slopes[:, k] = 2 * t[:, i] * u[:, j]
        for k, term in enumerate(self._terms, start=len(pairs)):
            factor = shape[:, k, None]
            slopes[:, k] = np.prod([u[:, i] ** e for i, e in enumerate(term)], axis=0)
            value = value + factor * slopes[:, k]
            for i in np.flatnonzero(term):
                lower = [e - (i == j) for j, e in enumerate(term)]
                by_u[:, i] += factor * term[i] * np.prod([u[:, j] ** e for j, e in enumerate(lower)], axis=0)
        return value, by_u

    @cached_property
    def _sizes(self) -> np.ndarray:
        return np.column_stack([np.ones(len(self.cells.sizes)), self.cells.sizes])

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        """Entries of the triangular matrix T of q(u) = |T·u|²."""
        return list(combinations_with_replacement(range(self.cells.settings.shape[1]), 2))

    @cached_property
    def _terms(self) -> list[tuple[int, ...]]:
        """The power of each u in every term of h."""
        settings = range(self.cells.settings.shape[1])
        orders = range(3, self.order + 1)
        chosen = [term for order in orders for term in combinations_with_replacement(settings, order)]
        return [tuple(term.count(k) for k in settings) for term in chosen]
