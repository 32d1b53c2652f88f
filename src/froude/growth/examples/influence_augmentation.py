"""A tensor completed with cells of its own making: the time to make them, and the error, by how cells are chosen.

"Influence-guided Data Augmentation for Neural Tensor Completion" trains a model of a sparse tensor, traces how much
each observed cell moved the loss on others, adds that up to an importance of each index, draws cells by importance,
and trains on them as well, at the values that the model foresees. Its time is close to linear in the data.

The model here is a sum of three products of factors, trained by gradients. Influence is the product of a cell's
gradient with the mean gradient of cells set aside. The timed step goes from a trained model to new cells, half as many
as are observed. The size is observed cells, of a tensor of 40 × 40 × 40, the sum of three products of factors between 0
and 1, with noise. The quality is the error on held-out cells after training again.

Expected: time with exponent 1; errors well below that of the mean, beside those of cells drawn evenly, and of none. On
this tensor, whose indices are all alike, influence need not help.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

SIDE, RANK, NOISE, STEPS, RATE, HELD = 40, 3, 0.1, 40, 0.1, 2000


class Cells(NamedTuple):
    """Indices (cells, 3) and values."""

    indices: np.ndarray
    values: np.ndarray


class Completion(NamedTuple):
    """Observed cells, those set aside for influence, those held out, the trained factors (3, SIDE, RANK), a seed."""

    observed: Cells
    aside: Cells
    held_out: Cells
    factors: np.ndarray
    seed: int


def prepare(size: float, rng: np.random.Generator) -> Completion:
    """A tensor of planted factors, and a model trained on its observed cells."""
    true, seed = rng.random((3, SIDE, RANK)), int(rng.integers(2**31))
    observed, aside, held_out = (drawn(true, count, rng) for count in (int(size), max(50, int(size) // 10), HELD))
    return Completion(observed, aside, held_out, trained(observed, seed), seed)


def drawn(true: np.ndarray, count: int, rng: np.random.Generator) -> Cells:
    """Random cells with noise."""
    indices = rng.integers(0, SIDE, (count, 3))
    return Cells(indices, foreseen(true, indices) + NOISE * rng.normal(size=count))


def rows(factors: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The factors of cells, (3, cells, RANK)."""
    return np.stack([factors[axis][indices[:, axis]] for axis in range(3)])


def foreseen(factors: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The model's values of cells."""
    return rows(factors, indices).prod(axis=0).sum(axis=1)


def gradients(factors: np.ndarray, cells: Cells) -> np.ndarray:
    """Of half the squared error of each cell, by its own factors: (3, cells, RANK)."""
    a, b, c = rows(factors, cells.indices)
    wrong = ((a * b * c).sum(axis=1) - cells.values)[:, None]
    return wrong * np.stack([b * c, a * c, a * b])


def summed(each: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Gradients of cells added up for each index, (3, SIDE, RANK)."""
    return np.stack(
        [
            np.stack([np.bincount(indices[:, axis], each[axis, :, k], minlength=SIDE) for k in range(RANK)], axis=1)
            for axis in range(3)
        ]
    )


def trained(cells: Cells, seed: int) -> np.ndarray:
    """Factors after steps of Adam on all cells at once."""
    factors = np.random.default_rng(seed).random((3, SIDE, RANK))
    mean, square = 0 * factors, 0 * factors
    for step in range(1, STEPS + 1):
        slope = summed(gradients(factors, cells), cells.indices) / len(cells.values)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        factors = factors - RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return factors


def by_influence(data: Completion) -> Cells:
    """Cells by the importance of their indices."""
    wanted = summed(gradients(data.factors, data.aside), data.aside.indices) / len(data.aside.values)
    influence = np.abs(
        np.sum(gradients(data.factors, data.observed) * rows(wanted, data.observed.indices), axis=(0, 2))
    )
    worth = [np.bincount(data.observed.indices[:, axis], influence, minlength=SIDE) for axis in range(3)]
    return added(data, [w / w.sum() for w in worth])


def evenly(data: Completion) -> Cells:
    """Cells with even chances."""
    return added(data, [np.full(SIDE, 1 / SIDE)] * 3)


def added(data: Completion, chances: list[np.ndarray]) -> Cells:
    """Half as many cells as observed, by the chances of their indices, at the values foreseen."""
    rng, count = np.random.default_rng(data.seed), len(data.observed.values) // 2
    indices = np.stack([rng.choice(SIDE, count, p=chance) for chance in chances], axis=1)
    return Cells(indices, foreseen(data.factors, indices))


def error(data: Completion, new: Cells) -> float:
    """On held-out cells, relative, after training on observed and new cells from the same start."""
    both = Cells(*(np.concatenate(pair) for pair in zip(data.observed, new, strict=True)))
    return wrong(data, trained(both, data.seed))


def wrong(data: Completion, factors: np.ndarray) -> float:
    """The error of factors on held-out cells, relative to their values."""
    values = data.held_out.values
    return float(np.linalg.norm(foreseen(factors, data.held_out.indices) - values) / np.linalg.norm(values))


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """The growth of time, and errors beside one another."""
    least, sizes = result.fastest("by influence"), result.experiment.sizes
    time = growth.fit_growth([*least], [[seconds] for seconds in least.values()], floor=False).exponent
    errors = [[result.median(name, size, "quality") for name in ("by influence", "evenly")] for size in sizes]
    data = prepare(sizes[-1], np.random.default_rng(0))
    none, values = wrong(data, data.factors), data.held_out.values
    of_mean = float(np.std(values) / np.sqrt(np.mean(values**2)))
    rows = ", ".join(f"{ours:.3f}/{even:.3f}" for ours, even in errors)
    return {
        f"time with exponent {time:.2f}, within 0.3 of 1": abs(time - 1) < 0.3,
        f"errors by influence and evenly {rows}, {none:.3f} without at the largest; below {of_mean:.3f}, the mean's": (
            bool(np.max(errors) < of_mean)
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Cells added to a sparse tensor by influence and evenly",
    source="Influence-guided Data Augmentation for Neural Tensor Completion",
    sizes=(1500, 3000, 6000, 12000, 24000),
    methods={"by influence": by_influence, "evenly": evenly},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="cells",
    expected="time with exponent 1",
    claims=(growth.RowClaim(row="dain-tensor-completion", holds=holds, shows="modelled"),),
)
