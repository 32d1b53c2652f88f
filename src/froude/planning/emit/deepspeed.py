"""DeepSpeed: its configuration file.

Keys were checked in November 2026 against the source of DeepSpeed 0.19.8 (deepspeed/runtime/config.py,
constants.py, precision_config.py, lr_schedules.py, zero/config.py, activation_checkpointing/config.py,
compile/config.py; deepspeed/module_inject/auto_ep_config.py). It reads the file with hjson, so comment lines are
allowed; without them the file is strict JSON.

Tensor parallelism is refused although there is tensor_parallel.autotp_size: the configuration checks its batch sizes
against all devices as replicas, and the global batch would be a multiple of what it says.
"""

from __future__ import annotations

from collections.abc import Iterator

from froude.planning.emit.recipe import Recipe
from froude.planning.emit.words import EmittedOption, Framework, Limit, as_json, explained, heading, only_one

_NVME = "/local_nvme"
_PLACES = {"host": "cpu", "nvme": "nvme"}
_TYPES = {2: "bf16", 4: "fp32"}
_GATHERED = 4
"""ZeRO++ sends gradients in 4 bits for 16: Wang et al. 2023, arXiv:2306.10209, section 3.3, as remembered."""

Tree = dict[str, "EmittedOption | Tree"]
"""Keys of the file with their choices, nested."""


def _precision_holds(recipe: Recipe) -> bool:
    p, zero = recipe.layout.precision, recipe.layout.zero
    if p.matmuls == "fp32":
        return (p.weights, p.master, p.gradients, p.optimizer, p.reduce, p.activations) == (4, 0, 4, 8, 4, 4)
    half = p.matmuls == "bf16" and zero > 0 and p.gradients in _TYPES and p.reduce in _TYPES
    return half and (p.weights, p.master, p.optimizer, p.activations) == (2, 4, 8, 2)


def _shard_holds(recipe: Recipe) -> bool:
    return recipe.shard == recipe.shard_group or recipe.layout.zero in (0, 3)


def _compress_holds(recipe: Recipe) -> bool:
    layout = recipe.layout
    return layout.compress == 1 or (layout.compress == _GATHERED and layout.zero == 3 and layout.precision.reduce == 2)


_LIMITS = {
    "tensor": Limit(lambda recipe: recipe.layout.tensor == 1, "its configuration counts every device as a replica"),
    "pipeline": Limit(lambda recipe: recipe.layout.pipeline == 1, "pipelines are written in Python there"),
    "context_by": Limit(
        lambda recipe: recipe.layout.context == 1 or recipe.layout.context_by == "ulysses",
        "it splits sequences by Ulysses",
    ),
    "shard": Limit(_shard_holds, "ZeRO stages 1 and 2 divide states over all replicas"),
    "expert": Limit(
        lambda recipe: recipe.layout.expert == 1 or recipe.layout.context == 1,
        "its expert parallelism does not go with sequence parallelism",
    ),
    "expert_tensor": Limit(lambda recipe: recipe.layout.expert_tensor in (0, 1), "it does not divide experts"),
    "dispatch": Limit(lambda recipe: recipe.layout.dispatch == "flat", "it sends a position to each of its experts"),
    "overlap_expert": Limit(lambda recipe: not recipe.layout.overlap_expert, "it waits for the dispatch"),
    "graphs": Limit(lambda recipe: recipe.layout.graphs == "none", "it has CUDA graphs in inference alone"),
    "overlap": Limit(
        lambda recipe: recipe.layout.overlap or recipe.layout.zero > 0, "without ZeRO it has no option for overlap"
    ),
    "compress": Limit(_compress_holds, "ZeRO stage 3 sends 2-byte gradients four times smaller, and no other"),
    "fused_loss": Limit(lambda recipe: not recipe.layout.fused_loss, "the cross entropy is the model's own"),
    "local_steps": only_one("local_steps", "replicas synchronise every step"),
    "recompute": Limit(
        lambda recipe: recipe.layout.recompute in ("none", "full"), "it recomputes what the model hands it, whole"
    ),
    "offload_optimizer": Limit(
        lambda recipe: (
            recipe.layout.offload_optimizer == "device"
            or recipe.layout.zero == 3
            or (recipe.layout.offload_optimizer == "host" and recipe.layout.zero > 0)
        ),
        "offload needs ZeRO, and NVMe its stage 3",
    ),
    "offload_parameters": Limit(
        lambda recipe: recipe.layout.offload_parameters == "device" or recipe.layout.zero == 3,
        "weights are offloaded with ZeRO stage 3",
    ),
    "offload_activations": Limit(
        lambda recipe: (
            recipe.layout.offload_activations == "device"
            or (recipe.layout.offload_activations == "host" and recipe.layout.recompute == "full")
        ),
        "it offloads checkpoints to host memory, with recompute = full",
    ),
    "precision": Limit(_precision_holds, "with ZeRO it knows bf16 with a master copy of 4 bytes, without it fp32"),
    "lr_schedule": Limit(lambda recipe: recipe.lr_schedule != "wsd", "its schedules decay right after warm-up"),
}


def _option(value: object, because: str, remark: str = "") -> EmittedOption:
    """A choice whose name is its key in the file."""
    return EmittedOption("", value, because, remark)


def _batch(recipe: Recipe) -> Tree:
    layout = recipe.layout
    chosen: Tree = {
        "train_batch_size": _option(int(layout.global_batch), "global_batch"),
        "train_micro_batch_size_per_gpu": _option(int(layout.micro_batch), "micro_batch"),
        "gradient_accumulation_steps": _option(recipe.micro_batches, "micro_batch", "micro-batches a step"),
    }
    if layout.context > 1:
        remark = "the model's attention must be wrapped in DistributedAttention"
        chosen["sequence_parallel_size"] = _option(int(layout.context), "context", remark)
        chosen["data_parallel_size"] = _option(recipe.data_parallel, "data_parallel")
    if layout.expert > 1:
        chosen["expert_parallel"] = {
            "enabled": _option(True, "expert"),
            "autoep_size": _option(int(layout.expert), "expert", "devices that share the experts"),
        }
    return chosen


def _optimizer(recipe: Recipe) -> Tree:
    is_cosine = recipe.lr_schedule == "cosine"
    # A warm-up of no steps is refused by DeepSpeed.
    warmup = _option(max(1, recipe.warmup_steps), "warmup_steps")
    shape: Tree = {"total_num_steps": _option(recipe.steps, "steps"), "warmup_num_steps": warmup}
    shape["warmup_type"] = _option("linear", "warmup_steps", "the warm-up is linear")
    if is_cosine:
        shape["cos_min_ratio"] = _option(recipe.final_share, "final_learning_rate", "as a share of the peak")
    else:
        remark = "warm-up begins there too"
        shape["warmup_min_lr"] = _option(recipe.final_learning_rate, "final_learning_rate", remark)
        shape["warmup_max_lr"] = _option(recipe.learning_rate, "learning_rate")
    name = "WarmupCosineLR" if is_cosine else "WarmupDecayLR"
    return {
        "optimizer": {
            "type": _option("AdamW", "weight_decay", "the optimizer is AdamW"),
            "params": {
                "lr": _option(recipe.learning_rate, "learning_rate"),
                "weight_decay": _option(recipe.weight_decay, "weight_decay"),
                "betas": _option(list(recipe.betas), "betas"),
            },
        },
        "gradient_clipping": _option(recipe.clip, "clip"),
        "scheduler": {"type": _option(name, "lr_schedule"), "params": shape},
    }


def _offload(place: str, because: str) -> Tree:
    where: Tree = {
        "device": _option(_PLACES[place], because),
        "pin_memory": _option(True, because, "transfers run beside compute"),
    }
    if place == "nvme":
        where["nvme_path"] = _option(_NVME, because, "put the mount point of your drives here")
    return where


def _zero(recipe: Recipe) -> Tree:
    layout = recipe.layout
    chosen: Tree = {"stage": _option(layout.zero, "zero")}
    if layout.zero:
        chosen["overlap_comm"] = _option(layout.overlap, "overlap")
    if layout.zero == 3 and recipe.shard < recipe.shard_group:
        remark = (
            "weights are kept once more in such groups for the backward pass, and every state is divided over all "
            "replicas: the forward gather leaves the group, which the plan did not count"
        )
        chosen["zero_hpz_partition_size"] = _option(recipe.shard, "shard", remark)
    if layout.compress == _GATHERED:
        chosen["zero_quantized_gradients"] = _option(True, "compress")
    if layout.offload_optimizer != "device":
        chosen["offload_optimizer"] = _offload(layout.offload_optimizer, "offload_optimizer")
    if layout.offload_parameters != "device":
        chosen["offload_param"] = _offload(layout.offload_parameters, "offload_parameters")
    return chosen


def _numbers(recipe: Recipe) -> Tree:
    p = recipe.layout.precision
    if p.matmuls == "fp32":
        return {"bf16": {"enabled": _option(False, "precision")}}
    gradients, reduce = _TYPES[int(p.gradients)], _TYPES[int(p.reduce)]
    chosen: Tree = {
        "bf16": {"enabled": _option(True, "precision")},
        "data_types": {"grad_accum_dtype": _option(gradients, "precision", "what gradients are summed in")},
        "communication_data_type": _option(reduce, "precision", "what gradients are sent in"),
    }
    if recipe.layout.context > 1:
        chosen["seq_parallel_communication_data_type"] = _option(reduce, "precision", "with sequence parallelism")
    return chosen


def _memory(recipe: Recipe) -> Tree:
    layout = recipe.layout
    chosen: Tree = {"compile": {"deepcompile": _option(layout.compiled, "compiled", "call engine.compile() too")}}
    if layout.recompute == "full":
        remark = f"the model calls deepspeed.checkpointing.checkpoint() around {layout.recomputed:.3%} of its blocks"
        chosen["activation_checkpointing"] = {
            "partition_activations": _option(False, "recompute", remark),
            "cpu_checkpointing": _option(layout.offload_activations == "host", "offload_activations"),
        }
    return chosen


def _choices(tree: Tree) -> Iterator[EmittedOption]:
    """Every option of the file, in its order."""
    for entry in tree.values():
        yield from _choices(entry) if isinstance(entry, dict) else (entry,)


def _lines(tree: Tree, comments: Iterator[tuple[list[str], EmittedOption]], depth: int) -> list[str]:
    """The members of an object, indented, each with the next of the comments above."""
    pad, lines = "  " * depth, []
    for i, (name, entry) in enumerate(tree.items()):
        comma = "," if i < len(tree) - 1 else ""
        if isinstance(entry, dict):
            lines += [f'{pad}"{name}": {{', *_lines(entry, comments, depth + 1), f"{pad}}}{comma}"]
        else:
            above = [f"{pad}{line}" for line in next(comments)[0]]
            lines += [*above, f'{pad}"{name}": {as_json(entry.value)}{comma}']
    return lines


def _write(recipe: Recipe) -> str:
    layout = recipe.layout
    how = (
        "Configuration of DeepSpeed 0.19.8, which reads comments (hjson); for a reader of strict JSON, as in Hugging "
        "Face's Trainer, delete the lines that begin with //. "
        f"deepspeed --num_nodes={recipe.nodes} --num_gpus={recipe.devices_a_node} YOUR_SCRIPT --deepspeed_config FILE"
    )
    notes = {
        "model": f"the script builds it: {recipe.sizes()}",
        "seq_len": f"the script cuts sequences of {layout.seq_len}",
        "steps": "the script stops there",
        "seed": f"the script sets {recipe.seed}",
        "attention": "the model's code chooses its attention",
    }
    tree = {
        **_batch(recipe),
        **_optimizer(recipe),
        "zero_optimization": _zero(recipe),
        **_numbers(recipe),
        **_memory(recipe),
    }
    return "\n".join(
        [
            *heading(recipe, how, "//", _choices(tree), notes),
            "{",
            *_lines(tree, explained(recipe, _choices(tree), "//"), 1),
            "}",
            "",
        ]
    )


DEEPSPEED = Framework(_write, _LIMITS)
