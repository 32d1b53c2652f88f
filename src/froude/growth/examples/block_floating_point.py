"""Numbers whose blocks share a scale: error and bytes by bits, for keys with outliers and for weights.

"Accurate Block Quantization in LLMs with Outliers" sorts the channels of keys by size before they are put in blocks
that share an exponent, so that an outlier spoils no small channels; the order is folded into the weights that make
keys and queries, and costs nothing later. "Revisiting Block-based Quantisation: What is Important for Sub-8-bit LLM
Inference?" holds weights in 6 bits and a shared exponent a block; "Blockwise Compression of Transformer-based Models
without Retraining" in 4 bits and a scale a block.

One channel of keys in 8 is planted 20 times as large. Weights are heavy-tailed (Student's t of 3 degrees), or those
of a network that has learnt scikit-learn's digits. The quality is the root mean square of relative errors, of channels
of keys or of all weights. Bits and bytes are those of `froude.cost.model.formats`. Needs scikit-learn.

Expected: half the bits for the same error where channels are sorted; blocks below one scale for all at every width.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import get_model
from froude.cost.model.formats import FP32, Format, kv_bytes

TOKENS, CHANNELS, BLOCK, OUTLIER = 200, 128, 16, 20.0
EXPONENT_BITS, SCALE_BITS = 8, 16


class Values(NamedTuple):
    """Keys (tokens, channels) with outliers, heavy-tailed weights, and the bits of an element."""

    keys: np.ndarray
    weights: np.ndarray
    bits: int


def prepare(size: float, rng: np.random.Generator) -> Values:
    """Outliers in random channels."""
    scale = np.where(rng.permutation(CHANNELS) < CHANNELS // 8, OUTLIER, 1.0)
    return Values(rng.normal(size=(TOKENS, CHANNELS)) * scale, rng.standard_t(3, size=(256, 256)), int(size))


def blocked(values: np.ndarray, bits: int, block: int, scale: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Integers of so many bits times a step that a block of the last axis shares, the largest value's over the largest
    integer, made storable by `scale`."""
    top, made = 2 ** (bits - 1) - 1, []
    for group in np.split(values, range(block, values.shape[-1], block), axis=-1):
        step = scale(np.abs(group).max(axis=-1, keepdims=True) / top)
        made.append(step * np.clip(np.round(group / step), -top, top))
    return np.concatenate(made, axis=-1)


def exponent(step: np.ndarray) -> np.ndarray:
    """The next power of two."""
    return 2.0 ** np.ceil(np.log2(step))


def half(step: np.ndarray) -> np.ndarray:
    """A number of 16 bits."""
    return step.astype(np.float16).astype(float)


def unsorted_keys(data: Values) -> np.ndarray:
    """Relative errors of channels in their order."""
    return channel_errors(data.keys, data.bits)


def sorted_keys(data: Values) -> np.ndarray:
    """Relative errors of channels sorted by size."""
    return channel_errors(data.keys[:, np.argsort(np.abs(data.keys).max(axis=0))], data.bits)


def channel_errors(keys: np.ndarray, bits: int) -> np.ndarray:
    """Of each channel, relative to its own size."""
    return np.linalg.norm(blocked(keys, bits, BLOCK, exponent) - keys, axis=0) / np.linalg.norm(keys, axis=0)


def one_scale(data: Values) -> np.ndarray:
    """Relative error of weights in one block."""
    return weight_error(data.weights.ravel(), data.bits, exponent)


def blocks(data: Values) -> np.ndarray:
    """Relative error of weights in blocks."""
    return weight_error(data.weights.reshape(-1, BLOCK), data.bits, exponent)


def weight_error(
    weights: np.ndarray, bits: int, scale: Callable[[np.ndarray], np.ndarray], block: int = 0
) -> np.ndarray:
    """Relative error of weights (..., k) in blocks of their last axis, or in one."""
    made = blocked(weights, bits, block or weights.shape[-1], scale)
    return np.asarray(np.linalg.norm(made - weights) / np.linalg.norm(weights))


@functools.cache
def trained() -> tuple[np.ndarray, ...]:
    """The weights of a network that has learnt digits for 20 rounds."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    inputs, classes = load_digits(return_X_y=True)
    network = MLPClassifier((96, 96), random_state=0)
    for _ in range(20):
        network.partial_fit(inputs / 16, classes, classes=range(10))
    return tuple(network.coefs_)


def sorts(result: growth.GrowthResult) -> dict[str, bool]:
    """Half the bits for keys, what that saves, and that the order is gone from the scores."""
    whole, sorted_half = result.median("unsorted keys", 6, "quality"), result.median("sorted keys", 3, "quality")
    model = get_model("llama-2-7b")
    stored = [kv_bytes(model, 4096, Format(bits=b, group=BLOCK, scale_bits=EXPONENT_BITS)) for b in (6, 3)]
    saved = float(stored[0] / stored[1])
    rng = np.random.default_rng(0)
    inputs, queries, keys = rng.normal(size=(8, 32)), rng.normal(size=(32, CHANNELS)), rng.normal(size=(32, CHANNELS))
    order = rng.permutation(CHANNELS)
    folded = (inputs @ queries[:, order]) @ (inputs @ keys[:, order]).T
    same = np.allclose(folded, (inputs @ queries) @ (inputs @ keys).T)
    return {
        f"3 bits sorted err by {sorted_half:.3f}, 6 bits unsorted by {whole:.3f}: not more": sorted_half <= whole,
        f"{saved:.2f} times fewer bytes of keys and values with their exponents, 2 within 10%": abs(saved / 2 - 1)
        < 0.1,
        "an order folded into both weights leaves the scores as they are, and nothing to do later": same,
    }


def divides(result: growth.GrowthResult) -> dict[str, bool]:
    """6 bits in blocks of 16."""
    cut = float(FP32.bits_per_weight / Format(bits=6, group=16, scale_bits=8).bits_per_weight)
    pairs = [
        (result.median("one scale", b, "quality"), result.median("blocks", b, "quality"))
        for b in result.experiment.sizes
    ]
    numbers = ", ".join(f"{whole:.3f} → {block:.3f}" for whole, block in pairs)
    return {
        f"{cut:.2f} times fewer bits than float32, within 2% of the published 5": abs(cut / 5 - 1) < 0.02,
        f"heavy-tailed weights err less in blocks at all bits ({numbers})": all(
            block < whole for whole, block in pairs
        ),
    }


def compresses(result: growth.GrowthResult) -> dict[str, bool]:
    """The block of 7.988 times, and real weights in blocks of that size."""

    def cut(block: np.ndarray) -> np.ndarray:
        return FP32.bits_per_weight / np.asarray(Format(bits=4, group=block, scale_bits=SCALE_BITS).bits_per_weight)

    sizes = np.arange(1, 100_000)
    block = int(sizes[np.argmin(np.abs(cut(sizes) - 7.988))])
    found_cut = float(cut(sizes)[block - 1])
    errors = [(weight_error(w.ravel(), 4, half), weight_error(w.ravel(), 4, half, block)) for w in trained()[:2]]
    numbers = ", ".join(f"{whole:.4f} → {part:.4f}" for whole, part in errors)
    return {
        f"blocks of {block} with a scale of {SCALE_BITS} bits: {found_cut:.4f} times, 7.988": abs(found_cut - 7.988)
        < 5e-4,
        f"trained layers err less in such blocks than with one scale ({numbers})": all(
            float(part) < float(whole) for whole, part in errors
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Numbers in blocks that share a scale: error by bits",
    source="Accurate Block Quantization in LLMs with Outliers; Revisiting Block-based Quantisation",
    sizes=(3, 4, 5, 6, 7, 8),
    methods={"unsorted keys": unsorted_keys, "sorted keys": sorted_keys, "one scale": one_scale, "blocks": blocks},
    prepare=prepare,
    quality=lambda data, errors: float(np.sqrt(np.mean(errors**2))),
    quality_name="error",
    size_name="bits",
    expected="sorted keys at half the bits as good as unsorted ones; blocks below one scale",
    claims=(
        growth.RowClaim(row="bfp-kv-outliers", holds=sorts, shows="modelled"),
        growth.RowClaim(row="block-quantisation", holds=divides),
        growth.RowClaim(row="bct", holds=compresses),
    ),
)
