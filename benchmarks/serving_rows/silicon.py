"""sys_inference_silicon: latencies of engines under so many users, and which of its rows contradict each other.

The rule, written before anything was fitted. Aggregated rows; users are the source's `silicon_concurrency`, or
`batch_size` in rows without it. A blank precision is bf16 (the checkpoint that the row names), a blank version the
newest known at the date of the source. Keys and values are in fp8 where TensorRT-LLM serves an fp8 or fp4 checkpoint
(ModelOpt's default) and in every row of the source "2026-04-06.csv" (a public benchmark that sets it); else bf16. Its
TensorRT-LLM rows of 1,024 and 1,024 tokens stream 20 tokens at a time (the 18 extra steps of the notes).
That source draws lengths from 0.8 to 1.0 of the stated ones, all others send requests of equal lengths (which was told
apart after the residuals of first tokens had been seen).

Broken rows: among rows alike in all but the number of users, more users never make a token come 15% sooner, nor a
first token in half the time. The fewest rows without which that holds are broken; of two as few, those with fewer
users.
"""

from __future__ import annotations

import csv
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from froude.fitting.costs.serving_rows import ServingRow

ENGINES = {"trtllm": "tensorrt-llm", "sglang": "sglang", "vllm": "vllm"}
CHIPS = {
    "h100_sxm": "h100",
    "h200_sxm": "h200",
    "b200_sxm": "b200",
    "b300_sxm": "b300",
    "gb200": "gb200",
    "gb300": "gb300",
}
MODELS = {
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "meta-llama/Llama-3.1-70B": "llama-3.1-70b",
    "Qwen/Qwen3-32B": "qwen3-32b",
    "deepseek-ai/DeepSeek-R1": "deepseek-v3",
}
PUBLIC = "2026-04-06.csv"
NEWEST = {"vllm": "0.11", "tensorrt-llm": "1.0", "sglang": "0.5"}
"""Releases of October 2025, when rows without one were measured."""

SOONER, HALF = 1.15, 2.0
STREAMED = 20


@final
@dataclass(frozen=True, kw_only=True)
class Silicon:
    """A row with what no column of a serving table says: its source, tokens sent at a time, whether all requests
    have the same lengths, whether it is broken."""

    row: ServingRow
    source: str
    streamed: int = 1
    alike: bool = False
    broken: bool = False


def silicon() -> list[Silicon]:
    """The aggregated rows of dense models."""
    path = Path(os.environ["FROUDE_PUBLISHED"]) / "sys_inference_silicon" / "silicon.csv"
    with path.open() as file:
        cells = [one for one in csv.DictReader(file) if one["mode"] == "agg" and "DeepSeek" not in one["model_path"]]
    rows = [row_of_cells(one) for one in cells]
    broken = {id(one) for group in _alike(rows) for one in contradicting(group)}
    return [replace(one, broken=id(one) in broken) for one in rows]


def row_of_cells(cells: dict[str, str]) -> Silicon:
    """A row of the table as it stands, devices as many as tp_size."""
    source = cells["silicon_data_source"]
    users = re.search(r"silicon_concurrency=(\d+)", source)
    file = re.search(r"source_file=([^;]*)", source)
    engine, precision = ENGINES[cells["backend"]], cells["precision"] or None
    public = file is not None and file[1] == PUBLIC
    narrow = precision is not None and (public or engine == "tensorrt-llm")
    seconds = {name: float(cells[f"silicon_{name}_ms"]) / 1e3 for name in ("ttft", "tpot")}
    output = int(cells["osl"])
    row = ServingRow(
        model=MODELS[cells["model_path"]],
        machine=CHIPS[cells["system"]],
        devices=int(cells["tp_size"]),
        engine=engine,
        version=cells["backend_version"] or NEWEST[engine],
        tp=int(cells["tp_size"]),
        precision=precision,
        kv="fp8" if narrow else "bf16",
        input=0.9 * int(cells["isl"]) if public else int(cells["isl"]),
        output=0.9 * output if public else output,
        concurrency=int(users[1]) if users else int(cells["batch_size"]),
        ttft_seconds=seconds["ttft"],
        tpot_seconds=seconds["tpot"],
    )
    at_once = public and engine == "tensorrt-llm" and cells["isl"] == cells["osl"] == "1024"
    return Silicon(row=row, source=file[1] if file else "", streamed=STREAMED if at_once else 1, alike=not public)


def _alike(rows: Sequence[Silicon]) -> list[list[Silicon]]:
    groups: dict[tuple[object, ...], list[Silicon]] = defaultdict(list)
    for one in rows:
        row = one.row
        key = (
            one.source,
            row.model,
            row.machine,
            row.engine,
            row.version,
            row.tp,
            row.precision,
            row.input,
            row.output,
        )
        groups[key].append(one)
    return list(groups.values())


def contradicting(group: Sequence[Silicon]) -> tuple[Silicon, ...]:
    """The fewest rows of a group without which more users never make answers much faster."""
    ordered = sorted(group, key=lambda one: one.row.concurrency or 0)
    pairs = [pair for pair in itertools.combinations(ordered, 2) if _contradict(*pair)]
    for fewest in range(len(ordered)):
        for left_out in itertools.combinations(ordered, fewest):
            if not any(a not in left_out and b not in left_out for a, b in pairs):
                return left_out
    return ()


def _contradict(fewer: Silicon, more: Silicon) -> bool:
    """Whether the second, with more users, is faster than the rule allows."""
    one, other = fewer.row, more.row
    if one.concurrency == other.concurrency:
        return False
    tokens = (one.tpot_seconds or 0) > SOONER * (other.tpot_seconds or 0)
    return tokens or (one.ttft_seconds or 0) > HALF * (other.ttft_seconds or 0)


def broken(rows: Sequence[Silicon]) -> Iterator[Silicon]:
    """The rows that the rule declares broken."""
    return (one for one in rows if one.broken)
