"""Quantised weights with a low-rank branch beside them: error by rank.

"SVDQuant: Absorbing Outliers by Low-Rank Components for 4-Bit Diffusion Models" takes the largest singular directions
of the weights, into which outliers of activations have been moved, out into a branch of high precision, and quantises
weights and activations of the rest to 4 bits. "INT2.1: Towards Fine-Tunable Quantized Large Language Models with Error
Correction through Low-Rank Adaptation" puts a branch beside weights of 2 bits to correct their error.

Weights here have 1 in 32 input channels with outliers, and so have activations. Scales are shared by 64 weights. The
quality is the error of the layer's outputs. Bits, bytes and traffic are Froude's: `froude.cost.model.formats`.

Expected: errors that fall with rank for both; 3.5 times less memory at 12B parameters for 4 bits with scales and rank
32; 2.1 bits a weight, 1.05 times 2, with a branch of rank 16 beside all matrices of a model of 7B parameters.
"""

import itertools
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import get_machine, get_model
from froude.cost.model.formats import BF16, Format
from froude.cost.model.operators import Matmul
from froude.cost.papers.adapters import lora, projections
from froude.cost.serving.iteration import Serving, price_iteration

SIDE, TOKENS, GROUP, OUTLIER = 256, 256, 64, 20.0


class Layer(NamedTuple):
    """Activations (tokens, inputs), weights (inputs, outputs), and the rank of the branch."""

    activations: np.ndarray
    weights: np.ndarray
    rank: int


def prepare(size: float, rng: np.random.Generator) -> Layer:
    """A layer with outlier channels."""
    scale = np.where(np.arange(SIDE) % 32 == 0, OUTLIER, 1.0)
    weights = rng.normal(size=(SIDE, SIDE)) * np.where(np.arange(SIDE) % 32 == 16, OUTLIER / 4, 1.0)[:, None]
    return Layer(rng.normal(size=(TOKENS, SIDE)) * scale, weights, int(size))


def quantised(values: np.ndarray, bits: int) -> np.ndarray:
    """Even levels around 0, of one scale, the largest value's, for each group of the last axis."""
    groups = values.reshape(*values.shape[:-1], -1, GROUP)
    top = 2 ** (bits - 1) - 0.5
    step = np.abs(groups).max(axis=-1, keepdims=True) / top
    return (step * (np.clip(np.floor(groups / step), -top - 0.5, top - 0.5) + 0.5)).reshape(values.shape)


def branch(weights: np.ndarray, rank: int) -> np.ndarray:
    """The nearest matrix of so low a rank."""
    left, values, right = np.linalg.svd(weights)
    return (left[:, :rank] * values[:rank]) @ right[:rank]


def absorbed(layer: Layer) -> np.ndarray:
    """W4A4: outliers moved from activations to weights, a branch taken out first, the rest quantised."""
    smooth = np.sqrt(np.abs(layer.activations).max(axis=0) / np.abs(layer.weights).max(axis=1))
    inputs, weights = layer.activations / smooth, layer.weights * smooth[:, None]
    low = branch(weights, layer.rank)
    return inputs @ low + quantised(inputs, 4) @ quantised((weights - low).T, 4).T


def corrected(layer: Layer) -> np.ndarray:
    """Weights of 2 bits, and beside them a branch for their error."""
    weights = quantised(layer.weights.T, 2).T
    return layer.activations @ (weights + branch(layer.weights - weights, layer.rank))


def error(layer: Layer, outputs: np.ndarray) -> float:
    """The error of the outputs, relative to them."""
    exact = layer.activations @ layer.weights
    return float(np.linalg.norm(outputs - exact) / np.linalg.norm(exact))


def falls(result: growth.GrowthResult, method: str) -> tuple[str, bool]:
    """The medians by rank, and whether each is below the last."""
    errors = [result.median(method, rank, "quality") for rank in result.experiment.sizes]
    return " → ".join(f"{e:.3f}" for e in errors), all(b < a for a, b in itertools.pairwise(errors))


def absorbs(result: growth.GrowthResult) -> dict[str, bool]:
    """SVDQuant: error, memory at 12B, and what an unfused branch reads and writes again."""
    without = error(layer := prepare(1, np.random.default_rng(0)), absorbed(layer._replace(rank=0)))
    errors, fall = falls(result, "W4A4")
    stored = Format(bits=4, group=GROUP, scale_bits=16, rank=32)
    hidden = 3072  # of FLUX.1, 12B (as remembered)
    cut = float(BF16.matrix_bits(hidden, hidden) / stored.matrix_bits(hidden, hidden))
    first, (moved, counted) = result.median("W4A4", result.experiment.sizes[0], "quality"), unfused()
    return {
        f"error of W4A4 by rank {errors}, {without:.3f} without a branch: falls": fall and first < without,
        f"4 bits, scales and rank 32 at hidden size {hidden}: {cut:.2f} times less, 3.5 within 5%": near(
            cut, 3.5, 0.05
        ),
        f"an unfused branch moves {moved:.4g} bytes more on an RTX 4090, counted {counted:.4g}": near(
            moved, counted, 1e-6
        ),
    }


def near(value: float, expected: float, within: float) -> bool:
    """Whether a value is within that share of what is expected."""
    return abs(value / expected - 1) < within


def unfused() -> tuple[float, float]:
    """Bytes that an unfused branch moves more in a pass of a diffusion transformer, by the roofline and by hand.

    The layer's input is read twice, rank values are written and read, and the output is written and read once more.
    Counted are the layers that every position passes, not those of the conditioning.
    """
    model, machine, names = get_model("dit-xl/2"), get_machine("rtx-4090"), ("attention", "mlp")
    stored = Format(bits=4, group=GROUP, scale_bits=16, rank=32)
    fused = Serving(batch=4, tokens=model.context, context=model.context, weights=stored)
    passes = [price_iteration(model, machine, serving) for serving in (fused, replace(fused, branch_fused=False))]
    seconds = [sum(float(b.memory) for n, b in one.operators.items() if n.startswith(names)) for one in passes]
    values = sum(
        block.count * (o.inputs + 2 * 32 + 2 * o.outputs)
        for block in model.blocks
        for o in block.operators
        if isinstance(o, Matmul) and o.name.startswith(names)
    )
    moved = (seconds[1] - seconds[0]) * machine.chip.memory_bandwidth_bytes_per_s
    return moved, float(values * 2 * fused.positions)


def corrects(result: growth.GrowthResult) -> dict[str, bool]:
    """INT2.1: the error's fall, and the bits."""
    errors, fall = falls(result, "2 bits, corrected")
    without = error(layer := prepare(1, np.random.default_rng(0)), corrected(layer._replace(rank=0)))
    first, model = result.median("2 bits, corrected", result.experiment.sizes[0], "quality"), get_model("llama-2-7b")
    matrices = projections(model)
    stored = float(sum(p.count * Format(bits=2).matrix_bits(p.inputs, p.outputs) for p in matrices))
    branches = lora(model, rank=16, targets=sorted({p.name for p in matrices})).trained * BF16.bits_per_weight
    times = float(stored + branches) / stored
    return {
        f"error of 2 bits with a branch, by rank, {errors}, {without:.3f} without: falls": fall and first < without,
        f"branches of rank 16 beside all matrices of {model.name} make 2 bits {times:.3f} times as many, "
        f"{2 * times:.3f}; 1.05 and 2.1 as rounded": round(times, 2) == 1.05 and round(2 * times, 1) == 2.1,
    }


EXPERIMENT = growth.Experiment(
    title="Quantised weights with a low-rank branch",
    source="SVDQuant; INT2.1",
    sizes=(1, 4, 8, 16, 32, 64),
    methods={"W4A4": absorbed, "2 bits, corrected": corrected},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="rank",
    expected="errors that fall with rank",
    claims=(
        growth.RowClaim(row="svdquant", holds=absorbs, shows="modelled"),
        growth.RowClaim(row="int2-1", holds=corrects),
    ),
)
