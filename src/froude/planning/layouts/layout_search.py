"""The fastest layouts that fit, by exact search: every legal layout is ruled out by its memory or computed in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Layout
from froude.cost.training.memory.certainty import EVEN, fits_surely, most_bytes
from froude.cost.training.memory.device_memory import MemoryBytes, memory_by_share, memory_bytes, memory_error
from froude.cost.training.pipeline.predictions import with_predictions
from froude.cost.training.share import share_of
from froude.errors import InputError
from froude.planning.layouts.simplicity import mechanisms
from froude.planning.layouts.space import Grid, LayoutSpace, distinct, layout_of, legal_grid, task_layout
from froude.planning.plans import LayoutCandidate, candidate_of

REACH = 1.25
"""Layouts that need more than this times a device's memory are not computed: they say nothing about the choice."""

_CHUNK = 8192  # layouts computed at once: their arrays stay in a processor's cache

_ROUNDING = 1e-9  # blocks: a bound met exactly is met


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Layouts of the same categories: their bytes, and the seconds of those that were computed (inf elsewhere)."""

    layout: Layout
    bytes: np.ndarray
    fits: np.ndarray
    seconds: np.ndarray

    def at(self, row: int) -> Layout:
        """One of them in plain numbers."""
        picked = {name: value[row].item() for name, value in self.layout.arrays.items()}
        return replace(self.layout, **picked)


@final
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a layout must be to be found: in memory with a certainty, and computed only up to `reach` times a device's.

    `any_share` says whether full recomputation may be of any share of the blocks.
    """

    memory_certainty: float
    reach: float
    any_share: bool


@final
@dataclass(frozen=True, kw_only=True)
class FoundLayouts:
    """What a search found: the best candidate of every family, and how many layouts there were.

    A family shares tensor and pipeline parallelism, ZeRO stage and recomputation. `best` fit with the certainty asked
    for, fastest first; `beyond` do not and would be faster than all that do, least memory first. `simplest` is of those
    within the tolerance of the fastest the one of the fewest mechanisms, None where none fits. `least` is the candidate
    of least memory, None where no layout is legal, or where the best alone were asked for and there are any. `legal`
    layouts are `computed` in full or `pruned`, because they need too much memory by far.
    """

    best: tuple[LayoutCandidate, ...]
    beyond: tuple[LayoutCandidate, ...]
    least: LayoutCandidate | None
    legal: int
    computed: int
    pruned: int
    simplest: LayoutCandidate | None = None


def search(
    model: Model,
    machine: Machine,
    *,
    seq_len: int,
    global_batch: int,
    space: LayoutSpace,
    keep: int = 10,
    reach: float = REACH,
    memory_certainty: float = EVEN,
    tolerance: float = 0.0,
    best_alone: bool = False,
) -> FoundLayouts:
    """The fastest layouts of a space that fit the machine's memory, at most `keep` families of them.

    The result is that of trying every legal layout. Layouts fit where the `memory_certainty` is reached: 0.5 asks for
    what is counted to be within a device's memory, more leaves room for the error of counting. Of full recomputation
    each layout takes the smallest share of blocks that fits, unless the space says how many: memory never rises and
    step time never falls with it. Layouts that need more than `reach` times a device's memory are pruned (inf: none).
    `tolerance` is the share of step time by which the simplest may be slower than the fastest. Where the `best_alone`
    are asked for, nothing stands beside them; where there are none the least memory still does.
    """
    task = task_layout(machine, space, seq_len=seq_len, global_batch=global_batch)
    asked = Asked(memory_certainty=memory_certainty, reach=reach, any_share="recomputed" not in space.rest)
    batches = tuple(_batches(model, machine, task, space, asked))
    if batches and not any(np.isfinite(batch.bytes).any() for batch in batches):
        batches = tuple(_batches(model, machine, task, space, replace(asked, reach=0.0)))  # all were pruned unseen
    sizes = [len(batch.bytes) for batch in batches]
    if not sum(sizes):
        return FoundLayouts(best=(), beyond=(), least=None, legal=0, computed=0, pruned=0)
    computed = sum(int(np.isfinite(batch.seconds).sum()) for batch in batches)

    def candidates(places: Sequence[tuple[int, int]]) -> tuple[LayoutCandidate, ...]:
        return tuple(candidate_of(model, machine, batches[batch].at(row)) for batch, row in places)

    best = candidates(_by_family([(b.fits, b.seconds, b.bytes) for b in batches], batches, keep))
    found = FoundLayouts(
        best=best, beyond=(), least=None, legal=sum(sizes), computed=computed, pruned=sum(sizes) - computed
    )
    if best_alone and best:
        return found
    limit = best[0].step_seconds if best else np.inf
    least = candidates(_by_family([(np.isfinite(b.bytes), b.bytes, b.bytes) for b in batches], batches, 1))
    faster = [(~b.fits & (b.seconds < limit), b.bytes, b.seconds) for b in batches]
    return replace(
        found,
        beyond=candidates(_by_family(faster, batches, keep)),
        least=least[0],
        simplest=next(iter(candidates(_simplest(batches, limit * (1 + tolerance)) if best else ())), None),
    )


def least_memory(
    model: Model, machine: Machine, *, seq_len: int, global_batch: int, space: LayoutSpace
) -> LayoutCandidate:
    """The legal layout of least memory; no step time but its own is computed. InputError where none is legal."""
    layouts = search(model, machine, seq_len=seq_len, global_batch=global_batch, space=space, keep=0, reach=0)
    if layouts.least is None:
        raise InputError(f"no layout of {global_batch} sequences of {seq_len} on {machine.devices} devices is legal")
    return layouts.least


def _batches(model: Model, machine: Machine, task: Layout, space: LayoutSpace, asked: Asked) -> Iterator[Batch]:
    """Every combination of categories with its layouts."""
    grids: dict[tuple[Any, ...], Grid] = {}
    for categories in space.combinations():
        key = (categories["schedule"], categories["sequence_parallel"])
        if key not in grids:
            grids[key] = legal_grid(model, machine, task, space, categories)
        for grid in _chunks(distinct(task, space, grids[key], categories)):
            yield _batch(model, machine, layout_of(task, grid, categories), asked)


def _chunks(grid: Grid) -> Iterator[Grid]:
    many = len(grid["tensor"])
    for start in range(0, many, _CHUNK):
        yield {name: values[start : start + _CHUNK] for name, values in grid.items()}


def _batch(model: Model, machine: Machine, layout: Layout, asked: Asked) -> Batch:
    """The layouts with their bytes, and the seconds of those near enough to fitting.

    Where `reach` is above 0, bytes of those that are pruned are not computed (inf).
    """
    shape, room = np.shape(layout.tensor), asked.reach * machine.chip.memory_bytes
    total, seconds = np.full(shape, np.inf), np.full(shape, np.inf)
    enough, rows = np.zeros(shape, dtype=bool), np.arange(shape[0])
    if 0 < asked.reach < np.inf:
        rows = rows[np.broadcast_to(state_bytes(model, layout), shape) <= room]
        rows = rows[_least_bytes(model, _at(layout, rows)) <= room]
    shared, memory = _at(layout, rows), None
    if layout.recompute == "full" and asked.any_share and len(rows):
        least, memory = least_share(model, machine, shared, asked.memory_certainty)
        shared = replace(shared, recomputed=least)
        shares = np.ones(shape)
        shares[rows] = shared.recomputed
        layout = replace(layout, recomputed=shares)
    if len(rows) and asked.reach > 0:
        cost = evaluate(model, machine, shared, memory=memory)
        total[rows], seconds[rows] = cost.memory.total, cost.step_seconds
        surely = fits_surely(cost.memory, machine, asked.memory_certainty, memory_error(layout))
        enough[rows] = np.logical_and(cost.fits, surely)
    elif len(rows):
        total[rows] = memory_bytes(model, shared).total
    return Batch(layout=layout, bytes=total, fits=enough, seconds=seconds)


def state_bytes(model: Model, layout: Layout) -> np.ndarray:
    """Bytes that a layout needs on a device at the least: optimizer states, and weights that ZeRO does not divide."""
    share, precision = share_of(model, layout), layout.precision
    states = (precision.master + precision.optimizer) * share.owned(layout)
    weights = precision.weights * share.parameters if layout.zero < 3 else 0.0
    return np.asarray(weights + (states if layout.offload_optimizer == "device" else 0.0))


def _least_bytes(model: Model, layout: Layout) -> np.ndarray:
    """Bytes with all of the recomputation that a layout has."""
    return np.broadcast_to(memory_bytes(model, layout).total, np.shape(layout.tensor))


def least_share(
    model: Model, machine: Machine, layout: Layout, memory_certainty: float = EVEN
) -> tuple[np.ndarray, MemoryBytes]:
    """The smallest share of blocks whose full recomputation makes each layout fit, 1 where none does; its memory.

    Shares are of whole blocks of a stage, at least one. Memory is the larger of two straight lines, those of the first
    and of the last stage, that fall with the share: so what the chord between both ends says fits, and is the least
    unless the lines cross. Halving finds it then.
    """
    blocks = np.ceil(model.layers / np.asarray(layout.pipeline)).astype(int)
    memory = memory_by_share(with_predictions(model, layout), layout)
    fullest, leanest = memory(1 / blocks), memory(blocks / blocks)
    most, least = (np.broadcast_to(one.total, blocks.shape) for one in (fullest, leanest))
    excess = most - most_bytes(machine, fullest.context, memory_certainty, memory_error(layout))
    steps = np.ceil((blocks - 1) * excess / np.where(most > least, most - least, 1.0) - _ROUNDING)
    low, high = np.ones_like(blocks), np.clip(1 + steps, 1, blocks).astype(int)
    middle = np.maximum(high - 1, 1)
    while np.any(low < high):
        enough = fits_surely(memory(middle / blocks), machine, memory_certainty, memory_error(layout))
        low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
        middle = (low + high) // 2
    return high / blocks, memory(high / blocks)


def _at(layout: Layout, rows: np.ndarray) -> Layout:
    """The layouts of some rows of the arrays."""
    if len(rows) == len(layout.arrays["tensor"]):
        return layout
    return replace(layout, **{name: value[rows] for name, value in layout.arrays.items()})


def _simplest(batches: Sequence[Batch], limit: float) -> list[tuple[int, int]]:
    """Batch and row of the layout of the fewest mechanisms of all that take no longer, the fastest of these."""
    found = []
    for place, batch in enumerate(batches):
        rows = np.flatnonzero(batch.fits & (batch.seconds <= limit))
        if len(rows):
            many = np.broadcast_to(mechanisms(_at(batch.layout, rows)), rows.shape)
            first = np.lexsort((batch.bytes[rows], batch.seconds[rows], many))[0]
            found.append((int(many[first]), float(batch.seconds[rows[first]]), place, int(rows[first])))
    return [(place, row) for *_, place, row in sorted(found)[:1]]


def _by_family(
    ranked: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], batches: Sequence[Batch], keep: int
) -> list[tuple[int, int]]:
    """Batch and row of the best of each family that counts, best first: by one array and where equal by another."""
    winners: dict[tuple[Any, ...], tuple[float, float, int, int]] = {}
    for place, ((counts, first, second), batch) in enumerate(zip(ranked, batches, strict=True)):
        rows = np.flatnonzero(counts)
        rows = rows[np.lexsort((second[rows], first[rows]))]
        tensor, pipeline = (np.asarray(x)[rows] for x in (batch.layout.tensor, batch.layout.pipeline))
        pairs, at = np.unique(tensor * (int(pipeline.max(initial=0)) + 1) + pipeline, return_index=True)
        for i in at[: len(pairs)]:
            family = (int(tensor[i]), int(pipeline[i]), batch.layout.zero, batch.layout.recompute)
            row = (float(first[rows[i]]), float(second[rows[i]]), place, int(rows[i]))
            winners[family] = min(row, winners.get(family, row))
    return [(place, row) for *_, place, row in sorted(winners.values())[:keep]]
