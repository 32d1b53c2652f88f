"""`froude cost train`: what one layout of a training costs on a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json
from froude.cli.render import facts_grid, percent, print_json
from froude.quantity import format_quantity, format_seconds, parse_quantity

if TYPE_CHECKING:
    from froude.cost import Assumed

ModelName = Annotated[
    str,
    typer.Option("--model", help='A name of the catalogue, "layers=96,hidden=12288,heads=96,vocab=50k", or a file.'),
]
MachineName = Annotated[
    str, typer.Option("--machine", help='"1024 x h100", a chip alone for one node, or a TOML file.')
]
Price = Annotated[
    str | None, typer.Option("--price-per-device-hour", metavar="DOLLARS", help="Dollars a device and hour.")
]


def train(
    model: ModelName,
    machine: MachineName,
    seq_len: Annotated[int | None, typer.Option(help="Tokens of a sequence.")] = None,
    global_batch: Annotated[int | None, typer.Option(help="Sequences of a step.")] = None,
    micro_batch: Annotated[int | None, typer.Option(help="Sequences at a time on one replica.")] = None,
    tp: Annotated[int | None, typer.Option(help="Tensor parallelism.")] = None,
    pp: Annotated[int | None, typer.Option(help="Pipeline stages.")] = None,
    interleave: Annotated[int | None, typer.Option(help="Chunks of the pipeline on each device.")] = None,
    cp: Annotated[int | None, typer.Option(help="Context parallelism.")] = None,
    ep: Annotated[int | None, typer.Option(help="Expert parallelism.")] = None,
    zero: Annotated[int | None, typer.Option(min=0, max=3, help="ZeRO stage; 3 is FSDP.")] = None,
    shard: Annotated[int | None, typer.Option(help="Devices that share states: hybrid sharding. 0: all.")] = None,
    schedule: Annotated[str | None, typer.Option(metavar="gpipe|1f1b|zero-bubble", help="Of the pipeline.")] = None,
    context_by: Annotated[str | None, typer.Option(metavar="ring|ulysses", help="Kind of context parallelism.")] = None,
    sequence_parallel: Annotated[bool | None, typer.Option(help="Divide norms with tensor parallelism.")] = None,
    recompute: Annotated[
        str | None, typer.Option(metavar="none|selective|operators|full|optimal", help="In backward.")
    ] = None,
    recomputed: Annotated[float | None, typer.Option(help="Share of blocks that full recomputation repeats.")] = None,
    attention: Annotated[str | None, typer.Option(metavar="unfused|flash|flash-2|flash-3", help="The kernel.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="bf16|fp8|…", help="Number types.")] = None,
    fused_loss: Annotated[bool | None, typer.Option(help="A kernel of its own for the cross entropy.")] = None,
    compiled: Annotated[bool | None, typer.Option(help="Elementwise kernels fused by a compiler.")] = None,
    overlap: Annotated[bool | None, typer.Option(help="Data-parallel communication beside compute.")] = None,
    overlap_tensor: Annotated[bool | None, typer.Option(help="Tensor-parallel communication beside compute.")] = None,
    compress: Annotated[float | None, typer.Option(help="Factor by which gradients are made smaller.")] = None,
    local_steps: Annotated[int | None, typer.Option(help="Steps between synchronisations.")] = None,
    offload_optimizer: Annotated[str | None, typer.Option(metavar="device|host|nvme", help="Where states are.")] = None,
    offload_parameters: Annotated[
        str | None, typer.Option(metavar="device|host|nvme", help="Where weights are.")
    ] = None,
    offload_activations: Annotated[
        str | None, typer.Option(metavar="device|host|nvme", help="Where activations wait.")
    ] = None,
    price: Price = None,
    json: Json = False,
) -> None:
    """Memory, step time, MFU and price of one layout of a training.

    What is left out is assumed and listed, with its effect. Example: `froude cost train --model gpt3-175B --machine
    "1024 x a100-80" --seq-len 2048 --global-batch 1536 --tp 8 --pp 16 --interleave 2 --recompute full`
    """
    from froude.cost import assume, get_machine, get_model

    said = {
        "seq_len": seq_len,
        "global_batch": global_batch,
        "micro_batch": micro_batch,
        "tensor": tp,
        "pipeline": pp,
        "interleave": interleave,
        "context": cp,
        "expert": ep,
        "zero": zero,
        "shard": shard,
        "schedule": schedule,
        "context_by": context_by,
        "sequence_parallel": sequence_parallel,
        "recompute": recompute,
        "recomputed": recomputed,
        "attention": attention,
        "precision": precision,
        "fused_loss": fused_loss,
        "compiled": compiled,
        "overlap": overlap,
        "overlap_tensor": overlap_tensor,
        "compress": compress,
        "local_steps": local_steps,
        "offload_optimizer": offload_optimizer,
        "offload_parameters": offload_parameters,
        "offload_activations": offload_activations,
    }
    dollars = parse_quantity(price, expect="dollars") if price else None
    where = get_machine(machine, price_per_device_hour=dollars)
    what = get_model(model)
    assumed = assume(what, where, {name: value for name, value in said.items() if value is not None})
    if json:
        print_json(assumed.to_dict())
        return
    show(assumed, f"{what.name} on {machine}", where.chip.memory_bytes)


def show(assumed: Assumed, task: str, capacity_bytes: float) -> None:
    """The answer in three lines, memory and step time by part, and what was assumed."""
    from rich.padding import Padding
    from rich.text import Text

    from froude.cli.plan_view import show_list, show_parts, written
    from froude.planning.layouts.names import layout_words

    cost, (lo, hi) = assumed.cost, assumed.interval
    with written() as console:
        step = f"{format_seconds(float(cost.step_seconds))} a step ({format_seconds(lo)} to {format_seconds(hi)})"
        console.print(Text(f"{task}: {step}", style="bold"))
        console.print(Padding(facts_grid(facts(assumed, layout_words(assumed.layout))), (0, 0, 0, 2)))
        show_parts(console, cost, capacity_bytes)
        show_list(console, "Assumed", [str(one) for one in assumed.assumptions], dim=True)


def facts(assumed: Assumed, layout: str) -> Iterator[tuple[str, str]]:
    """Layout, rates and the verdict on memory, as pairs of head and text."""
    cost = assumed.cost
    yield "layout", layout
    yield (
        "rates",
        f"{percent(float(cost.mfu), 1)} MFU, {percent(float(cost.hfu), 1)} HFU, "
        f"{float(cost.flops_per_device) / 1e12:.3g} TFLOP/s a device, "
        f"{format_quantity(float(cost.tokens_per_second))} tokens/s",
    )
    sure = percent(float(cost.fits_probability), 0)
    yield "memory", f"{'fits' if cost.fits else 'does not fit'}; that it does is certain to {sure}"
