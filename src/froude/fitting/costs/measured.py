"""A table of measured trainings, a row a layout: what each row says, and what was measured of it.

Columns bear the names that `froude cost train` takes (model, machine, devices, tp, global_batch, …); a step is measured
in seconds, tokens a second, TFLOP/s or MFU, memory in GiB. A column `kind` says what a row measures: each kind has a
reader in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, final

from froude.bounds import MOST_DEVICES, is_number, positive_number, whole_number
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.machine.machine_text import parse_machine_text
from froude.cost.model.catalogue import get_model
from froude.cost.model.keys import FLAGS
from froude.cost.model.model import Model
from froude.cost.stack.known_stacks import get_stack, likely_stacks
from froude.cost.stack.stack import Stack
from froude.cost.training.assumptions import complete
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import COUNTS, Layout
from froude.cost.training.layout import FLAGS as SWITCHES
from froude.cost.training.legal import check_legal
from froude.cost.training.names import by_field, field_called, no_field
from froude.errors import InputError, shown
from froude.quantity import parse_quantity
from froude.runs.headers import normal
from froude.runs.table import Runs

FIELDS = tuple(one.name for one in fields(Layout) if one.name not in ("kept", "stack"))
"""What a row may say of its layout."""

NUMBERS = (*COUNTS, "zero", "recomputed", "compress")
"""Those that are numbers."""

_OTHERS = ("kind", "model", "machine", "stack", "dp", "adapter")
_PER_DEVICE = ("per_device", "per_gpu")

SPEEDS: Mapping[str, tuple[str, ...]] = {
    "step_seconds": ("step_seconds", "step_time", "step_time_s", "seconds_per_step"),
    "tokens_per_second": ("tokens_per_second", "tokens_per_s"),
    "tokens_per_second_per_device": tuple(f"tokens_per_{s}_{of}" for s in ("second", "s") for of in _PER_DEVICE),
    "tflops_per_device": tuple(f"{kind}_{of}" for kind in ("tflops", "model_tflops") for of in _PER_DEVICE),
    "mfu": ("mfu",),
}
"""How a step's speed may be measured, and the columns that say it; of several the first counts."""

MEMORY = {
    "allocated_gib": "allocated",
    "memory_gib": "allocated",
    "peak_memory_gib": "allocated",
    "peak_mem_gib": "allocated",
    "reserved_gib": "reserved",
}
"""Columns of the allocator's peak on the fullest device, and what of it each says; of several the first counts."""

GIB = 2**30


@final
@dataclass(frozen=True, kw_only=True)
class MeasuredStep:
    """A training that was measured: `seconds` of its step, and the allocator's peak where that is known.

    `name` says which row it is, `cost` what is counted of it by the stack that it was read with, `counted_bytes` what
    of it compares with `memory_bytes`.
    """

    name: str
    model: Model
    machine: Machine
    layout: Layout
    cost: Cost
    seconds: float
    memory_bytes: float | None
    counted_bytes: float


Reader = Callable[[str, Mapping[str, Any], Stack | None], MeasuredStep]
"""Reads a row by its name and cells, with a stack."""


@final
@dataclass(frozen=True, kw_only=True)
class MeasuredRows:
    """A table of measurements: `columns` says which of its columns is which, where names do not, and `given` what holds
    for rows that do not say otherwise."""

    runs: Runs
    columns: Mapping[str, str]
    given: Mapping[str, Any]

    @cached_property
    def names(self) -> dict[str, str]:
        """What each column says, by its name in the table. InputError for one in `columns` that is not there."""
        for column in self.columns.values():
            self.runs[column]  # names the nearest where there is none
        return {column: normal(column) for column in self.runs.columns} | {
            column: normal(name) for name, column in self.columns.items()
        }

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns of which nothing is taken."""
        known = {*FIELDS, *_OTHERS, *MEMORY, *(one for columns in SPEEDS.values() for one in columns)}
        return tuple(column for column, name in self.names.items() if field_called(name) not in known)

    def cells(self, i: int) -> dict[str, Any]:
        """What row `i` says, by name; nothing of empty cells."""
        values = {name: self.runs.frame[column][i] for column, name in self.names.items()}
        here = {name: value for name, value in values.items() if value is not None and value == value and value != ""}
        return {normal(name): value for name, value in self.given.items()} | here


def measured_steps(rows: MeasuredRows, stack: Stack | None) -> Iterator[MeasuredStep]:
    """The measured steps of a table, read with one stack, or each with the likeliest.

    InputError, naming the row, for what is missing, unknown, or cannot be.
    """
    for i in range(len(rows.runs)):
        cells = rows.cells(i)
        try:
            yield _reader(cells)(rows.runs.row_name(i), cells, stack)
        except InputError as error:
            raise InputError(f"{rows.runs.row_name(i)}: {error}") from None


def start_of(rows: MeasuredRows, stack: Stack | str | None) -> Stack:
    """The stack that is given, or that the column `stack` names, or else the likeliest of the first row's chip.

    InputError where the column names several, and for what is wrong with the first row.
    """
    if isinstance(stack, Stack):
        return stack
    cells = (rows.cells(i) for i in range(len(rows.runs)))
    names = [stack] if stack else list(dict.fromkeys(str(each["stack"]) for each in cells if "stack" in each))
    if len(names) > 1:
        raise InputError(
            f"rows are of {len(names)} stacks ({', '.join(names)}): choose with --where, or name one --stack"
        )
    return get_stack(names[0]) if names else likely_stacks(next(measured_steps(rows, None)).machine.chip)[0][0]


def _reader(cells: Mapping[str, Any]) -> Reader:
    kind = cells.get("kind", "train")
    if kind not in KINDS:
        raise InputError(
            f"kind = {shown(kind)}: rows of kind {', '.join(KINDS)} or serve are calibrated on, choose with --where"
        )
    return KINDS[kind]


def _training(name: str, cells: Mapping[str, Any], stack: Stack | None) -> MeasuredStep:
    """A training's step."""
    if "adapter" in cells:
        raise InputError(f"adapter = {shown(cells['adapter'])}: constants are fitted to trainings of whole models only")
    model, machine = get_model(str(_needed(cells, "model"))), _machine(cells)
    stated = dict(_stated(cells))
    layout, _ = complete(model, machine, stated, stack)
    check_legal(model, machine, layout)
    replicas = int(layout.data_parallel)
    if "dp" in cells and (said := _plain("devices", cells["dp"])) != replicas:
        raise InputError(f"dp = {said}, but devices / (tp × pp × cp) is {replicas}: correct one of them")
    cost = evaluate(model, machine, layout)
    column = next((column for column in MEMORY if column in cells), None)
    return MeasuredStep(
        name=name,
        model=model,
        machine=machine,
        layout=layout,
        cost=cost,
        seconds=_seconds(cells, cost),
        memory_bytes=None if column is None else positive_number(column, cells[column]) * GIB,
        counted_bytes=float(getattr(cost.memory, MEMORY.get(column or "", "allocated"))),
    )


KINDS: Mapping[str, Reader] = {"train": _training}
"""Readers of rows by what they measure."""


def _needed(cells: Mapping[str, Any], name: str) -> Any:
    if name not in cells:
        raise InputError(f"no {name}: add a column {name}, or give it for all rows with --fix {name}=…")
    return cells[name]


def _machine(cells: Mapping[str, Any]) -> Machine:
    """The machine of a row, whose devices may stand in a column of their own."""
    text = str(_needed(cells, "machine"))
    counted = parse_machine_text(text)
    devices = _plain("devices", cells["devices"]) if "devices" in cells else None
    if devices is not None and counted.devices is None and counted.nodes is None:
        return get_machine(f"{whole_number('devices', devices, 1, MOST_DEVICES)} x {text}")
    machine = get_machine(text)
    if devices not in (None, machine.devices):
        raise InputError(f"devices = {devices}, but machine {text!r} has {machine.devices}: correct one of them")
    return machine


def _stated(cells: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a row says of its layout, by field."""
    follows = next((name for name in cells if name in ("fsdp", "vp", "sp")), None)
    if follows is not None:
        raise InputError(no_field(follows, list(FIELDS)))
    named = {name: value for name, value in cells.items() if field_called(name) in FIELDS and name != "devices"}
    for field, value in by_field(named).items():
        yield field, _plain(field, value)


def _plain(field: str, value: Any) -> Any:
    """A cell as a field takes it: a switch, a whole number, or as it is."""
    if field in SWITCHES:
        return bool(value) if value in (0, 1) else FLAGS.get(str(value).strip().lower(), value)
    if isinstance(value, str) and field in NUMBERS:
        value = parse_quantity(value)
    return int(value) if is_number(value) and value % 1 == 0 else value


def _seconds(cells: Mapping[str, Any], cost: Cost) -> float:
    """Seconds of the step by whatever was measured of its speed."""
    found = ((unit, column) for unit, columns in SPEEDS.items() for column in columns if column in cells)
    unit, column = next(found, ("", ""))
    if not unit:
        raise InputError(f"nothing measured: fill one of the columns {', '.join(SPEEDS)}")
    value = positive_number(column, cells[column])
    tokens, flops = float(cost.tokens), float(cost.model_flops / cost.devices)
    done_per_second = {
        "step_seconds": lambda: (value, 1.0),
        "tokens_per_second": lambda: (tokens, value),
        "tokens_per_second_per_device": lambda: (tokens, value * float(cost.devices)),
        "tflops_per_device": lambda: (flops, value * 1e12),
        "mfu": lambda: (flops, _share(value) * cost.peak_flops),
    }
    done, per_second = done_per_second[unit]()
    return positive_number("step_seconds", done / per_second)


def _share(value: float) -> float:
    if value > 1:
        raise InputError(f"mfu = {value:g}: write a share, as 0.45 for 45%")
    return value
