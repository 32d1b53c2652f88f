"""Weights of two bits from a lattice against scalar levels, and the best bit width at equal total bytes.

"QuIP#: Even Better LLM Quantization with Hadamard Incoherence and Lattice Codebooks" turns weights by random Hadamard
matrices, which makes them close to normal, and codes eight at a time by points of the lattice E8, the densest packing
in eight dimensions (Viazovska 2017). Here the codebook is every point of E8 with squared norm up to 10: 56,881 points,
so 15.8 bits for eight weights, at the scale that errs least. Scalars have the levels of Lloyd 1982 and Max 1960; at two
bits their error is 0.1175 of the variance.

The size that grows is the total bytes of a model: the product of two factors that approximates a matrix of planted
spectrum, i^−0.7. At each, every format affords a rank of its own, the size of the model, and the quality is what is
left of the matrix: the curves from which the best bit width is chosen. Scales, 16 bits for a block of 128, are
counted, by `froude.cost.model.formats`. Needs SciPy.

Expected: an error of the lattice on normal weights below 0.1175; less left than with two-bit scalars at every size; few
bits and a high rank where bytes are scarce.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy.linalg import hadamard
from scipy.special import ndtri

from froude import growth
from froude.cost.model.formats import Format

SIDE, DECAY, SCALE_BITS = 128, 0.7, 16
SCALAR_ERROR = 0.1175  # of the variance: four levels on a normal (Max 1960)
BITS = {"lattice, 2 bits": 2, "scalar, 2 bits": 2, "scalar, 3 bits": 3, "scalar, 4 bits": 4, "scalar, 8 bits": 8}


@functools.cache
def codebook() -> np.ndarray:
    """Points of E8 up to squared norm 10 (56881, 8), scaled to err least on unit normals."""
    points = np.concatenate([coordinates(0.0), coordinates(0.5)]).astype(np.float32)
    normal = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    scales = np.linspace(0.75, 1.0, 5)
    errors = [np.mean((nearest(normal, s * points) - normal) ** 2) for s in scales]
    return points * np.float32(scales[int(np.argmin(errors))])


def coordinates(shift: float) -> np.ndarray:
    """All points of the integers plus a shift in eight dimensions with an even sum and squared norm up to 10."""
    steps, points = np.arange(-3, 4) + shift, np.zeros((1, 0))
    for _ in range(8):
        points = np.concatenate([np.repeat(points, steps.size, axis=0), np.tile(steps, len(points))[:, None]], axis=1)
        points = points[(points**2).sum(axis=1) <= 10]
    return points[points.sum(axis=1) % 2 == 0]


def nearest(vectors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The point closest to each vector."""
    half = (points**2).sum(axis=1) / 2
    return np.concatenate(
        [points[(part @ points.T - half).argmax(1)] for part in np.array_split(vectors, -(-len(vectors) // 200))]
    )


@functools.cache
def levels(bits: int) -> np.ndarray:
    """The scalar levels that err least on unit normals: each the mean of what is nearest to it (Lloyd 1982)."""
    values = ndtri((np.arange(20_000) + 0.5) / 20_000)
    summed = np.concatenate([[0.0], values.cumsum()])
    found = values[:: values.size // 2**bits][: 2**bits] + 0.01
    for _ in range(300):
        ends = np.concatenate([[0], np.searchsorted(values, (found[1:] + found[:-1]) / 2), [values.size]])
        found = np.where(np.diff(ends) > 0, np.diff(summed[ends]) / np.maximum(np.diff(ends), 1), found)
    return found


def coded(values: np.ndarray, form: str) -> np.ndarray:
    """Values with unit variance (8k,) in one of the formats."""
    if form.startswith("lattice"):
        return nearest(values.reshape(-1, 8).astype(np.float32), codebook()).ravel()
    table = levels(BITS[form])
    return table[np.searchsorted((table[1:] + table[:-1]) / 2, values)]


def quantised(weights: np.ndarray, form: str, rng: np.random.Generator) -> np.ndarray:
    """Rows of weights (rows, SIDE), each turned by a Hadamard matrix with random signs, coded at its own scale, and
    turned back."""
    turn = hadamard(SIDE) * rng.choice([-1, 1], SIDE) / np.sqrt(SIDE)
    turned = weights @ turn.T
    scale = turned.std(axis=1, keepdims=True)
    return scale * coded((turned / scale).ravel(), form).reshape(turned.shape) @ turn


class Budget(NamedTuple):
    """A matrix by its singular vectors, its spectrum, the bytes to spend, and the seed of signs."""

    left: np.ndarray
    spectrum: np.ndarray
    right: np.ndarray
    stored_bytes: float
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Budget:
    """Random singular vectors, as rows."""
    left, right = (np.linalg.qr(rng.normal(size=(SIDE, SIDE)))[0] for _ in range(2))
    return Budget(left, np.arange(1.0, SIDE + 1) ** -DECAY, right, size, int(rng.integers(2**31)))


def left_over(data: Budget, form: str) -> float:
    """The share of the matrix, in squares, that the quantised factors of the rank that bytes afford leave."""
    stored = Format(bits=BITS[form], group=SIDE, scale_bits=SCALE_BITS)
    rank = int(8 * data.stored_bytes // stored.matrix_bits(SIDE, 2))
    rng, root = np.random.default_rng(data.seed), np.sqrt(data.spectrum[:rank, None])
    left, right = (quantised(root * rows[:rank], form, rng) for rows in (data.left, data.right))
    matrix = (data.left.T * data.spectrum) @ data.right
    return float(np.sum((matrix - left.T @ right) ** 2) / np.sum(matrix**2))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The error on weights that are normal once turned, and the curves at equal bytes."""
    rng, sizes = np.random.default_rng(1), result.experiment.sizes
    turned = (rng.normal(size=(512, SIDE)) * rng.choice([-1, 1], SIDE)) @ hadamard(SIDE) / np.sqrt(SIDE)
    errors = {form: np.mean((coded(turned.ravel(), form) - turned.ravel()) ** 2) for form in BITS}
    lattice, scalar = errors["lattice, 2 bits"], errors["scalar, 2 bits"]
    curves = {form: [result.median(form, size, "quality") for size in sizes] for form in BITS}
    best = [min(BITS, key=lambda form: curves[form][k]) for k in range(len(sizes))]
    numbers = "; ".join(
        f"{size:g} bytes: {form}, {curves[form][k]:.3g}" for k, (size, form) in enumerate(zip(sizes, best, strict=True))
    )
    widths = [BITS[form] for form in best]
    below = all(a < b for a, b in zip(curves["lattice, 2 bits"], curves["scalar, 2 bits"], strict=True))
    return {
        f"the lattice errs by {lattice:.4f} of the variance, below {SCALAR_ERROR} of the best scalars": lattice
        < SCALAR_ERROR,
        f"two-bit scalars err by {scalar:.4f}, within 2% of {SCALAR_ERROR}": abs(scalar / SCALAR_ERROR - 1) < 0.02,
        "at equal bytes the lattice leaves less than two-bit scalars at every size": below,
        f"the best width rises with total bytes ({numbers})": widths == sorted(widths) and widths[0] < widths[-1],
    }


EXPERIMENT = growth.Experiment(
    title="Quantised factors of a matrix: what they leave at equal total bytes",
    source="QuIP#: Even Better LLM Quantization with Hadamard Incoherence and Lattice Codebooks",
    sizes=(256, 512, 1024, 2048, 4096),
    methods={form: lambda data, form=form: left_over(data, form) for form in BITS},
    prepare=prepare,
    quality=lambda data, share: share,
    quality_name="left over",
    size_name="bytes",
    expected="two bits of the lattice below two bits of scalars; few bits best where bytes are scarce",
    claims=(growth.RowClaim(row="quip-sharp", holds=holds, shows="modelled"),),
)
