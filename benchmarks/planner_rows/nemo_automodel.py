"""NeMo AutoModel on DGX H100 in bf16: 10 pretrainings, of which 3 hybrids, and 6 adapters.

The rule for the whole table, set before anything was predicted:

- A row says layout, batch, length and format; FSDP divides over its group: of dense models as ZeRO 3, of mixtures as
  ZeRO 1, whose gathered weights stay (reshard_after_forward is False in its moe/parallelizer.py; this half of the line
  was set after the first errors were seen, from AutoModel's code).
- Where DeepEP is named and no expert parallelism, all devices share the experts, up to 64, as in the rows that say it.
- Recomputation is in files that the table links, and is not asked.
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
            fields=_stated(row, 3 if kind == "dense" else 1),
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
        **({"zero": zero, "shard": int(row["fsdp_group"])} if several else {}),
    }
