"""Adapters trained with few bits a weight: accuracy by bits.

"Revisiting the Parameter Efficiency of Adapters from the Perspective of Precision Redundancy" trains adapters whose
weights are quantised in every forward pass, and finds that 1 bit suffices. Gradients pass the rounding as if it were
not there.

The frozen network is 16 random features of scikit-learn's digits; the adapter, a bottleneck of width 32 beside them,
and a head learn half the digits. One bit is a sign and a scale for each row, more bits are even levels. The quality is
the share of held-out digits that is wrong; a head alone is wrong on 34% of them. Needs scikit-learn.

Expected: fewer wrong with more bits up to 4, hardly fewer beyond. With so weak a network 1 bit does not suffice: it was
seen to do worse than a head alone.
"""

import functools

import numpy as np

from froude import growth

FEATURES, WIDTH, CLASSES, STEPS, SEEN = 16, 32, 10, 300, 900


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Frozen features of digits, and classes as rows of an identity."""
    from sklearn.datasets import load_digits

    inputs, classes = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(classes))
    features = np.maximum(inputs[order] / 16 @ rng.normal(size=(64, FEATURES)), 0)
    return features / features.std(), np.eye(CLASSES)[classes[order]]


def prepare(size: float, rng: np.random.Generator) -> tuple[int, int]:
    """Bits, and the seed of the start."""
    return int(size), int(rng.integers(2**31))


def rounded(weights: np.ndarray, bits: int) -> np.ndarray:
    """Signs at the mean size of a row for one bit; even levels up to the largest for more; as they are for 32."""
    if bits == 32:
        return weights
    if bits == 1:
        return np.where(weights >= 0, 1.0, -1.0) * np.abs(weights).mean(axis=1, keepdims=True)
    top = 2 ** (bits - 1) - 0.5
    step = np.abs(weights).max(axis=1, keepdims=True) / top
    return step * (np.clip(np.floor(weights / step), -top - 0.5, top - 0.5) + 0.5)


def adapted(data: tuple[int, int]) -> float:
    """The share of held-out digits that is wrong after training by Adam on the others at once."""
    bits, rng = data[0], np.random.default_rng(data[1])
    features, classes = digits()
    weights = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in ((FEATURES, WIDTH), (WIDTH, FEATURES))]
    weights.append(np.zeros((FEATURES, CLASSES)))
    mean, square = [0 * w for w in weights], [0 * w for w in weights]
    for step in range(1, STEPS + 1):
        for k, slope in enumerate(slopes(features[:SEEN], classes[:SEEN], weights, bits)):
            mean[k] = 0.9 * mean[k] + 0.1 * slope
            square[k] = 0.99 * square[k] + 0.01 * slope**2
            weights[k] = weights[k] - 0.01 * mean[k] / (1 - 0.9**step) / (np.sqrt(square[k] / (1 - 0.99**step)) + 1e-8)
    down, up = (rounded(w, bits) for w in weights[:2])
    held = features[SEEN:]
    scores = (held + np.maximum(held @ down, 0) @ up) @ weights[2]
    return float(np.mean(scores.argmax(axis=1) != classes[SEEN:].argmax(axis=1)))


def slopes(features: np.ndarray, classes: np.ndarray, weights: list[np.ndarray], bits: int) -> list[np.ndarray]:
    """Gradients of the cross entropy in both parts of the adapter, straight through their rounding, and in the head."""
    down, up = (rounded(w, bits) for w in weights[:2])
    inner = np.maximum(features @ down, 0)
    both = features + inner @ up
    scores = both @ weights[2]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = (shares / shares.sum(axis=1, keepdims=True) - classes) / len(classes)
    back = error @ weights[2].T
    return [features.T @ (back @ up.T * (inner > 0)), inner.T @ back, both.T @ error]


EXPERIMENT = growth.Experiment(
    title="Adapters trained with few bits",
    source="Revisiting the Parameter Efficiency of Adapters from the Perspective of Precision Redundancy",
    sizes=(1, 2, 4, 8, 32),
    methods={"adapter": adapted},
    prepare=prepare,
    quality=lambda data, wrong: wrong,
    quality_name="wrong",
    size_name="bits",
    expected="fewer wrong with more bits up to 4, hardly fewer beyond",
)
