"""Convolutions one way at a time in place of kernels of two dimensions: error by kernel side.

"A Priori Compression of Convolutional Neural Networks for Wave Simulators" replaces a kernel of k^d weights by d
filters of k. What d filters say is an outer product, so the error of the best ones is what is beyond rank one of the
kernel.

Kernels are Gaussian bells of random widths: straight, so that they are outer products, or turned by 45 degrees, which
none is. Filters are fitted by alternating least squares; the quality is the relative error of the kernel, with a
thousandth of noise on it.

Expected: errors at the noise for straight kernels, far above for turned ones.
"""

import numpy as np

from froude import growth

NOISE, ROUNDS = 1e-3, 20


def prepare(size: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A straight and a turned kernel, both with noise."""
    side = int(size)
    x, y = np.meshgrid(*[np.linspace(-2, 2, side)] * 2)
    wide, narrow = rng.uniform(1.2, 2.0), rng.uniform(0.4, 0.7)
    noise = NOISE * rng.normal(size=(2, side, side))
    turned = ((x + y) / wide) ** 2 / 2 + ((x - y) / narrow) ** 2 / 2
    kernels = {"straight": np.exp(-((x / wide) ** 2) - (y / narrow) ** 2), "turned": np.exp(-turned)}
    return {name: kernel + noise[k] for k, (name, kernel) in enumerate(kernels.items())}


def fitted_error(kernel: np.ndarray) -> float:
    """The relative error of the outer product of two filters, each in turn the best for the other."""
    row, column = np.ones(kernel.shape[1]), kernel[:, 0]
    for _ in range(ROUNDS):
        column = kernel @ row / (row @ row)
        row = column @ kernel / (column @ column)
    return float(np.linalg.norm(np.outer(column, row) - kernel) / np.linalg.norm(kernel))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Errors of both kinds at all sides."""
    pairs = [
        [result.median(name, side, "quality") for name in ("straight", "turned")] for side in result.experiment.sizes
    ]
    numbers = ", ".join(f"{straight:.4f}/{turned:.2f}" for straight, turned in pairs)
    return {
        f"errors of straight and turned kernels {numbers}: below 0.01, above 0.1": all(
            straight < 0.01 and turned > 0.1 for straight, turned in pairs
        )
    }


EXPERIMENT = growth.Experiment(
    title="Kernels from one filter for each dimension",
    source="A Priori Compression of Convolutional Neural Networks for Wave Simulators",
    sizes=(5, 7, 9, 11, 15),
    methods={name: lambda data, name=name: fitted_error(data[name]) for name in ("straight", "turned")},
    prepare=prepare,
    quality=lambda data, error: error,
    quality_name="error",
    size_name="side",
    expected="errors at the noise for straight kernels, far above for turned ones",
    claims=(growth.RowClaim(row="a-priori-cnn-compression", holds=holds, shows="modelled"),),
)
