"""A product of 2-bit matrices: by a table of all dot products of four values, and by 8-bit and 32-bit libraries.

Four 2-bit weights fit into a byte, and so do four 2-bit activations; their dot product is one of 65 536. "DeepGEMM:
Accelerated Ultra Low-Precision Inference on CPU Architectures using Lookup Tables" looks it up in a vector register by
shuffles, and reports up to 1.74 times the speed of 8-bit kernels. NumPy's `take` looks up in the cache, one load a
product of four, and nothing is assumed about who wins.

The library's 8-bit product is PyTorch's, in 32-bit floats it is NumPy's. The quality is the largest error; all three
are exact. The rows that grow are the inner ones.

Expected: exponent 1 for all.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from froude import growth

ROWS, COLUMNS = 64, 64
LEVELS = np.arange(-2, 2)  # of a 2-bit value


class Factors(NamedTuple):
    """Codes of weights and activations, four a byte, and both as 8-bit and 32-bit matrices (a, b of each)."""

    packed: tuple[np.ndarray, np.ndarray]
    int8: tuple[Any, Any]
    float32: tuple[np.ndarray, np.ndarray]


def dots() -> np.ndarray:
    """The dot product of every two bytes of four values: (65 536,)."""
    values = LEVELS[np.arange(256)[:, None] >> np.arange(0, 8, 2) & 3]
    return (values @ values.T).astype(np.int8).ravel()


TABLE = dots()


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """Random codes: weights (ROWS, n), activations (n, COLUMNS)."""
    import torch  # slow to import

    codes = rng.integers(0, 4, (ROWS, int(size))), rng.integers(0, 4, (int(size), COLUMNS))
    a, b = (LEVELS[code] for code in codes)
    both = torch.from_numpy(a.astype(np.int8)), torch.from_numpy(b.astype(np.int8))
    packed = pack(codes[0]).astype(np.uint16) << 8, pack(codes[1].T).astype(np.uint16)
    return Factors(packed, both, (a.astype(np.float32), b.astype(np.float32)))


def pack(codes: np.ndarray) -> np.ndarray:
    """Four codes a byte along the last axis."""
    four = codes.reshape(*codes.shape[:-1], -1, 4) << np.arange(0, 8, 2)
    return four.sum(axis=-1).astype(np.uint8)


def lookup(data: Factors) -> np.ndarray:
    """A row of weights at a time: look up its dot products with all columns, and add them."""
    weights, activations = data.packed
    result = np.empty((len(weights), len(activations)), np.int32)
    for row, codes in enumerate(weights):
        result[row] = TABLE.take(codes | activations).sum(axis=1, dtype=np.int32)
    return result


def by_int8(data: Factors) -> np.ndarray:
    """PyTorch's product of 8-bit integers, added in 32 bits."""
    import torch

    return torch._int_mm(*data.int8).numpy()  # pyright: ignore[reportPrivateImportUsage]


def by_float(data: Factors) -> np.ndarray:
    """NumPy's product of 32-bit floats."""
    return data.float32[0] @ data.float32[1]


def error(data: Factors, result: np.ndarray) -> float:
    """The largest difference from the product of 64-bit integers."""
    a, b = (matrix.astype(int) for matrix in data.float32)
    return float(np.abs(result - a @ b).max())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What was measured, beside what the paper says."""
    from froude import atlas

    published = atlas.atlas_record("deepgemm-lut").claims[0].value
    sizes, statements = result.experiment.sizes, {}
    for method in result.experiment.methods:
        worst = max(result.median(method, n, "quality") for n in sizes)
        statements[f"{method}: error {worst:g}"] = worst == 0
    for crossing in result.crossings[:2]:  # of the table with each of the others
        ratio = result.median(crossing.second, sizes[-1], "cpu_seconds") / result.median(
            "table", sizes[-1], "cpu_seconds"
        )
        statements[
            f"the table has {ratio:.2g} times the speed of {crossing.second} here, {crossing.faster_above} is faster "
            f"beyond doubt; {published:g} times that of 8-bit kernels is published"
        ] = crossing.faster_above is not None
    return statements


EXPERIMENT = growth.Experiment(
    title="Product of 2-bit matrices: table against 8-bit and 32-bit libraries",
    source="DeepGEMM",
    sizes=(256, 512, 1024, 2048, 4096),
    methods={"table": lookup, "8-bit": by_int8, "32-bit float": by_float},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="inner rows",
    expected="exponent 1 for all; which is faster is to be seen",
    claims=(growth.RowClaim(row="deepgemm-lut", holds=holds),),
)
