"""A layout, the parts of its memory and the parts of its step, in words."""

from __future__ import annotations

from froude.cost.training.assumptions import precision_name
from froude.cost.training.layout import Layout

STEP_PARTS = {
    "compute": "matmuls and attention",
    "recompute": "recomputation",
    "memory": "memory-bound kernels",
    "tensor": "tensor-parallel communication",
    "context": "context-parallel communication",
    "expert": "expert-parallel communication",
    "data": "data-parallel communication",
    "bubble": "pipeline bubble",
    "optimizer": "optimizer update",
    "offload": "offloading",
    "fixed": "launches and fixed costs",
    "waiting": "waiting for the slowest device",
}
"""Parts of `StepSeconds`."""

MEMORY_PARTS = {
    "weights": "weights",
    "gradients": "gradients",
    "optimizer": "optimizer states",
    "activations": "activations",
    "logits": "logits",
    "working": "recomputation, backward",
    "buffers": "gathered weights",
    "update": "copies of the optimizer's step",
    "fragmentation": "held by the allocator, unused",
    "context": "context, communication buffers",
}
"""Parts of `MemoryBytes`."""


def layout_words(layout: Layout) -> str:
    """A layout in a sentence: what divides the model, the replicas, what is repeated, number types, and the batch."""
    groups = {
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "interleave": layout.interleave,
        "context": layout.context,
        "expert": layout.expert,
        "expert tensor": layout.expert_tensor,
    }
    parts = [f"{name} {size}" for name, size in groups.items() if size > 1]
    replicas = int(layout.data_parallel)
    parts.append("1 replica" if replicas == 1 else f"{replicas} replicas")
    parts.append(f"ZeRO {layout.zero}" if layout.zero else "no ZeRO")
    if layout.shard:
        parts.append(f"sharded over {layout.shard}")
    if layout.pipeline > 1:
        parts.append(layout.schedule)
    if layout.pipeline > 1 and layout.pipeline_layout != "even":
        parts.append(f"chunks {layout.pipeline_layout}")
    parts.append(_recompute_words(layout) or "nothing recomputed")
    parts.append(precision_name(layout.precision))
    batch = f"{layout.global_batch:,} sequences of {layout.seq_len:,} a step, {layout.micro_batch} at a time"
    return f"{', '.join(parts)}; {batch}"


def layout_label(layout: Layout) -> str:
    """A layout in a few letters: "TP 4 · PP 4×10 · ZeRO 1"; what is not used is left out.

    TP, CP and EP are tensor, context and expert parallelism, ETP tensor parallelism of experts, PP pipeline stages ×
    chunks of each, MB the micro-batch.
    """
    chunks = f"×{layout.interleave}" if layout.interleave > 1 else ""
    groups = {
        "TP": layout.tensor,
        "PP": layout.pipeline,
        "CP": layout.context,
        "EP": layout.expert,
        "ETP": layout.expert_tensor,
    }
    parts = [f"{name} {size}{chunks if name == 'PP' else ''}" for name, size in groups.items() if size > 1]
    parts.append(f"ZeRO {layout.zero}" if layout.zero else "no ZeRO")
    if layout.micro_batch > 1:
        parts.append(f"MB {layout.micro_batch}")
    if recomputed := _recompute_words(layout):
        parts.append(recomputed)
    if (precision := precision_name(layout.precision)) != "bf16":
        parts.append(precision)
    return " · ".join(parts)


def _recompute_words(layout: Layout) -> str:
    """What is recomputed; nothing where nothing is."""
    if layout.recompute == "full":
        share = float(layout.recomputed)
        return "all blocks recomputed" if share == 1 else f"{share:.0%} of blocks recomputed"
    repeated = {"selective": "attention scores", "operators": "every second matmul", "optimal": "chosen operators"}
    return f"{repeated[layout.recompute]} recomputed" if layout.recompute in repeated else ""
