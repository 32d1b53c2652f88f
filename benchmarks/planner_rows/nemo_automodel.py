"""NeMo AutoModel on DGX H100 in bf16: 10 pretrainings, of which 3 hybrids, and 6 adapters.

The rule for the whole table, set before anything was predicted:

- A row says layout, batch, length and format; FSDP divides over its group: of dense models as ZeRO 3, of mixtures as
  ZeRO 1, whose gathered weights stay, but where a configuration says reshard_after_forward (False is the default of its
  moe/parallelizer.py; set after the first errors were seen, from AutoModel's code).
- Where DeepEP is named and no expert parallelism, all devices share the experts, up to 64, as in the rows that say it.
- Recomputation is activation_checkpointing of the configuration that the table links, where that was at hand (set, with
  the stack, after errors had been seen: from examples/benchmark/configs of NVIDIA-NeMo/Automodel at 037e04a, e344133,
  08a48f7 and 080dca5). Their fake gate picks experts that follow each other, so that a position leaves for one or two
  devices alone; Froude has no word for that and sends it to as many nodes as picks at random reach.
- Adapters have rank 8 on all matrices (from memory), and are reported apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Kind, Question, model_text, read_table, stated_sizes

MODELS: Mapping[str, tuple[str, Kind]] = {
    "Nemotron V3 Super 120B (26.02)": ("nemotron-3-super", "hybrid"),
    "Nemotron V3 Nano 30B (26.02)": ("nemotron-3-nano", "hybrid"),
    "Nemotron V3 Ultra 550B (26.04)": ("nemotron-3-ultra", "hybrid"),
    "DeepSeek V3 671B": ("deepseek-v3", "mixture"),
    "Kimi K2": ("kimi-k2", "mixture"),
    "Qwen3 MoE 30B": ("qwen3-30b-a3b", "mixture"),
    "GPT-OSS 20B": ("gpt-oss-20b", "mixture"),
    "GPT-OSS 120B": ("gpt-oss-120b", "mixture"),
    "Llama3 70B": ("llama-3-70b", "dense"),
    "Llama3 70B 2-node": ("llama-3-70b", "dense"),
    "Llama3 8B": ("llama-3-8b", "dense"),
    "Qwen2.5 7B": ("qwen2.5-7b", "dense"),
    "Qwen2.5 32B": ("qwen2.5-32b", "dense"),
    "Qwen2.5 32B 2-node": ("qwen2.5-32b", "dense"),
}

MOST_EXPERT_DEVICES = 64

RECOMPUTED: Mapping[str, str] = {
    "Nemotron V3 Super 120B (26.02)": "full",
    "Nemotron V3 Nano 30B (26.02)": "full",
    "DeepSeek V3 671B": "full",
    "Kimi K2": "full",
    "Qwen3 MoE 30B": "full",
    "GPT-OSS 20B": "none",
    "GPT-OSS 120B": "none",
}
"""Whether configurations checkpoint activations."""

RESHARDED = ("Nemotron V3 Super 120B (26.02)", "GPT-OSS 120B")
"""Mixtures whose configurations give gathered weights back after the forward pass."""


def nemo_automodel() -> Iterator[Question]:
    """All 16 rows."""
    for row in read_table("sys_nemo_automodel/nemo_automodel.csv"):
        name, kind = MODELS[row["model"]]
        yield Question(
            table="nemo-automodel",
            name=row["model"],
            gpu=row["gpu"],
            release="2026",
            kind="lora" if row["task"] == "lora" else kind,
            precision=row["precision"],
            stack="nemo-automodel",
            model=model_text(name),
            machine=f"{row['n_gpus']} x h100",
            fields=_stated(row, 3 if kind == "dense" or row["model"] in RESHARDED else 1),
            seconds=float(row["step_seconds"]),
            task=row["task"],
            adapter="lora:rank=8,targets=all" if row["task"] == "lora" else "",
            recipe={"kernels": row["kernels"]},
        )


def _stated(row: Mapping[str, str], zero: int) -> dict[str, Any]:
    several = int(row["n_gpus"]) > 1
    shared = min(int(row["n_gpus"]), MOST_EXPERT_DEVICES) if "DeepEP" in row["kernels"] else 1
    return {
        **stated_sizes(row),
        "expert": int(row["ep"]) if row["ep"] else shared,
        "precision": row["precision"],
        **({"recompute": RECOMPUTED[row["model"]]} if row["model"] in RECOMPUTED else {}),
        **({"zero": zero, "shard": int(row["fsdp_group"])} if several else {}),
    }
