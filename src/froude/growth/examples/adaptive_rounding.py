"""A layer's weights rounded to few bits: to the nearest, with feedback of errors, and after a random rotation.

"QuIP: 2-Bit Quantization of Large Language Models With Guarantees" judges rounded weights Ŵ of inputs with second
moments H by the proxy error tr((W − Ŵ)·H·(W − Ŵ)ᵀ). Adaptive rounding adds to each column what errors of the columns
before it ask for, by H = (U + I)·D·(U + I)ᵀ; theory has its error at tr(D)/tr(H) of that of nearest rounding. Random
orthogonal matrices on both sides, turned back afterwards, spread outliers of W and of H over all entries.

The layer is the second of a network that learnt scikit-learn's digits. All four ways have one scale for the matrix, the
one that errs least. The quality is the proxy error relative to tr(W·H·Wᵀ). Needs scikit-learn.

Expected: at 2 bits less error with adaptive rounding and least with rotation too; a gap near the theory's. Rotation by
itself need not help: this layer has few outliers.
"""

import functools
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, ROUNDS, DAMPING = 96, 20, 0.01


class Layer(NamedTuple):
    """Weights (outputs, inputs), second moments of the inputs, bits, and a seed of rotations."""

    weights: np.ndarray
    moments: np.ndarray
    bits: int
    seed: int


@functools.cache
def trained() -> tuple[np.ndarray, np.ndarray]:
    """Weights of the second layer, and the moments of what enters it, damped by a hundredth of their mean."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    inputs, classes = load_digits(return_X_y=True)
    network = MLPClassifier((WIDTH, WIDTH), random_state=0)
    for _ in range(ROUNDS):
        network.partial_fit(inputs / 16, classes, classes=range(10))
    hidden = np.maximum(inputs / 16 @ network.coefs_[0] + network.intercepts_[0], 0)
    moments = hidden.T @ hidden / len(hidden)
    return network.coefs_[1].T, moments + DAMPING * np.trace(moments) / WIDTH * np.eye(WIDTH)


def prepare(size: float, rng: np.random.Generator) -> Layer:
    """The trained layer; rotations of their own in every repetition."""
    return Layer(*trained(), int(size), int(rng.integers(2**31)))


def feedback(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U, strictly upper triangular, and D (inputs,) of H = (U + I)·D·(U + I)ᵀ."""
    upper = np.linalg.cholesky(moments[::-1, ::-1])[::-1, ::-1]
    diagonal = np.diag(upper)
    return upper / diagonal - np.eye(len(upper)), diagonal**2


def rounded(weights: np.ndarray, bits: int, step: float) -> np.ndarray:
    """To the nearest of 2^bits even levels around 0."""
    top = (2**bits - 1) / 2
    return step * (np.clip(np.round(weights / step - 0.5), -top - 0.5, top - 0.5) + 0.5)


def step_of(weights: np.ndarray, bits: int) -> float:
    """The step whose nearest rounding errs least, of forty."""
    steps = np.abs(weights).max() * 2 / 2**bits * np.linspace(0.1, 1.1, 40)
    errors = [np.sum((rounded(weights, bits, step) - weights) ** 2) for step in steps]
    return float(steps[np.argmin(errors)])


def nearest(weights: np.ndarray, moments: np.ndarray, bits: int) -> np.ndarray:
    """Each weight by itself."""
    return rounded(weights, bits, step_of(weights, bits))


def adaptive(weights: np.ndarray, moments: np.ndarray, bits: int) -> np.ndarray:
    """Column after column, each with the errors before it fed back."""
    upper, step, made = feedback(moments)[0], step_of(weights, bits), weights.copy()
    for k in range(weights.shape[1]):
        asked = weights[:, k] + (weights - made)[:, :k] @ upper[:k, k]
        made[:, k] = rounded(asked, bits, step)
    return made


def rotated(rounding, layer: Layer) -> np.ndarray:
    """A way of rounding between random orthogonal matrices."""
    rng = np.random.default_rng(layer.seed)
    left, right = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in layer.weights.shape)
    made = rounding(left @ layer.weights @ right.T, right @ layer.moments @ right.T, layer.bits)
    return left.T @ made @ right


def proxy_error(layer: Layer, made: np.ndarray) -> float:
    """tr((W − Ŵ)·H·(W − Ŵ)ᵀ) over tr(W·H·Wᵀ)."""
    wrong = layer.weights - made
    return float(np.sum((wrong @ layer.moments) * wrong) / np.sum((layer.weights @ layer.moments) * layer.weights))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The order at 2 bits, and the gap beside the theory's."""
    errors = {name: result.median(name, 2, "quality") for name in result.experiment.methods}
    numbers = ", ".join(f"{name} {error:.3f}" for name, error in errors.items())
    moments = trained()[1]
    right = np.linalg.qr(np.random.default_rng(0).normal(size=moments.shape))[0]
    theory = feedback(right @ moments @ right.T)[1].sum() / np.trace(moments)
    best = errors["rotated, adaptive"]
    gap = best / errors["rotated, nearest"]
    return {
        f"at 2 bits {numbers}: least with rotation and adaptive rounding": best == min(errors.values()),
        f"which has {best / errors['nearest']:.2f} of the error of nearest rounding": best < errors["nearest"],
        f"gap {gap:.3f}, theory {theory:.3f}: within a factor of 1.5": 1 / 1.5 < gap / theory < 1.5,
    }


EXPERIMENT = growth.Experiment(
    title="A trained layer rounded: proxy error by bits",
    source="QuIP: 2-Bit Quantization of Large Language Models With Guarantees",
    sizes=(2, 3, 4, 5, 6),
    methods={
        "nearest": lambda layer: nearest(*layer[:3]),
        "adaptive": lambda layer: adaptive(*layer[:3]),
        "rotated, nearest": lambda layer: rotated(nearest, layer),
        "rotated, adaptive": lambda layer: rotated(adaptive, layer),
    },
    prepare=prepare,
    quality=proxy_error,
    quality_name="proxy error",
    size_name="bits",
    expected="least error with rotation and adaptive rounding, at the theory's gap",
    claims=(growth.RowClaim(row="quip", holds=holds),),
)
