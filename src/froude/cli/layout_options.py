"""Options for the parts of a training's layout: each bears the name of a field of `Layout`."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.bounds import MOST_COUNT, MOST_DEVICES

SeqLen = Annotated[int | None, typer.Option(min=1, max=MOST_COUNT, help="Tokens of a sequence.")]
GlobalBatch = Annotated[int | None, typer.Option(min=1, max=MOST_COUNT, help="Sequences of a step.")]
MicroBatch = Annotated[int | None, typer.Option(min=1, max=MOST_DEVICES, help="Sequences at a time on one replica.")]
Tensor = Annotated[int | None, typer.Option("--tp", "--tensor", min=1, max=MOST_DEVICES, help="Tensor parallelism.")]
Pipeline = Annotated[int | None, typer.Option("--pp", "--pipeline", min=1, max=MOST_DEVICES, help="Pipeline stages.")]
Interleave = Annotated[int | None, typer.Option(min=1, max=MOST_DEVICES, help="Chunks of the pipeline on each device.")]
Context = Annotated[int | None, typer.Option("--cp", "--context", min=1, max=MOST_DEVICES, help="Context parallelism.")]
Expert = Annotated[int | None, typer.Option("--ep", "--expert", min=1, max=MOST_DEVICES, help="Expert parallelism.")]
ExpertTensor = Annotated[
    int | None, typer.Option("--etp", min=0, max=MOST_DEVICES, help="Tensor parallelism of experts. 0: as of all else.")
]
PipelineLayout = Annotated[
    str | None,
    typer.Option(
        metavar="even|ends|LAYOUT",
        help='What chunks hold: equal parts, embedding and loss as a layer each, or "Et*4|(t*4|)*14tmL".',
    ),
]
Zero = Annotated[int | None, typer.Option(min=0, max=3, help="ZeRO stage; 3 is FSDP.")]
Shard = Annotated[
    int | None, typer.Option(min=0, max=MOST_DEVICES, help="Devices that share states: hybrid sharding. 0: all.")
]
Schedule = Annotated[str | None, typer.Option(metavar="gpipe|1f1b|zero-bubble", help="Of the pipeline.")]
ContextBy = Annotated[str | None, typer.Option(metavar="ring|ulysses", help="Kind of context parallelism.")]
SequenceParallel = Annotated[bool | None, typer.Option(help="Divide norms with tensor parallelism.")]
Recompute = Annotated[str | None, typer.Option(metavar="none|selective|operators|full|optimal", help="In backward.")]
Recomputed = Annotated[float | None, typer.Option(help="Share of blocks that full recomputation repeats.")]
Attention = Annotated[str | None, typer.Option(metavar="unfused|flash|flash-2|flash-3", help="The kernel.")]
Precision = Annotated[str | None, typer.Option(metavar="bf16|fp8|…", help="Number types.")]
FusedLoss = Annotated[bool | None, typer.Option(help="A kernel of its own for the cross entropy.")]
Compiled = Annotated[bool | None, typer.Option(help="Elementwise kernels fused by a compiler.")]
Overlap = Annotated[bool | None, typer.Option(help="Data-parallel communication beside compute.")]
OverlapTensor = Annotated[bool | None, typer.Option(help="Tensor-parallel communication beside compute.")]
OverlapExpert = Annotated[bool | None, typer.Option(help="Dispatch to experts beside compute.")]
CudaGraphs = Annotated[str | None, typer.Option(metavar="none|partial|full", help="What is launched as CUDA graphs.")]
DispatchTo = Annotated[
    str | None, typer.Option(metavar="flat|node", help="A copy a device with an expert, or one a node.")
]
Compress = Annotated[float | None, typer.Option(help="Factor by which gradients are made smaller.")]
LocalSteps = Annotated[int | None, typer.Option(min=1, max=MOST_COUNT, help="Steps between synchronisations.")]
OffloadOptimizer = Annotated[str | None, typer.Option(metavar="device|host|nvme", help="Where states are.")]
OffloadParameters = Annotated[str | None, typer.Option(metavar="device|host|nvme", help="Where weights are.")]
OffloadActivations = Annotated[str | None, typer.Option(metavar="device|host|nvme", help="Where activations wait.")]
