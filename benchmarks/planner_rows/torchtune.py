"""torchtune's fine-tuning: a ladder of techniques on a 3B with active memory, and others by recipe.

The rule for the whole table, set before anything was predicted:

- Precision, optimizer and recomputation follow the recipes (from memory): all in bf16, two states of AdamW in bf16,
  or of 8 bits on one device; recomputation of whole blocks, and the optimizer inside the backward pass, where no
  gradients stay. The ladder's techniques add up from row to row as its note says; LoRA and QLoRA drop the last two.
- Chunked cross entropy is asked as a fused one, offloading as activations in host memory.
- "Baseline" is not packed: its sequences are shorter than the table's length; its time and memory are left out. The
  tutorials print memory alone, on a device that is not named (taken as an A100 of 80 GB).
- Adapters have the rank and the matrices that the row says, else rank 8 on all matrices, 64 of the ladder's 3B (from
  memory), with a base in bf16, and are reported apart; peaks are GiB, or GB where the table says so. "Active" is what
  tensors use, all others what the allocator reserves. Offloading with FSDP is of weights and gradients too
  (`fsdp_cpu_offload`). These two lines, and that the ladder's loss is a plain one up to its row of chunks, were set
  when memory was first told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from froude.cost.training.layout import Precision
from planner_rows.row import Question, model_text, read_table

WHOLE = Precision(weights=2, gradients=2, master=0, optimizer=4, reduce=2)
"""All in bf16."""

INSIDE = replace(WHOLE, gradients=0)
"""The optimizer steps inside the backward pass: gradients of one tensor at a time."""

TECHNIQUES: Mapping[str, Mapping[str, Any]] = {
    "Baseline": {"precision": WHOLE, "recompute": "none", "fused_loss": False},
    "+ Packed Dataset": {},
    "+ Compile": {"compiled": True},
    "+ Chunked Cross Entropy": {"fused_loss": True},
    "+ Activation Checkpointing": {"recompute": "full"},
    "+ Fuse optimizer step into backward": {"precision": INSIDE},
    "+ Activation Offloading": {"offload_activations": "host"},
    "+ 8-bit AdamW": {"precision": replace(INSIDE, optimizer=2)},
}
"""What each row of the ladder adds."""

CHIPS = {"4090": "rtx-4090", "A6000": "rtx-a6000", "A100": "a100-80", "": "a100-80"}
MODELS = {
    "Llama 3.1 8B": "llama-3.1-8b",
    "Llama 3.1 70B": "llama-3.1-70b",
    "Llama 3.1 405B": "llama-3.1-405b",
    "Llama 3.2 3B": "llama-3.2-3b",
    "Llama 2 7B": "llama-2-7b",
}


def torchtune() -> Iterator[Question]:
    """All 24 rows; the nine packed ones of the 3B are of release "ladder"."""
    for row in read_table("sys_torchtune/torchtune.csv"):
        ladder = row["model"] == "Llama 3.2 3B" and row["method"] != "Baseline"
        adapter = "LoRA" in row["method"]
        unit = 1e9 if row["peak_memory_unit"].startswith("GB") else 2**30
        timed = row["tokens_per_s"] and row["method"] != "Baseline"
        yield Question(
            table="torchtune",
            name=row["model"],
            gpu=row["gpu"] or "not said",
            release="ladder" if ladder else "others",
            kind="lora" if adapter else "dense",
            precision="bf16",
            stack="torchtune",
            model=model_text(MODELS[row["model"]]),
            machine=f"{row['n_gpus']} x {CHIPS[row['gpu']]}",
            fields={**_sizes(row), **_technique(row)},
            tokens_per_s=float(row["tokens_per_s"]) if timed else None,
            peak_bytes=None if row["method"] == "Baseline" else float(row["peak_memory_gib"]) * unit,
            peak="allocated" if row["peak_memory_unit"].endswith("active") else "reserved",
            task="lora" if adapter else "sft",
            adapter=_adapter(row) if adapter else "",
            recipe={"method": row["method"], "packed": row["packed"]},
        )


def _sizes(row: Mapping[str, str]) -> dict[str, Any]:
    each, devices = int(row["batch"] or 2), int(row["n_gpus"])
    return {
        "seq_len": int(row["seq_len"] or 2048),
        "micro_batch": each,
        "global_batch": each * devices,
        **({"zero": 3} if devices > 1 else {}),
    }


def _technique(row: Mapping[str, str]) -> dict[str, Any]:
    """What the recipe of a row has: the ladder's techniques up to it, or what recipes of the other models set."""
    if row["model"] == "Llama 3.2 3B":
        return _ladder(row["method"])
    compiled = {"compiled": row["torch_compile"] == "True", "recompute": "full"}
    if "LoRA" in row["method"]:
        return {**compiled, "precision": WHOLE}
    if int(row["n_gpus"]) > 1:
        return {**compiled, "precision": WHOLE, "offload_optimizer": "host", "offload_parameters": "host"}
    return {**compiled, "precision": replace(INSIDE, optimizer=2)}


def _adapter(row: Mapping[str, str]) -> str:
    said = re.search(r"rank (\d+)", row["method"])
    rank = said[1] if said else "64" if row["model"] == "Llama 3.2 3B" else "8"
    targets = "" if "Q and V" in row["method"] else ",targets=all"
    return f"{'qlora' if 'QLoRA' in row['method'] else 'lora'}:rank={rank}{targets}"


def _ladder(method: str) -> dict[str, Any]:
    names = [*TECHNIQUES]
    last = names.index(method) if method in names else names.index("+ Activation Offloading")
    fields: dict[str, Any] = {}
    for name in names[: last + 1]:
        fields |= TECHNIQUES[name]
    return fields if method in names else {**fields, "precision": WHOLE}
