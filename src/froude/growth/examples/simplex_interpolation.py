"""Interpolation on a grid: all corners of a cell, or the corners of the simplex that holds the point.

"Efficient Encoding of Graphics Primitives with Simplex-based Structures" (Wen and Yang 2023, arXiv:2311.15439) looks
up n + 1 features in n dimensions, where a grid like that of instant-ngp looks up 2^n. The simplex is found by sorting
the point's fractions (Kuhn's triangulation): its corners are those of the cell, one coordinate raised after the other
in the order of falling fractions.

The quality is the number of lookups a point. Features are those of a linear function, which both must reproduce.

Expected: lookups, and time past the overhead, exponential in the dimension for the grid and linear for the simplex.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

POINTS, CELLS = 1000, 2
CLOSE = 1e-9


class Points(NamedTuple):
    """Places (p, n) in a grid, features of its nodes in a row, the stride of each axis, and the exact values (p,)."""

    places: np.ndarray
    features: np.ndarray
    strides: np.ndarray
    exact: np.ndarray


class Found(NamedTuple):
    """Interpolated values (p,), and the lookups a point."""

    values: np.ndarray
    lookups: int


def prepare(size: float, rng: np.random.Generator) -> Points:
    """Random places in a grid of that dimension, with a random linear function on its nodes."""
    n = int(size)
    places, slopes = rng.random((POINTS, n)) * CELLS, rng.normal(size=n)
    strides = (CELLS + 1) ** np.arange(n)
    nodes = np.arange((CELLS + 1) ** n)[:, None] // strides % (CELLS + 1)
    return Points(places, nodes @ slopes, strides, places @ slopes)


def grid(data: Points) -> Found:
    """The sum over the 2^n corners of the cell, whose weights double with every axis."""
    cell = data.places.astype(int)
    fractions = data.places - cell
    at, weights = (cell @ data.strides)[:, None], np.ones((len(cell), 1))
    for stride, fraction in zip(data.strides, fractions.T, strict=True):
        at = np.concatenate([at, at + stride], axis=1)
        weights = np.concatenate([weights * (1 - fraction[:, None]), weights * fraction[:, None]], axis=1)
    return Found((weights * data.features[at]).sum(axis=1), at.shape[1])


def simplex(data: Points) -> Found:
    """The sum over the n + 1 corners of the simplex, weighed by the steps between sorted fractions."""
    cell = data.places.astype(int)
    fractions = data.places - cell
    order = np.argsort(-fractions, axis=1)
    falling = np.take_along_axis(fractions, order, axis=1)
    at = np.cumsum(np.concatenate([(cell @ data.strides)[:, None], data.strides[order]], axis=1), axis=1)
    weights = -np.diff(falling, axis=1, prepend=1.0, append=0.0)
    return Found((weights * data.features[at]).sum(axis=1), at.shape[1])


def lookups(data: Points, result: Found) -> float:
    """Lookups a point; ValueError where a value is wrong."""
    if np.abs(result.values - data.exact).max() > CLOSE:
        raise ValueError("a linear function is not reproduced")
    return float(result.lookups)


def form(sizes: tuple[float, ...], values: list[list[float]]) -> tuple[str, float, float]:
    """The closer of a + b·n and a + b·2^n where the largest dimension is held out, and the errors of both."""
    linear, exponential = (growth.fit_growth(x, values) for x in ([*sizes], [2**n for n in sizes]))
    if isinstance(linear, growth.Unfitted) or isinstance(exponential, growth.Unfitted):
        return "neither", np.nan, np.nan
    errors = linear.held_out["n"], exponential.held_out["n"]
    return ("linear" if errors[0] < errors[1] else "exponential", *errors)


def chosen(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether the held-out dimension chooses exponential growth for the grid and linear growth for the simplex."""
    statements, sizes = {}, result.experiment.sizes
    for method, expected in (("grid", "exponential"), ("simplex", "linear")):
        for what in ("cpu_seconds", "quality"):
            name, linear, exponential = form(
                sizes, [[getattr(t, what) for t in result.timings_of(method, n)] for n in sizes]
            )
            noun = "time" if what == "cpu_seconds" else "lookups"
            line = (
                f"{method}, {noun}: {name}, for the linear form is off by {linear:.1%}, a + b·2^n by {exponential:.1%}"
            )
            statements[line] = name == expected
    return statements


EXPERIMENT = growth.Experiment(
    title=f"Interpolation of {POINTS} points on a grid: cells against simplices",
    source="Wen and Yang 2023, arXiv:2311.15439",
    sizes=(2, 3, 4, 5, 6, 7, 8),
    methods={"grid": grid, "simplex": simplex},
    prepare=prepare,
    quality=lookups,
    quality_name="lookups",
    size_name="dimension",
    expected="lookups and time exponential for the grid, linear for the simplex",
    claims=(growth.RowClaim(row="simplex-encoding", holds=chosen),),
)
