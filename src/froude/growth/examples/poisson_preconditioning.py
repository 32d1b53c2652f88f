"""Poisson's equation on a square by conjugate gradients: alone, or preconditioned by algebraic multigrid.

"A Deep Conjugate Direction Method for Iteratively Solving Linear Systems" (Kaneda et al. 2022, arXiv:2205.10763) learns
directions that keep the number of iterations from growing with the system. What there is to gain: conjugate gradients
need iterations like the root of the condition number, in two dimensions like the root of the unknowns; multigrid
(Ruge and Stueben's, of PyAMG) needs as many at any size. Nothing is learned here. Needs PyAMG and SciPy.

The quality is the number of iterations to a residual of TOLERANCE; multigrid's setup is not counted in its time.

Expected: exponents 1/2 and 0 in unknowns for iterations, about 3/2 and 1 for time.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from froude import growth

TOLERANCE = 1e-8
FLAT = 0.1


class System(NamedTuple):
    """A matrix, a right-hand side, and one cycle of multigrid as an operator."""

    matrix: Any
    side: np.ndarray
    multigrid: LinearOperator


def prepare(size: float, rng: np.random.Generator) -> System:
    """The five-point matrix of a square grid of about so many unknowns, and multigrid set up for it."""
    import pyamg

    side = round(size**0.5)
    matrix = pyamg.gallery.poisson((side, side), format="csr")
    return System(matrix, rng.normal(size=side**2), pyamg.ruge_stuben_solver(matrix).aspreconditioner())


def solve(data: System, preconditioner: LinearOperator | None) -> int:
    """Iterations to the tolerance. ValueError where it is not reached."""
    steps: list[None] = []
    found, failed = cg(
        data.matrix, data.side, rtol=TOLERANCE, maxiter=len(data.side), M=preconditioner,
        callback=lambda x: steps.append(None),
    )  # fmt: skip
    if failed or np.linalg.norm(data.matrix @ found - data.side) > 10 * TOLERANCE * np.linalg.norm(data.side):
        raise ValueError("the system was not solved")
    return len(steps)


def half_and_none(result: growth.GrowthResult) -> dict[str, bool]:
    """Whether iterations have exponent 1/2 alone and about 0 with multigrid."""
    alone, sizes = result.growth("alone", "quality"), result.experiment.sizes
    first, last = (result.median("multigrid", size, "quality") for size in (sizes[0], sizes[-1]))
    slope = np.log(last / first) / np.log(sizes[-1] / sizes[0])
    return {
        f"iterations alone: exponent {alone.exponent:.2f} ({alone.lo:.2f} to {alone.hi:.2f}), near 1/2": (
            abs(alone.exponent - 0.5) < 0.1
        ),
        f"with multigrid {first:g} to {last:g}: exponent {slope:.2f}, near 0": abs(slope) < FLAT,
    }


EXPERIMENT = growth.Experiment(
    title="Poisson's equation by conjugate gradients: alone and with multigrid",
    source="Kaneda et al. 2022, arXiv:2205.10763",
    sizes=(16**2, 24**2, 32**2, 48**2, 64**2, 96**2, 128**2),
    methods={"alone": lambda data: solve(data, None), "multigrid": lambda data: solve(data, data.multigrid)},
    prepare=prepare,
    quality=lambda data, iterations: float(iterations),
    quality_name="iterations",
    size_name="unknowns",
    expected="iterations with exponent 1/2 alone and 0 with multigrid",
    claims=(growth.RowClaim(row="deep-conjugate-direction", holds=half_and_none),),
)
