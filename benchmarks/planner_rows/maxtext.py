"""MaxText's expected throughput: synthetic models on TPU v4, v5e and v5p, Llama 2 7B on H100, and models of its tiers.

The table states neither length nor batch nor remat. The rule for all of it, set before anything was predicted:

- Synthetic models have the shapes, length, batch, tensor parallelism and remat of the scripts beside the table
  (AI-Hypercomputer/maxtext, MaxText/configs/v4, v5e, v5p, a3): `global_parameter_scale` doubles heads, MLP, width and
  layers in turn from a base of 1B (from memory). Weights are fully sharded inside a slice and copied between slices.
- "minimal" remat keeps what weights are multiplied by and repeats attention: "selective"; with "flash" it keeps
  attention too: none; "full" is full. "minimal_offloaded" is "selective" with activations in host memory.
- Models of its tiers have two sequences a device, and remat is not asked.
- A step's seconds follow from TFLOP/s as MaxText counts them: 6 a parameter and whole attention, for every token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from froude.cost.model.catalogue import get_model
from planner_rows.row import Kind, Question, model_text, read_table

CHIPS = {"TPU v5p": "tpu-v5p", "TPU v4": "tpu-v4", "TPU v5e": "tpu-v5e", "TPU v6e": "tpu-v6e", "H100 80GB (A3)": "h100"}

SCRIPTS: Mapping[tuple[str, str], tuple[str, int, int, Mapping[str, str]]] = {
    ("32B model", "TPU v5p"): ("maxtext-32b", 7, 4, {"recompute": "selective"}),
    ("64B model", "TPU v5p"): ("maxtext-64b", 3, 4, {"recompute": "selective"}),
    ("128B model", "TPU v5p"): ("maxtext-128b", 1, 8, {"recompute": "selective"}),
    ("256B model", "TPU v5p"): ("maxtext-256b", 1, 8, {"recompute": "selective"}),
    ("512B model", "TPU v5p"): ("maxtext-512b", 2, 8, {"recompute": "full"}),
    ("1024B model", "TPU v5p"): ("maxtext-1024b", 2, 8, {"recompute": "full"}),
    ("22B model", "TPU v4"): ("maxtext-22b", 13, 1, {"recompute": "full"}),
    ("52B model", "TPU v4"): ("maxtext-52b", 7, 1, {"recompute": "full"}),
    ("16B (MaxText config)", "TPU v5e"): ("maxtext-16b", 6, 1, {"recompute": "full"}),
    ("32B (MaxText config)", "TPU v5e"): ("maxtext-32b", 4, 1, {"recompute": "full"}),
    ("64B (MaxText config)", "TPU v5e"): ("maxtext-64b", 2, 1, {"recompute": "full"}),
    ("128B (MaxText config)", "TPU v5e"): (
        "maxtext-128b", 1, 16, {"recompute": "selective", "offload_activations": "host"},
    ),
    ("Llama2-7B", "H100 80GB (A3)"): ("llama-2-7b", 4, 1, {"recompute": "none"}),
}  # fmt: skip
"""Model, sequences a device, tensor parallelism and remat, by the table's model and chip."""

TIERS: Mapping[str, tuple[str, Kind]] = {
    "Llama 2 70B": ("llama-2-70b", "dense"),
    "Llama 3.1 8B": ("llama-3.1-8b", "dense"),
    "Llama 3.1 70B": ("llama-3.1-70b", "dense"),
    "Llama 3.1 405B": ("llama-3.1-405b", "dense"),
    "Mixtral 8X7B": ("mixtral-8x7b", "mixture"),
    "Mixtral 8X22B": ("mixtral-8x22b", "mixture"),
}

TIER_BATCH = 2
"""Sequences a device of models of its tiers."""


def maxtext() -> Iterator[Question]:
    """All 59 rows."""
    for row in read_table("sys_maxtext/maxtext.csv"):
        tier = row["model"] in TIERS
        name, kind = TIERS[row["model"]] if tier else (SCRIPTS[row["model"], row["gpu"]][0], "dense")
        model = model_text(name)
        fields = _tier(row) if tier else _script(row)
        yield Question(
            table="maxtext",
            name=row["model"],
            gpu=row["gpu"],
            release="tiers" if tier else "scripts",
            kind=kind,
            precision="bf16",
            stack="maxtext",
            model=model,
            machine=f"{row['n_gpus']} x {CHIPS[row['gpu']]}",
            fields=fields,
            tokens_per_s=_tokens_per_s(row, model, fields["seq_len"]),
        )


def _tokens_per_s(row: Mapping[str, str], model: str, seq_len: int) -> float:
    devices = int(row["n_gpus"])
    if row["tokens_per_s_per_gpu"]:
        return devices * float(row["tokens_per_s_per_gpu"])
    shape = get_model(model)
    d = shape.description
    flops = 6 * float(shape.n_params) + 12 * d["layers"] * d["heads"] * d["head_width"] * seq_len
    return devices * float(row["tflops_per_gpu"]) * 1e12 / flops


def _script(row: Mapping[str, str]) -> dict[str, Any]:
    _, each, tensor, remat = SCRIPTS[row["model"], row["gpu"]]
    devices, slices = int(row["n_gpus"]), int(row["hardware"].partition("x ")[0])
    return {
        "seq_len": 4096 if row["model"] == "Llama2-7B" else 2048,
        "global_batch": each * devices,
        "micro_batch": each * tensor,
        "tensor": tensor,
        "zero": 3,
        "precision": "bf16",
        **({"shard": devices // tensor // slices} if slices > 1 else {}),
        **remat,
    }


def _tier(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "seq_len": int(row["seq_len"]),
        "global_batch": TIER_BATCH * int(row["n_gpus"]),
        "micro_batch": TIER_BATCH,
        "zero": 3,
        "precision": "bf16",
    }
