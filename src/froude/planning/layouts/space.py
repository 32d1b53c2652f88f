"""Which layouts are searched: the options of every dimension, and the legal layouts that they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import BATCH_TOKENS
from froude.cost.training.layout import Layout
from froude.cost.training.legal import equal_chunks, legal
from froude.cost.training.names import by_field, no_field
from froude.errors import InputError

NUMBERS = ("tensor", "pipeline", "context", "micro_batch", "interleave", "expert", "shard")
"""Dimensions that are numbers, in the order in which legal layouts are built up from them."""

OFFLOADS = ("offload_optimizer", "offload_parameters", "offload_activations")
"""Dimensions that say where something is kept."""

CATEGORIES = ("zero", "recompute", "schedule", "sequence_parallel", *OFFLOADS)
"""Dimensions that are not: every combination of them is one batch of layouts."""

_TASK = ("devices", "global_batch", "seq_len")
_SHARDS = tuple(2**n for n in range(1, 12))
_EVERY_MICRO_BATCH = 8  # up to which every divisor of the batch is tried
_SHARD_NODES = 8  # hybrid sharding is for groups that are near each other
_STAGED = (NUMBERS[:4], *((name,) for name in NUMBERS[4:]))

Grid = Mapping[str, np.ndarray]
"""Numbers of many layouts: dimension → values (n,)."""


@final
@dataclass(frozen=True, kw_only=True)
class LayoutSpace:
    """The options of every searched dimension; `rest` holds fields of `Layout` that are the same for all.

    Of layouts that are the same in all but name one is searched: sequence parallelism without tensor parallelism, a
    schedule without a pipeline, a shard group without ZeRO or of all devices, ZeRO 1 and 2 without copies to divide.
    Nor is tensor parallelism below ZeRO 3 searched without sequence parallelism, which takes as long and more memory.
    """

    tensor: tuple[int, ...] = (1,)
    pipeline: tuple[int, ...] = (1,)
    interleave: tuple[int, ...] = (1,)
    context: tuple[int, ...] = (1,)
    expert: tuple[int, ...] = (1,)
    micro_batch: tuple[int, ...] = (1,)
    shard: tuple[int, ...] = (0,)
    zero: tuple[int, ...] = (0, 1, 2, 3)
    recompute: tuple[str, ...] = ("none", "operators", "full")
    schedule: tuple[str, ...] = ("1f1b", "zero-bubble")
    sequence_parallel: tuple[bool, ...] = (False, True)
    offload_optimizer: tuple[str, ...] = ("device",)
    offload_parameters: tuple[str, ...] = ("device",)
    offload_activations: tuple[str, ...] = ("device",)
    rest: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Every combination of the categories, field of `Layout` → value."""
        for values in itertools.product(*(getattr(self, name) for name in CATEGORIES)):
            yield dict(zip(CATEGORIES, values, strict=True))


def space_of(
    model: Model,
    machine: Machine,
    *,
    seq_len: int,
    global_batch: int,
    fixed: Mapping[str, Any] | None = None,
) -> LayoutSpace:
    """All layouts of a training on a machine: every divisor that a dimension may have, and what `fixed` pins.

    Micro-batches above eight are powers of two and three times such. Shard groups are powers of two of a node's
    devices, or of whole nodes up to eight, or all data-parallel devices. Pipelines are 1F1B or zero-bubble,
    and nothing is offloaded, unless `fixed` says so. Selective recomputation is an option where attention is unfused:
    fused kernels do it themselves. InputError where `fixed` names no field.
    """
    fixed = {} if fixed is None else by_field(fixed)
    _check_names(fixed)
    for place in (fixed[name] for name in OFFLOADS if name in fixed):
        if place != "device" and place not in machine.tiers:
            raise InputError(f"the machine has no {place} memory to offload to: it has {', '.join(machine.tiers)}")
    across, layers = divisors(machine.devices), int(model.layers)
    counted = layers + 2 if fixed.get("pipeline_layout") == "ends" else layers
    options: dict[str, tuple[Any, ...]] = {
        "tensor": tuple(n for n in across if n <= machine.devices_per_node),
        "pipeline": tuple(n for n in across if n <= layers),
        "interleave": tuple(n for n in divisors(counted) if n <= max(counted // 2, 1)),
        "context": tuple(n for n in across if seq_len % n == 0),
        "expert": divisors(int(model.experts)),
        "micro_batch": tuple(n for n in divisors(global_batch) if n <= _EVERY_MICRO_BATCH or _is_round(n)),
        "shard": (0, *(n for n in across if n in _SHARDS and _is_near(n, machine))),
    }
    if fixed.get("attention") == "unfused":
        options["recompute"] = ("none", "selective", "operators", "full")
    options |= {name: (value,) for name, value in fixed.items() if name in (*NUMBERS, *CATEGORIES)}
    rest = {name: value for name, value in fixed.items() if name not in (*NUMBERS, *CATEGORIES)}
    return LayoutSpace(**options, rest=MappingProxyType(rest))


def _is_round(number: int) -> bool:
    """Whether a number is a power of two, or three times one."""
    odd = number // (number & -number)
    return odd in (1, 3)


def _is_near(number: int, machine: Machine) -> bool:
    """Whether a shard group is of near devices: a part of the one node there is, or a few whole nodes."""
    least = 1 if machine.nodes == 1 else machine.devices_per_node
    return least <= number <= _SHARD_NODES * machine.devices_per_node


def divisors(number: int) -> tuple[int, ...]:
    """The divisors of a positive whole number, ascending."""
    small = [n for n in range(1, int(number**0.5) + 1) if number % n == 0]
    return tuple(sorted({*small, *(number // n for n in small)}))


def usual_batch(devices: int, seq_len: int) -> int:
    """Sequences a step of about four million tokens: the nearest multiple of the devices, or divisor if fewer."""
    wanted = max(BATCH_TOKENS / seq_len, 1.0)
    if wanted >= devices:
        return round(wanted / devices) * devices
    return min(divisors(devices), key=lambda n: abs(math.log(n / wanted)))


def layout_of(task: Layout, grid: Grid, categories: Mapping[str, Any]) -> Layout:
    """The layouts of a grid under some categories, `task` saying all the rest."""
    return replace(task, **grid, **categories)


def task_layout(machine: Machine, space: LayoutSpace, *, seq_len: int, global_batch: int) -> Layout:
    """What all layouts of a space share."""
    return Layout(devices=machine.devices, seq_len=seq_len, global_batch=global_batch, **space.rest)


def legal_grid(model: Model, machine: Machine, task: Layout, space: LayoutSpace, categories: Mapping[str, Any]) -> Grid:
    """The legal layouts of a space under some categories, of which the schedule and sequence parallelism matter.

    Dimensions are added one after another and what is illegal is left out at once: every rule holds for a dimension
    of 1 (no shard group: 0), so that none is lost. Interleaved chunks hold equal parts where the
    space has a choice of them.
    """
    grid = {name: np.array([0 if name == "shard" else 1]) for name in NUMBERS}
    unsplit = replace(task, pipeline_layout="even")  # until it is known how many chunks there are
    for names in _STAGED:
        grid = _times(grid, {name: getattr(space, name) for name in names})
        layout = layout_of(unsplit if "pipeline" in names else task, grid, categories)
        with np.errstate(divide="ignore"):  # more parallel than there are devices: no replica, and not legal
            allowed = np.broadcast_to(legal(model, machine, layout), grid["tensor"].shape)
            allowed = allowed & divides_equally(model, space, layout)
        grid = {name: values[allowed] for name, values in grid.items()}
    return grid


def divides_equally(model: Model, space: LayoutSpace, layout: Layout) -> np.ndarray:
    """Whether a layout is searched for its chunks, elementwise: equal ones, and others where these sizes are pinned."""
    pinned = len(space.pipeline) == len(space.interleave) == 1
    return np.asarray(True) if pinned else equal_chunks(model, layout)


def distinct(task: Layout, space: LayoutSpace, grid: Grid, categories: Mapping[str, Any]) -> Grid:
    """The layouts of a grid without those that cost the same as another one of the space."""
    unlike = ~_same_as_another(layout_of(task, grid, categories), space)
    return {name: values[unlike] for name, values in grid.items()}


def _times(grid: Grid, options: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The grid once for every combination of the options."""
    added = np.meshgrid(*options.values(), indexing="ij")
    n, many = len(grid["tensor"]), added[0].size
    new = {name: np.tile(values.ravel(), n) for name, values in zip(options, added, strict=True)}
    return {name: new[name] if name in new else np.repeat(values, many) for name, values in grid.items()}


def _same_as_another(layout: Layout, space: LayoutSpace) -> np.ndarray:
    """Which layouts of the grid cost the same as another one of the space that is searched, or more."""
    tensor, pipeline, shard = (np.asarray(x) for x in (layout.tensor, layout.pipeline, layout.shard))
    copies = np.asarray(layout.data_parallel * layout.context)
    same = np.zeros(tensor.shape, dtype=bool)
    if layout.sequence_parallel and False in space.sequence_parallel:
        same |= tensor == 1
    # Below ZeRO 3 sequence parallelism costs no time and saves memory, wherever it divides the sequence.
    if not layout.sequence_parallel and True in space.sequence_parallel and layout.zero < 3:
        same |= (tensor > 1) & (np.asarray(layout.seq_len) % (np.asarray(layout.context) * tensor) == 0)
    # Without a pipeline 1F1B and zero-bubble are one, and GPipe, which holds all micro-batches, is no better.
    if layout.schedule != next((one for one in space.schedule if one != "gpipe"), space.schedule[0]):
        same |= pipeline == 1
    if 0 in space.shard:
        same |= (shard > 0) & ((shard == copies) | (layout.zero == 0))
    if layout.zero in (1, 2) and space.zero[0] < layout.zero:
        same |= (copies == 1) | (shard == 1)
    return same


def _check_names(fixed: Mapping[str, Any]) -> None:
    known = [one.name for one in fields(Layout)]
    for name in fixed:
        if name in _TASK:
            raise InputError(f"{name} cannot be fixed as part of the layout: give it as the training's own {name}")
        if name not in known:
            raise InputError(no_field(name, [n for n in known if n not in _TASK]))
