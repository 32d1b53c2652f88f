"""What is written for Megatron-LM: flags that its parser has, sizes that multiply to the whole, a script that runs."""

import re
import subprocess

import numpy as np
import pytest

from froude import InputError
from froude.planning.emit import write_config
from recipes import DEEPSEEK, GPT, LLAMA, PIPED, QWEN_MOE, SPLIT, flags_of, grid, recipe

MEGATRON_FLAGS = """
    num-layers hidden-size num-attention-heads group-query-attention num-query-groups kv-channels ffn-hidden-size
    swiglu seq-length max-position-embeddings micro-batch-size global-batch-size tensor-model-parallel-size
    pipeline-model-parallel-size num-layers-per-virtual-pipeline-stage context-parallel-size cp-comm-type
    expert-model-parallel-size num-experts moe-router-topk moe-ffn-hidden-size moe-shared-expert-intermediate-size
    moe-layer-freq moe-grouped-gemm moe-token-dispatcher-type sequence-parallel use-distributed-optimizer
    overlap-grad-reduce overlap-param-gather recompute-granularity recompute-method recompute-num-layers
    recompute-modules bf16 fp16 fp8-format fp8-param-gather attention-backend untie-embeddings-and-output-weights
    disable-bias-linear add-qkv-bias qk-layernorm normalization position-embedding-type hidden-dropout
    attention-dropout lr min-lr lr-decay-style lr-warmup-iters lr-decay-iters lr-wsd-decay-style lr-wsd-decay-iters
    weight-decay adam-beta1 adam-beta2 clip-grad seed train-iters optimizer-cpu-offload use-precision-aware-optimizer
    exp-avg-dtype exp-avg-sq-dtype grad-reduce-in-bf16 accumulate-allreduce-grads-in-fp32 tp-comm-overlap
    multi-latent-attention q-lora-rank kv-lora-rank qk-head-dim qk-pos-emb-head-dim v-head-dim use-megatron-fsdp
    data-parallel-sharding-strategy num-distributed-optimizer-instances ckpt-format cpu-offloading-num-layers mock-data
    tokenizer-type vocab-size moe-flex-dispatcher-backend overlap-moe-expert-parallel-comm cuda-graph-impl
    cuda-graph-modules no-check-for-nan-in-loss-and-grad expert-tensor-parallel-size pipeline-model-parallel-layout
"""
"""Flags used here that the parser of Megatron Core 0.19.2 has."""


def test_megatron_scripts_have_flags_that_megatron_has():
    found = {flag for _, text in grid("megatron") for flag in flags_of(text)}
    assert found - {*MEGATRON_FLAGS.split()} == set()
    assert len(found) > 60


def test_a_comment_stands_above_every_group_of_flags():
    for _, text in grid("megatron"):
        starts = re.findall(r"^[A-Z]+=\(\n(.*)", text, re.MULTILINE)
        assert len(starts) == 5
        assert all(start.startswith("  # ") for start in starts)
        assert text.count("  # ") > 15


def test_megatron_batches_and_sizes_multiply_to_the_whole():
    for told, text in grid("megatron"):
        flags = flags_of(text)
        inner = [int(flags[f"{name}-parallel-size"][0]) for name in ("tensor-model", "pipeline-model", "context")]
        replicas = 256 // int(np.prod(inner))
        assert int(flags["global-batch-size"][0]) == 512 == told.micro_batches * replicas * told.layout.micro_batch
        assert int(flags["micro-batch-size"][0]) == told.layout.micro_batch
        if told.layout.interleave > 1:
            pieces = inner[1] * told.layout.interleave
            assert int(flags["num-layers-per-virtual-pipeline-stage"][0]) * pieces == told.size("layers")
        instances = int(flags.get("num-distributed-optimizer-instances", ["1"])[0])
        assert instances * told.shard == (told.shard_group if told.layout.zero else 1)
        nodes, each = re.findall(r"--nnodes=(\d+) --nproc_per_node=(\d+)", text)[0]
        assert int(nodes) * int(each) == 256


def test_a_megatron_script_hands_its_flags_to_torchrun(tmp_path):
    text = write_config(
        "megatron", recipe(layout={**SPLIT, **PIPED, "zero": 1}, reasons={"tensor": 'it\'s $HOME "and" `so`'})
    )
    (tmp_path / "torchrun").write_text('#!/bin/sh\nprintf "%s\\n" "$CUDA_DEVICE_MAX_CONNECTIONS" "$@"\n')
    (tmp_path / "torchrun").chmod(0o755)
    (tmp_path / "run.sh").write_text(text)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "run.sh", "--extra"], cwd=tmp_path, env=path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.splitlines()
    assert words[0] == "1"
    assert words[words.index("--tensor-model-parallel-size") + 1] == "4"
    assert "--sequence-parallel" in words
    assert words[-1] == "--extra"
    assert len([word for word in words if word.startswith("--")]) == len(flags_of(text)) + 5 + 1


def test_megatron_is_told_the_sizes_of_the_model():
    flags = flags_of(write_config("megatron", recipe(DEEPSEEK, {"zero": 1, "expert": 4})))
    assert flags["moe-layer-freq"] == ["([0]*3+[1]*61)"]
    assert (flags["num-experts"], flags["moe-shared-expert-intermediate-size"]) == (["256"], ["2048"])
    assert (flags["kv-lora-rank"], flags["qk-head-dim"], flags["v-head-dim"]) == (["512"], ["128"], ["128"])
    layout = {"zero": 1, **PIPED, "recompute": "full"}
    flags = flags_of(write_config("megatron", recipe(LLAMA, {**layout, "recomputed": 0.5})))
    assert (flags["recompute-method"], flags["recompute-num-layers"]) == (["block"], ["10"])
    flags = flags_of(write_config("megatron", recipe(LLAMA, layout)))
    assert (flags["recompute-method"], flags["recompute-num-layers"]) == (["uniform"], ["1"])
    flags = flags_of(write_config("megatron", recipe(GPT, {"zero": 1})))
    assert flags["position-embedding-type"] == ["learned_absolute"]
    absent = {"swiglu", "disable-bias-linear", "untie-embeddings-and-output-weights", "hidden-dropout", "num-experts"}
    assert absent & set(flags) == set()


def test_experts_of_megatron_are_sent_once_a_node_beside_compute():
    layout = {"zero": 1, "expert": 16, "dispatch": "node", "overlap_expert": True, "graphs": "partial"}
    flags = flags_of(write_config("megatron", recipe(QWEN_MOE, layout)))
    assert flags["moe-token-dispatcher-type"] == ["flex"]
    assert flags["moe-flex-dispatcher-backend"] == ["deepep"]
    assert flags["overlap-moe-expert-parallel-comm"] == []
    assert flags["cuda-graph-impl"] == ["transformer_engine"]
    assert flags["cuda-graph-modules"] == ["attn", "moe_router", "moe_preprocess"]
    wide = flags_of(write_config("megatron", recipe(QWEN_MOE, layout, devices_per_node=64)))
    assert wide["moe-flex-dispatcher-backend"] == ["hybridep"]
    flat = flags_of(write_config("megatron", recipe(QWEN_MOE, {"zero": 1, "expert": 16})))
    assert flat["moe-token-dispatcher-type"] == ["alltoall"]
    assert not {"moe-flex-dispatcher-backend", "overlap-moe-expert-parallel-comm", "cuda-graph-impl"} & set(flat)


@pytest.mark.parametrize(
    ("sizes", "layout", "why"),
    [
        (QWEN_MOE, {"graphs": "full"}, "graphs = full"),
        (LLAMA, {"graphs": "partial", "recompute": "full"}, "graphs = partial"),
        (QWEN_MOE, {"expert": 4, "overlap_expert": True, "recompute": "full"}, "overlap_expert = True"),
        (QWEN_MOE, {"expert": 4, "overlap_expert": True, **PIPED}, "overlap_expert = True"),
    ],
)
def test_megatron_refuses_what_its_own_checks_refuse(sizes, layout, why):
    # megatron/core/transformer/transformer_config.py of Megatron Core 0.19.2, __post_init__
    with pytest.raises(InputError, match=f"megatron cannot express {why}"):
        write_config("megatron", recipe(sizes, {"zero": 1, **layout}))


def test_a_whole_iteration_of_megatron_is_one_graph():
    flags = flags_of(write_config("megatron", recipe(LLAMA, {"zero": 1, "graphs": "full"})))
    assert flags["cuda-graph-impl"] == ["full_iteration"]
    assert "cuda-graph-modules" not in flags
    assert flags["no-check-for-nan-in-loss-and-grad"] == []
