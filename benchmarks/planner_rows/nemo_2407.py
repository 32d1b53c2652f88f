"""NeMo 24.07 on DGX H100 in FP8, a page in three versions.

The rule for the whole table, set before anything was predicted:

- A row says layout, batch, length and format; ZeRO 1 is the distributed optimizer that its recipes have (from memory).
- Shapes that the table does not print are those of NeMo's configurations (from memory).
- Fine-tuning of all weights is asked as pretraining; adapters have rank 32 on queries, keys and values (from
  memory), and are reported apart.
- The three versions are one measurement made three times: they count as releases of one name, never on two sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Question, model_text, read_table, stated_sizes

MODELS = {
    "GPT3-5B": "nemo-gpt3-5b",
    "GPT3-20B": "nemo-gpt3-20b",
    "GPT3-175B": "gpt3-175b",
    "LLAMA2-7B": "llama-2-7b",
    "LLAMA2-13B": "llama-2-13b",
    "LLAMA2-70B": "llama-2-70b",
    "LLAMA3-8B": "llama-3-8b",
    "LLAMA3-70B": "llama-3-70b",
    "Nemotron-8B": "nemotron-3-8b",
    "Nemotron-22B": "nemotron-22b",
    "Nemotron-340B": "nemotron-4-340b",
}


def nemo_2407() -> Iterator[Question]:
    """All 54 rows."""
    for row in read_table("sys_nemo_2407/nemo_2407.csv"):
        yield Question(
            table="nemo-24.07",
            name=row["model"],
            gpu=row["gpu"],
            release="24.07",
            kind="lora" if row["task"] == "lora" else "dense",
            precision=row["precision"],
            stack="nemo@24.07",
            model=model_text(MODELS[row["model"]]),
            machine=f"{row['n_gpus']} x h100",
            fields=_stated(row),
            seconds=float(row["step_seconds"]),
            task=row["task"],
            adapter="lora:rank=32" if row["task"] == "lora" else "",
        )


def _stated(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        **stated_sizes(row),
        "zero": 1,
        "precision": row["precision"],
    }
