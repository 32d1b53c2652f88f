"""What is written for torchtitan: its options, its sizes, and what it cannot express."""

import tomllib

import numpy as np
import pytest

from froude import InputError
from froude.planning.emit import write_config
from recipes import DEEPSEEK, FP8, LLAMA, QWEN_MOE, SPLIT, config_or_nothing, grid, names_of, recipe

TORCHTITAN_NAMES = {
    *("job.description", "model.name", "model.flavor", "model.converters", "debug.seed"),
    *(f"optimizer.{name}" for name in ("name", "lr", "weight_decay", "beta1", "beta2")),
    *(f"lr_scheduler.{name}" for name in ("warmup_steps", "decay_ratio", "decay_type", "min_lr_factor")),
    *(f"training.{name}" for name in ("local_batch_size", "global_batch_size", "seq_len", "steps", "max_norm")),
    *(f"training.{name}" for name in ("dtype", "mixed_precision_param", "mixed_precision_reduce")),
    "training.enable_cpu_offload",
    *(f"parallelism.data_parallel_{name}_degree" for name in ("shard", "replicate")),
    *(f"parallelism.{name}_parallel_degree" for name in ("tensor", "pipeline", "context", "expert", "expert_tensor")),
    *("parallelism.fsdp_reshard_after_forward", "parallelism.enable_async_tensor_parallel"),
    "parallelism.expert_parallel_comm_backend",
    *(f"parallelism.pipeline_parallel_{name}" for name in ("schedule", "microbatch_size", "layers_per_stage")),
    *(f"parallelism.pipeline_parallel_{name}_stage_less_layers" for name in ("first", "last")),
    *("parallelism.context_parallel_rotate_method", "activation_checkpoint.mode"),
    *("activation_checkpoint.selective_ac_option", "compile.enable"),
    *(f"quantize.linear.float8.{name}" for name in ("enable_fsdp_float8_all_gather", "filter_fqns")),
    "quantize.linear.float8.precompute_float8_dynamic_scale_for_fsdp",
}
"""Options of torchtitan 0.2.2's JobConfig that are used here, read in its job_config.py."""


def test_torchtitan_files_are_toml_with_options_that_torchtitan_has():
    found = set()
    for _, text in grid("torchtitan"):
        tree = tomllib.loads(text)
        found |= {name for name in names_of(tree) if not isinstance(at(tree, name), dict)}
    assert found - TORCHTITAN_NAMES == set()
    assert len(found) > 35


def at(tree, name):
    """The value of a dotted name."""
    for part in name.split("."):
        tree = tree[part]
    return tree


def test_torchtitan_batches_and_degrees_multiply_to_the_whole():
    for told, text in grid("torchtitan"):
        tree = tomllib.loads(text)
        training, degrees = tree["training"], tree["parallelism"]
        replicas = degrees["data_parallel_shard_degree"] * degrees["data_parallel_replicate_degree"]
        inner = [degrees[f"{name}_parallel_degree"] for name in ("tensor", "pipeline", "context")]
        assert replicas * np.prod(inner) == 256
        accumulated, rest = divmod(training["global_batch_size"], training["local_batch_size"] * replicas)
        assert (training["global_batch_size"], rest) == (512, 0)
        # A pipeline takes all micro-batches of a step at once; without one they are accumulated.
        assert accumulated == 1 or told.layout.pipeline == 1
        micro = degrees.get("pipeline_parallel_microbatch_size", training["local_batch_size"])
        assert accumulated * training["local_batch_size"] // micro == told.micro_batches
        if told.layout.pipeline > 1:
            layers = told.size("layers") / (told.layout.pipeline * told.layout.interleave)
            assert degrees["pipeline_parallel_layers_per_stage"] == np.ceil(layers)


@pytest.mark.parametrize(
    ("sizes", "flavor"),
    [
        (LLAMA, ("llama3", "70B")),
        (QWEN_MOE, ("qwen3", "30B-A3B")),
        ({**DEEPSEEK, "layers": 61}, ("deepseek_v3", "671B")),
        ({**LLAMA, "layers": 40}, ("llama3", "some-model")),
    ],
)
def test_torchtitan_models_are_known_by_their_sizes(sizes, flavor):
    text = write_config("torchtitan", recipe(sizes, {"zero": 3}))
    model = tomllib.loads(text)["model"]
    assert (model["name"], model["flavor"]) == flavor
    assert ("torchtitan has no model of these sizes" in text) == (flavor[1] == "some-model")


@pytest.mark.parametrize("layout", [{"context": 2}, {**SPLIT, "precision": FP8}])
def test_torchtitan_refuses_what_its_latent_attention_lacks(layout):
    assert config_or_nothing("torchtitan", recipe(LLAMA, {"zero": 3, **layout}))
    assert not config_or_nothing("torchtitan", recipe(DEEPSEEK, {"zero": 3, **layout}))


def test_torchtitan_sends_to_experts_by_deepep_where_its_model_can():
    sent = recipe(DEEPSEEK, {"zero": 3, "expert": 4, "dispatch": "node"})
    assert tomllib.loads(write_config("torchtitan", sent))["parallelism"]["expert_parallel_comm_backend"] == "deepep"
    with pytest.raises(InputError, match="torchtitan cannot express dispatch = node"):
        write_config("torchtitan", recipe(QWEN_MOE, {"zero": 3, "expert": 4, "dispatch": "node"}))
