"""A sparse matrix times a dense one: from which density on is the dense product faster?

"Fast Sparse ConvNets" reports end-to-end speed-ups of 1.3 to 2.4 over dense networks
from sparse kernels on mobile processors. What sparsity a library needs to gain anything is a matter of machine and
library, and of nothing that FLOPs tell: SciPy's product of a CSR matrix runs far below the rate of dense BLAS.

Here the size that grows is the density, the share of entries that are not zero. Run it with OMP_NUM_THREADS=1, or the
CPU seconds of all threads of BLAS are counted. Needs SciPy.

Expected: exponent 1 for the sparse product once its entries outweigh its overhead, no growth for the dense one, and a
crossing far below density 1: the break-even density of this machine.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from froude import growth

ROWS, COLUMNS = 768, 64


def prepare(density: float, rng: np.random.Generator) -> tuple[Any, np.ndarray, np.ndarray]:
    """A matrix of that density in CSR form and in full, and a dense factor."""
    full = rng.normal(size=(ROWS, ROWS)) * (rng.random((ROWS, ROWS)) < density)
    return sparse.csr_array(full), full, rng.normal(size=(ROWS, COLUMNS))


def by_csr(data: tuple[Any, np.ndarray, np.ndarray]) -> np.ndarray:
    """SciPy's product: stored entries alone."""
    return data[0] @ data[2]


def by_blas(data: tuple[Any, np.ndarray, np.ndarray]) -> np.ndarray:
    """NumPy's product: every entry, zeros too."""
    return data[1] @ data[2]


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """A good part of the sentence on "Fast Sparse ConvNets": break-even, and who chooses rightly at each density."""
    (crossing,) = result.crossings
    if crossing.size is None or crossing.lo is None or crossing.hi is None:
        return {"the two cross at some density": False}
    densities = [d for d in result.experiment.sizes if not 0.8 < d / crossing.size < 1.25]  # the rest are ties
    seconds = {name: [result.median(name, d, "cpu_seconds") for d in densities] for name in ("CSR", "dense")}
    sparse_is_faster = [sparse < dense for sparse, dense in zip(seconds["CSR"], seconds["dense"], strict=True)]
    by_curve = sum((d < crossing.size) == faster for d, faster in zip(densities, sparse_is_faster, strict=True))
    by_flops = sum(sparse_is_faster)  # fewer at any density below 1
    return {
        f"break-even at a sparsity of {1 - crossing.size:.3f} ({1 - crossing.hi:.3f} to {1 - crossing.lo:.3f})": (
            crossing.kind == "inside" and crossing.faster_above == "dense"
        ),
        f"the measured curve chooses rightly at {by_curve} of {len(densities)} densities, FLOPs at {by_flops}": (
            by_curve == len(densities) > by_flops
        ),
    }


EXPERIMENT = growth.Experiment(
    title=f"A sparse {ROWS} x {ROWS} matrix times {COLUMNS} columns",
    source="Fast Sparse ConvNets",
    sizes=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    methods={"CSR": by_csr, "dense": by_blas},
    prepare=prepare,
    size_name="density",
    expected="exponent 1 for CSR, none for dense, crossing far below density 1",
    claims=(growth.RowClaim(row="fast-sparse-convnets", holds=holds, shows="modelled"),),
)
