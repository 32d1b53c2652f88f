"""A trained matrix from its own columns and rows against the truncated singular value decomposition: error by rank.

"CURing Large Models: Compression via CUR Decomposition" replaces weights by C·U·R of chosen columns, chosen rows and a
small core: error above that of the singular value decomposition, which is least, and far less time. It takes
Llama-3.1-8B from 8.03B to 7.32B parameters by rank 256 for the queries, keys and gates of some of its layers (as
remembered). Here the number of layers is solved for, not the ranks.

Columns and rows are those that a pivoted QR factorisation picks. The matrix is the second layer of a network that has
learnt scikit-learn's digits. Needs SciPy and scikit-learn.

Expected: errors of CUR above those of the decomposition, falling with the rank, in less time. At these ranks much of
the matrix is left out by both, so that a ratio of errors says little about how near they are.
"""

import functools

import numpy as np
from scipy import linalg

from froude import growth
from froude.cost import get_model
from froude.cost.papers.adapters import projections

WIDTH, RANK, REDUCED = 384, 256, ("attention.query", "attention.key", "mlp.gate")


@functools.cache
def trained() -> np.ndarray:
    """The second layer's weights after 5 rounds."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    inputs, classes = load_digits(return_X_y=True)
    network = MLPClassifier((WIDTH, WIDTH), learning_rate_init=0.003, random_state=0)
    for _ in range(5):
        network.partial_fit(inputs / 16, classes, classes=range(10))
    return network.coefs_[1]


def prepare(size: float, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The trained matrix, its columns in a random order, and the rank."""
    return trained()[:, rng.permutation(WIDTH)], int(size)


def singular(data: tuple[np.ndarray, int]) -> np.ndarray:
    """The nearest matrix of that rank."""
    matrix, rank = data
    left, values, right = linalg.svd(matrix, full_matrices=False)
    return (left[:, :rank] * values[:rank]) @ right[:rank]


def cur(data: tuple[np.ndarray, int]) -> np.ndarray:
    """Columns, a core, rows: the core that errs least for them."""
    matrix, rank = data
    columns = matrix[:, picked(matrix, rank)]
    rows = matrix[picked(matrix.T, rank)]
    core = np.linalg.lstsq(columns, np.linalg.lstsq(rows.T, matrix.T)[0].T)[0]
    return columns @ core @ rows


def picked(matrix: np.ndarray, rank: int) -> np.ndarray:
    """The first columns of a pivoted QR factorisation of a random sketch with a few more rows than the rank."""
    sketch = np.random.default_rng(0).normal(size=(min(rank + 8, len(matrix)), len(matrix))) @ matrix
    return np.asarray(linalg.qr(sketch, mode="economic", pivoting=True)[-1])[:rank]


def error(data: tuple[np.ndarray, int], made: np.ndarray) -> float:
    """Relative, in the Frobenius norm."""
    return float(np.linalg.norm(made - data[0]) / np.linalg.norm(data[0]))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Errors and times at all ranks, and the layers that reach 7.32B."""
    model, pairs, times = get_model("llama-3.1-8b"), [], []
    for rank in result.experiment.sizes:
        pairs.append(tuple(result.median(name, rank, "quality") for name in ("singular values", "CUR")))
        times.append(tuple(result.median(name, rank, "cpu_seconds") for name in ("singular values", "CUR")))
    saved = sum(
        p.inputs * p.outputs - RANK * (p.inputs + p.outputs + RANK) for p in projections(model) if p.name in REDUCED
    )
    layers = round(float(model.n_params - 7.32e9) / float(saved))
    left = float(model.n_params) - layers * float(saved)
    numbers = ", ".join(f"{least:.3f}/{made:.3f}" for least, made in pairs)
    return {
        f"errors of singular values and CUR {numbers}: above, falling": all(a <= b < 1 for a, b in pairs)
        and bool(np.all(np.diff(pairs, axis=0) < 0)),
        f"CUR takes {max(b / a for a, b in times):.2f} of the time at most": all(b < a for a, b in times),
        f"rank {RANK} in {layers} of {model.layers} layers: {left / 1e9:.3f}B, 7.32B when rounded": abs(left - 7.32e9)
        < 0.005e9,
    }


EXPERIMENT = growth.Experiment(
    title="A trained matrix by singular values and by CUR",
    source="CURing Large Models: Compression via CUR Decomposition",
    sizes=(8, 16, 24, 32, 48),
    methods={"singular values": singular, "CUR": cur},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="rank",
    expected="errors of CUR above, falling with the rank, in less time",
    claims=(growth.RowClaim(row="curing", holds=holds, shows="modelled"),),
)
