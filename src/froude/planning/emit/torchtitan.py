"""torchtitan: a TOML job file.

Option names and what they do were checked in November 2026 against the source of torchtitan 0.2.2 (torchtitan/config/
job_config.py, train.py, distributed/, models/), the last release that reads TOML: 0.3.0 of September 2026 replaced
job files by Python functions.
"""

from __future__ import annotations

from typing import NamedTuple

from froude.planning.emit.recipe import Recipe
from froude.planning.emit.words import (
    EmittedOption,
    Framework,
    Limit,
    as_json,
    explained,
    heading,
    only_one,
    states_together,
)

_SCHEDULES = {
    ("gpipe", False): "GPipe",
    ("gpipe", True): "LoopedBFS",
    ("1f1b", False): "1F1B",
    ("1f1b", True): "Interleaved1F1B",
    ("zero-bubble", True): "InterleavedZeroBubble",
}
"""Schedules of torch.distributed.pipelining by ours, and whether a device holds several pieces."""

_MIXED, _WHOLE_BF16, _FP32 = (2, 4, 4, 8, 4, 2), (2, 0, 2, 4, 4, 2), (4, 0, 4, 8, 4, 4)
_DTYPES: dict[tuple[str | float, ...], tuple[str, str]] = {
    ("bf16", *_MIXED): ("float32", "bfloat16"),
    ("fp8", *_MIXED): ("float32", "bfloat16"),
    ("fp8", 1, *_MIXED[1:]): ("float32", "bfloat16"),
    ("bf16", *_WHOLE_BF16): ("bfloat16", "bfloat16"),
    ("fp32", *_FP32): ("float32", "float32"),
}
"""[training] dtype and mixed_precision_param by precision: matmuls, then bytes of weights, master, gradients,
optimizer, reduce and activations. mixed_precision_reduce has float32 as its only value."""


class _Flavor(NamedTuple):
    """A model that torchtitan knows by name, and the sizes that tell it."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    width: int


_FLAVORS = {
    "llama3": (
        _Flavor("8B", 32, 4096, 32, 8, 14336),
        _Flavor("70B", 80, 8192, 64, 8, 28672),
        _Flavor("405B", 126, 16384, 128, 8, 53248),
    ),
    "qwen3": (
        _Flavor("0.6B", 28, 1024, 16, 8, 3072),
        _Flavor("1.7B", 28, 2048, 16, 8, 6144),
        _Flavor("4B", 36, 2560, 32, 8, 9728),
        _Flavor("8B", 36, 4096, 32, 8, 12288),
        _Flavor("14B", 40, 5120, 40, 8, 17408),
        _Flavor("32B", 64, 5120, 64, 8, 25600),
        _Flavor("30B-A3B", 48, 2048, 32, 4, 768),
        _Flavor("235B-A22B", 94, 4096, 64, 4, 1536),
    ),
    "deepseek_v3": (
        _Flavor("16B", 27, 2048, 16, 0, 1408),
        _Flavor("236B", 60, 5120, 128, 0, 1536),
        _Flavor("671B", 61, 7168, 128, 0, 2048),
    ),
}
"""The sizes of torchtitan/models/*/__init__.py; `width` is that of an expert where there are experts."""


def _is_plain(recipe: Recipe) -> bool:
    """Whether a decoder is of the kind that torchtitan's models are."""
    described = recipe.description
    return (
        recipe.has("gated")
        and described.get("norm") == "rms"
        and described.get("positions") == "rotary"
        and not (recipe.has("biased") or recipe.has("qkv_biased") or recipe.has("dropout"))
        and not (recipe.is_sparse and not recipe.is_latent and recipe.size("shared_experts"))
        and not (recipe.size("window") or recipe.has("norms_after"))
        and described.get("mixer", "softmax") == "softmax"
        and recipe.is_usual
    )


def _family_and_flavor(recipe: Recipe) -> tuple[str, str | None]:
    """The family of models that the recipe's belongs to, and its flavor where torchtitan has one of its sizes."""
    width = recipe.size("expert_width" if recipe.is_sparse else "mlp_width")
    kv_heads = 0 if recipe.is_latent else recipe.size("kv_heads") or recipe.size("heads")
    sizes = (recipe.size("layers"), recipe.size("hidden"), recipe.size("heads"), kv_heads, width)
    normed = recipe.has("qk_norm") or recipe.is_sparse
    family = "deepseek_v3" if recipe.is_latent else "qwen3" if normed else "llama3"
    return family, next((flavor.name for flavor in _FLAVORS[family] if flavor[1:] == sizes), None)


def _schedule(recipe: Recipe) -> str | None:
    """The name of the pipeline's schedule; None where torchtitan has none such."""
    return _SCHEDULES.get((recipe.layout.schedule, bool(recipe.layout.interleave > 1)))


def _dtypes(recipe: Recipe) -> tuple[str, str] | None:
    p = recipe.layout.precision
    if p.matmuls == "fp8" and recipe.is_latent and recipe.layout.tensor > 1:
        return None  # torchtitan raises NotImplementedError
    bytes_of = (p.weights, p.master, p.gradients, p.optimizer, p.reduce, p.activations)
    return _DTYPES.get((p.matmuls, *bytes_of))


def _zero_holds(recipe: Recipe) -> bool:
    """FSDP over some devices, or plain DDP: torchtitan casts to bf16 in FSDP or, on one dimension, by autocast."""
    layout = recipe.layout
    if layout.zero == 0:
        return layout.model_parallel == 1
    return layout.zero > 1 and (recipe.shard > 1 or layout.model_parallel == 1)


def _recompute_holds(recipe: Recipe) -> bool:
    """Every block, every n-th, every operator but the chosen, or nothing; scores are never kept anyway."""
    layout = recipe.layout
    return layout.recompute in ("none", "operators") or (layout.recompute == "full" and _every(recipe) > 0)


def _every(recipe: Recipe) -> int:
    """Of how many blocks one is recomputed; 0 where the share is none of 1, 1/2, 1/3, ..."""
    share = float(recipe.layout.recomputed)
    every = round(1 / share) if share > 0 else 0
    return every if every and abs(every * share - 1) < 1e-9 else 0


def _stages_hold(recipe: Recipe) -> bool:
    """Whether torchtitan's rule of layers a stage gives as many stages as the layout has."""
    stages = int(recipe.layout.pipeline * recipe.layout.interleave)
    layers = recipe.size("layers") + (2 if recipe.layout.pipeline_layout == "ends" else 0)
    return stages <= layers and -(-layers // -(-layers // stages)) == stages


_LIMITS = {
    "model": Limit(_is_plain, "its decoders have rotary positions, RMS norms and gated MLPs without biases or dropout"),
    "zero": Limit(_zero_holds, "it divides weights, gradients and states together, by FSDP over shard > 1"),
    "pipeline": Limit(_stages_hold, "the layers do not fill so many stages"),
    "pipeline_layout": Limit(
        lambda recipe: recipe.layout.pipeline == 1 or recipe.layout.pipeline_layout in ("even", "ends"),
        "it splits by layers a stage, with fewer in the first and the last",
    ),
    "expert_tensor": Limit(
        lambda recipe: not recipe.is_sparse or recipe.layout.expert_tensor in (0, 1, int(recipe.layout.tensor)),
        "it divides experts as all else, or not at all",
    ),
    "dispatch": Limit(
        lambda recipe: recipe.layout.dispatch == "flat" or (recipe.is_latent and recipe.layout.tensor_of_experts == 1),
        "its DeepEP dispatch is for its DeepSeek models, without tensor parallelism of experts",
    ),
    "overlap_expert": Limit(lambda recipe: not recipe.layout.overlap_expert, "only its DualPipeV schedule overlaps it"),
    "graphs": Limit(lambda recipe: recipe.layout.graphs == "none", "its job file has no option for CUDA graphs"),
    "schedule": Limit(
        lambda recipe: _schedule(recipe) is not None,
        "its zero-bubble schedule needs interleave > 1",
    ),
    "sequence_parallel": Limit(
        lambda recipe: recipe.layout.sequence_parallel or recipe.layout.tensor == 1,
        "it always adds sequence to tensor parallelism",
    ),
    "overlap_tensor": Limit(
        lambda recipe: recipe.layout.compiled or not recipe.layout.overlap_tensor,
        "its asynchronous tensor parallelism needs compiled = True",
    ),
    "context": Limit(
        lambda recipe: recipe.layout.context == 1 or not recipe.is_latent,
        "its models with latent attention use FlexAttention, which it does not split over devices",
    ),
    "context_by": Limit(lambda recipe: recipe.layout.context_by == "ring", "it passes keys and values in a ring"),
    "shard": Limit(
        lambda recipe: recipe.shard % int(recipe.layout.context) == 0 or recipe.layout.zero == 0,
        "it divides states over whole context-parallel groups",
    ),
    "recompute": Limit(_recompute_holds, "it recomputes operators, every n-th block or all, and never keeps scores"),
    "recomputed": Limit(
        lambda recipe: recipe.layout.recompute != "full" or _every(recipe) > 0, "it recomputes every n-th block"
    ),
    "attention": Limit(
        lambda recipe: recipe.layout.attention in ("flash", "flash-2"), "its attention is PyTorch's FlashAttention 2"
    ),
    "fused_loss": Limit(lambda recipe: not recipe.layout.fused_loss, "its cross entropy is PyTorch's"),
    "overlap": Limit(lambda recipe: recipe.layout.overlap, "it always overlaps"),
    "compress": only_one("compress", "it sends gradients as they are"),
    "local_steps": only_one("local_steps", "replicas synchronise every step"),
    "offload_optimizer": Limit(
        states_together, "it offloads weights, gradients and optimizer states together, to host memory"
    ),
    "offload_parameters": Limit(
        lambda recipe: (
            states_together(recipe) and (recipe.layout.offload_parameters == "device" or recipe.layout.zero > 0)
        ),
        "it offloads weights, gradients and optimizer states together, to host memory, under FSDP",
    ),
    "offload_activations": Limit(
        lambda recipe: recipe.layout.offload_activations == "device", "saved activations stay on the device"
    ),
    "precision": Limit(lambda recipe: _dtypes(recipe) is not None, "it knows mixed bf16, whole bf16, fp32 and float8"),
}


def _model(recipe: Recipe) -> list[EmittedOption]:
    family, flavor = _family_and_flavor(recipe)
    known = f"torchtitan's has these layers, widths and heads; compare the rest: {recipe.sizes()}"
    unknown = f"torchtitan has no model of these sizes: add this flavor to {family} with {recipe.sizes()}"
    chosen = [
        EmittedOption("name", family, "model"),
        EmittedOption("flavor", flavor or recipe.model, "model", known if flavor else unknown),
    ]
    if recipe.layout.precision.matmuls == "fp8":
        chosen.append(EmittedOption("converters", ["float8"], "precision", "needs torchao"))
    return chosen


def _learning_rate(recipe: Recipe) -> list[EmittedOption]:
    kind = "cosine" if recipe.lr_schedule == "cosine" else "linear"
    chosen = [EmittedOption("warmup_steps", recipe.warmup_steps, "warmup_steps")]
    if recipe.lr_schedule == "wsd":
        remark = f"the last {recipe.decay_steps} of {recipe.steps} steps"
        chosen.append(EmittedOption("decay_ratio", recipe.decay_steps / recipe.steps, "decay_steps", remark))
    return [
        *chosen,
        EmittedOption("decay_type", kind, "lr_schedule"),
        EmittedOption("min_lr_factor", recipe.final_share, "final_learning_rate", "as a share of the peak"),
    ]


def _training(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    is_piped = layout.pipeline > 1
    local = int(layout.micro_batch) * (recipe.micro_batches if is_piped else 1)
    remark = "the pipeline cuts it into micro-batches" if is_piped else "the rest of a step is accumulated"
    whole, compute = _dtypes(recipe) or ("", "")
    return [
        EmittedOption("local_batch_size", local, "micro_batch", remark),
        EmittedOption("global_batch_size", int(layout.global_batch), "global_batch"),
        EmittedOption("seq_len", int(layout.seq_len), "seq_len"),
        EmittedOption("steps", recipe.steps, "steps"),
        EmittedOption("max_norm", recipe.clip, "clip"),
        EmittedOption("dtype", whole, "precision"),
        EmittedOption("mixed_precision_param", compute, "precision", "the type of the matmuls' copy"),
        EmittedOption("mixed_precision_reduce", "float32", "precision", "the type gradients are communicated in"),
        EmittedOption(
            "enable_cpu_offload", layout.offload_parameters == "host", "offload_parameters", "and gradients, states"
        ),
    ]


def _pipeline(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    chosen = [EmittedOption("pipeline_parallel_degree", int(layout.pipeline), "pipeline")]
    if layout.pipeline == 1:
        return chosen
    stages = int(layout.pipeline * layout.interleave)
    ends = int(layout.pipeline_layout == "ends")
    evenly = (
        "embedding and loss count as a layer each"
        if ends
        else "stages of equal numbers of layers, as the forecast assumes"
    )
    layers = recipe.size("layers") + 2 * ends
    return [
        *chosen,
        EmittedOption("pipeline_parallel_schedule", _schedule(recipe), "schedule"),
        EmittedOption("pipeline_parallel_microbatch_size", int(layout.micro_batch), "micro_batch", "in the pipeline"),
        EmittedOption("pipeline_parallel_layers_per_stage", -(-layers // stages), "interleave"),
        EmittedOption("pipeline_parallel_first_stage_less_layers", ends, "pipeline", evenly),
        EmittedOption("pipeline_parallel_last_stage_less_layers", ends, "pipeline", evenly),
    ]


def _parallelism(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    shard, tensor = recipe.shard // int(layout.context) if layout.zero else 1, int(layout.tensor)
    beside = "with sequence parallelism" if layout.sequence_parallel else ""
    divided = "times the context-parallel devices" if layout.context > 1 else ""
    chosen = [
        EmittedOption("data_parallel_shard_degree", shard, "shard", divided),
        EmittedOption(
            "data_parallel_replicate_degree", recipe.data_parallel // shard, "data_parallel", "replicas of shards"
        ),
    ]
    if layout.zero:
        policy = "always" if layout.zero == 3 else "never"
        chosen.append(EmittedOption("fsdp_reshard_after_forward", policy, "zero", "stage 3 frees weights after use"))
    chosen += [
        EmittedOption("tensor_parallel_degree", tensor, "tensor", beside),
        EmittedOption("enable_async_tensor_parallel", layout.overlap_tensor, "overlap_tensor"),
        *_pipeline(recipe),
        EmittedOption("context_parallel_degree", int(layout.context), "context"),
    ]
    if layout.context > 1:
        chosen.append(
            EmittedOption("context_parallel_rotate_method", "alltoall", "context_by", "one shard passes at a time")
        )
    if layout.expert > 1:
        chosen += [
            EmittedOption("expert_parallel_degree", int(layout.expert), "expert"),
            EmittedOption("expert_tensor_parallel_degree", int(layout.tensor_of_experts), "expert_tensor"),
            EmittedOption(
                "expert_parallel_comm_backend", "deepep" if layout.dispatch == "node" else "standard", "dispatch"
            ),
        ]
    return chosen


def _memory_and_speed(recipe: Recipe) -> dict[str, list[EmittedOption]]:
    layout = recipe.layout
    every = _every(recipe)
    is_whole = layout.recompute == "none" or (layout.recompute == "full" and every == 1)
    chosen = {
        "activation_checkpoint": [EmittedOption("mode", layout.recompute if is_whole else "selective", "recompute")],
    }
    if not is_whole:
        is_full = layout.recompute == "full"
        option = EmittedOption("selective_ac_option", str(every), "recomputed", "every n-th block") if is_full else None
        option = option or EmittedOption(
            "selective_ac_option", "op", "recompute", "attention and every second matmul are kept"
        )
        chosen["activation_checkpoint"].append(option)
    chosen["compile"] = [EmittedOption("enable", layout.compiled, "compiled")]
    if layout.precision.matmuls == "fp8":
        gathered = layout.precision.weights == 1
        chosen["quantize.linear.float8"] = [
            EmittedOption("enable_fsdp_float8_all_gather", gathered, "precision", "weights are gathered in 1 byte"),
            EmittedOption(
                "precompute_float8_dynamic_scale_for_fsdp", gathered, "precision", "their scales, all at once"
            ),
            EmittedOption("filter_fqns", ["output"], "precision", "the head stays in bf16"),
        ]
    return chosen


def _write(recipe: Recipe) -> str:
    how = (
        "Job file of torchtitan 0.2.2 (0.3 reads Python, no TOML). On each node: "
        f"torchrun --nnodes={recipe.nodes} --nproc_per_node={recipe.devices_a_node} --rdzv_backend=c10d "
        "--rdzv_endpoint=HOST:PORT -m torchtitan.train --job.config_file FILE. Add your data under [training] "
        "(dataset, dataset_path), your tokenizer under [model] (hf_assets_path), and [checkpoint]."
    )
    tables = {
        "job": [
            EmittedOption("description", f"{recipe.model} on {recipe.layout.devices} x {recipe.machine}", "devices")
        ],
        "model": _model(recipe),
        "optimizer": [
            EmittedOption("name", "AdamW", "weight_decay", "the optimizer is AdamW"),
            EmittedOption("lr", recipe.learning_rate, "learning_rate"),
            EmittedOption("weight_decay", recipe.weight_decay, "weight_decay"),
            EmittedOption("beta1", recipe.betas[0], "betas"),
            EmittedOption("beta2", recipe.betas[1], "betas", "of the second moment"),
        ],
        "lr_scheduler": _learning_rate(recipe),
        "training": _training(recipe),
        "parallelism": _parallelism(recipe),
        **_memory_and_speed(recipe),
        "debug": [EmittedOption("seed", recipe.seed, "seed")],
    }
    every = [choice for choices in tables.values() for choice in choices]
    lines = heading(recipe, how, "#", every, {"attention": "PyTorch picks its fused kernel"})
    for table, choices in tables.items():
        lines += ["", f"[{table}]"]
        for above, choice in explained(recipe, choices, "#"):
            lines += [*above, f"{choice.name} = {as_json(choice.value)}"]
    return "\n".join([*lines, ""])


TORCHTITAN = Framework(_write, _LIMITS, {"zero": 3})
