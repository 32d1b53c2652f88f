"""The contrastive loss of pairs: with the whole matrix of similarities, and by tiles.

Every image of a batch is held against every text, and softmax runs along each row. "Breaking the Memory Barrier: Near
Infinite Batch Size Scaling for Contrastive Loss" keeps a running maximum and sum for each row and computes the
similarities tile by tile, also on the way back, so that memory holds features alone; a ring of devices passes them on.

Measured are loss and gradient of the features, in one direction (images to texts). The quality is the difference of the
loss from one in twice the precision.

Expected: peak memory with exponents 2 and 1 in the batch, and the same loss. What a training with ViT-L/14 needs on 8
and on 32 A800 is counted by Froude's cost model.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import Layout, Model, decoder, get_machine
from froude.cost.machine.machine import RUNTIME_BYTES
from froude.cost.model.families.images import vit
from froude.cost.papers.contrastive import loss_bytes
from froude.cost.training.memory.device_memory import memory_bytes

WIDTH, TILE, SCALE = 64, 64, 10.0
FEATURES = 768  # of CLIP ViT-L/14 (Radford et al. 2021, arXiv:2103.00020, table 20)
RUNS = {8: 4e6, 32: 12e6}  # devices: pairs, as the paper's abstract has them
PIXELS = 3 * 224**2
AT_ONCE = 64  # whatever fits will do: gradients of features are kept, and towers run once more for their own


class Loss(NamedTuple):
    """The mean loss, and its gradient by the images' features and the texts'."""

    loss: float
    images: np.ndarray
    texts: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
    """Unit features of so many images and their texts, (2, n, width), which are near to each other."""
    images = rng.normal(size=(int(size), WIDTH))
    both = np.stack([images, images + rng.normal(size=images.shape)])
    return (both / np.linalg.norm(both, axis=-1, keepdims=True)).astype(np.float32)


def full(data: np.ndarray) -> Loss:
    """The whole matrix at once."""
    images, texts = data
    weights = SCALE * (images @ texts.T)
    own = np.diagonal(weights).copy()
    largest = weights.max(axis=1)
    weights -= largest[:, None]
    np.exp(weights, out=weights)
    total = weights.sum(axis=1)
    weights /= total[:, None]
    n = len(images)
    by_images = SCALE / n * (weights @ texts - texts)
    return Loss(float((largest + np.log(total) - own).mean()), by_images, SCALE / n * (weights.T @ images - images))


def tiled(data: np.ndarray) -> Loss:
    """Tiles forward for maxima and sums, and the same tiles again for gradients."""
    images, texts = data
    n = len(images)
    starts = range(0, n, TILE)
    largest, total = np.full(n, -np.inf, np.float32), np.zeros(n, np.float32)
    by_images, by_texts = np.negative(texts), np.negative(images)
    for i in (slice(start, start + TILE) for start in starts):
        for j in (slice(start, start + TILE) for start in starts):
            scores = SCALE * (images[i] @ texts[j].T)
            before, largest[i] = largest[i].copy(), np.maximum(largest[i], scores.max(axis=1))
            total[i] = total[i] * np.exp(before - largest[i]) + np.exp(scores - largest[i, None]).sum(axis=1)
        for j in (slice(start, start + TILE) for start in starts):
            weights = np.exp(SCALE * (images[i] @ texts[j].T) - largest[i, None]) / total[i, None]
            by_images[i] += weights @ texts[j]
            by_texts[j] += weights.T @ images[i]
    by_images *= SCALE / n
    by_texts *= SCALE / n
    own = SCALE * np.einsum("nd,nd->n", images, texts)
    return Loss(float((largest + np.log(total) - own).mean()), by_images, by_texts)


def difference(data: np.ndarray, result: Loss) -> float:
    """The relative error of the loss; gradients are held against those of twice the precision too."""
    exact = full(data.astype(float))
    for mine, true in zip(result[1:], exact[1:], strict=True):
        if np.abs(mine - true).max() > 1e-3 * np.abs(true).max():
            raise ValueError("a gradient is wrong")
    return abs(result.loss / exact.loss - 1)


def towers() -> tuple[tuple[Model, int], ...]:
    """CLIP ViT-L/14's towers, each with the length of its sequence (the paper on CLIP, table 20)."""
    image = vit(
        name="image", layers=24, hidden=1024, heads=16, image=224, patch=14, classes=FEATURES, channels=3,
        mlp_width=4096, dropout=False,
    )  # fmt: skip
    text = decoder(name="text", layers=12, hidden=768, heads=12, vocabulary=49408, context=77, biased=True)
    return (image, 257), (text, 77)


def needed(devices: int, pairs: float, tile: int | None) -> float:
    """Bytes on a device: both towers, which train on AT_ONCE pairs at a time, what the runtime takes, and the loss."""
    states = 0.0
    for tower, length in towers():
        layout = Layout(devices=devices, global_batch=AT_ONCE * devices, micro_batch=AT_ONCE, seq_len=length)
        counted = memory_bytes(tower, layout)
        states += float(counted.allocated - counted.logits)  # neither tower predicts tokens
    return states + RUNTIME_BYTES + float(loss_bytes(pairs, FEATURES, devices, tile=tile))


def fits() -> Mapping[str, bool]:
    """Whether the paper's two trainings fit into their machines."""
    statements = {}
    for devices, pairs in RUNS.items():
        machine = get_machine(f"{devices} x a800")
        tiles, matrix = (needed(devices, pairs, tile) for tile in (TILE, None))
        room, host = machine.chip.memory_bytes, machine.tiers["host"].memory_bytes
        waiting = pairs / devices * PIXELS
        statements[
            f"{pairs / 1e6:g}M pairs on {devices} A800: {tiles / 2**30:.0f} of {room / 2**30:.0f} GiB by tiles, "
            f"{matrix / 2**40:.1f} TiB with the matrix; pixels {waiting / 2**30:.0f} of {host / 2**30:.0f} GiB of host"
        ] = tiles <= room < matrix and waiting <= host
    return statements


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    fitted = {near: result.growth(method, "memory") for method, near in {"full": 2, "tiled": 1}.items()}
    sizes = result.experiment.sizes
    worst = max(result.median(method, n, "quality") for method in ("full", "tiled") for n in sizes)
    statements = {
        f"peak memory with exponent {f.exponent:.2f}, near {p}": abs(f.exponent - p) < 0.15 for p, f in fitted.items()
    }
    return {**statements, f"losses differ by {worst:.1g} at most": worst < 1e-5, **fits()}


EXPERIMENT = growth.Experiment(
    title="Contrastive loss with its gradient: the whole matrix against tiles",
    source="Breaking the Memory Barrier: Near Infinite Batch Size Scaling for Contrastive Loss",
    sizes=(256, 512, 1024, 2048, 3072),
    methods={"full": full, "tiled": tiled},
    prepare=prepare,
    quality=difference,
    quality_name="difference",
    size_name="batch",
    expected="peak memory with exponents 2 and 1, the same loss",
    claims=(growth.RowClaim(row="inf-cl", holds=holds),),
)
