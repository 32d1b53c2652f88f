"""MosaicML's MPT table: attention by FlashAttention's first (Triton) generation, with the fused cross entropy that is
llm-foundry's default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from froude.cost.machine.known_machines import get_machine
from froude.cost.training.layout import Layout, Precision
from planner_rows.row import Row, gpt, read_table

MPT = {
    "125m": (768, 12, 12),
    "350m": (1024, 16, 24),
    "760m": (1536, 12, 24),
    "1b": (2048, 16, 24),
    "3b": (2560, 20, 32),
    "7b": (4096, 32, 32),
    "13b": (5120, 40, 40),
    "30b": (7168, 56, 48),
    "70b": (8192, 64, 80),
}
"""Width, heads and layers of the MPT models, llm-foundry's scripts/train/yamls/pretrain at 8c8dd48."""

BF16 = Precision()


def llm_foundry() -> Iterator[Row]:
    """The 209 rows in bf16 of MosaicML's MPT table."""
    for row in read_table("sys_llmfoundry/llmfoundry_mpt_training.csv"):
        if "fp8" in row["precision"]:
            continue
        hidden, heads, layers = MPT[row["model"]]
        seq_len, devices, batch = int(row["seq_len"]), int(row["n_gpus"]), int(row["global_batch_seqs"])
        model = gpt(hidden, heads, layers, 50368, seq_len)
        layout = Layout(
            devices=devices,
            global_batch=batch,
            seq_len=seq_len,
            micro_batch=int(row["micro_batch"]),
            zero=3 if row["sharding"] == "FULL_SHARD" else 2,
            recompute="full" if row["act_ckpt"] == "True" else "none",
            attention="flash",
            fused_loss=True,
            precision=replace(BF16, reduce=2 if row["mp_mode"] == "PURE" else 4),
        )
        chip = {"a100_40gb": "a100-40", "a100_80gb": "a100-80", "h100_80gb": "h100"}[row["gpu"]]
        yield Row(
            table="llm-foundry",
            name=row["model"],
            model=model,
            machine=get_machine(f"{devices} x {chip}"),
            layout=layout,
            seconds=batch * seq_len / float(row["tokens_per_s"]),
            large="Large Scale" in row["section"],
        )
