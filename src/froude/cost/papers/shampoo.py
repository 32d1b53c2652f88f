"""What a Kronecker-preconditioned optimizer adds to a step: factors of every block of weights, their roots, a gather.

Distributed Shampoo (Shi et al. 2023, arXiv:2309.06497): every matrix is cut into blocks of at most `block` rows and
columns. A block of m × n has factors of m × m and n × n, their statistics and their inverse roots; roots are computed
every `every` steps, each on one of the data-parallel devices, and search directions gathered in every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group, gather_seconds
from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import matmul_rate
from froude.cost.model.model import Model
from froude.cost.model.operators import Matmul
from froude.cost.training.layout import Layout

ROOT_FLOPS = 25.0
"""FLOPs at the rate of matmuls that an inverse root takes, over the cube of its rows (guess): values and vectors of a
symmetric matrix take about 9·n³ (Golub and Van Loan, section 8.3, as remembered), many far below that rate."""

FACTOR_BYTES = 4 * 2
"""Bytes an entry of a factor: its statistics and its inverse root in fp32."""


@final
@dataclass(frozen=True, kw_only=True)
class Shampoo:
    """Largest rows and columns of a `block`, and steps between two computations of roots."""

    block: int = 1024
    every: int = 50


@final
@dataclass(frozen=True, kw_only=True)
class Added:
    """What is added: bytes and seconds a step on a device, the seconds by part."""

    factor_bytes: float
    root_seconds: float
    product_seconds: float
    gather_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.root_seconds + self.product_seconds + self.gather_seconds


def shampoo_added(model: Model, machine: Machine, layout: Layout, optimizer: Shampoo) -> Added:
    """What Shampoo adds to a diagonal optimizer where data parallelism alone divides its work.

    Products make statistics from the gradient and precondition it: 4·m·n·(m + n) FLOPs a block. The rate is that of
    fp32, which both need; gathered are fp32 directions of all parameters.
    """
    blocks = list(_blocks(model, optimizer.block))
    cubes = sum(count * (m**3 + n**3) for count, m, n in blocks)
    squares = sum(count * (m**2 + n**2) for count, m, n in blocks)
    products = sum(count * 4 * m * n * (m + n) for count, m, n in blocks)
    devices = float(layout.data_parallel)
    rate = float(matmul_rate(machine.chip, "fp32", constants())) * devices
    group = Group(size=layout.data_parallel, stride=layout.tensor)
    gathered = gather_seconds(group, 4.0 * model.n_params, machine, constants()) if devices > 1 else 0.0
    return Added(
        factor_bytes=FACTOR_BYTES * squares / devices,
        root_seconds=ROOT_FLOPS * cubes / optimizer.every / rate,
        product_seconds=products / rate,
        gather_seconds=float(gathered),
    )


def _blocks(model: Model, most: int) -> Iterator[tuple[float, float, float]]:
    """Count, rows and columns of the blocks of all weights that matmuls have, those at the edges smaller."""
    for count, operator in model.operator_counts():
        if isinstance(operator, Matmul) and not operator.tied:
            for n_rows, rows in _pieces(float(operator.inputs), most):
                for n_columns, columns in _pieces(float(operator.outputs), most):
                    yield float(count * operator.experts) * n_rows * n_columns, rows, columns


def _pieces(size: float, most: int) -> list[tuple[float, float]]:
    """How many pieces of which size: whole ones, and what is left."""
    whole, left = np.divmod(size, most)
    return [(many, length) for many, length in ((whole, float(most)), (1.0, left)) if many and length]
