"""Rows of measured serving as deployments: those of one model and engine together, as arrays over their rows.

Chips, releases and precisions differ within such a batch, so that what a machine and an engine say are arrays too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, final

import numpy as np

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Chip, Link, Machine
from froude.cost.machine.rates import matmul_share
from froude.cost.model.catalogue import get_model
from froude.cost.model.formats import Format
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine, get_engine
from froude.cost.serving.load import serving_seconds
from froude.cost.serving.number_formats import KV_FORMATS, NumberFormat, matmul_kind, number_format, usual_kv
from froude.fitting.costs.serving_rows import ServingRow

MEASURED = ("ttft_seconds", "tpot_seconds", "e2e_seconds")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServingBatch:
    """Rows by their places in a table, and their deployments as one."""

    places: np.ndarray
    deployment: Deployment


def serving_batches(
    rows: Sequence[ServingRow], streamed: Sequence[int] | None = None, alike: Sequence[bool] | None = None
) -> list[ServingBatch]:
    """Rows of the same model, way in which prompts enter and kind of load together, each a batch.

    `streamed` tokens of each row's answers are sent at a time, 1 by default; requests of rows that are `alike` have all
    the same lengths.
    """
    waves = _Waves(streamed=streamed or [1] * len(rows), alike=alike or [False] * len(rows))
    groups: dict[tuple[str, str, str, bool], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        engine = _engine(row)
        groups[row.model, engine.name, engine.prompts, row.rate is None].append(place)
    return [_batch([rows[i] for i in places], places, waves) for places in groups.values()]


def predicted_latency(batches: Sequence[ServingBatch], constants: ServingConstants) -> dict[str, np.ndarray]:
    """Seconds to the first token, of each later one and to the last (rows,), by the names of a table's columns."""
    found = {name: np.full(sum(len(batch.places) for batch in batches), np.nan) for name in MEASURED}
    for batch in batches:
        seconds = serving_seconds(batch.deployment, constants)
        for name, values in zip(MEASURED, (seconds.ttft, seconds.tpot, seconds.e2e), strict=True):
            found[name][batch.places] = values
    return found


def _engine(row: ServingRow) -> ServingEngine:
    return get_engine(f"{row.engine}@{row.version}" if row.version else row.engine)


def machine_of_row(row: ServingRow) -> Machine:
    """The machine that a row names, with the devices that it uses."""
    return _machine(row.machine, row.devices)


@cache
def _machine(text: str, devices: int) -> Machine:
    return get_machine(text if text.split()[0].isdigit() or text.endswith(".toml") else f"{devices} x {text}")


@final
@dataclass(frozen=True, kw_only=True)
class _Waves:
    """What of a load test no row says, by row."""

    streamed: Sequence[int]
    alike: Sequence[bool]


def _batch(rows: Sequence[ServingRow], places: Sequence[int], waves: _Waves) -> ServingBatch:
    precisions = [row.precision or "bf16" for row in rows]
    kept = [row.kv or usual_kv(precision) for row, precision in zip(rows, precisions, strict=True)]
    machines = [machine_of_row(row) for row in rows]

    def column(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=float)

    deployment = Deployment(
        model=get_model(rows[0].model),
        machine=stacked_machine(machines, precisions),
        engine=stacked_engine([_engine(row) for row in rows]),
        precision=stacked_precision(precisions),
        kv=_stacked_format([KV_FORMATS[kv] for kv in kept]),
        input=column("input"),
        output=column("output"),
        **{name: column(name) for name in ("tp", "pp", "ep", "dp")},
        users=column("concurrency") if rows[0].rate is None else None,
        rate=None if rows[0].rate is None else column("rate"),
        streamed=np.array([waves.streamed[place] for place in places], dtype=float),
        alike=np.array([waves.alike[place] for place in places], dtype=float),
    )
    return ServingBatch(places=np.array(places), deployment=deployment)


STACKED = "stacked"
"""The number type under which a stacked chip has the rate that each row's precision multiplies at."""


def stacked_machine(machines: Sequence[Machine], precisions: Sequence[str]) -> Machine:
    """Machines as one whose numbers are arrays; `STACKED` multiplies at the rate of each one's precision."""
    chips = [machine.chip for machine in machines]
    kinds = [matmul_kind(precision, chip) for precision, chip in zip(precisions, chips, strict=True)]
    sixteen = ["bf16" if "bf16" in chip.peak_flops else "fp16" for chip in chips]

    def array(values: Sequence[Any]) -> Any:
        return np.array(values, dtype=float)

    def peaks(names: Sequence[str]) -> Any:
        return array([chip.peak_flops[name] for name, chip in zip(names, chips, strict=True)])

    def link(links: Sequence[Link]) -> Link:
        bandwidth = array([one.bandwidth_bytes_per_s for one in links])
        return Link(bandwidth_bytes_per_s=bandwidth, latency_s=array([one.latency_s for one in links]))

    shares = array([matmul_share(chip, kind) for chip, kind in zip(chips, kinds, strict=True)])
    chip = Chip(
        name="stacked",
        peak_flops={STACKED: peaks(kinds), "bf16": peaks(sixteen)},
        matmul_share={STACKED: shares},
        memory_bytes=array([one.memory_bytes for one in chips]),
        memory_bandwidth_bytes_per_s=array([one.memory_bandwidth_bytes_per_s for one in chips]),
        power_watts=array([one.power_watts for one in chips]),
    )
    return replace(
        machines[0],
        chip=chip,
        devices_per_node=array([machine.devices_per_node for machine in machines]),
        node_link=link([machine.node_link for machine in machines]),
        fabric=link([machine.fabric for machine in machines]),
    )


def stacked_engine(engines: Sequence[ServingEngine]) -> ServingEngine:
    """Releases of one engine as one whose numbers are arrays."""

    def array(name: str) -> Any:
        return np.array([getattr(engine, name) for engine in engines], dtype=float)

    named = ("released", "chunk", "sequences", "reserved", "page")
    shares = {name: None if getattr(engines[0], name) is None else array(name) for name in ("memory", "free")}
    return replace(engines[0], **{name: array(name) for name in named}, **shares)


def stacked_precision(precisions: Sequence[str]) -> NumberFormat:
    """Precisions as one whose bits are arrays."""
    forms = [number_format(precision) for precision in precisions]
    return NumberFormat(
        weights=_stacked_format([form.weights for form in forms]),
        matmuls=(STACKED,),
        others=_stacked_format([form.others for form in forms]),
        activations=np.array([form.activations for form in forms]),
        narrow=np.array([precision == "fp4" for precision in precisions], dtype=float),
    )


def _stacked_format(formats: Sequence[Format]) -> Format:
    values: Mapping[str, Any] = {
        name: np.array([getattr(one, name) for one in formats], dtype=float) for name in ("bits", "group", "scale_bits")
    }
    return Format(**values)
