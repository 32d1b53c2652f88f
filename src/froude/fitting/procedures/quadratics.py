"""Quadratic surfaces through outcomes over settings, fitted under many rows of weights, and where they are least.

    f(u) = f0 + g·u + u·H·u/2

for K settings u: where H is positive definite, the least is at −H⁻¹g.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import final

import numpy as np


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Quadratics:
    """Surfaces, a row each: the outcome f0 at u = 0 (rows,), slopes g (rows, K) and bends H (rows, K, K)."""

    level: np.ndarray
    slope: np.ndarray
    bend: np.ndarray

    @property
    def has_least(self) -> np.ndarray:
        """Which surfaces have a least value, (rows,)."""
        return np.linalg.eigvalsh(self.bend).min(axis=1) > 0

    def least(self) -> np.ndarray:
        """Where the surfaces are least, (rows, K); NaN for those that fall for ever."""
        bend = np.where(self.has_least[:, None, None], self.bend, np.eye(self.bend.shape[1]))
        places = -np.linalg.solve(bend, self.slope[..., None])[..., 0]
        return np.where(self.has_least[:, None], places, np.nan)

    def at(self, u: np.ndarray) -> np.ndarray:
        """The values of the surfaces, (rows,), each at its own u (rows, K)."""
        return self.level + np.einsum("rk,rk->r", self.slope, u) + np.einsum("rj,rjk,rk->r", u, self.bend, u) / 2


def n_coefficients(settings: int) -> int:
    """How many numbers a surface over so many settings has."""
    return len(_terms(settings)) + settings + 1


def is_determined(u: np.ndarray) -> bool:
    """Whether settings (n, K) vary apart from each other, and in enough places, for a surface through them."""
    return bool(np.linalg.matrix_rank(_powers(u)) == n_coefficients(u.shape[1]))


def fit_quadratics(u: np.ndarray, outcome: np.ndarray, weights: np.ndarray) -> Quadratics:
    """Surfaces of least squares through outcomes (n,) at settings u (n, K), one for each row of weights (rows, n)."""
    powers, K = _powers(u), u.shape[1]
    matrix = np.einsum("rn,np,nq->rpq", weights, powers, powers, optimize=True)
    found = np.linalg.solve(matrix, np.einsum("rn,np,n->rp", weights, powers, outcome, optimize=True)[..., None])[
        ..., 0
    ]
    bend = np.zeros((len(weights), K, K))
    for (i, j), value in zip(_terms(K), found[:, K + 1 :].T, strict=True):
        bend[:, i, j] += value
        bend[:, j, i] += value
    return Quadratics(level=found[:, 0], slope=found[:, 1 : K + 1], bend=bend)


def _terms(settings: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(settings), 2))


def _powers(u: np.ndarray) -> np.ndarray:
    """1, u and their products by twos, (n, coefficients)."""
    products = [u[:, i] * u[:, j] for i, j in _terms(u.shape[1])]
    return np.column_stack([np.ones(len(u)), u, *products])
