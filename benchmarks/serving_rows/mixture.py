"""sys_inference_silicon's rows of DeepSeek-R1, aggregated and with prompts on devices of their own.

The rule, written before any of these rows was predicted. Of the source "2026-04-06.csv" `tp` in a row's id counts its
devices (its column tp_size is tp times ep), of all others tp_size times attention_dp_size. Where attention is
data-parallel, each device is a replica with attention of its own, and experts are divided among all of them. Keys and
values are in fp8, as in the dense rows of the same sources and precisions. Some rows draft tokens by multi-token
prediction, and no column says which.

Rows with prompts apart do not say how many workers there are: one of each kind is taken, and the users are its own.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from froude.fitting.costs.serving_rows import ServingRow
from serving_rows.silicon import PUBLIC, Silicon, row_of_cells

MODEL = "deepseek-ai/DeepSeek-R1"


@final
@dataclass(frozen=True, kw_only=True)
class Apart:
    """A row whose prompts enter on devices of their own: the layout of decoding, and that of `prompts`."""

    decoding: ServingRow
    prompts: ServingRow


def mixture() -> list[Silicon]:
    """The aggregated rows of DeepSeek-R1."""
    rows = []
    for cells in _cells("agg"):
        known = row_of_cells({**cells, "tp_size": cells["tp_size"] or "1"})
        tp, spread = int(cells["tp_size"]), int(cells["attention_dp_size"] or 1)
        devices = int(re.findall(r"_tp(\d+)", cells["id"])[-1]) if known.source == PUBLIC else tp * spread
        layout = {"tp": 1, "dp": devices} if spread > 1 else {"tp": devices, "dp": 1}
        experts = min(int(cells["moe_ep_size"]), devices)
        row = replace(known.row, devices=devices, ep=devices if spread > 1 else experts, **layout)
        rows.append(replace(known, row=row))
    return rows


def mixture_apart() -> list[Apart]:
    """Its rows whose prompts and answers are computed by different workers."""
    rows = []
    for cells in _cells("disagg"):
        decoding, prompts = (_worker(cells, kind) for kind in ("decode", "prefill"))
        rows.append(Apart(decoding=decoding, prompts=prompts))
    return rows


def _worker(cells: dict[str, str], kind: str) -> ServingRow:
    """One worker of a kind as a row of the table."""
    tp, spread = (int(cells[f"{kind}_{name}_size"] or 1) for name in ("tp", "attention_dp"))
    row = row_of_cells({**cells, "tp_size": str(tp)}).row
    experts = min(int(cells[f"{kind}_moe_ep_size"] or 1), tp * spread)
    return replace(row, devices=tp * spread, dp=spread, ep=tp * spread if spread > 1 else experts)


def _cells(mode: str) -> list[dict[str, str]]:
    path = Path(os.environ["FROUDE_PUBLISHED"]) / "sys_inference_silicon" / "silicon.csv"
    with path.open() as file:
        return [one for one in csv.DictReader(file) if one["mode"] == mode and one["model_path"] == MODEL]
