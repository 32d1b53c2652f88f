"""`froude cost train`: what one layout of a training costs on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import percent, print_json, print_notes, print_table
from froude.cost.layout import Attending, ContextBy, Place, Recompute, Schedule

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
    schedule: Annotated[Schedule | None, typer.Option(help="Of the pipeline.")] = None,
    context_by: Annotated[ContextBy | None, typer.Option(help="Kind of context parallelism.")] = None,
    sequence_parallel: Annotated[bool | None, typer.Option(help="Divide norms with tensor parallelism.")] = None,
    recompute: Annotated[Recompute | None, typer.Option(help="In backward.")] = None,
    recomputed: Annotated[float | None, typer.Option(help="Share of blocks that full recomputation repeats.")] = None,
    attention: Annotated[Attending | None, typer.Option(help="The kernel.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="bf16|fp8|…", help="Number types.")] = None,
    fused_loss: Annotated[bool | None, typer.Option(help="A kernel of its own for the cross entropy.")] = None,
    compiled: Annotated[bool | None, typer.Option(help="Elementwise kernels fused by a compiler.")] = None,
    overlap: Annotated[bool | None, typer.Option(help="Data-parallel communication beside compute.")] = None,
    overlap_tensor: Annotated[bool | None, typer.Option(help="Tensor-parallel communication beside compute.")] = None,
    compress: Annotated[float | None, typer.Option(help="Factor by which gradients are made smaller.")] = None,
    local_steps: Annotated[int | None, typer.Option(help="Steps between synchronisations.")] = None,
    offload_optimizer: Annotated[Place | None, typer.Option(help="Where states are.")] = None,
    offload_parameters: Annotated[Place | None, typer.Option(help="Where weights are.")] = None,
    offload_activations: Annotated[Place | None, typer.Option(help="Where activations wait.")] = None,
    price: Price = None,
    json: Json = False,
) -> None:
    """Memory, step time, MFU and price of one layout of a training.

    What is left out is assumed and listed, with its effect. Example: `froude cost train --model gpt3-175B --machine
    "1024 x a100-80" --seq-len 2048 --global-batch 1536 --tp 8 --pp 16 --interleave 2 --recompute full`
    """
    from froude.cost import assume, get_machine, get_model
    from froude.quantity import parse_quantity

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
    show(assumed, what.name, machine)


def show(assumed: Assumed, model: str, machine: str) -> None:
    """The answer in one line, memory and step time by part, and what was assumed."""
    from froude.quantity import format_bytes, format_quantity, format_seconds

    cost, (lo, hi) = assumed.cost, assumed.interval
    print_table(
        f"{model} on {machine}: {format_seconds(float(cost.step_seconds))} a step "
        f"({format_seconds(lo)} to {format_seconds(hi)}), {percent(float(cost.mfu), 1)} MFU",
        ["", "a step", ""],
        [[name, *_part(value, float(cost.step_seconds), format_seconds)] for name, value in _parts(cost.step)],
    )
    total = float(cost.memory.total)
    fit = f"{'fits' if cost.fits else 'does not fit'} (sure to {percent(float(cost.fits_probability), 0)})"
    print_table(
        f"\nMemory of the fullest device: {format_bytes(total)}, {fit}",
        ["", "bytes", ""],
        [[name, *_part(value, total, format_bytes)] for name, value in _parts(cost.memory)],
    )
    rates = [
        ["tokens a second", format_quantity(float(cost.tokens_per_second))],
        ["TFLOP/s a device", f"{float(cost.flops_per_device) / 1e12:.0f}"],
        ["HFU", percent(float(cost.hfu), 1)],
    ]
    print_table("\nRates", ["", ""], rates)
    print()
    print_notes([f"assumed {one}" for one in assumed.assumptions])


def _parts(whole: Any) -> list[tuple[str, float]]:
    """Parts above nothing, the largest first."""
    parts = ((name, float(value)) for name, value in vars(whole).items())
    return sorted(((name, value) for name, value in parts if value > 0), key=lambda part: -part[1])


def _part(value: float, whole: float, written: Any) -> tuple[str, str]:
    """A value, and a bar of its share."""
    return written(value), "█" * max(round(40 * value / whole), 1 if value else 0)
