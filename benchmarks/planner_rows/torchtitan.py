"""torchtitan's table of Llama 3.1 8B, with FlashAttention 2 and peaks of memory: what the allocator reserved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.stack.known_stacks import get_stack
from froude.cost.training.layout import Layout, Recompute
from planner_rows.llm_foundry import BF16
from planner_rows.row import Row, read_table

TORCHTITAN_CHECKPOINTING: dict[str, Recompute] = {"selective": "operators", "full": "full"}
"""torchtitan's names for recomputation, and ours; its default at the time was per-operator selective."""


def torchtitan(default: Recompute | None = None) -> Iterator[tuple[Row, float]]:
    """Rows of Llama 3.1 8B with a measured peak, and that peak in bytes: those with known checkpointing.

    With `default` given, instead those with the configuration's default, taken to be that.
    """
    model = get_model("llama-3.1-8b")
    for row in read_table("sys_torchtitan/torchtitan_training.csv"):
        known = row["act_ckpt"] in TORCHTITAN_CHECKPOINTING
        mode = TORCHTITAN_CHECKPOINTING[row["act_ckpt"]] if known else default
        if not known and "default" not in row["act_ckpt"]:
            continue
        if not row["peak_mem_gib"] or mode is None or known == (default is not None):
            continue
        devices, context = int(row["n_gpus"]), int(row["cp"])
        release = "2025-06" if "2025" in row["source_file"] else "2024-12"
        layout = Layout(
            devices=devices,
            global_batch=int(row["local_batch"]) * devices // context,
            seq_len=int(row["seq_len"]),
            micro_batch=int(row["local_batch"]),
            context=context,
            zero=3,
            recompute=mode,
            compiled=row["torch_compile"] == "1",
            precision=replace(BF16, matmuls="fp8" if row["precision"].startswith("fp8") else "bf16"),
            stack=get_stack(f"torchtitan@{release}"),
            fused_loss="2025" in release,
        )
        chip = "h200" if row["gpu"] == "H200" else "h100-96"
        tokens_per_s = float(row["tokens_per_s_per_gpu"]) * devices
        yield (
            Row(
                table="torchtitan",
                name=f"{mode}, {row['precision']}, {'compiled' if layout.compiled else 'eager'}, {devices} GPUs",
                model=model,
                machine=get_machine(f"{devices} x {chip}"),
                layout=layout,
                seconds=float(layout.tokens) / tokens_per_s,
            ),
            float(row["peak_mem_gib"]) * 2**30,
        )
