"""sys_kernels: single matmuls and decode attention of vLLM on six GPUs, in the words of the serving model.

The rule, written before anything was fitted. Of kernels that do the same on one GPU the fastest counts, which is what
an engine would take. In fp8 there is a scale a tensor, in fp8 in blocks one for 128 x 128 weights; inputs come in 16
bits and are cast. Attention decodes one token of each sequence against the keys before it and its own; windows are kept
apart. No row is left out for its size or its seconds.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

CHIPS = {
    "a100_sxm": "a100-80",
    "h100_sxm": "h100",
    "h200_sxm": "h200",
    "b200_sxm": "b200",
    "l40s": "l40s",
    "rtx_pro_6000_server": "rtx-pro-6000-server",
}
PRECISIONS = {"bfloat16": "bf16", "fp8": "fp8", "fp8_block": "fp8 in blocks", "nvfp4": "nvfp4"}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Kernels:
    """Kernels of one kind ("matmul bf16", "decode bf16", "decode bf16, window") on one chip: sizes and `seconds`."""

    kind: str
    chip: str
    sizes: Mapping[str, np.ndarray]
    seconds: np.ndarray

    def subset(self, places: np.ndarray) -> Kernels:
        """Some of them."""
        sizes = {name: values[places] for name, values in self.sizes.items()}
        return Kernels(kind=self.kind, chip=self.chip, sizes=sizes, seconds=self.seconds[places])


def matmul_kernels() -> list[Kernels]:
    """Matmuls of `rows` times `inputs` x `outputs`, by number type and chip."""
    return _kernels("gemm_perf", ("rows", "inputs", "outputs"), _matmul)


def decode_kernels() -> list[Kernels]:
    """Attention of a `batch` that decodes, by type of keys and values, with windows or without, and chip."""
    return _kernels("generation_attention_perf", ("batch", "context", "heads", "kv_heads", "width", "window"), _decode)


def _matmul(cells: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    return f"matmul {PRECISIONS[cells['gemm_dtype']]}", (int(cells["m"]), int(cells["k"]), int(cells["n"]))


def _decode(cells: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    window = int(float(cells["window_size"] or 0))
    kept = {"bfloat16": "bf16"}.get(cells["kv_cache_dtype"], cells["kv_cache_dtype"])
    names = ("batch_size", "step", "num_heads", "num_key_value_heads", "head_dim")
    batch, step, heads, kv_heads, width = (int(cells[name]) for name in names)
    context = step + int(cells["isl"])
    return f"decode {kept}{', window' if window else ''}", (batch, context, heads, kv_heads or heads, width, window)


def _kernels(table: str, names: tuple[str, ...], read) -> list[Kernels]:
    fastest: dict[tuple[str, str], dict[tuple[int, ...], float]] = {}
    path = Path(os.environ["FROUDE_PUBLISHED"]) / "sys_kernels" / f"{table}.csv.gz"
    with gzip.open(path, "rt") as file:
        for cells in csv.DictReader(file):
            kind, sizes = read(cells)
            known = fastest.setdefault((kind, CHIPS[cells["system"]]), {})
            seconds = float(cells["latency"]) / 1e3
            known[sizes] = min(seconds, known.get(sizes, seconds))
    found = []
    for (kind, chip), rows in fastest.items():
        columns = dict(zip(names, np.array(list(rows), dtype=float).T, strict=True))
        found.append(Kernels(kind=kind, chip=chip, sizes=columns, seconds=np.array(list(rows.values()))))
    return found
