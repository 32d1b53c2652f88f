"""Megatron-LM: a bash script that starts pretrain_gpt.py.

Every flag was checked in November 2026 against the parser of Megatron Core 0.19.2 (megatron/training/arguments.py, of
September 2026), and scripts written here against its `validate_args`.
"""

from __future__ import annotations

import shlex

from froude.planning.emit.recipe import Recipe, plain
from froude.planning.emit.words import EmittedOption, Framework, Limit, explained, heading, only_one

_POSITIONS = {"learned": "learned_absolute", "rotary": "rope", "none": "none"}
_NORMS = {"layer": "LayerNorm", "rms": "RMSNorm"}
_STRATEGIES = {2: "optim_grads", 3: "optim_grads_params"}
"""Sharding strategies of Megatron-FSDP by ZeRO stage; stage 1 is the distributed optimizer."""

_HALF = ("bf16", "fp16", "fp8", "mxfp8", "nvfp4")
_MOMENTS = {8: "fp32", 4: "bf16", 2: "fp8"}
"""The type of each of Adam's two moments, by the bytes of both."""


def _precision_holds(recipe: Recipe) -> bool:
    p = recipe.layout.precision
    if p.matmuls not in _HALF:
        return (p.matmuls, p.weights, p.master, p.gradients, p.optimizer, p.reduce) == ("fp32", 4, 0, 4, 8, 4)
    weights = (1, 2) if p.matmuls == "fp8" and recipe.layout.zero else (2,)
    gradients = (4,) if p.matmuls == "fp16" else (2, 4)
    moments = tuple(_MOMENTS) if recipe.layout.zero == 1 else (8,)
    return (
        p.weights in weights
        and p.gradients in gradients
        and p.reduce == p.gradients
        and p.master == 4
        and p.optimizer in moments
        and p.activations == 2
    )


def _recomputed_layers(recipe: Recipe) -> int:
    """Layers recomputed on each stage; 0 where the share gives no whole number."""
    layers = recipe.size("layers") / int(recipe.layout.pipeline) * float(recipe.layout.recomputed)
    return round(layers) if abs(round(layers) - layers) < 1e-9 else 0


def _expert_holds(recipe: Recipe) -> bool:
    layout = recipe.layout
    return not recipe.is_sparse or layout.tensor == 1 or layout.sequence_parallel


def _chunks_hold(recipe: Recipe) -> bool:
    """Whether its chunks hold equal numbers of layers, embedding and loss counted where the layout counts them."""
    layout = recipe.layout
    if layout.pipeline_layout not in ("even", "ends"):
        return True
    layers = recipe.size("layers") + (2 if layout.pipeline_layout == "ends" else 0)
    return layout.pipeline == 1 or layers % int(layout.pipeline * layout.interleave) == 0


def _graphs_hold(recipe: Recipe) -> bool:
    """Parts of layers that run once forward, or whole iterations whose sizes no routing changes."""
    layout = recipe.layout
    if layout.graphs == "partial":
        return layout.recompute != "full" and layout.offload_activations == "device"
    return layout.graphs == "none" or not recipe.is_sparse


def _overlap_expert_holds(recipe: Recipe) -> bool:
    layout = recipe.layout
    chunked = bool(layout.pipeline == 1 or layout.interleave > 1)
    return not layout.overlap_expert or (chunked and layout.recompute != "full" and layout.precision.matmuls in _HALF)


_LIMITS = {
    "model": Limit(
        lambda recipe: (
            recipe.description.get("positions") in _POSITIONS
            and recipe.description.get("norm") in _NORMS
            and recipe.description.get("mixer", "softmax") == "softmax"
            and not (recipe.size("window") or recipe.has("norms_after"))
            and recipe.is_usual
        ),
        "its decoders have softmax attention over the whole context, positions learned, rotary or none, norms layer "
        "or rms before each part",
    ),
    "schedule": Limit(lambda recipe: recipe.layout.schedule == "1f1b", "its pipeline runs one forward, one backward"),
    "pipeline": Limit(_chunks_hold, "every stage must hold as many layers, or what pipeline_layout says"),
    "interleave": Limit(
        lambda recipe: recipe.layout.interleave == 1 or recipe.micro_batches % int(recipe.layout.pipeline) == 0,
        "interleaving needs micro-batches in multiples of the pipeline",
    ),
    "sequence_parallel": Limit(_expert_holds, "experts with tensor parallelism need it"),
    "overlap_tensor": Limit(
        lambda recipe: recipe.layout.sequence_parallel or not recipe.layout.overlap_tensor,
        "overlap needs sequence_parallel = True",
    ),
    "recompute": Limit(
        lambda recipe: recipe.layout.recompute in ("none", "selective", "full"), "it recomputes scores, or whole layers"
    ),
    "recomputed": Limit(
        lambda recipe: recipe.layout.recompute != "full" or _recomputed_layers(recipe) > 0,
        "it recomputes a whole number of layers on each stage",
    ),
    "graphs": Limit(
        _graphs_hold,
        "its graphs hold parts of layers, without full recomputation and offloaded activations, or whole iterations, "
        "without experts",
    ),
    "overlap_expert": Limit(
        _overlap_expert_holds, "it overlaps in half precision, without full recomputation, in a pipeline interleaved"
    ),
    "compress": only_one("compress", "it sends gradients as they are"),
    "local_steps": only_one("local_steps", "replicas synchronise every step"),
    "offload_optimizer": Limit(
        lambda recipe: (
            recipe.layout.offload_optimizer == "device"
            or (recipe.layout.offload_optimizer == "host" and recipe.layout.zero == 1)
        ),
        "it offloads to host memory, with ZeRO stage 1",
    ),
    "offload_parameters": Limit(
        lambda recipe: recipe.layout.offload_parameters == "device", "weights stay on the device"
    ),
    "offload_activations": Limit(
        lambda recipe: (
            recipe.layout.offload_activations == "device"
            or (
                recipe.layout.offload_activations == "host"
                and recipe.layout.pipeline == 1
                and recipe.layout.recompute == "none"
            )
        ),
        "it offloads activations of layers to host memory, without a pipeline and without recomputation",
    ),
    "precision": Limit(
        _precision_holds,
        "half precision keeps a master copy of 4 bytes, communicates gradients as it keeps them, and has smaller "
        "optimizer states with ZeRO stage 1 only",
    ),
}


def _model(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    longest = max(recipe.size("context"), int(layout.seq_len))
    chosen = [
        EmittedOption("num-layers", recipe.size("layers"), "model"),
        EmittedOption("hidden-size", recipe.size("hidden"), "model"),
        EmittedOption("num-attention-heads", recipe.size("heads"), "model"),
        *_attention(recipe),
        EmittedOption("ffn-hidden-size", recipe.size("mlp_width") or 4 * recipe.size("hidden"), "model"),
        EmittedOption("normalization", _NORMS[str(recipe.description["norm"])], "model"),
        EmittedOption("position-embedding-type", _POSITIONS[str(recipe.description["positions"])], "model"),
        EmittedOption("max-position-embeddings", longest, "model"),
    ]
    switches = {
        "swiglu": recipe.has("gated"),
        "untie-embeddings-and-output-weights": not recipe.has("tied"),
        "disable-bias-linear": not recipe.has("biased"),
        "qk-layernorm": recipe.has("qk_norm"),
        "add-qkv-bias": recipe.has("qkv_biased") and not recipe.has("biased"),
    }
    chosen += [EmittedOption(name, True, "model") for name, is_on in switches.items() if is_on]
    if not recipe.has("dropout"):
        chosen += [EmittedOption("hidden-dropout", 0.0, "model"), EmittedOption("attention-dropout", 0.0, "model")]
    return [*chosen, *(_experts(recipe) if recipe.is_sparse else [])]


def _attention(recipe: Recipe) -> list[EmittedOption]:
    if recipe.is_latent:
        query = [EmittedOption("q-lora-rank", recipe.size("q_rank"), "model")] if recipe.size("q_rank") else []
        return [
            EmittedOption("multi-latent-attention", True, "model"),
            *query,
            EmittedOption("kv-lora-rank", recipe.size("kv_rank"), "model"),
            EmittedOption("qk-head-dim", recipe.size("nope_width"), "model"),
            EmittedOption("qk-pos-emb-head-dim", recipe.size("rope_width"), "model"),
            EmittedOption("v-head-dim", recipe.size("value_width"), "model"),
        ]
    chosen = []
    heads, kv_heads = recipe.size("heads"), recipe.size("kv_heads")
    if kv_heads and kv_heads != heads:
        chosen += [
            EmittedOption("group-query-attention", True, "model"),
            EmittedOption("num-query-groups", kv_heads, "model"),
        ]
    width = recipe.size("head_width")
    if width and width * heads != recipe.size("hidden"):
        chosen.append(EmittedOption("kv-channels", width, "model"))
    return chosen


def _experts(recipe: Recipe) -> list[EmittedOption]:
    width, shared, dense = (recipe.size(name) for name in ("expert_width", "shared_experts", "dense_layers"))
    chosen = [
        EmittedOption("num-experts", recipe.size("experts"), "model"),
        EmittedOption("moe-router-topk", recipe.size("top_k"), "model"),
        EmittedOption("moe-ffn-hidden-size", width or recipe.size("mlp_width"), "model"),
        EmittedOption("moe-grouped-gemm", True, "model", "one kernel for all experts of a device"),
        *_dispatch(recipe),
    ]
    if shared:
        chosen.append(EmittedOption("moe-shared-expert-intermediate-size", shared * width, "model"))
    if dense:
        frequency = f"([0]*{dense}+[1]*{recipe.size('layers') - dense})"
        chosen.append(EmittedOption("moe-layer-freq", frequency, "model", "the first layers are dense"))
    return chosen


def _dispatch(recipe: Recipe) -> list[EmittedOption]:
    """How positions are sent to experts; DeepEP works in nodes of up to eight devices, HybridEP in larger domains."""
    layout = recipe.layout
    if layout.dispatch == "flat" or layout.expert == 1:
        chosen = [EmittedOption("moe-token-dispatcher-type", "alltoall", "dispatch")]
    else:
        backend = "deepep" if recipe.devices_per_node <= 8 else "hybridep"
        chosen = [
            EmittedOption("moe-token-dispatcher-type", "flex", "dispatch"),
            EmittedOption("moe-flex-dispatcher-backend", backend, "dispatch", "one copy a node; it must be installed"),
        ]
    if layout.overlap_expert and layout.expert > 1:
        chosen.append(EmittedOption("overlap-moe-expert-parallel-comm", True, "overlap_expert"))
    return chosen


def _graphs(recipe: Recipe) -> list[EmittedOption]:
    """What is captured as CUDA graphs: of experts what comes before the dispatch, whose sizes differ."""
    graphs = recipe.layout.graphs
    if graphs == "none":
        return []
    if graphs == "full":
        return [
            EmittedOption("cuda-graph-impl", "full_iteration", "graphs"),
            EmittedOption("no-check-for-nan-in-loss-and-grad", True, "graphs", "a graph cannot stop at a bad loss"),
        ]
    modules = ("attn", "moe_router", "moe_preprocess") if recipe.is_sparse else ("attn", "mlp")
    return [
        EmittedOption("cuda-graph-impl", "transformer_engine", "graphs"),
        EmittedOption("cuda-graph-modules", modules, "graphs", "parts of every layer"),
    ]


def _chunks(recipe: Recipe) -> list[EmittedOption]:
    """How many chunks a device holds, and what they hold."""
    layout = recipe.layout
    chunks = int(layout.pipeline * layout.interleave)
    if layout.pipeline == 1 or layout.pipeline_layout not in ("even", "ends"):
        text = layout.pipeline_layout
        return [EmittedOption("pipeline-model-parallel-layout", text, "pipeline_layout")] if layout.pipeline > 1 else []
    counted = layout.pipeline_layout == "ends"
    each = (recipe.size("layers") + 2 * counted) // chunks
    flags = ("account-for-embedding-in-pipeline-split", "account-for-loss-in-pipeline-split") if counted else ()
    return [
        *(
            [EmittedOption("num-layers-per-virtual-pipeline-stage", each, "interleave")]
            if layout.interleave > 1
            else []
        ),
        *(EmittedOption(flag, True, "pipeline_layout") for flag in flags),
    ]


def _parallelism(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    chosen = [
        EmittedOption("micro-batch-size", int(layout.micro_batch), "micro_batch"),
        EmittedOption("global-batch-size", int(layout.global_batch), "global_batch"),
        EmittedOption("seq-length", int(layout.seq_len), "seq_len"),
        EmittedOption("tensor-model-parallel-size", int(layout.tensor), "tensor"),
        EmittedOption("pipeline-model-parallel-size", int(layout.pipeline), "pipeline"),
        EmittedOption("context-parallel-size", int(layout.context), "context"),
        *([EmittedOption("expert-model-parallel-size", int(layout.expert), "expert")] if recipe.is_sparse else []),
    ]
    chosen += _chunks(recipe)
    if recipe.is_sparse and layout.expert_tensor:
        chosen.append(EmittedOption("expert-tensor-parallel-size", int(layout.expert_tensor), "expert_tensor"))
    if layout.sequence_parallel and layout.tensor > 1:
        chosen.append(EmittedOption("sequence-parallel", True, "sequence_parallel"))
    if layout.overlap_tensor and layout.tensor > 1:
        chosen.append(EmittedOption("tp-comm-overlap", True, "overlap_tensor"))
    if layout.context > 1:
        kind = "a2a" if layout.context_by == "ulysses" else "p2p"
        chosen.append(EmittedOption("cp-comm-type", kind, "context_by"))
    return [*chosen, *_sharding(recipe)]


def _sharding(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    chosen = [EmittedOption("use-distributed-optimizer", True, "zero")] if layout.zero else []
    if layout.zero > 1:
        chosen += [
            EmittedOption("use-megatron-fsdp", True, "zero"),
            EmittedOption("data-parallel-sharding-strategy", _STRATEGIES[layout.zero], "zero"),
            EmittedOption("ckpt-format", "fsdp_dtensor", "zero", "the checkpoint format of Megatron-FSDP"),
        ]
    if layout.zero and recipe.shard < recipe.shard_group:
        instances = recipe.shard_group // recipe.shard
        chosen.append(EmittedOption("num-distributed-optimizer-instances", instances, "shard"))
    if layout.overlap:
        chosen.append(EmittedOption("overlap-grad-reduce", True, "overlap"))
        if layout.zero:
            chosen.append(EmittedOption("overlap-param-gather", True, "overlap"))
    return chosen


def _memory(recipe: Recipe) -> list[EmittedOption]:
    layout = recipe.layout
    chosen = []
    if layout.recompute == "selective":
        chosen += [
            EmittedOption("recompute-granularity", "selective", "recompute"),
            EmittedOption("recompute-modules", "core_attn", "recompute", "the attention's scores"),
        ]
    if layout.recompute == "full":
        is_all = layout.recomputed == 1
        layers = 1 if is_all else _recomputed_layers(recipe)
        remark = "the input of every layer is kept" if is_all else "layers of each stage"
        chosen += [
            EmittedOption("recompute-granularity", "full", "recompute"),
            EmittedOption("recompute-method", "uniform" if is_all else "block", "recompute"),
            EmittedOption("recompute-num-layers", layers, "recomputed", remark),
        ]
    if layout.offload_optimizer == "host":
        chosen.append(EmittedOption("optimizer-cpu-offload", True, "offload_optimizer"))
    if layout.offload_activations == "host":
        # Megatron wants a layer that is not offloaded, the last.
        layers = max(1, recipe.size("layers") - 1)
        chosen.append(EmittedOption("cpu-offloading-num-layers", layers, "offload_activations"))
    is_fused = layout.attention != "unfused"
    remark = "Transformer Engine uses the version that is installed" if is_fused else ""
    if layout.fused_loss:
        chosen.append(EmittedOption("cross-entropy-loss-fusion", True, "fused_loss"))
    return [
        *chosen,
        *_graphs(recipe),
        EmittedOption("attention-backend", "flash" if is_fused else "unfused", "attention", remark),
    ]


def _numbers(recipe: Recipe) -> list[EmittedOption]:
    p = recipe.layout.precision
    if p.matmuls not in _HALF:
        return [EmittedOption("accumulate-allreduce-grads-in-fp32", True, "precision", "without --bf16 all is fp32")]
    chosen = [EmittedOption("fp16" if p.matmuls == "fp16" else "bf16", True, "precision")]
    if p.matmuls == "nvfp4":
        chosen.append(EmittedOption("fp4-format", "e2m1", "precision", "Transformer Engine's NVFP4 recipe"))
    if p.matmuls == "mxfp8":
        chosen += [
            EmittedOption("fp8-format", "e4m3", "precision"),
            EmittedOption("fp8-recipe", "mxfp8", "precision", "a scale for every 32 values"),
        ]
    if p.matmuls == "fp8":
        chosen.append(EmittedOption("fp8-format", "hybrid", "precision", "E4M3 forward, E5M2 backward"))
        if p.weights == 1:
            chosen.append(EmittedOption("fp8-param-gather", True, "precision"))
    if p.gradients == 2:
        chosen.append(EmittedOption("grad-reduce-in-bf16", True, "precision"))
    else:
        chosen.append(EmittedOption("accumulate-allreduce-grads-in-fp32", True, "precision"))
    if p.optimizer != 8 or recipe.layout.offload_optimizer == "host":
        moment = _MOMENTS[int(p.optimizer)]
        chosen += [
            EmittedOption("use-precision-aware-optimizer", True, "precision"),
            EmittedOption("exp-avg-dtype", moment, "precision"),
            EmittedOption("exp-avg-sq-dtype", moment, "precision"),
        ]
    return chosen


def _optimizer(recipe: Recipe) -> list[EmittedOption]:
    is_wsd = recipe.lr_schedule == "wsd"
    chosen = [
        EmittedOption("train-iters", recipe.steps, "steps"),
        EmittedOption("lr", recipe.learning_rate, "learning_rate"),
        EmittedOption("min-lr", recipe.final_learning_rate, "final_learning_rate"),
        EmittedOption("lr-warmup-iters", recipe.warmup_steps, "warmup_steps"),
        EmittedOption("lr-decay-iters", recipe.steps, "steps", "the rate reaches its end with the training"),
        EmittedOption("lr-decay-style", "WSD" if is_wsd else recipe.lr_schedule, "lr_schedule"),
    ]
    if is_wsd:
        chosen += [
            EmittedOption("lr-wsd-decay-style", "linear", "lr_schedule"),
            EmittedOption("lr-wsd-decay-iters", recipe.decay_steps, "decay_steps"),
        ]
    return [
        *chosen,
        EmittedOption("weight-decay", recipe.weight_decay, "weight_decay"),
        EmittedOption("adam-beta1", recipe.betas[0], "betas"),
        EmittedOption("adam-beta2", recipe.betas[1], "betas"),
        EmittedOption("clip-grad", recipe.clip, "clip"),
        EmittedOption("seed", recipe.seed, "seed"),
    ]


def _flag(choice: EmittedOption) -> str:
    """An option as words of a shell; a switch that is on stands alone."""
    if choice.value is True:
        return f"--{choice.name}"
    words = choice.value if isinstance(choice.value, tuple) else (plain(choice.value),)
    return f"--{choice.name} {shlex.join(map(str, words))}"


def _array(recipe: Recipe, name: str, choices: list[EmittedOption]) -> list[str]:
    """A bash array of flags, with the comment of each above it."""
    lines = []
    for above, choice in explained(recipe, choices, "  #"):
        lines += [*above, f"  {_flag(choice)}"]
    return [f"{name}=(", *lines, ")", ""]


def _environment(recipe: Recipe) -> str:
    """What an environment variable must be; Hopper and before order communication by it."""
    layout = recipe.layout
    if layout.overlap_expert and layout.expert > 1:
        return "export CUDA_DEVICE_MAX_CONNECTIONS=32"  # what its dispatch beside compute asks for
    needed = layout.tensor * layout.context > 1 and layout.zero < 2
    # Megatron-FSDP refuses the 1 that tensor and context parallelism want.
    return "export CUDA_DEVICE_MAX_CONNECTIONS=1" if needed else "unset CUDA_DEVICE_MAX_CONNECTIONS"


def _write(recipe: Recipe) -> str:
    how = (
        "Script for Megatron-LM (Megatron Core 0.19.2), from its folder, on each of the nodes, with NODE_RANK and "
        "MASTER_ADDR set. DATA trains on random tokens: put your --data-path and tokenizer there."
    )
    notes = {"compiled": "Megatron compiles its fused elementwise operators, and no more, whatever is chosen"}
    arrays = {
        "MODEL": _model(recipe),
        "PARALLELISM": _parallelism(recipe),
        "MEMORY": _memory(recipe),
        "NUMBERS": _numbers(recipe),
        "OPTIMIZER": _optimizer(recipe),
    }
    every = [choice for choices in arrays.values() for choice in choices]
    vocabulary = f"--vocab-size {recipe.size('vocab')}"
    launch = (
        f"torchrun --nnodes={recipe.nodes} --nproc_per_node={recipe.devices_a_node} "
        '--node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-localhost}" --master_port="${MASTER_PORT:-6000}"'
    )
    return "\n".join(
        [
            "#!/usr/bin/env bash",
            *heading(recipe, how, "#", every, notes),
            "set -euo pipefail",
            _environment(recipe),
            "",
            *(line for name, choices in arrays.items() for line in _array(recipe, name, choices)),
            f"DATA=(--mock-data --tokenizer-type NullTokenizer {vocabulary})",
            "",
            launch + " \\",
            "  pretrain_gpt.py " + " ".join(f'"${{{name}[@]}}"' for name in (*arrays, "DATA")) + ' "$@"',
            "",
        ]
    )


MEGATRON = Framework(_write, _LIMITS)
