"""Packing what is not contiguous: a copy a block, and a gather by indices.

Parts of an array that lie apart are copied into one buffer before they are sent. A copy a block costs a constant for
each, and runs at the memory's rate within it; a gather costs so much for every element and nothing for the block.
"TEMPI: An Interposed MPI Library with a Canonical Representation of CUDA-aware Datatypes" measures such curves and
picks by them.

What grows is the length of a block; the bytes packed stay. Both ways are fitted as blocks · latency + bytes /
bandwidth, and choose for shapes that were not measured. The quality is the number of blocks.

Expected: time by copies falls with exponent −1 towards the memory's rate; by gather it is constant; they cross.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth

PACKED = 2**14  # elements of 8 bytes
HELD_OUT = tuple((elements, length) for elements in (2**13, 2**15) for length in (24, 96, 300, 3000, 6000))
"""Elements packed and the length of a block, for shapes that are not fitted."""


class Strided(NamedTuple):
    """Rows of which the first `length` elements are packed, and the indices of these elements in all."""

    rows: np.ndarray
    length: int
    indices: np.ndarray


def made(elements: int, length: int) -> Strided:
    """Blocks of a length, twice that apart, of so many elements or a few less."""
    blocks = elements // length
    rows = np.arange(2.0 * blocks * length).reshape(blocks, 2 * length)
    indices = (np.arange(blocks)[:, None] * 2 * length + np.arange(length)).ravel()
    return Strided(rows, length, indices)


def copies(data: Strided) -> np.ndarray:
    """A copy a block."""
    packed, length = np.empty(data.indices.size), data.length
    for block, row in enumerate(data.rows):
        packed[block * length : (block + 1) * length] = row[:length]
    return packed


def gather(data: Strided) -> np.ndarray:
    """One gather."""
    return data.rows.ravel().take(data.indices)


METHODS = {"copies": copies, "gather": gather}


def blocks(data: Strided, packed: np.ndarray) -> float:
    """The number of blocks; what was packed is checked first."""
    if not np.array_equal(packed, data.rows[:, : data.length].ravel()):
        raise ValueError("something else was packed")
    return len(data.rows)


def terms(result: growth.GrowthResult, method: str) -> np.ndarray:
    """Seconds a block and seconds an element, as Froude fits the terms of a machine."""
    from froude.tank.machine.constants import fit_relative

    sizes = result.experiment.sizes
    seconds = np.array([result.median(method, n, "cpu_seconds") for n in sizes])
    known = np.array([[PACKED // n, PACKED // n * n] for n in sizes])
    return fit_relative(known, seconds)


def measured(data: Strided, method: str) -> float:
    """CPU seconds of one shape, the median of five."""
    return float(np.median([growth.time_call(functools.partial(METHODS[method], data)).cpu_seconds for _ in range(5)]))


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    fitted = {method: terms(result, method) for method in METHODS}
    statements = {
        f"{method}: {block * 1e9:.0f} ns a block and {element * 1e9:.2f} ns an element": element > 0
        for method, (block, element) in fitted.items()
    }
    right, lost = 0, []
    for elements, length in HELD_OUT:
        data = made(elements, length)
        seconds = {method: measured(data, method) for method in METHODS}
        predicted = {method: fitted[method] @ [len(data.rows), data.indices.size] for method in METHODS}
        chosen = min(predicted, key=lambda method: predicted[method])
        right += chosen == min(seconds, key=lambda method: seconds[method])
        lost.append(seconds[chosen] / min(seconds.values()))
    ends = result.experiment.sizes[0], result.experiment.sizes[-1]
    slow, fast = (8e-9 * (PACKED // n * n) / result.median("copies", n, "cpu_seconds") for n in ends)
    statements[f"copies of blocks of {ends[0]:g} run at {slow:.2f} GB/s, of {ends[1]:g} at {fast:.1f} GB/s"] = (
        fast > slow
    )
    statements["a block costs more by copies"] = fitted["copies"][0] > fitted["gather"][0]
    always = (
        f"the faster way chosen for {right} of {len(HELD_OUT)} shapes held out, {max(lost):.2f} of its time at most"
    )
    return {**statements, always: right >= 0.9 * len(HELD_OUT) and max(lost) < 1.5}


EXPERIMENT = growth.Experiment(
    title="Packing strided blocks: a copy each against a gather",
    source="TEMPI",
    sizes=(16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192),
    methods=METHODS,
    prepare=lambda size, rng: made(PACKED, int(size)),
    quality=blocks,
    quality_name="blocks",
    size_name="block length",
    expected="time with exponent −1 by copies, constant by gather, crossing",
    claims=(growth.RowClaim(row="tempi", holds=holds),),
)
