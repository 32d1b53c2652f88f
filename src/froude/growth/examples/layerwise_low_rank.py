"""A network made low-rank layer by layer, by what its layers put out or by their weights: error and memory by depth.

"Rethinking Compression: Reduced Order Modelling of Latent Features in Large Language Models" projects each layer's
outputs on the largest directions of their covariance, one layer after the other, so that no more than a layer is in
memory. The singular value decomposition of weights knows nothing of the inputs.

The network, of so many hidden layers, has learnt scikit-learn's digits. Both ways keep rank 16 of 96 and are judged on
digits that they have not seen; the quality is the share of the last hidden layer's outputs that is lost. Needs
scikit-learn.

Expected: less lost by outputs than by weights at the same parameters; peak memory that does not grow with depth.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from froude import growth

WIDTH, RANK, SEEN = 96, 16, 1200


class Network(NamedTuple):
    """Weights and biases of hidden layers, and digits to calibrate on."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    inputs: np.ndarray


@functools.cache
def trained(depth: int) -> tuple[Network, np.ndarray]:
    """A network after 20 rounds, and digits that it has not seen."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits, classes = load_digits(return_X_y=True)
    inputs = np.asarray(digits) / 16
    network = MLPClassifier((WIDTH,) * depth, random_state=0)
    for _ in range(20):
        network.partial_fit(inputs[:SEEN], classes[:SEEN], classes=range(10))
    return Network(network.coefs_[:-1], network.intercepts_[:-1], inputs[:SEEN]), inputs[SEEN:]


def prepare(size: float, rng: np.random.Generator) -> Network:
    """The trained network; half the digits seen, drawn at random, to calibrate on."""
    network = trained(int(size))[0]
    return network._replace(inputs=network.inputs[rng.permutation(SEEN)[: SEEN // 2]])


def by_outputs(network: Network) -> float:
    """Projected on the largest directions of a layer's outputs before the rectifier."""
    return lost(network, lambda weights, outputs: np.linalg.eigh(outputs.T @ outputs)[1][:, -RANK:])


def by_weights(network: Network) -> float:
    """Projected on the largest singular directions of the weights."""
    return lost(network, lambda weights, outputs: np.linalg.svd(weights.T, full_matrices=False)[0][:, :RANK])


def lost(network: Network, directions) -> float:
    """The share of the last hidden outputs that is lost on unseen digits; of each layer nothing is kept but outputs."""
    calibrated, unseen, exact = network.inputs, trained(len(network.weights))[1], trained(len(network.weights))[1]
    for weights, biases in layers(network):
        basis = directions(weights, calibrated @ weights)
        low = (weights @ basis) @ basis.T
        calibrated, unseen = np.maximum(calibrated @ low + biases, 0), np.maximum(unseen @ low + biases, 0)
        exact = np.maximum(exact @ weights + biases, 0)
    return float(np.linalg.norm(unseen - exact) / np.linalg.norm(exact))


def layers(network: Network) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One layer at a time, copied as from a disk."""
    for weights, biases in zip(network.weights, network.biases, strict=True):
        yield weights.copy(), biases.copy()


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """What is lost at all depths, and the peaks."""
    sizes, names = result.experiment.sizes, ("by outputs", "by weights")
    pairs = [tuple(result.median(name, depth, "quality") for name in names) for depth in sizes]
    peaks = [result.median("by outputs", depth, "peak_bytes") for depth in sizes]
    numbers = ", ".join(f"{ours:.3f}/{theirs:.3f}" for ours, theirs in pairs)
    return {
        f"lost by outputs and by weights {numbers}: less at every depth": all(ours < theirs for ours, theirs in pairs),
        f"peak memory at {sizes[-1]:g} layers is {peaks[-1] / peaks[0]:.2f} of that at {sizes[0]:g}: within a tenth": (
            abs(peaks[-1] / peaks[0] - 1) < 0.1
        ),
    }


EXPERIMENT = growth.Experiment(
    title="A network made low-rank by outputs and by weights",
    source="Rethinking Compression: Reduced Order Modelling of Latent Features in Large Language Models",
    sizes=(2, 3, 4, 6, 8),
    methods={"by outputs": by_outputs, "by weights": by_weights},
    prepare=prepare,
    quality=lambda network, share: share,
    quality_name="lost",
    size_name="layers",
    expected="less lost by outputs, at a peak memory that does not grow",
    claims=(growth.RowClaim(row="rom-llm", holds=holds),),
)
