"""Megatron-Bridge's performance tables: H100 to GB300, bf16 to nvfp4, nine containers.

The rule for the whole table, set before anything was predicted:

- A row says layout, batch, length and format; what its recipe says (`recipe_*` columns) is asked as well, with what the
  README names as common to all recipes: the fused cross entropy of Transformer Engine and the distributed optimizer
  (ZeRO 1), or with `fsdp_group` or Megatron FSDP ZeRO 3 in groups of that size.
- "fp8" is current scaling, mxfp8 and nvfp4 as printed.
- Recomputed modules: norms, activations of experts and MLA's up-projection are cheap and count as none; where an MLP,
  experts or attention's core are recomputed the nearest mode is "operators". Where the recipe does not say, neither
  does the question. In a mixture "mlp" is that of its few dense layers (Megatron Core 0.19.2, transformer_config.py,
  recompute_modules) and counts as none too (set when errors of these rows had been seen).
- CUDA graphs as the recipe has them: of the whole iteration, or of modules; a recipe of "full_iter" helpers is of the
  whole iteration (set when errors had been seen); DeepEP and HybridEP send a position once
  to every node, and their overlap is asked where the recipe says so (asked since Froude has these fields).
- Activations are offloaded where the recipe offloads at least half of the layers.
- Experts have no tensor parallelism (the recipes' expert_tensor_parallel_size of 1). Where more devices are to share
  the experts than a stage has, an error of one row of 25.09, as many do as there are (set when that row was refused).
- Pipelines: the recipe's `pp_layout`; embedding and loss as layers where the recipe says so; for DeepSeek-V3 and
  Kimi K2, of 61 layers, the layouts of Megatron-Bridge's `set_deepseek_v3_pipeline_model_parallel_layout`: equal
  chunks, the last with what is left, multi-token prediction and the loss; in 32 chunks the recipe's "Et|(tt|)*30mL".
- Fine-tuning of all weights is asked as pretraining; adapters have rank 32 on all matrices (from memory), and
  are reported apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Kind, Question, model_text, read_table, stated_sizes

MODELS: Mapping[str, tuple[str, Kind, int]] = {
    "LLAMA3_8B": ("llama-3-8b", "dense", 32),
    "LLAMA3_70B": ("llama-3-70b", "dense", 80),
    "LLAMA3.1_405B": ("llama-3.1-405b", "dense", 126),
    "Qwen3_30B_a3B": ("qwen3-30b-a3b", "mixture", 48),
    "Qwen3_235B_a22B": ("qwen3-235b-a22b", "mixture", 94),
    "DeepSeekV3": ("deepseek-v3", "mixture", 61),
    "GPT OSS 120B": ("gpt-oss-120b", "mixture", 36),
    "Kimi_K2": ("kimi-k2", "mixture", 61),
    "Nemotron_3_Nano": ("nemotron-3-nano", "hybrid", 0),
    "Nemotron_3_Super": ("nemotron-3-super", "hybrid", 0),
    "Nemotron_3_Ultra": ("nemotron-3-ultra", "hybrid", 0),
    "Nemotron_3_5_Lightning": ("nemotron-3.5-lightning", "hybrid", 0),
    "DeepSeekV4-Flash": ("deepseek-v4-flash", "hybrid", 0),
}
"""Froude's name, what kind it is and how many layers, by the table's name."""

PRECISIONS = {"bf16": "bf16", "fp8": "fp8", "fp8_cs": "fp8", "mxfp8": "mxfp8", "nvfp4": "nvfp4"}

CHEAP = {"layernorm", "moe_act", "mla_up_proj"}
"""Modules whose recomputation repeats little."""

GRAPHS = {
    "none": "none",
    "local": "partial",
    "transformer_engine": "partial",
    "on (not said which)": "partial",
    "full_iteration": "full",
}
"""What is launched as CUDA graphs, by the recipe's implementation."""

RECIPE = (
    "recompute_modules", "activation_offload_layers", "cuda_graph_impl", "cuda_graph_scope", "moe_dispatcher",
    "moe_a2a_overlap", "tp_comm_overlap", "megatron_fsdp",
)  # fmt: skip
"""What a recipe says beside what `fields` take from it."""


def megatron_bridge() -> Iterator[Question]:
    """All 292 rows."""
    for row in read_table("sys_megatron_bridge/megatron_bridge.csv"):
        name, kind, layers = MODELS[row["model"]]
        yield Question(
            table="megatron-bridge",
            name=row["model"],
            gpu=row["gpu"],
            release=row["container"],
            kind="lora" if row["task"] == "lora" else kind,
            precision=PRECISIONS[row["precision"]],
            stack=f"megatron-bridge@{row['container']}",
            model=model_text(name),
            machine=f"{row['n_gpus']} x {row['gpu'].lower()}",
            fields={**_stated(row), **_memory(row, layers), **_split(row, layers), **_launches(row)},
            seconds=float(row["step_seconds"]),
            task=row["task"],
            adapter="lora:rank=32,targets=all" if row["task"] == "lora" else "",
            recipe={"model_note": row["model_note"], **{key: row[key] for key in RECIPE if row[key]}},
        )


def _stated(row: Mapping[str, str]) -> dict[str, Any]:
    """What a row says in its own columns."""
    expert = min(int(row["ep"] or 1), int(row["n_gpus"]) // int(row["pp"]))
    sharded = int(row["fsdp_group"] or 0) or (int(row["n_gpus"]) if row["megatron_fsdp"] == "True" else 0)
    own_tensor = {"expert_tensor": 1} if expert > 1 and row["tp"] != "1" else {}
    return {
        **stated_sizes(row),
        "expert": expert,
        "precision": PRECISIONS[row["precision"]],
        "zero": 3 if sharded else 1,
        "fused_loss": True,
        **({"shard": sharded // int(row["tp"])} if sharded else {}),
        **({"overlap_tensor": row["tp_comm_overlap"] == "True"} if row["tp_comm_overlap"] else {}),
        **own_tensor,
    }


def _memory(row: Mapping[str, str], layers: int) -> dict[str, Any]:
    """Recomputation and offloading of the recipe."""
    stated: dict[str, Any] = {}
    cheap = CHEAP | ({"mlp"} if MODELS[row["model"]][1] == "mixture" else set())
    if row["recompute"] == "none":
        stated["recompute"] = "none"
    elif row["recompute"] == "modules":
        modules = set(json.loads(row["recompute_modules"] or "[]") or [])
        stated["recompute"] = "none" if modules <= cheap else "operators"
    if 2 * int(row["activation_offload_layers"] or 0) >= max(layers, 1):
        stated["offload_activations"] = "host"
    return stated


def _launches(row: Mapping[str, str]) -> dict[str, Any]:
    """CUDA graphs and dispatch of the recipe."""
    stated: dict[str, Any] = {}
    if row["cuda_graph_impl"]:
        stated["graphs"] = GRAPHS[row["cuda_graph_impl"]]
    elif "_full_iter_" in row["recipe_helpers"]:
        stated["graphs"] = "full"
    if row["moe_dispatcher"]:
        stated["dispatch"] = "node"
    if row["moe_a2a_overlap"]:
        stated["overlap_expert"] = row["moe_a2a_overlap"] == "True"
    return stated


def _split(row: Mapping[str, str], layers: int) -> dict[str, str]:
    """The split of a pipeline where it is not an equal one."""
    chunks = int(row["pp"]) * int(row["vp"] or 1)
    if chunks == 1:
        return {}
    if row["pp_layout"]:
        return {"pipeline_layout": row["pp_layout"]}
    if row["account_for_embedding_and_loss_in_pipeline_split"] == "True":
        return {"pipeline_layout": "ends"}
    if layers == 61:
        return {"pipeline_layout": deepseek_layout(layers, chunks, mtp=_mtp(row))}
    return {}


def _mtp(row: Mapping[str, str]) -> bool:
    """Whether a row's model predicts a second token: DeepSeek-V3 unless a note says otherwise."""
    return row["model"] == "DeepSeekV3" and row["model_note"] != "w/o MTP"


def deepseek_layout(layers: int, chunks: int, *, mtp: bool) -> str:
    """Equal chunks, the last with what is left, in Megatron's notation."""
    each, last = -(-layers // chunks), f"{'m' if mtp else ''}L"
    left = layers - each * (chunks - 1)
    first, left = (each, left) if left >= 0 else (each + left, 0)
    return f"Et*{first}|(t*{each}|)*{chunks - 2}{f't*{left}' if left else ''}{last}"
