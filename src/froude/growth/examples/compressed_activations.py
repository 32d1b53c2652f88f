"""Training a network of two layers with its activations kept as random projections.

The gradient of a weight matrix is the product of the inputs that the forward pass kept with the gradients of the
outputs. "CompAct: Compressed Activations for Memory-Efficient LLM Training" keeps a projection of the inputs to a lower
rank instead, drawn anew from a seed, and so has the gradient, and the optimizer's states, in that rank. It reports 25
to 30% less memory in pretraining and about 50% in fine-tuning.

What grows is the rank, as a share of the width; a share of 1 is compared with plain training. The quality is the loss
after some steps over that of plain training; the bytes kept are counted at the end of every forward pass.

Expected: bytes kept in proportion to the rank above those of the sign of the activations; a loss that comes down to
that of plain training as the rank grows.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

ROWS, WIDTH, STEPS, RATE = 256, 64, 60, 0.03


class Task(NamedTuple):
    """Inputs and outputs (ROWS, WIDTH), the first weights, and the rank that inputs are kept in."""

    inputs: np.ndarray
    outputs: np.ndarray
    weights: tuple[np.ndarray, np.ndarray]
    rank: int


class Trained(NamedTuple):
    """Mean squared error after training, and bytes kept between the passes."""

    loss: float
    kept: int


def prepare(share: float, rng: np.random.Generator) -> Task:
    """Outputs of a random network of the same shape; inputs lie near a space of a quarter of their dimensions."""
    basis = rng.normal(size=(WIDTH // 4, WIDTH)) / np.sqrt(WIDTH / 4)
    inputs = rng.normal(size=(ROWS, WIDTH // 4)) @ basis + 0.1 * rng.normal(size=(ROWS, WIDTH))
    first, second, start, other = (rng.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH) for _ in range(4))
    return Task(inputs, np.maximum(inputs @ first, 0) @ second, (start, other), round(share * WIDTH))


def trained(task: Task, rank: int | None) -> Trained:
    """Gradient descent with inputs kept whole (None), or projected to a rank."""
    first, second = (weights.copy() for weights in task.weights)
    loss, kept = np.nan, 0
    for step in range(STEPS):
        projections = [projection(2 * step + layer, rank) for layer in (0, 1)]
        before = task.inputs @ first
        inner = np.maximum(before, 0)
        wrong = inner @ second - task.outputs
        stored = [rows if p is None else rows @ p for rows, p in zip((task.inputs, inner), projections, strict=True)]
        signs = np.packbits(before > 0, axis=1)
        kept = sum(rows.nbytes for rows in stored) + signs.nbytes
        loss = float((wrong**2).mean())
        gradient = 2 * wrong / wrong.shape[0]
        back = (gradient @ second.T) * np.unpackbits(signs, axis=1)
        for weights, rows, p, error in zip((first, second), stored, projections, (back, gradient), strict=True):
            low = rows.T @ error
            weights -= RATE * (low if p is None else p @ low)
    return Trained(loss, kept)


def projection(seed: int, rank: int | None) -> np.ndarray | None:
    """A random matrix (WIDTH, rank) with columns of length 1 in the mean; None where nothing is projected."""
    return None if rank is None else np.random.default_rng(seed).normal(size=(WIDTH, rank)) / np.sqrt(WIDTH)


def plain(task: Task) -> Trained:
    """Inputs kept whole."""
    return trained(task, None)


def compressed(task: Task) -> Trained:
    """Inputs kept projected."""
    return trained(task, task.rank)


def kept(task: Task, result: Trained) -> float:
    """Bytes kept."""
    return result.kept


def trained_start(task: Task) -> float:
    """The loss before the first step."""
    first, second = task.weights
    return float(((np.maximum(task.inputs @ first, 0) @ second - task.outputs) ** 2).mean())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """The measured part of what the sentence on this paper says."""
    statements = {}
    for share in result.experiment.sizes:
        task = prepare(share, np.random.default_rng(0))
        start, whole, low = trained_start(task), plain(task), compressed(task)
        ratio, predicted = (
            low.kept / whole.kept,
            (128 * share + 1) / (128 + 1),
        )  # bits of two values, and of a sign
        statements[
            f"rank {task.rank} of {WIDTH}: {ratio:.1%} of the bytes kept, {predicted:.1%} predicted; loss {start:.3g} "
            f"to {low.loss:.3g}, {whole.loss:.3g} by plain training"
        ] = abs(ratio / predicted - 1) < 0.01 and low.loss < start / 2 and whole.loss < start / 2
    return statements


EXPERIMENT = growth.Experiment(
    title="Training with activations kept as random projections",
    source="CompAct",
    sizes=(0.125, 0.25, 0.5, 0.75),
    methods={"plain": plain, "compressed": compressed},
    prepare=prepare,
    quality=kept,
    quality_name="bytes kept",
    size_name="rank over width",
    expected="bytes kept in proportion to the rank",
    claims=(growth.RowClaim(row="compact-activations", holds=holds, shows="modelled"),),
)
