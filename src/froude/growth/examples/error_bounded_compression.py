"""Compression of a field within an error bound: ZFP, and a multigrid transform with a quantiser.

"MGARD: A multigrid framework for high-performance, error-controlled data compression and refactoring" (Gong et al.
2023, arXiv:2401.05994 as remembered) keeps what interpolation from every coarser grid leaves over, quantised; the
error of a value is at most the sum of what the levels add. Here a level interpolates along rows, then along columns,
and adds three halves of the quantiser's step at most; so the step is chosen. MGARD also projects, has a step for each
level and codes better than zlib. Needs zfpy.

The field is smooth, with waves of many lengths. The size is the number of its values, at the bound BOUND; the quality
is the compression ratio. A second experiment goes over bounds at one size.

Expected: exponent 1 in size for time, errors below the bound, a ratio that grows like a power of the bound.
"""

import zlib
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import zfpy

from froude import growth

BOUND = 1e-3
BOUNDS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
SIDE = 129
WAVES, SECONDS = 40, 20.0
NEAR = 0.2


class Field(NamedTuple):
    """Values (side, side), and the largest error allowed."""

    values: np.ndarray
    bound: float


def draw(side: int, bound: float, rng: np.random.Generator) -> Field:
    """A sum of waves whose height falls with the square of their frequency, of height 1 at most."""
    x = np.linspace(0, 1, side)
    frequency = 2 ** rng.uniform(0, 5, (WAVES, 2))
    phase = rng.uniform(0, 2 * np.pi, (WAVES, 2))
    one, other = (np.sin(2 * np.pi * frequency[:, i, None] * x + phase[:, i, None]) for i in range(2))
    values = (one.T / frequency.prod(axis=1)) @ other
    return Field(values / np.abs(values).max(), bound)


def zfp(data: Field) -> tuple[bytes, np.ndarray]:
    """ZFP's bytes in its mode of fixed accuracy, and the field they give back."""
    packed = zfpy.compress_numpy(data.values, tolerance=data.bound)
    return packed, zfpy.decompress_numpy(packed)


def multigrid(data: Field) -> tuple[bytes, np.ndarray]:
    """The bytes of the multigrid transform, and the field they give back."""
    strides = [2**level for level in range((len(data.values) - 1).bit_length() - 1)]
    step = 2 * data.bound / (3 * len(strides) + 1)
    values = data.values.copy()
    for stride in strides:
        for view in (values[::stride, ::stride], values[::stride, ::stride].T):
            view[1::2] -= (view[:-1:2] + view[2::2]) / 2
    coded = np.rint(values / step).astype(np.int32)
    planes = coded.reshape(-1, 1).view(np.uint8).T  # like bytes beside each other
    packed = zlib.compress(planes.tobytes(), 1)
    given = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(planes.shape)
    values = step * given.T.copy().view(np.int32).reshape(coded.shape)
    for stride in reversed(strides):
        for view in (values[::stride, ::stride].T, values[::stride, ::stride]):
            view[1::2] += (view[:-1:2] + view[2::2]) / 2
    return packed, values


def ratio(data: Field, result: tuple[bytes, np.ndarray]) -> float:
    """Bytes of the field over those it is packed in. ValueError where the error exceeds the bound."""
    packed, given = result
    if (off := np.abs(given - data.values).max()) > data.bound:
        raise ValueError(f"an error of {off:g} exceeds the bound {data.bound:g}")
    return data.values.nbytes / len(packed)


def largest_error(method: str) -> float:
    """The largest error over its bound, at all bounds."""
    fields = [draw(SIDE, bound, np.random.default_rng(0)) for bound in BOUNDS]
    return max(float(np.abs(METHODS[method](field)[1] - field.values).max() / field.bound) for field in fields)


def bounded(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether errors are within bounds, time has exponent 1 in size, and the ratio is a rising power of the bound."""
    over_bounds = replace(EXPERIMENT, sizes=BOUNDS, prepare=lambda size, rng: draw(SIDE, size, rng), size_name="bound")
    ratios = growth.grow(over_bounds, seconds=SECONDS, repeats=3)
    statements = {}
    for method in METHODS:
        off, seconds, rises = largest_error(method), result.growth(method), ratios.growth(method, "quality")
        statements[f"{method}: errors at most {off:.2f} of the bound"] = off <= 1
        line = f"{method}: time has exponent {seconds.exponent:.2f} ({seconds.lo:.2f} to {seconds.hi:.2f}), near 1"
        statements[line] = abs(seconds.exponent - 1) < NEAR
        line = f"{method}: ratio has exponent {rises.exponent:.2f} ({rises.lo:.2f} to {rises.hi:.2f}) in the bound"
        statements[line] = rises.lo > 0
    return statements


METHODS = {"ZFP": zfp, "multigrid": multigrid}
EXPERIMENT = growth.Experiment(
    title="A smooth field compressed within an error bound",
    source="Gong et al. 2023, arXiv:2401.05994",
    sizes=(65**2, 129**2, 257**2, 513**2, 1025**2),
    methods=METHODS,
    prepare=lambda size, rng: draw(round(size**0.5), BOUND, rng),
    quality=ratio,
    quality_name="ratio",
    size_name="values",
    expected="time with exponent 1 in values, errors below the bound, a ratio that is a power of the bound",
    claims=(growth.RowClaim(row="mgard", holds=bounded, shows="modelled"),),
)
