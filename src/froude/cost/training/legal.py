"""Which layouts exist for a model on a machine, and why others do not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import peak_flops
from froude.cost.model.model import Model
from froude.cost.training.layout import Flow, Layout
from froude.cost.training.pipeline.closed_form import is_legal
from froude.cost.training.pipeline.notation import parse_chunks
from froude.errors import InputError


def rules(model: Model, machine: Machine, layout: Layout) -> Iterator[tuple[np.ndarray, str]]:
    """Every rule as an array of whether it holds, and what it asks for.

    Layers need not divide by the stages or chunks: the fullest stage takes one more, as torchtitan does it. Frameworks
    that ask for equal parts are no reason to refuse a layout; what writes their settings says so.
    """
    tensor, pipeline, context = (np.asarray(x) for x in (layout.tensor, layout.pipeline, layout.context))
    replicas = np.maximum(np.asarray(layout.data_parallel), 1)
    batch = np.asarray(layout.global_batch)
    yield (
        np.asarray(layout.devices) % np.maximum(layout.model_parallel, 1) == 0,
        "tensor × pipeline × context must divide the devices",
    )
    yield batch % (replicas * layout.micro_batch) == 0, "data parallel × micro-batch must divide the global batch"
    yield (batch > 0) & (np.asarray(layout.micro_batch) > 0), "batches must be positive"
    yield (
        (model.heads % tensor == 0) & ((model.kv_heads % tensor == 0) | (tensor % np.maximum(model.kv_heads, 1) == 0)),
        "tensor parallelism must divide the attention heads",
    )
    yield tensor <= machine.devices_per_node, "tensor parallelism stays inside a node"
    yield from _chunk_rules(model, layout)
    many = np.maximum(np.asarray(layout.micro_batches), 1)
    yield (
        is_legal(Flow(layout.schedule, pipeline, layout.interleave, many)),
        "interleaving asks for 1f1b, two stages, and micro-batches that are a multiple of the stages",
    )
    split = np.where(tensor > 1, tensor, 1) if layout.sequence_parallel else 1
    yield layout.seq_len % (context * split) == 0, "context and sequence parallelism must divide the sequence"
    if layout.context_by == "ulysses":
        yield model.kv_heads % (tensor * context) == 0, "Ulysses must divide the heads that tensor parallelism leaves"
    expert, inner = np.asarray(layout.expert), np.asarray(layout.tensor_of_experts)
    yield model.experts % expert == 0, "expert parallelism must divide the experts"
    yield (
        (replicas * context * tensor) % (expert * inner) == 0,
        "expert parallelism × tensor parallelism of experts must divide the devices of a stage",
    )
    yield inner <= machine.devices_per_node, "tensor parallelism of experts stays inside a node"
    shard = np.asarray(layout.shard)
    yield (
        (shard == 0) | ((replicas * context) % np.maximum(shard, 1) == 0),
        "the shard group must divide the data-parallel devices",
    )


def equal_chunks(model: Model, layout: Layout) -> np.ndarray:
    """Whether every chunk of an interleaved pipeline holds as many layers, elementwise: what Megatron asks for.

    Embedding and loss are layers where the pipeline's layout counts them; an explicit layout is as it is.
    """
    if layout.pipeline_layout not in ("even", "ends"):
        return np.asarray(True)
    layers = model.layers + (2 if layout.pipeline_layout == "ends" else 0)
    interleave = np.asarray(layout.interleave)
    return (interleave == 1) | (layers % (np.asarray(layout.pipeline) * interleave) == 0)


def _chunk_rules(model: Model, layout: Layout) -> Iterator[tuple[np.ndarray, str]]:
    """What the chunks of a pipeline may hold: the layers, none without work."""
    chunks = np.asarray(layout.pipeline) * np.asarray(layout.interleave)
    if layout.pipeline_layout == "even":
        yield chunks <= model.layers, "a pipeline has at most one chunk a layer"
    elif layout.pipeline_layout == "ends":
        yield chunks <= np.asarray(model.layers) + 2, "a pipeline has at most one chunk a layer, embedding and loss too"
    else:
        parsed = parse_chunks(layout.pipeline_layout)
        count, blocks = len(parsed.blocks), sum(parsed.blocks)
        yield (
            chunks == count,
            f"pipeline × interleave must be the {count} chunks of the pipeline layout",
        )
        yield np.asarray(blocks) == model.layers, f"the {blocks} blocks of the pipeline layout must be the layers"


def legal(model: Model, machine: Machine, layout: Layout) -> np.ndarray:
    """Whether a layout exists, elementwise over its arrays."""
    holding = np.asarray(True)
    for holds, _ in rules(model, machine, layout):
        holding = holding & holds
        if not np.any(holding):
            break  # the rules that follow may divide by what this one refuses
    return holding


def check_legal(model: Model, machine: Machine, layout: Layout) -> None:
    """InputError naming the first rule that a single layout breaks, and its numbers."""
    peak_flops(machine.chip, layout.precision.matmuls)
    for tier in (layout.offload_optimizer, layout.offload_parameters, layout.offload_activations):
        if tier != "device" and tier not in machine.tiers:
            raise InputError(f"the machine has no {tier} memory to offload to: it has {', '.join(machine.tiers)}")
    for holds, rule in rules(model, machine, layout):
        if not np.all(holds):
            raise InputError(f"no such layout: {rule} ({_sizes(model, layout)})")


def _sizes(model: Model, layout: Layout) -> str:
    sizes = {
        "devices": layout.devices,
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "interleave": layout.interleave,
        "context": layout.context,
        "expert": layout.expert,
        "expert tensor": layout.tensor_of_experts,
        "micro-batch": layout.micro_batch,
        "global batch": layout.global_batch,
        "sequence": layout.seq_len,
        "heads": model.heads,
        "KV heads": model.kv_heads,
        "layers": model.layers,
    }
    return ", ".join(f"{name} {float(np.max(value)):g}" for name, value in sizes.items())
