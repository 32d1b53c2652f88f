"""torchtitan's Llama 3.1 70B and 405B on 256 and 512 H100 of 96 GB, with peaks of memory.

The rule for the whole table, set before anything was predicted:

- A row says layout, batch, length, format, compiler, recomputation and asynchronous tensor parallelism; FSDP divides
  over its group with the context-parallel devices.
- Without a pipeline a micro-batch is the local batch. With one there are as many micro-batches as stages, torchtitan's
  default (`pipeline_parallel_microbatches`); an interleaved schedule has two stages a device, which this line counts
  since errors of memory were seen (its code: `n_microbatches = num_total_stages`). Stages at the ends hold less.
- With a pipeline gathered weights stay until the step ends and gradients are reduced once, torchtitan's default
  (reshard_after_forward is False where there is a pipeline): that is ZeRO 1, without it ZeRO 3. This line was set after
  the first errors of memory were seen, from torchtitan's code.
- Peaks are what the allocator reserves, as its log prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner_rows.row import Question, model_text, read_table

MODELS = {
    "Llama-3.1-70B": "llama-3.1-70b",
    "Llama-3-70B": "llama-3.1-70b",
    "Llama-3.1-405B": "llama-3.1-405b",
}


def torchtitan_large() -> Iterator[Question]:
    """All 14 rows."""
    for row in read_table("sys_torchtitan_large/torchtitan_large.csv"):
        release = "2025-06" if "2025-06" in row["source_file"] else "2024-12"
        peak = float(row["peak_mem_gib"]) * 2**30 if row["peak_mem_gib"] else None
        yield Question(
            table="torchtitan-large",
            name=row["model"],
            gpu="H100",
            release=release,
            kind="dense",
            precision="fp8" if row["precision"].startswith("fp8") else "bf16",
            stack=f"torchtitan@{release}",
            model=model_text(MODELS[row["model"]]),
            machine=f"{row['n_gpus']} x h100-96",
            fields=_stated(row),
            seconds=float(row["step_seconds"]),
            peak_bytes=peak,
            recipe={"scaling": row["precision"]},
        )


def _stated(row: Mapping[str, str]) -> dict[str, Any]:
    stages, context = int(row["pp"]), int(row["cp"])
    each = 2 if row["pp_schedule"].startswith("Interleaved") else 1
    return {
        "seq_len": int(row["seq_len"]),
        "global_batch": int(row["global_batch"]),
        "micro_batch": max(int(row["local_batch"]) // (stages * each), 1),
        "tensor": int(row["tp"]),
        "pipeline": stages,
        "context": context,
        "interleave": each,
        "pipeline_layout": "ends",
        "zero": 1 if stages > 1 else 3,
        "shard": int(row["dp_shard_fsdp"]) * context,
        "recompute": "full",
        "compiled": row["torch_compile"] == "1",
        "overlap_tensor": row["async_tp"] == "1",
        "precision": "fp8" if row["precision"].startswith("fp8") else "bf16",
    }
