"""Weights of a Fourier operator in Tucker form: error by rank, and parameters.

"Multi-Grid Tensorized Fourier Neural Operator for High-Resolution PDEs" factors the spectral weights of an operator,
one matrix of channels for each of the lowest modes, by Tucker's decomposition, to 150 times fewer parameters.

The operator here mixes 8 channels into two species, which diffuse at different rates for a unit of time, and mixes them
into 8 channels again: exact spectral weights Σ exp(−D·k²)·u·vᵀ, estimated by least squares from 40 noisy solutions. The
size is the rank in all four directions; the quality is the error of solutions of fields that have not been seen.

Expected: an error that is least at the operator's own rank, 2, and rises from there with the noise that is kept.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

CHANNELS, SPECIES, MODES, FIELDS, NOISE = 8, 2, 8, 40, 0.02


class Operator(NamedTuple):
    """Weights found (MODES, MODES, CHANNELS, CHANNELS), the exact ones, unseen fields, and the rank."""

    weights: np.ndarray
    exact: np.ndarray
    unseen: np.ndarray
    rank: int


def prepare(size: float, rng: np.random.Generator) -> Operator:
    """An operator estimated from noisy solutions."""
    squared = np.add.outer(np.arange(MODES) ** 2, np.arange(MODES) ** 2)
    rates = np.exp(-np.multiply.outer(squared, (0.02, 0.2)))
    into, out_of = rng.normal(size=(2, CHANNELS, SPECIES))
    exact = np.einsum("ijs,as,bs->ijab", rates, into, out_of)
    fields, unseen = rng.normal(size=(2, MODES, MODES, FIELDS, CHANNELS))
    solutions = fields @ exact + NOISE * rng.normal(size=fields.shape)
    return Operator(np.linalg.pinv(fields) @ solutions, exact, unseen, int(size))


def tucker(operator: Operator) -> np.ndarray:
    """The weights within the largest directions of each of their four, as many as the rank."""
    tensor = operator.weights
    for axis in range(4):
        flat = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
        basis = np.linalg.svd(flat, full_matrices=False)[0][:, : operator.rank]
        tensor = np.moveaxis(np.tensordot(basis @ basis.T, tensor, (1, axis)), 0, axis)
    return tensor


def error(operator: Operator, weights: np.ndarray) -> float:
    """Of solutions of unseen fields, relative to them."""
    exact = operator.unseen @ operator.exact
    return float(np.linalg.norm(operator.unseen @ weights - exact) / np.linalg.norm(exact))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The error by rank: high at first, low from the operator's own rank on."""
    errors = [result.median("Tucker", rank, "quality") for rank in result.experiment.sizes]
    numbers = ", ".join(f"{e:.4f}" for e in errors)
    low = [rank for rank, e in zip(result.experiment.sizes, errors, strict=True) if e <= 1.2 * errors[-1]]
    return {
        f"errors {numbers}: at least 3 times lower at the end than at rank 1": errors[0] >= 3 * errors[-1],
        f"from rank {low[0]:g} of {CHANNELS} on at most a fifth above the whole tensor's": low[0] == SPECIES,
    }


EXPERIMENT = growth.Experiment(
    title="Spectral weights of a diffusion operator by rank",
    source="Multi-Grid Tensorized Fourier Neural Operator for High-Resolution PDEs",
    sizes=(1, 2, 3, 4, 6, 8),
    methods={"Tucker": tucker},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="rank",
    expected="a low error from the operator's rank on",
    claims=(growth.RowClaim(row="mg-tfno", holds=holds, shows="modelled"),),
)
