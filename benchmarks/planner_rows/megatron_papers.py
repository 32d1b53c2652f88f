"""Megatron's published tables of 2021, 2022 and 2024.

What a table does not state is set here, by one rule for the whole table, before anything is fitted:

- Micro-batch (both weak-scaling tables): 1 where there is a pipeline, because its bubble shrinks with the number of
  micro-batches; without one the largest power of two up to 16 that fits.
- Interleave: in 2024 the smallest above 1 that is legal, as its pipelines are interleaved by default; in 2021 none, but
  3 for the 530B, which the same authors state for the same model and parallelism (Korthikanti et al. 2022, table 3,
  where the 1T has none).
- Recomputation: full in 2021, because its FLOP formula counts it; in 2024 the least that fits.
- Attention: unfused before 2022 and in Korthikanti et al., FlashAttention 2 in 2024.
- Overlap of data-parallel communication: none in 2021 and 2022; in 2024, with overlapped tensor parallelism, as its
  README names the flags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.model import Model
from froude.cost.training.layout import Flow, Layout, Precision
from froude.cost.training.memory.device_memory import fits, memory_bytes
from froude.cost.training.pipeline.closed_form import is_legal
from planner_rows.row import Row, gpt, read_table

FP16_PLAIN = Precision(matmuls="fp16", weights=2, gradients=2, master=4, optimizer=8, reduce=2)


def megatron_2021(**other: Any) -> Iterator[Row]:
    """The ten rows of Narayanan et al. 2021, table 1; TFLOP/s by the paper's formula, recomputation counted."""
    for row in read_table("sys_megatron/megatron2021_a100_weak_scaling.csv"):
        h, s, v, layers, batch, devices = (
            int(row[k]) for k in ("hidden", "seq_len", "vocab", "layers", "global_batch_seqs", "n_gpus")
        )
        flops = 96 * batch * s * layers * h**2 * (1 + s / (6 * h) + v / (16 * layers * h))
        layout = Layout(
            devices=devices,
            global_batch=batch,
            seq_len=s,
            tensor=int(row["tp"]),
            pipeline=int(row["pp"]),
            recompute="full",
            attention="unfused",
            overlap=False,
            precision=FP16_PLAIN,
        )
        yield _unstated(
            Row(
                table="Megatron 2021",
                name=row["model"],
                model=gpt(h, int(row["attention_heads"]), layers, v, s, dropout=True),
                machine=get_machine(f"{devices} x a100-80"),
                layout=layout,
                seconds=flops / (devices * float(row["achieved_tflops_per_gpu"]) * 1e12),
            ),
            usual=(3,) if row["model"] == "530B" else (),
            **other,
        )


def megatron_2024(**other: Any) -> Iterator[Row]:
    """The nine rows of Megatron-LM's README at r0.8 on H100; TFLOP/s without recomputation."""
    for row in read_table("sys_megatron/megatron2024_h100_weak_scaling.csv"):
        h, s, v, layers, batch, devices = (
            int(row[k]) for k in ("hidden", "seq_len", "vocab", "layers", "global_batch_seqs", "n_gpus")
        )
        flops = 72 * batch * s * layers * h**2 * (1 + s / (6 * h) + v / (12 * layers * h))
        tensor = int(row["tp"])
        layout = Layout(
            devices=devices,
            global_batch=batch,
            seq_len=s,
            tensor=tensor,
            pipeline=int(row["pp"]),
            sequence_parallel=tensor > 1,
            zero=1,
            recompute="none",
            attention="flash-2",
            overlap_tensor=True,
        )
        yield _unstated(
            Row(
                table="Megatron 2024",
                name=row["model"],
                model=gpt(h, int(row["attention_heads"]), layers, v, s, dropout=True, tied=False),
                machine=get_machine(f"{devices} x h100"),
                layout=layout,
                seconds=flops / (devices * float(row["tflops_per_gpu"]) * 1e12),
            ),
            least_recompute=True,
            **other,
        )


def korthikanti() -> Iterator[Row]:
    """The eight step times of Korthikanti et al. 2022, table 5; all is stated."""
    for row in read_table("sys_megatron/korthikanti2022_table5.csv"):
        selective = row["mode"] == "seqsel"
        devices, s = int(row["n_gpus"]), int(row["seq_len"])
        layout = Layout(
            devices=devices,
            global_batch=int(row["global_batch"]),
            seq_len=s,
            micro_batch=int(row["micro_batch"]),
            tensor=int(row["tp"]),
            pipeline=int(row["pp"]),
            interleave=int(row["interleave"]),
            sequence_parallel=selective,
            recompute="selective" if selective else "full",
            attention="unfused",
            overlap=False,
            precision=FP16_PLAIN,
        )
        yield Row(
            table="Korthikanti 2022",
            name=row["model"],
            model=gpt(int(row["hidden"]), int(row["heads"]), int(row["layers"]), 51200, s, dropout=True),
            machine=get_machine(f"{devices} x a100-80"),
            layout=layout,
            seconds=float(row["step_time_s_measured"]),
        )


def _unstated(
    row: Row,
    *,
    micro_batch: int = 0,
    interleave: int = 0,
    usual: tuple[int, ...] = tuple(range(2, 32)),
    recompute: str = "",
    least_recompute: bool = False,
) -> Row:
    """The row with what its table does not state set by the rules above, or as alternatives say."""
    layout = row.layout
    if recompute:
        layout = replace(layout, recompute=recompute)
    if micro_batch or int(layout.pipeline) > 1:
        layout = replace(layout, micro_batch=micro_batch or 1)
        layout = _interleaved(row.model, layout, (interleave,) if interleave else usual)
    else:
        fitting = [m for m in (1, 2, 4, 8, 16) if _fits(row, replace(layout, micro_batch=m))]
        layout = replace(layout, micro_batch=max(fitting, default=1))
    if least_recompute and not recompute:
        modes = ("none", "selective", "full")
        layout = next((one for one in (replace(layout, recompute=m) for m in modes) if _fits(row, one)), layout)
    return replace(row, layout=layout)


def _interleaved(model: Model, layout: Layout, choices: tuple[int, ...]) -> Layout:
    """The layout with the first of some interleaved schedules that its layers and micro-batches allow, if any."""
    p = int(layout.pipeline)
    for v in choices:
        flow = Flow("1f1b", p, v, layout.micro_batches)
        if p > 1 and int(model.layers) % (p * v) == 0 and bool(is_legal(flow)):
            return replace(layout, interleave=v)
    return layout


def _fits(row: Row, layout: Layout) -> bool:
    divides = int(layout.global_batch) % (int(layout.data_parallel) * int(layout.micro_batch)) == 0
    return divides and bool(np.all(fits(memory_bytes(row.model, layout), row.machine)))
