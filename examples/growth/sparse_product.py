"""A sparse matrix times a dense one: from which density on is the dense product faster?

"Fast Sparse ConvNets" reports end-to-end speed-ups of 1.3 to 2.4 over dense networks
from sparse kernels on mobile processors. What sparsity a library needs to gain anything is a matter of machine and
library, and of nothing that FLOPs tell: SciPy's product of a CSR matrix runs far below the rate of dense BLAS.

Here the size that grows is the density, the share of entries that are not zero. Run it with OMP_NUM_THREADS=1, or the
CPU seconds of all threads of BLAS are counted. Needs SciPy.

Expected: exponent 1 for the sparse product once its entries outweigh its overhead, no growth for the dense one, and a
crossing far below density 1: the break-even density of this machine.
"""

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


EXPERIMENT = growth.Experiment(
    title=f"A sparse {ROWS} x {ROWS} matrix times {COLUMNS} columns",
    source="Fast Sparse ConvNets",
    sizes=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    methods={"CSR": by_csr, "dense": by_blas},
    prepare=prepare,
    size_name="density",
    expected="exponent 1 for CSR, none for dense, crossing far below density 1",
)
