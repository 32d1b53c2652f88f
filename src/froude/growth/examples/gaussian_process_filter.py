"""Gaussian-process regression on a series: the dense inverse against a Kalman filter and smoother.

A process with a Matérn kernel of order 3/2 is the state of a linear stochastic equation with two components
(Hartikainen and Särkkä 2010, IEEE Machine Learning for Signal Processing), so that its posterior takes time in
proportion to the observations n and not to n³. "Functional Bayesian Tucker Decomposition for Continuous-indexed Tensor
Data" infers its continuous factors so.

The quality is the largest difference of a posterior mean from the wave that was observed.

Expected: exponents 3 and 1, and the same posterior means up to rounding.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

RATE, NOISE = np.sqrt(3) / 5.0, 0.1
STATIONARY = np.diag([1.0, RATE**2])


class Series(NamedTuple):
    """Rising times, what was observed at each, and the covariance of all, which the dense way is given."""

    times: np.ndarray
    values: np.ndarray
    covariance: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Series:
    """So many observations of a wave with noise, at irregular times."""
    times = rng.exponential(size=int(size)).cumsum()
    apart = RATE * np.abs(times[:, None] - times)
    return Series(times, np.sin(times / 7) + NOISE * rng.normal(size=times.size), (1 + apart) * np.exp(-apart))


def dense(data: Series) -> np.ndarray:
    """The posterior mean by the inverse of the covariance of all observations."""
    inverse = np.linalg.inv(data.covariance + NOISE**2 * np.eye(data.times.size))
    return data.covariance @ (inverse @ data.values)


def kalman(data: Series) -> np.ndarray:
    """The posterior mean by a filter forwards and a smoother backwards (Rauch, Tung and Striebel 1965)."""
    mean, covariance, kept = np.zeros(2), STATIONARY, []
    for step, value in zip(np.diff(data.times, prepend=data.times[0]), data.values, strict=True):
        move = np.exp(-RATE * step) * np.array([[1 + RATE * step, step], [-(RATE**2) * step, 1 - RATE * step]])
        foreseen = move @ mean
        spread = move @ (covariance - STATIONARY) @ move.T + STATIONARY
        gain = spread[:, 0] / (spread[0, 0] + NOISE**2)
        before = covariance
        earlier = mean
        mean = foreseen + gain * (value - foreseen[0])
        covariance = spread - np.outer(gain, spread[0])
        kept.append((earlier, before, move, foreseen, spread))
    smooth = [mean[0]]
    for earlier, before, move, foreseen, spread in reversed(kept[1:]):
        mean = earlier + before @ move.T @ np.linalg.solve(spread, mean - foreseen)
        smooth.append(mean[0])
    return np.array(smooth[::-1])


def difference(data: Series, mean: np.ndarray) -> float:
    """The largest difference of a mean from the wave."""
    return float(np.abs(mean - np.sin(data.times / 7)).max())


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Both exponents, and both means."""
    statements = {}
    for name, exponent in (("dense", 3), ("Kalman", 1)):
        fit = result.growth(name)
        statements[
            f"{name} with exponent {fit.exponent:.2f} ({fit.lo:.2f} to {fit.hi:.2f}), within 0.4 of {exponent}"
        ] = abs(fit.exponent - exponent) < 0.4
    data = prepare(500, np.random.default_rng(1))
    apart = float(np.abs(dense(data) - kalman(data)).max())
    return statements | {f"means of 500 observations differ by {apart:.1g} at most, below 1e-8": apart < 1e-8}


EXPERIMENT = growth.Experiment(
    title="Gaussian-process regression: dense against Kalman",
    source="Hartikainen and Särkkä 2010",
    sizes=(100, 200, 400, 800, 1600),
    methods={"dense": dense, "Kalman": kalman},
    prepare=prepare,
    quality=difference,
    quality_name="error",
    size_name="observations",
    expected="exponents 3 and 1, the same means",
    claims=(growth.RowClaim(row="funbat", holds=holds),),
)
