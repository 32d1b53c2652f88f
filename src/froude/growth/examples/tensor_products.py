"""Products of spherical functions up to degree L: Clebsch-Gordan, and Gaunt by Fourier series or on a grid.

A full tensor product by Clebsch-Gordan coefficients takes O(L⁶). "Enabling Efficient Equivariant Operations in the
Fourier Basis via Gaunt Tensor Products" (Luo et al. 2024, arXiv:2401.10216) multiplies the functions themselves, as
Fourier series on a torus: O(L³). "The Price of Freedom" (Xie et al. 2025, arXiv:2506.13523) does so on a grid of the
sphere, and points out that these products put out less: one function up to degree 2L instead of one for each pair of
degrees. The quality says how many numbers.

The first is e3nn's FullTensorProduct, for which PyTorch and e3nn are needed, the others NumPy's; SciPy is needed too.
Coefficients of a function are complex, [m, l, pair] for m ≥ 0, and 0 where l < m.

Expected: exponents below 6 and 3, for overheads fade slowly with L, and less far apart; that of Clebsch-Gordan larger.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from froude import growth

PAIRS = 256
THEORY = {"Clebsch-Gordan": 6.0, "Gaunt, Fourier": 3.0, "Gaunt, grid": 3.0}
CLOSE = 1e-8


class Pairs(NamedTuple):
    """The product of e3nn with both its arguments, and coefficients [m, l, pair] of other functions; their degree."""

    product: Callable[[], Any]
    one: np.ndarray
    other: np.ndarray
    degree: int


def prepare(size: float, rng: np.random.Generator) -> Pairs:
    """Random functions up to that degree; tables are made before the clock starts."""
    import torch

    degree = int(size)
    torch.set_num_threads(1)
    arguments = [torch.from_numpy(rng.normal(size=(PAIRS, (degree + 1) ** 2)).astype("f4")) for _ in range(2)]
    product = partial(clebsch_gordan(degree), *arguments)
    product()
    for table in (to_grid, to_series):
        table(degree)
    return Pairs(product, function(degree, rng), function(degree, rng), degree)


def function(degree: int, rng: np.random.Generator) -> np.ndarray:
    """Coefficients of real functions."""
    m, ell = np.mgrid[: degree + 1, : degree + 1]
    real, imaginary = rng.normal(size=(2, degree + 1, degree + 1, PAIRS))
    return np.where((ell >= m)[..., None], real + 1j * np.where((m > 0)[..., None], imaginary, 0.0), 0.0)


@cache
def clebsch_gordan(degree: int) -> Any:
    """e3nn's product of all degrees with all."""
    from e3nn import o3

    irreps: Any = o3.Irreps([(1, (ell, 1)) for ell in range(degree + 1)])
    return o3.FullTensorProduct(irreps, irreps)


def legendre(degree: int, theta: np.ndarray) -> np.ndarray:
    """Spherical harmonics at longitude 0, [m, θ, l]; past θ = π those that continue them around the torus."""
    from scipy.special import sph_harm_y

    m, t, ell = np.ix_(np.arange(degree + 1), theta, np.arange(degree + 1))
    beyond = t > np.pi
    values = sph_harm_y(ell, m, np.where(beyond, 2 * np.pi - t, t), 0.0).real
    return np.where(ell >= m, values * np.where(beyond, (-1.0) ** m, 1.0), 0.0)


@cache
def to_grid(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Values [m, θ, l] at the latitudes of a quadrature for 4·degree, and the way back [m, l, θ] for products."""
    x, weights = np.polynomial.legendre.leggauss(2 * degree + 1)
    back = legendre(2 * degree, np.arccos(x)) * weights[:, None]
    return legendre(degree, np.arccos(x)), 2 * np.pi * back.swapaxes(1, 2)


@cache
def to_series(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Fourier coefficients [m, u, l] of harmonics along θ, and the way back [m, l, u] for products."""
    size = 4 * degree + 1
    circle = 2 * np.pi * np.arange(size) / size
    x, weights = np.polynomial.legendre.leggauss(4 * degree + 2)
    waves = np.exp(1j * np.fft.fftfreq(size, 1 / size)[:, None] * np.arccos(x)) * weights
    back = waves @ legendre(2 * degree, np.arccos(x))
    return np.fft.fft(legendre(degree, circle), axis=1) / size, 2 * np.pi * back.swapaxes(1, 2)


def on_grid(data: Pairs) -> np.ndarray:
    """Values at points of the sphere multiplied."""
    forth, back = to_grid(data.degree)
    longitudes = 4 * data.degree + 1
    one, other = (np.fft.irfft(forth @ f, longitudes, axis=0) * longitudes for f in (data.one, data.other))
    return back @ (np.fft.rfft(one * other, axis=0) / longitudes)


def by_series(data: Pairs) -> np.ndarray:
    """Fourier series convolved, by transforms of the torus."""
    forth, back = to_series(data.degree)
    size = 4 * data.degree + 1
    one, other = (np.fft.irfft(np.fft.ifft(forth @ f, axis=1), size, axis=0) for f in (data.one, data.other))
    return back @ (np.fft.fft(np.fft.rfft(one * other, axis=0), axis=1) * size**2)


def put_out(data: Pairs, result: Any) -> float:
    """Numbers put out a pair. ValueError where the two ways to multiply functions disagree."""
    if not isinstance(result, np.ndarray):
        return float(result.shape[-1])
    if np.abs(result - on_grid(data)).max() > CLOSE * np.abs(result).max():
        raise ValueError("the products differ")
    return float((2 * data.degree + 1) ** 2)


def lower(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the Fourier product has the lower exponent. By 2, as the row says, it is not at these degrees."""
    full, fourier = result.growth("Clebsch-Gordan"), result.growth("Gaunt, Fourier")
    statements = " against ".join(f"{fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f})" for fit in (full, fourier))
    return {f"exponents of Clebsch-Gordan and Fourier: {statements}": full.exponent > fourier.exponent}


def beside_theory(result: growth.GrowthResult) -> dict[str, bool]:
    """Each measured exponent beside the theoretical one, flagged where it lies outside the interval, as some must."""
    statements, flagged = [], False
    for method, order in THEORY.items():
        fit = result.growth(method)
        differs = not fit.lo <= order <= fit.hi
        flagged |= differs
        statements.append(
            f"{method} {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}) {'not ' if differs else ''}{order:g}"
        )
    largest = result.experiment.sizes[-1]
    full, grid = (result.median(method, largest, "quality") for method in ("Clebsch-Gordan", "Gaunt, grid"))
    numbers = f"at L = {largest:g} Clebsch-Gordan puts out {full:.0f} numbers, the grid {grid:.0f}"
    return {"; ".join(statements): flagged, numbers: grid < full}


EXPERIMENT = growth.Experiment(
    title=f"Products of {PAIRS} pairs of spherical functions",
    source="Luo et al. 2024, arXiv:2401.10216; Xie et al. 2025, arXiv:2506.13523",
    sizes=(1, 2, 3, 4, 6, 8),
    methods={"Clebsch-Gordan": lambda data: data.product(), "Gaunt, Fourier": by_series, "Gaunt, grid": on_grid},
    prepare=prepare,
    quality=put_out,
    quality_name="numbers",
    size_name="degree",
    expected="a larger exponent for Clebsch-Gordan, at most the theoretical ones",
    claims=(
        growth.RowClaim(row="gaunt-tensor-product", holds=lower, shows="modelled"),
        growth.RowClaim(row="price-of-freedom", holds=beside_theory),
    ),
)
