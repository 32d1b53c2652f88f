"""PyTorch's FSDP2: a Python module that shards a model, builds its optimizer and runs a step.

The names used were checked in November 2026 by importing them from torch 2.13; `fully_shard` is public since 2.6.
"""

from __future__ import annotations

import pprint

from froude.planning.emit.recipe import Recipe, plain
from froude.planning.emit.words import EmittedOption, Framework, Limit, explained, heading, only_one, states_together

_TYPES = {2: "torch.bfloat16", 4: "torch.float32"}
_MIXED, _WHOLE_BF16, _FP32 = ("bf16", 2, 4, 4, 8, 2), ("bf16", 2, 0, 2, 4, 2), ("fp32", 4, 0, 4, 8, 4)


def _numbers(recipe: Recipe) -> tuple[str, float, float, float, float, float]:
    """The precision without what gradients are communicated in."""
    p = recipe.layout.precision
    return (p.matmuls, p.weights, p.master, p.gradients, p.optimizer, p.activations)


_OFFLOAD = Limit(states_together, "FSDP offloads weights, gradients and optimizer states together, to host memory")

_LIMITS = {
    **{
        name: only_one(name, "FSDP divides states of replicas, not the model's work")
        for name in ("tensor", "pipeline", "context", "expert")
    },
    "expert_tensor": Limit(lambda recipe: recipe.layout.expert_tensor in (0, 1), "it does not divide experts"),
    "zero": Limit(lambda recipe: recipe.layout.zero > 1, "FSDP divides weights, gradients and states together"),
    "recompute": Limit(
        lambda recipe: recipe.layout.recompute in ("none", "full"), "whole blocks are recomputed, or nothing is"
    ),
    "attention": Limit(lambda recipe: recipe.layout.attention != "flash-3", "PyTorch's own kernel is FlashAttention 2"),
    "fused_loss": Limit(lambda recipe: not recipe.layout.fused_loss, "its cross entropy is PyTorch's"),
    "graphs": Limit(lambda recipe: recipe.layout.graphs == "none", "blocks that gather weights are no CUDA graphs"),
    "overlap": Limit(lambda recipe: recipe.layout.overlap, "FSDP always overlaps"),
    "compress": only_one("compress", "gradients are sent as they are"),
    "local_steps": only_one("local_steps", "replicas synchronise every step"),
    "offload_optimizer": _OFFLOAD,
    "offload_parameters": _OFFLOAD,
    "offload_activations": Limit(
        lambda recipe: recipe.layout.offload_activations in ("device", "host"), "saved activations go to host memory"
    ),
    "precision": Limit(
        lambda recipe: _numbers(recipe) in (_MIXED, _WHOLE_BF16, _FP32) and recipe.layout.precision.reduce in _TYPES,
        "FSDP knows mixed bf16, whole bf16 and fp32",
    ),
}


def _constants(recipe: Recipe) -> list[EmittedOption]:
    """Constants of the module; a value that begins with "torch." is an expression."""
    layout, p = recipe.layout, recipe.layout.precision
    recomputed = float(layout.recomputed) if layout.recompute == "full" else 0.0
    return [
        EmittedOption("MODEL", {name: plain(value) for name, value in recipe.description.items()}, "model"),
        EmittedOption("SEED", recipe.seed, "seed"),
        EmittedOption("SEQ_LEN", int(layout.seq_len), "seq_len"),
        EmittedOption("MICRO_BATCH", int(layout.micro_batch), "micro_batch"),
        EmittedOption("ACCUMULATION", recipe.micro_batches, "micro_batch", "micro-batches a step"),
        EmittedOption("GLOBAL_BATCH", int(layout.global_batch), "global_batch"),
        EmittedOption(
            "REPLICATE", recipe.data_parallel // recipe.shard, "data_parallel", "groups of devices with all states"
        ),
        EmittedOption("SHARD", recipe.shard, "shard"),
        EmittedOption(
            "RESHARD_AFTER_FORWARD", layout.zero == 3, "zero", "stage 3 frees weights after use, stage 2 keeps them"
        ),
        EmittedOption("RECOMPUTED", recomputed, "recompute", "the share of blocks that is"),
        EmittedOption("FLASH", layout.attention != "unfused", "attention"),
        EmittedOption("COMPILE", layout.compiled, "compiled"),
        EmittedOption(
            "OFFLOAD_STATES", layout.offload_parameters == "host", "offload_parameters", "and gradients, states"
        ),
        EmittedOption("OFFLOAD_ACTIVATIONS", layout.offload_activations == "host", "offload_activations"),
        EmittedOption("STATES", _TYPES[int(p.master or p.weights)], "precision", "what weights and states are kept in"),
        EmittedOption("COMPUTE", _TYPES[int(p.weights)], "precision", "what gathered weights and matmuls are in"),
        EmittedOption("REDUCE", _TYPES[int(p.reduce)], "precision", "what gradients are communicated in"),
        *_optimizer(recipe),
    ]


def _optimizer(recipe: Recipe) -> list[EmittedOption]:
    decay = recipe.decay_steps if recipe.lr_schedule == "wsd" else recipe.steps - recipe.warmup_steps
    return [
        EmittedOption("STEPS", recipe.steps, "steps"),
        EmittedOption("LEARNING_RATE", recipe.learning_rate, "learning_rate"),
        EmittedOption("FINAL_SHARE", recipe.final_share, "final_learning_rate", "as a share of the peak"),
        EmittedOption("WARMUP_STEPS", recipe.warmup_steps, "warmup_steps"),
        EmittedOption("LR_SCHEDULE", recipe.lr_schedule, "lr_schedule"),
        EmittedOption("DECAY_STEPS", decay, "decay_steps"),
        EmittedOption("WEIGHT_DECAY", recipe.weight_decay, "weight_decay"),
        EmittedOption("BETAS", recipe.betas, "betas"),
        EmittedOption("CLIP", recipe.clip, "clip"),
    ]


def _literal(value: object) -> str:
    """A value as Python writes it."""
    is_expression = isinstance(value, str) and value.startswith("torch.")
    return str(value) if is_expression else pprint.pformat(plain(value), width=100, sort_dicts=False)


def _write(recipe: Recipe) -> str:
    how = (
        "Module for PyTorch 2.6 or later, checked with 2.13. Your script: model, optimizer, scheduler = prepare("
        f"model, model.layers), then step(...) {recipe.steps} times with ACCUMULATION micro-batches each. torchrun "
        f"--nnodes={recipe.nodes} --nproc_per_node={recipe.devices_a_node} YOUR_SCRIPT"
    )
    constants = _constants(recipe)
    lines = [*heading(recipe, how, "#", constants), _IMPORTS]
    for above, choice in explained(recipe, constants, "#"):
        lines += [*above, f"{choice.name} = {_literal(choice.value)}"]
    return "\n".join([*lines, _BODY])


_IMPORTS = """
import contextlib
import math

import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.nn.attention import SDPBackend, sdpa_kernel
"""

_BODY = '''

def share(done):
    """The learning rate of the step after so many, as a share of the peak."""
    if done + 1 <= WARMUP_STEPS:
        return (done + 1) / WARMUP_STEPS
    left = min(1.0, max(0.0, (STEPS - done - 1) / DECAY_STEPS))
    if LR_SCHEDULE == "cosine":
        left = 0.5 * (1 - math.cos(math.pi * left))
    return FINAL_SHARE + (1 - FINAL_SHARE) * left


def prepare(model, blocks, device_type="cuda"):
    """The model sharded in place, with its optimizer and schedule; `blocks` is the ModuleList of its layers."""
    if MICRO_BATCH * ACCUMULATION * REPLICATE * SHARD != GLOBAL_BATCH:
        raise ValueError("the batch sizes do not multiply to GLOBAL_BATCH")
    torch.manual_seed(SEED)
    mesh = init_device_mesh(device_type, (REPLICATE, SHARD), mesh_dim_names=("replicate", "shard"))
    options = {
        "mesh": mesh if REPLICATE > 1 else mesh["shard"],
        "mp_policy": MixedPrecisionPolicy(param_dtype=COMPUTE, reduce_dtype=REDUCE),
        "offload_policy": CPUOffloadPolicy() if OFFLOAD_STATES else OffloadPolicy(),
        "reshard_after_forward": RESHARD_AFTER_FORWARD,
    }
    model.to(STATES)
    for i, block in enumerate(blocks):
        if int((i + 1) * RECOMPUTED) > int(i * RECOMPUTED):
            block = checkpoint_wrapper(block)
        if COMPILE:
            block.compile()
        blocks[i] = fully_shard(block, **options)
    fully_shard(model, **options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY)
    return model, optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def step(model, optimizer, scheduler, micro_batches, loss_of):
    """One step over ACCUMULATION micro-batches; `loss_of(model, micro_batch)` gives a mean loss. Returns the loss."""
    attention = sdpa_kernel(SDPBackend.FLASH_ATTENTION if FLASH else SDPBackend.MATH)
    total = 0.0
    with attention:
        for micro_batch in micro_batches:
            offload = torch.autograd.graph.save_on_cpu(pin_memory=True) if OFFLOAD_ACTIVATIONS else None
            with offload or contextlib.nullcontext():
                loss = loss_of(model, micro_batch) / ACCUMULATION
            loss.backward()
            total += loss.detach()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return total
'''

FSDP = Framework(_write, _LIMITS, {"zero": 3, "tensor": 1, "pipeline": 1, "context": 1, "expert": 1})
