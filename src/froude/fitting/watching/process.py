"""Gaussian process regression with a few kernels, chosen by how well each leaves one training out.

Rasmussen and Williams 2006, Gaussian Processes for Machine Learning: eq. 2.25 and 2.26 for the forecast, eq. 5.10 to
5.12 for what is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

_LINEAR, _CURVED, _LENGTHS, _NOISE = (0.0, 0.3, 3.0), (0.0, 1.0, 10.0), (1.0, 2.5), (0.03, 0.3, 3.0)
_CONSTANT = 100.0  # the variance of the mean of all, over that of the values: it is left to the values
_FEWEST = 4  # trainings below which only their mean is taken


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """Covariances of values at features: a constant, straight lines, and a smooth curve of some length, plus noise."""

    linear: float
    curved: float
    length: float
    noise: float

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The covariances (n, m) between features a (n, d) and b (m, d), without noise."""
        d = max(a.shape[1], 1)
        together = np.full((len(a), len(b)), _CONSTANT) + self.linear * (a @ b.T)
        if self.curved:
            squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
            together = together + self.curved * np.exp(-np.maximum(squares, 0) / (2 * d * self.length**2))
        return together


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class EndProcess:
    """A regression of values (n,) on features (n, d), both in units of their own spread.

    `left_out` (n,) are the errors of each value where it is left out, `doubt` (n,) how large each was expected to be.
    """

    kernel: Kernel
    features: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    mean: float
    spread: float
    left_out: np.ndarray
    doubt: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, values: np.ndarray) -> EndProcess:
        """The regression whose kernel leaves single values out best; NaN in features stands for their mean."""
        centre = np.nan_to_num(np.nanmean(features, axis=0)) if features.size else np.zeros(features.shape[1])
        scale = np.nanstd(features, axis=0)
        scale = np.where(np.isfinite(scale) & (scale > 1e-12), scale, 1.0)
        z = np.nan_to_num((features - centre) / scale)
        mean, spread = float(values.mean()), max(float(values.std()), 1e-6)
        y = (values - mean) / spread
        best = min((_solved(kernel, z, y) for kernel in _kernels(len(y))), key=lambda each: each[0])
        _, kernel, inverse, weights, left_out, doubt = best
        return cls(
            kernel=kernel, features=z, weights=weights, inverse=inverse, centre=centre, scale=scale,
            mean=mean, spread=spread, left_out=spread * left_out, doubt=spread * doubt,
        )  # fmt: skip

    def forecast(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values (m,) at features (m, d), and how large their errors are expected to be."""
        z = np.nan_to_num((features - self.centre) / self.scale)
        across = self.kernel.between(z, self.features)
        own = np.array([self.kernel.between(row[None], row[None])[0, 0] for row in z])
        variance = own + self.kernel.noise - np.einsum("ij,jk,ik->i", across, self.inverse, across)
        unit = self.doubt_unit
        return self.mean + self.spread * (across @ self.weights), unit * np.sqrt(np.maximum(variance, 1e-12))

    @property
    def doubt_unit(self) -> float:
        """The factor from a kernel's deviation to one of the values."""
        return self.spread * _unit(self.left_out / self.spread, self.doubt / self.spread)


def _unit(errors: np.ndarray, doubt: np.ndarray) -> float:
    """How much larger errors are than expected: the root of their mean square over the expected one."""
    return float(np.sqrt(np.mean((errors / doubt) ** 2))) if errors.size else 1.0


def _kernels(n: int) -> list[Kernel]:
    if n < _FEWEST:
        return [Kernel(linear=0.0, curved=0.0, length=1.0, noise=1.0)]
    return [
        Kernel(linear=linear, curved=curved, length=length, noise=noise)
        for linear, curved, length, noise in product(_LINEAR, _CURVED, _LENGTHS, _NOISE)
        if curved or length == _LENGTHS[0]
    ]


def _solved(kernel: Kernel, z: np.ndarray, y: np.ndarray):
    """The score of a kernel, lower is better: the mean log density of values left out, its scale set by them."""
    inverse = np.linalg.inv(kernel.between(z, z) + kernel.noise * np.eye(len(y)))
    weights = inverse @ y
    diagonal = np.diag(inverse)
    left_out, doubt = weights / diagonal, 1 / np.sqrt(diagonal)
    score = np.log(_unit(left_out, doubt) + 1e-12) + np.log(doubt).mean()
    return score, kernel, inverse, weights, left_out, doubt
