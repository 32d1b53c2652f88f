"""AMD Primus: pipeline schedules on MI300X and MI355X with memory, and trainings on MI325X and MI355X.

The rule for the whole table, set before anything was predicted:

- A row says chip, count, pipeline, interleave, experts, schedule and where it has them format, length and micro-batch;
  nothing else is asked, so that batch and recomputation are the planner's assumptions. Without FSDP states are divided
  as Megatron's distributed optimizer does (ZeRO 1).
- zbb, zbv and zero-bubble are zero-bubble schedules without interleaving; v-half and v-min have no name in Froude.
- Out of memory is no time. The 70B in FP8 on one node is left out: its page repeats the row of BF16 (README).
- Memory is in GiB of the device, by its share of 192.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Kind, Question, model_text, read_table

MODELS: Mapping[str, tuple[str, Kind]] = {
    "Llama-2-7B": ("llama-2-7b", "dense"),
    "Qwen3-235B-A22B": ("qwen3-235b-a22b", "mixture"),
    "Llama 3.1 8B": ("llama-3.1-8b", "dense"),
    "Llama 3.1 70B": ("llama-3.1-70b", "dense"),
    "Mixtral 8×22B": ("mixtral-8x22b", "mixture"),
}


def primus() -> Iterator[Question]:
    """The 19 rows with a time that the page does not repeat by mistake."""
    for row in read_table("sys_primus/primus.csv"):
        repeated = (row["model"], row["n_gpus"], row["precision"]) == ("Llama 3.1 70B", "8", "fp8")
        if row["oom"] == "True" or repeated:
            continue
        name, kind = MODELS[row["model"]]
        chip = row["gpu"].split()[0].lower()
        peak = float(row["peak_memory_gb"]) * 2**30 if row["peak_memory_gb"] else None
        yield Question(
            table="primus",
            name=row["model"],
            gpu=row["gpu"].split()[0],
            release="schedules" if row["schedule"] else "projection",
            kind=kind,
            precision=row["precision"] or "bf16",
            stack="primus",
            model=model_text(name),
            machine=f"{row['n_gpus']} x {'mi300x' if chip == 'mi300' else chip}",
            fields=_stated(row),
            tokens_per_s=int(row["n_gpus"]) * float(row["tokens_per_s_per_gpu"]),
            peak_bytes=peak,
            recipe={"schedule": row["schedule"]},
        )


def _stated(row: Mapping[str, str]) -> dict[str, Any]:
    schedule = row["schedule"]
    bubbleless = schedule.startswith(("zb", "zero-bubble"))
    stated = {
        "seq_len": int(row["seq_len"] or 0),
        "micro_batch": int(row["micro_batch"] or 0),
        "context": int(row["cp"] or 0),
        "tensor": int(row["tp"] or 0),
        "pipeline": int(row["pp"]),
        "expert": int(row["ep"] or 0),
        "interleave": 1 if bubbleless else int(row["vp"] or 0),
    }
    fields: dict[str, Any] = {name: value for name, value in stated.items() if value}
    if row["precision"]:
        fields["precision"] = row["precision"]
    if schedule and not schedule.startswith("1f1b"):
        fields["schedule"] = "zero-bubble" if bubbleless else schedule
    return {**fields, "zero": 3 if row["fsdp"] == "Yes" else 1}
