"""`froude cost train`: what one layout of a training costs on a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

import typer

from froude.cli.completion import complete_models
from froude.cli.layout_options import (
    Attention,
    Compiled,
    Compress,
    Context,
    ContextBy,
    CudaGraphs,
    DispatchTo,
    Expert,
    ExpertTensor,
    FusedLoss,
    GlobalBatch,
    Interleave,
    LocalSteps,
    MicroBatch,
    OffloadActivations,
    OffloadOptimizer,
    OffloadParameters,
    Overlap,
    OverlapExpert,
    OverlapTensor,
    Pipeline,
    PipelineLayout,
    Precision,
    Recompute,
    Recomputed,
    Schedule,
    SeqLen,
    SequenceParallel,
    Shard,
    Tensor,
    Zero,
)
from froude.cli.options import Json
from froude.cli.show import present
from froude.cli.stack import StackName
from froude.cli.training_options import AdapterText, MachineName, RecipeName
from froude.errors import InputError
from froude.quantity import parse_quantity

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        autocompletion=complete_models,
        help='A name of the catalogue, "layers=96,hidden=12288,heads=96,vocab=50k", or a file.',
    ),
]
DeviceHourPrice = Annotated[
    str | None, typer.Option("--price-per-device-hour", metavar="DOLLARS", help="Dollars a device and hour.")
]


def train(
    model: ModelName = None,
    machine: MachineName = None,
    stack: StackName = None,
    seq_len: SeqLen = None,
    global_batch: GlobalBatch = None,
    micro_batch: MicroBatch = None,
    tensor: Tensor = None,
    pipeline: Pipeline = None,
    interleave: Interleave = None,
    context: Context = None,
    expert: Expert = None,
    expert_tensor: ExpertTensor = None,
    pipeline_layout: PipelineLayout = None,
    zero: Zero = None,
    shard: Shard = None,
    schedule: Schedule = None,
    context_by: ContextBy = None,
    sequence_parallel: SequenceParallel = None,
    recompute: Recompute = None,
    recomputed: Recomputed = None,
    attention: Attention = None,
    precision: Precision = None,
    fused_loss: FusedLoss = None,
    compiled: Compiled = None,
    overlap: Overlap = None,
    overlap_tensor: OverlapTensor = None,
    overlap_expert: OverlapExpert = None,
    graphs: CudaGraphs = None,
    dispatch: DispatchTo = None,
    compress: Compress = None,
    local_steps: LocalSteps = None,
    offload_optimizer: OffloadOptimizer = None,
    offload_parameters: OffloadParameters = None,
    offload_activations: OffloadActivations = None,
    adapter: AdapterText = None,
    recipe: RecipeName = None,
    price: DeviceHourPrice = None,
    json: Json = False,
) -> None:
    """Memory, step time, MFU and price of one layout of a training.

    What is left out is assumed and listed, with its effect. Examples:
    `froude cost train --model gpt3-175B --machine "1024 x a100-80" --seq-len 2048 --global-batch 1536 --tp 8 --pp 16
    --interleave 2 --recompute full` and
    `froude cost train --model llama-2-70B --machine "2 x a100-80" --seq-len 2048 --adapter qlora:rank=16`
    """
    show_cost(dict(locals()))  # the options of a layout bear its fields' names


def show_cost(options: Mapping[str, Any]) -> None:
    """Answers what the options of `froude cost train` ask."""
    from froude.answers.costs import answer_of_train_cost
    from froude.cost import Layout, fine_tune_cost, get_machine, get_model, train_cost

    names = [one.name for one in fields(Layout) if one.name != "stack"]
    given = {name: options[name] for name in names if options.get(name) is not None}
    model, machine, given = with_recipe(options["recipe"], options["model"], options["machine"], given)
    price, stack, adapter = options["price"], options["stack"], options["adapter"]
    dollars = parse_quantity(price, expect="dollars") if price else None
    described, computers = get_model(model), get_machine(machine, price_per_device_hour=dollars)
    if adapter is None:
        cost = train_cost(described, computers, stack=stack, **given)
    else:
        cost = fine_tune_cost(described, computers, adapter, stack=stack, **given)
    present(answer_of_train_cost(cost), options["json"])


def with_recipe(
    recipe: str | None, model: str | None, machine: str | None, given: dict[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    """Model, machine and parts of a layout, those that are not given from a recipe. InputError where none says."""
    from froude.planning import get_recipe

    if recipe is not None:
        published = get_recipe(recipe)
        stated = published.settings(given=given)
        sizes = {"seq_len": stated.seq_len, "global_batch": stated.global_batch, "precision": stated.precision}
        given = {**{name: value for name, value in sizes.items() if value is not None}, **stated.fixed}
        model, machine = model or published.model, machine or published.machine
    if model is None or machine is None:
        missing = "--model" if model is None else "--machine"
        raise InputError(f"no {missing}: give one, or a --recipe, which names both")
    return model, machine, given
