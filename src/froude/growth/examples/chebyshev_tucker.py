"""A smooth function of three variables: values on a grid against Chebyshev coefficients in Tucker form.

"A mesh-free hybrid Chebyshev-Tucker tensor format with applications to multi-particle modelling" expands a function in
Chebyshev polynomials and compresses the coefficients by Tucker's decomposition (De Lathauwer et al. 2000, SIAM Journal
on Matrix Analysis and Applications 21, 1253-1278), so that nothing grows with the grid on which the function is
wanted.

The function is the potential of 20 charges of radius 0.5 in a cube. The polynomial degree is doubled until the last
coefficients are below a tenth of the tolerance; the ranks are the fewest that keep what is left out below it in each
direction. The quality is the number of values stored.

Expected: stored values with exponent 3 in the grid's side for the grid, 0 for the format; ranks below the degree;
an error on the grid below the tolerance.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev

from froude import growth

CHARGES, RADIUS, TOLERANCE = 20, 0.5, 1e-5
LEFT_OUT = TOLERANCE / 10  # by the degree and by each of the three ranks: errors add up


class Potential(NamedTuple):
    """Charges at places (CHARGES, 3), and the side of the grid wanted."""

    charges: np.ndarray
    places: np.ndarray
    side: int

    def at(self, points: np.ndarray) -> np.ndarray:
        """Values on all combinations of points (k,): (k, k, k)."""
        total = 0.0
        for charge, (x, y, z) in zip(self.charges, self.places, strict=True):
            squared = ((points - x) ** 2)[:, None, None] + ((points - y) ** 2)[:, None] + (points - z) ** 2
            total = total + charge / np.sqrt(squared + RADIUS**2)
        return np.asarray(total)


class Tucker(NamedTuple):
    """A core, and factors (coefficients, rank) of the three directions."""

    core: np.ndarray
    factors: list[np.ndarray]

    def on(self, points: np.ndarray) -> np.ndarray:
        """Values on all combinations of points."""
        sides = [chebyshev.chebval(points, factor, tensor=True).T for factor in self.factors]
        return np.einsum("abc,ia,jb,kc->ijk", self.core, *sides, optimize=True)

    @property
    def values(self) -> int:
        """Numbers stored."""
        return self.core.size + sum(factor.size for factor in self.factors)


def prepare(size: float, rng: np.random.Generator) -> Potential:
    """Charges within the cube."""
    return Potential(rng.normal(size=CHARGES), rng.uniform(-1, 1, (CHARGES, 3)), int(size))


def grid(data: Potential) -> np.ndarray:
    """Values on the whole grid."""
    return data.at(np.linspace(-1, 1, data.side))


def chebyshev_tucker(data: Potential) -> Tucker:
    """Coefficients of sufficient degree, compressed."""
    degree = 8
    while True:
        coefficients = expanded(data, degree)
        last = max(
            np.abs(coefficients[-2:]).max(), np.abs(coefficients[:, -2:]).max(), np.abs(coefficients[..., -2:]).max()
        )
        if last < LEFT_OUT * np.abs(coefficients).max():
            return compressed(coefficients)
        degree *= 2


def expanded(data: Potential, degree: int) -> np.ndarray:
    """Chebyshev coefficients of interpolation at degree + 1 Chebyshev points in every direction."""
    points = chebyshev.chebpts1(degree + 1)
    to = np.linalg.inv(chebyshev.chebvander(points, degree))
    return np.einsum("abc,ia,jb,kc->ijk", data.at(points), to, to, to, optimize=True)


def compressed(tensor: np.ndarray) -> Tucker:
    """The truncated higher-order singular value decomposition."""
    factors = []
    for axis in range(3):
        left, values, _ = np.linalg.svd(np.moveaxis(tensor, axis, 0).reshape(len(tensor), -1), full_matrices=False)
        beyond = np.sqrt(np.cumsum(values[::-1] ** 2))[::-1]
        factors.append(left[:, : int(np.sum(beyond > LEFT_OUT * beyond[0]))])
    return Tucker(np.einsum("abc,ai,bj,ck->ijk", tensor, *factors, optimize=True), factors)


def stored(data: Potential, result: np.ndarray | Tucker) -> float:
    """Numbers stored."""
    return float(result.values if isinstance(result, Tucker) else result.size)


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Both exponents; ranks and error at the largest grid."""
    full, small = (result.growth(name, "quality") for name in result.experiment.methods)
    data = prepare(result.experiment.sizes[-1], np.random.default_rng(1))
    made, exact = chebyshev_tucker(data), grid(data)
    error = float(np.abs(made.on(np.linspace(-1, 1, data.side)) - exact).max() / np.abs(exact).max())
    degree, rank = made.factors[0].shape[0] - 1, max(made.core.shape)
    return {
        f"values of the grid with exponent {full.exponent:.2f}, within 0.05 of 3": abs(full.exponent - 3) < 0.05,
        f"values of the format with exponent {small.exponent:.2f}, within 0.15 of 0": abs(small.exponent) < 0.15,
        f"error {error:.1g} of the largest value on {data.side}³ points, below {TOLERANCE:g}": error < TOLERANCE,
        f"ranks up to {rank}, below the degree {degree}": rank < degree,
    }


EXPERIMENT = growth.Experiment(
    title="A potential of three variables: grid against Chebyshev-Tucker",
    source="A mesh-free hybrid Chebyshev-Tucker tensor format with applications to multi-particle modelling",
    sizes=(16, 32, 64, 96, 128),
    methods={"grid": grid, "Chebyshev-Tucker": chebyshev_tucker},
    prepare=prepare,
    quality=stored,
    quality_name="values",
    size_name="side",
    expected="stored values with exponents 3 and 0 in the side",
    claims=(growth.RowClaim(row="chebyshev-tucker", holds=holds),),
)
