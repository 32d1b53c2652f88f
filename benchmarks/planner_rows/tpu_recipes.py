"""Google's recipes for TPU v5p, v6e and v7 with MaxText.

The rule for the whole table, set before anything was predicted:

- A row says devices, length, batch, format and where it has them tensor parallelism and remat; weights are fully
  sharded (ZeRO 3), between slices only where it says so, and a replica works on its whole batch at once.
- "full" remat is full recomputation. "custom" and "qkv_proj_offloaded" offload parts that the README names, layers'
  inputs and projections, and repeat the rest: asked as full recomputation with activations in host memory.
- Rows without a length take that of the model's other rows, or of its pretraining (2,048 for GPT-3).
- Where a step has fewer sequences than devices each is split over as many as there are (context parallelism; set when
  two rows were refused).
- Formats: fp8 where the recipe or the quantisation says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Kind, Question, model_text, read_table

MODELS: Mapping[str, tuple[str, Kind, int]] = {
    "GPT3-175B": ("gpt3-175b", "dense", 2048),
    "Gemma3-12B": ("gemma-3-12b", "dense", 32768),
    "Llama2-70B": ("llama-2-70b", "dense", 4096),
    "Llama3.1-405B": ("llama-3.1-405b", "dense", 8192),
    "Llama3.1-70B": ("llama-3.1-70b", "dense", 8192),
    "Llama3.1-8B": ("llama-3.1-8b", "dense", 8192),
    "Mistral-7B": ("mistral-7b", "dense", 8192),
    "Mixtral-8x22B": ("mixtral-8x22b", "mixture", 4096),
    "Mixtral-8x7B": ("mixtral-8x7b", "mixture", 4096),
    "DeepSeek3-671B": ("deepseek-v3", "mixture", 4096),
    "Llama4-Maverick-17B-128E": ("llama-4-maverick", "mixture", 8192),
    "Llama4-Scout-17B-16E": ("llama-4-scout", "mixture", 8192),
    "deepseek-v3": ("deepseek-v3", "mixture", 4096),
    "gemma4-2b": ("gemma-4-2b", "dense", 8192),
    "gemma4-4b": ("gemma-4-4b", "dense", 8192),
    "gemma4-26b": ("gemma-4-26b", "mixture", 4096),
    "gemma4-31b": ("gemma-4-31b", "dense", 8192),
    "gpt-oss-120b": ("gpt-oss-120b", "mixture", 8192),
    "llama3.1-405b": ("llama-3.1-405b", "dense", 8192),
    "llama3.1-70b": ("llama-3.1-70b", "dense", 8192),
    "qwen3-235b-a22b": ("qwen3-235b-a22b", "mixture", 4096),
    "wan2.1-14b": ("wan-2.1-14b", "dense", 75600),
}

CHIPS = {"TPU v6e": "tpu-v6e", "TPU v5p": "tpu-v5p", "TPU7x (Ironwood) chip": "tpu-v7"}

REMAT: Mapping[str, Mapping[str, str]] = {
    "full": {"recompute": "full"},
    "custom": {"recompute": "full", "offload_activations": "host"},
    "qkv_proj_offloaded": {"recompute": "full", "offload_activations": "host"},
}


def tpu_recipes() -> Iterator[Question]:
    """All 47 rows; the 18 with length, batch and remat are of release "stated"."""
    for row in read_table("sys_tpu_recipes/tpu_recipes.csv"):
        name, kind, usual = MODELS[row["model"]]
        stated = row["seq_len"] and row["global_batch"] and row["remat_policy"]
        yield Question(
            table="tpu-recipes",
            name=row["model"],
            gpu=row["gpu"],
            release="stated" if stated else "in part",
            kind=kind,
            precision="fp8" if row["precision"].startswith("fp8") else "bf16",
            stack="maxtext",
            model=model_text(name),
            machine=f"{row['n_gpus']} x {CHIPS[row['gpu']]}",
            fields=_fields(row, usual),
            seconds=float(row["step_seconds"]),
            recipe={"remat": row["remat_policy"], "config": row["config_name"]},
        )


def _fields(row: Mapping[str, str], usual: int) -> dict[str, Any]:
    devices, slices = int(row["n_gpus"]), int(row["slices"] or 1)
    seq_len = int(row["seq_len"] or usual)
    batch = round(float(row["global_batch"] or 0)) or int(row["tokens_per_step"]) // seq_len
    tensor = max(int(row["ici_tensor"] or 1), 1)
    context = max(devices // tensor // batch, 1)
    replicas = devices // tensor // context
    apart = slices > 1 and not row["dcn_fsdp"]
    return {
        "seq_len": seq_len,
        "global_batch": batch,
        "micro_batch": max(batch // replicas, 1),
        "tensor": tensor,
        "context": context,
        "zero": 3,
        "precision": "fp8" if row["precision"].startswith("fp8") else "bf16",
        **({"shard": replicas // slices} if apart else {}),
        **REMAT.get(row["remat_policy"], {}),
    }
