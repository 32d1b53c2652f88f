"""Floating-point against integer formats of the same bits, on values with heavier and heavier tails.

"ZeroQuant-FP: A Leap Forward in LLMs Post-Training W4A8 Quantization Using Floating-Point Formats" finds FP8 better
than INT8 for activations, the more the larger the model and its outliers, and FP4 as good as INT4 for weights.

Activations are those of a network that has learnt scikit-learn's digits, with one scale for each example. Outliers are
made as they come in large models: a few channels grow by the size of the experiment, and the weights that read them
shrink alike, so that the network stays the same. Weights have one scale for each output. The quality is the error of
the layer's outputs relative to them. Needs scikit-learn.

Expected: FP8 (4 bits of exponent, 3 of mantissa) below INT8 where outliers are large, by more the larger they are; FP4
(2 and 1) at or below INT4. On these weights the latter does not hold without outliers: INT4 errs a tenth less.
"""

import functools
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost.model.formats import Format

WIDTH, CHANNELS = 128, 4


class Layer(NamedTuple):
    """Activations (examples, inputs) and weights (inputs, outputs)."""

    activations: np.ndarray
    weights: np.ndarray


@functools.cache
def trained() -> Layer:
    """What enters the last but one layer of a network that has learnt digits for 20 rounds, and its weights."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    inputs, classes = load_digits(return_X_y=True)
    network = MLPClassifier((WIDTH, WIDTH), random_state=0)
    for _ in range(20):
        network.partial_fit(inputs / 16, classes, classes=range(10))
    return Layer(np.maximum(inputs / 16 @ network.coefs_[0] + network.intercepts_[0], 0), network.coefs_[1])


def prepare(size: float, rng: np.random.Generator) -> Layer:
    """Random channels grown by the size; the layer's outputs stay."""
    scale = np.where(rng.permutation(WIDTH) < CHANNELS, size, 1.0)
    return Layer(trained().activations * scale, trained().weights / scale[:, None])


def floating(exponent_bits: int, mantissa_bits: int) -> np.ndarray:
    """All values of a format with a sign, subnormals, and neither infinity nor NaN."""
    exponents, mantissas = np.arange(2**exponent_bits), np.arange(2**mantissa_bits) / 2**mantissa_bits
    values = np.where(exponents[:, None] > 0, (1 + mantissas) * 2.0 ** exponents[:, None], 2 * mantissas).ravel()
    return np.unique(np.concatenate([-values, values]))


def integers(bits: int) -> np.ndarray:
    """The values of an integer format, as many on both sides of 0."""
    return np.arange(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1)).astype(float)


def coded(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The nearest of a table's values, at a scale for each row whose largest value is the table's."""
    scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12) / table[-1]
    return scale * table[np.searchsorted((table[1:] + table[:-1]) / 2, values / scale)]


def with_activations(table: np.ndarray):
    """The layer's outputs with coded activations."""
    return lambda layer: coded(layer.activations, table) @ layer.weights


def with_weights(table: np.ndarray):
    """The layer's outputs with coded weights."""
    return lambda layer: layer.activations @ coded(layer.weights.T, table).T


def error(layer: Layer, outputs: np.ndarray) -> float:
    """The error of outputs, relative to them."""
    exact = layer.activations @ layer.weights
    return float(np.linalg.norm(outputs - exact) / np.linalg.norm(exact))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Ratios of errors of activations by outlier strength, and the memory."""
    sizes = result.experiment.sizes
    whole, float8 = (np.array([result.median(f"{name} activations", s, "quality") for s in sizes]) for name in NAMES)
    numbers = ", ".join(f"{ratio:.2f}" for ratio in whole / float8)
    floats, ints = Format(bits=1 + 4 + 3).bits_per_weight, Format(bits=8).bits_per_weight
    return {
        f"INT8 errs {numbers} times as much as FP8 with outliers of {sizes}: more in the end": bool(
            whole[-1] > float8[-1]
        ),
        "and the gap grows with every step of outliers": bool(np.all(np.diff(whole / float8) > 0)),
        f"{floats} bits and {ints} bits: the same memory": floats == ints,
    }


NAMES = ("INT8", "FP8")
METHODS = {
    "INT8 activations": with_activations(integers(8)),
    "FP8 activations": with_activations(floating(4, 3)),
    "INT4 weights": with_weights(integers(4)),
    "FP4 weights": with_weights(floating(2, 1)),
}

EXPERIMENT = growth.Experiment(
    title="Integers against floating point by strength of outliers",
    source="ZeroQuant-FP",
    sizes=(1, 3, 10, 30, 100),
    methods=METHODS,
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="outlier",
    expected="FP8 below INT8 where outliers are large, and by more the larger they are",
    claims=(growth.RowClaim(row="zeroquant-fp", holds=holds, shows="modelled"),),
)
