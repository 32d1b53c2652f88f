"""From plan to action: what is written for a framework says all of the recipe, in that framework's own names."""

import ast
import dataclasses
import importlib
import json
import re
import shlex
import subprocess
import tomllib
import types

import numpy as np
import pytest

from froude import InputError
from froude.cost.training.layout import Kept, Layout, Precision
from froude.fitting import Schedule
from froude.planning.emit import FRAMEWORKS, Recipe, write_config

LLAMA = {
    **{"layers": 80, "hidden": 8192, "heads": 64, "kv_heads": 8, "head_width": 128, "mlp_width": 28672, "gated": True},
    **{"vocab": 128256, "tied": False, "positions": "rotary", "norm": "rms", "biased": False, "dropout": False},
    "context": 8192,
}
QWEN_MOE = {
    **LLAMA,
    **{"layers": 48, "hidden": 2048, "heads": 32, "kv_heads": 4, "mlp_width": 6144, "qk_norm": True},
    **{"experts": 128, "top_k": 8, "expert_width": 768},
}
DEEPSEEK = {
    **LLAMA,
    **{"layers": 64, "hidden": 7168, "heads": 128, "kv_heads": 128, "mlp_width": 18432, "experts": 256, "top_k": 8},
    **{"shared_experts": 1, "expert_width": 2048, "dense_layers": 3, "q_rank": 1536, "kv_rank": 512},
    **{"nope_width": 128, "rope_width": 64, "value_width": 128},
}
GPT = {
    **{"layers": 96, "hidden": 12288, "heads": 96, "kv_heads": 96, "head_width": 128, "mlp_width": 49152},
    **{"gated": False, "vocab": 51200, "tied": True, "positions": "learned", "norm": "layer", "biased": True},
    **{"dropout": True, "context": 2048},
}

HALVED = Precision(gradients=2, reduce=2)
FP8 = Precision(matmuls="fp8")
SPLIT = {"tensor": 4, "sequence_parallel": True}
PIPED = {"pipeline": 4, "shard": 4}

LAYOUTS = [
    *({"zero": zero} for zero in (0, 1, 2, 3)),
    *({"zero": zero, "shard": 8, "micro_batch": 2} for zero in (1, 2, 3)),
    *({"zero": zero, **SPLIT, **PIPED} for zero in (1, 3)),
    *({"zero": zero, **SPLIT, **PIPED, "interleave": 2, "recompute": "full"} for zero in (1, 3)),
    *({"zero": zero, "context": 2, "context_by": by} for zero in (1, 3) for by in ("ring", "ulysses")),
    {"zero": 3, **PIPED, "schedule": "gpipe"},
    {"zero": 3, **PIPED, "schedule": "zero-bubble", "interleave": 2},
    *({"zero": zero, "precision": FP8} for zero in (1, 3)),
    *({"zero": zero, "precision": HALVED, "compress": compress} for zero in (1, 3) for compress in (1.0, 4.0)),
    *({"zero": 3, "offload_optimizer": place, "offload_parameters": place} for place in ("host", "nvme")),
    {"zero": 3, "recompute": "full", "offload_activations": "host", "compiled": True},
]
MODELS = {"llama": LLAMA, "qwen-moe": QWEN_MOE, "deepseek": DEEPSEEK, "gpt": GPT}

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
    *(f"parallelism.pipeline_parallel_{name}" for name in ("schedule", "microbatch_size", "layers_per_stage")),
    *(f"parallelism.pipeline_parallel_{name}_stage_less_layers" for name in ("first", "last")),
    *("parallelism.context_parallel_rotate_method", "activation_checkpoint.mode"),
    *("activation_checkpoint.selective_ac_option", "compile.enable"),
    *(f"quantize.linear.float8.{name}" for name in ("enable_fsdp_float8_all_gather", "filter_fqns")),
    "quantize.linear.float8.precompute_float8_dynamic_scale_for_fsdp",
}
"""Options of torchtitan 0.2.2's JobConfig that are used here, read in its job_config.py."""

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
    tokenizer-type vocab-size
"""
"""Flags used here that the parser of Megatron Core 0.19.2 has."""

DEEPSPEED_KEYS = """
    train_batch_size train_micro_batch_size_per_gpu gradient_accumulation_steps sequence_parallel_size
    data_parallel_size expert_parallel expert_parallel.enabled expert_parallel.autoep_size optimizer optimizer.type
    optimizer.params optimizer.params.lr optimizer.params.weight_decay optimizer.params.betas gradient_clipping
    scheduler scheduler.type scheduler.params scheduler.params.total_num_steps scheduler.params.warmup_num_steps
    scheduler.params.warmup_type scheduler.params.cos_min_ratio scheduler.params.warmup_min_lr
    scheduler.params.warmup_max_lr zero_optimization zero_optimization.stage zero_optimization.overlap_comm
    zero_optimization.zero_hpz_partition_size zero_optimization.zero_quantized_gradients bf16 bf16.enabled data_types
    data_types.grad_accum_dtype communication_data_type seq_parallel_communication_data_type compile
    compile.deepcompile activation_checkpointing activation_checkpointing.partition_activations
    activation_checkpointing.cpu_checkpointing
    zero_optimization.offload_optimizer zero_optimization.offload_optimizer.device
    zero_optimization.offload_optimizer.pin_memory zero_optimization.offload_optimizer.nvme_path
    zero_optimization.offload_param zero_optimization.offload_param.device zero_optimization.offload_param.pin_memory
    zero_optimization.offload_param.nvme_path
"""
"""Keys used here that the source of DeepSpeed 0.19.8 reads."""


def recipe(sizes=LLAMA, layout=None, **told):
    """A recipe of 256 devices; what the test says goes before."""
    layout = {"devices": 256, "global_batch": 512, "seq_len": 4096, **(layout or {})}
    usual = {"machine": "h100", "devices_per_node": 8, "steps": 1000, "learning_rate": 3e-4, "warmup_steps": 100}
    return Recipe(**{"model": "some-model", "description": sizes, **usual, **told}, layout=Layout(**layout))


def written(framework, told):
    """What is written, or nothing where it is refused."""
    try:
        return write_config(framework, told)
    except InputError:
        return ""


def grid(framework):
    """Every recipe of the grid that the framework takes, with its text."""
    for name, sizes in MODELS.items():
        for layout in LAYOUTS:
            told = recipe(sizes, {**layout, "expert": 4 if "experts" in sizes else 1}, model=name)
            text = written(framework, told)
            if text:
                yield told, text


def strict(text):
    """A DeepSpeed file without its comment lines, parsed as JSON."""
    return json.loads("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//")))


def names_of(tree, path=""):
    """The dotted names of nested tables, those of tables too."""
    for name, value in tree.items():
        yield path + name
        if isinstance(value, dict):
            yield from names_of(value, f"{path}{name}.")


def flags_of(text):
    """The flags of a Megatron script with their words, read as a shell reads them."""
    arrays = re.findall(r"^[A-Z]+=\((.*?)\)\n\n", text, re.DOTALL | re.MULTILINE)
    flags, last = {}, ""
    for word in (word for array in arrays for word in shlex.split(array, comments=True)):
        if word.startswith("--"):
            last = word[2:]
            assert last not in flags
            flags[last] = []
        else:
            flags[last].append(word)
    return flags


def module_of(text):
    """The module that was written for FSDP."""
    module = types.ModuleType("written")
    exec(compile(text, "written", "exec"), module.__dict__)
    return module


def options(framework, text):
    """What a text sets, without its comments; nothing of an empty text."""
    if not text:
        return {}
    if framework == "torchtitan":
        return tomllib.loads(text)
    if framework == "megatron":
        return {**flags_of(text), "rest": re.findall(r"^(?:export|unset|torchrun) .*", text, re.MULTILINE)}
    if framework == "deepspeed":
        return strict(text)
    return {ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.Assign)}


# --- names -------------------------------------------------------------------------------------------------


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


def test_megatron_scripts_have_flags_that_megatron_has():
    found = {flag for _, text in grid("megatron") for flag in flags_of(text)}
    assert found - {*MEGATRON_FLAGS.split()} == set()
    assert len(found) > 60


def test_deepspeed_files_are_json_with_keys_that_deepspeed_reads():
    found = {name for _, text in grid("deepspeed") for name in names_of(strict(text))}
    assert found - {*DEEPSPEED_KEYS.split()} == set()
    assert len(found) > 35


def test_the_names_of_pytorch_that_an_fsdp_module_uses_exist():
    pytest.importorskip("torch")
    tree = ast.parse(write_config("fsdp", recipe(layout={"zero": 3})))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imported:
        assert node.module
        module = importlib.import_module(node.module)
        assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
    dotted = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for name in (name for name in dotted if name.startswith("torch.")):
        assert resolves(name), name
    assert len(imported) >= 4


def resolves(name):
    """Whether a dotted name is an attribute of modules and classes."""
    found = importlib.import_module("torch")
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


# --- nothing is dropped --------------------------------------------------------------------------------------

CHANGES = {
    "devices": ({}, 512),
    "global_batch": ({}, 1024),
    "seq_len": ({}, 2048),
    "micro_batch": ({}, 2),
    "tensor": ({"sequence_parallel": True}, 4),
    "pipeline": ({"shard": 8}, 4),
    "interleave": (PIPED, 2),
    "context": ({}, 2),
    "expert": ({"sizes": QWEN_MOE}, 4),
    "shard": ({}, 8),
    "schedule": (PIPED, "gpipe"),
    "context_by": ({"context": 2}, "ulysses"),
    "sequence_parallel": ({"tensor": 4}, True),
    "zero": ({}, 2),
    "recompute": ({}, "full"),
    "recomputed": ({"recompute": "full"}, 0.5),
    "attention": ({}, "unfused"),
    "kept": ({"recompute": "optimal"}, Kept(bytes=0.5, seconds=0.5)),
    "fused_loss": ({}, True),
    "compiled": ({}, True),
    "overlap": ({}, False),
    "overlap_tensor": ({**SPLIT, "compiled": True}, True),
    "compress": ({"precision": HALVED}, 4.0),
    "local_steps": ({}, 8),
    "offload_optimizer": ({}, "host"),
    "offload_parameters": ({"offload_optimizer": "host"}, "host"),
    "offload_activations": ({"recompute": "full"}, "host"),
    "precision": ({}, HALVED),
}
"""For every field of a layout: a layout that it matters in, and another value."""

OTHERS = {
    "schedule": ["zero-bubble"],
    "zero": [0, 1],
    "recompute": ["selective", "operators", "optimal"],
    "attention": ["flash", "flash-3"],
    **{f"offload_{what}": ["nvme"] for what in ("optimizer", "parameters", "activations")},
    "precision": [
        *(Precision(matmuls=name) for name in ("fp8", "fp16", "fp32")),
        *(
            dataclasses.replace(Precision(), **{name: 1})
            for name in ("weights", "gradients", "master", "optimizer", "reduce", "activations")
        ),
    ],
}


NOTED = {
    "torchtitan": {"devices_per_node"},
    "megatron": {"compiled", "model", "machine"},
    "deepspeed": {"seq_len", "recomputed", "attention", "model", "machine", "devices_per_node", "seed"},
    "fsdp": {"model", "machine", "devices_per_node"},
}
"""What no option of a framework stands for, and its comments say."""


def cases():
    """Every field of a layout with a layout around it and another value."""
    for name, (around, value) in CHANGES.items():
        for other in (value, *OTHERS.get(name, [])):
            yield pytest.param(around, name, other, id=f"{name}={other}"[:60])


def test_every_field_of_a_layout_has_a_case():
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Layout)}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("around", "name", "value"), [*cases()])
def test_a_choice_shows_in_the_text_or_is_refused(framework, around, name, value):
    around = {"zero": 3, **around}
    sizes = around.pop("sizes", LLAMA)
    without = written(framework, recipe(sizes, around))
    text = written(framework, recipe(sizes, {**around, name: value}))
    if text:
        assert text != without
        is_noted = name in NOTED[framework] or str(value).startswith("flash")  # which version is not asked for
        assert is_noted or options(framework, text) != options(framework, without)


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in ("local_steps", "kept")])
def test_some_framework_expresses_every_choice_but_two(name):
    around, value = CHANGES[name]
    sizes = around.get("sizes", LLAMA)
    layout = {key: told for key, told in around.items() if key != "sizes"}
    tried = [recipe(sizes, {"zero": zero, **layout, name: value}) for zero in (1, 3)]
    assert any(written(framework, told) for framework in FRAMEWORKS for told in tried)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("model", "other"), ("machine", "a100"), ("devices_per_node", 4), ("steps", 2000), ("learning_rate", 1e-4)),
        *(("warmup_steps", 50), ("lr_schedule", "linear"), ("final_learning_rate", 1e-5), ("weight_decay", 0.05)),
        *(("betas", (0.9, 0.99)), ("clip", 0.5), ("seed", 7)),
    ],
)
def test_what_a_recipe_says_beside_its_layout_shows(framework, name, value):
    before, after = (write_config(framework, recipe(layout={"zero": 3}, **told)) for told in ({}, {name: value}))
    assert before != after
    assert name in NOTED[framework] or options(framework, before) != options(framework, after)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_reason_stands_in_the_text(framework):
    names = {field.name for of in (Layout, Recipe) for field in dataclasses.fields(of)}
    reasons = {name: f"because of {name}, it was so" for name in (*names, "something else")}
    lines = write_config(framework, recipe(layout={"zero": 3}, reasons=reasons)).splitlines()
    text = " ".join(line.strip().removeprefix("#").removeprefix("//").strip() for line in lines)
    assert [why for why in reasons.values() if why not in text] == []


@pytest.mark.parametrize("framework", ["torchtitan", "deepspeed", "fsdp"])
def test_a_comment_stands_above_every_option(framework):
    option = re.compile(r"^([a-z_0-9]+|[A-Z_]+) = |^ +\"\w+\": [^{]")
    for _, text in grid(framework):
        lines = text.split("def share")[0].splitlines()
        options = [i for i, line in enumerate(lines) if option.match(line)]
        assert len(options) > 15
        assert [lines[i] for i in options if not lines[i - 1].lstrip().startswith(("#", "//"))] == []


def test_a_comment_stands_above_every_group_of_flags():
    for _, text in grid("megatron"):
        starts = re.findall(r"^[A-Z]+=\(\n(.*)", text, re.MULTILINE)
        assert len(starts) == 5
        assert all(start.startswith("  # ") for start in starts)
        assert text.count("  # ") > 15


def test_numbers_of_numpy_are_written_as_those_of_python():
    layout = {"devices": np.int64(256), "micro_batch": np.int64(2), "zero": 3, "shard": np.int64(8)}
    told = {"learning_rate": np.float64(3e-4), "steps": np.int64(1000), "clip": np.float64(1.0)}
    sizes = {name: np.int64(value) if type(value) is int else value for name, value in LLAMA.items()}
    plain = recipe(LLAMA, {"devices": 256, "micro_batch": 2, "zero": 3, "shard": 8})
    for framework in FRAMEWORKS:
        assert write_config(framework, recipe(sizes, layout, **told)) == write_config(framework, plain)


# --- arithmetic ----------------------------------------------------------------------------------------------


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


def test_deepspeed_batches_multiply_to_the_global_batch():
    for told, text in grid("deepspeed"):
        tree = strict(text)
        replicas = 256 // tree.get("sequence_parallel_size", 1)
        assert tree.get("data_parallel_size", replicas) == replicas == told.data_parallel
        each = tree["train_micro_batch_size_per_gpu"] * tree["gradient_accumulation_steps"]
        assert tree["train_batch_size"] == 512 == each * replicas


def test_fsdp_batches_multiply_to_the_global_batch():
    pytest.importorskip("torch")
    for _, text in grid("fsdp"):
        m = module_of(text)
        assert m.MICRO_BATCH * m.ACCUMULATION * m.REPLICATE * m.SHARD == m.GLOBAL_BATCH == 512
        assert m.REPLICATE * m.SHARD == 256


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_grid_holds_layouts_that_the_framework_takes(framework):
    assert len(list(grid(framework))) >= 10


# --- what is written works -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd"])
def test_an_fsdp_module_learns_at_the_rates_of_the_schedule(schedule):
    pytest.importorskip("torch")
    decay = 30 if schedule == "wsd" else 90
    told = {"steps": 100, "warmup_steps": 10, "lr_schedule": schedule, "decay_steps": 30, "final_learning_rate": 3e-5}
    share = module_of(write_config("fsdp", recipe(layout={"zero": 3}, **told))).share
    shape = "cosine" if schedule == "cosine" else "linear"
    rates = Schedule(peak=3e-4, steps=100, warmup=10, decay=decay, shape=shape, final=3e-5).per_step
    np.testing.assert_allclose([3e-4 * share(done) for done in range(100)], rates, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")
def test_an_fsdp_module_trains_a_model_on_this_machine():
    torch = pytest.importorskip("torch")
    layout = {"devices": 1, "global_batch": 4, "seq_len": 8, "micro_batch": 2, "zero": 3, "attention": "unfused"}
    layout |= {"recompute": "full", "recomputed": 0.5}
    told = {"steps": 20, "warmup_steps": 2, "learning_rate": 1e-2, "devices_per_node": 1}
    written_module = module_of(write_config("fsdp", recipe(LLAMA, layout, **told)))
    torch.manual_seed(0)
    model = stack(torch)
    tokens = torch.randint(0, 11, (4, 9))

    def loss_of(model, batch):
        return torch.nn.functional.cross_entropy(model(batch[:, :-1]).float().transpose(1, 2), batch[:, 1:])

    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        model, optimizer, scheduler = written_module.prepare(model, model.layers, device_type="cpu")
        losses = [float(written_module.step(model, optimizer, scheduler, tokens.split(2), loss_of)) for _ in range(20)]
    finally:
        torch.distributed.destroy_process_group()
    assert losses[-1] < 0.8 * losses[0]
    names = [type(module).__name__ for module in model.modules()]
    # The root and both blocks are sharded; one of two blocks is recomputed.
    assert (sum(name.startswith("FSDP") for name in names), names.count("FSDPCheckpointWrapper")) == (3, 1)


def stack(torch):
    """A model with its blocks in a list `layers`."""

    class Stack(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 16)
            self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(2))
            self.head = torch.nn.Linear(16, 11)

        def forward(self, tokens):
            x = self.embedding(tokens)
            for layer in self.layers:
                x = x + layer(x).relu()
            return self.head(x)

    return Stack()


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


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framework", "layout", "expected"),
    [
        (
            "torchtitan",
            {"zero": 3, "offload_optimizer": "nvme", "offload_parameters": "nvme"},
            "torchtitan cannot express offload_optimizer = nvme (it offloads weights, gradients and optimizer states "
            "together, to host memory): emit for deepspeed, or change it",
        ),
        (
            "megatron",
            {"zero": 3, **PIPED, "schedule": "zero-bubble", "interleave": 2},
            "megatron cannot express schedule = zero-bubble (its pipeline runs one forward, one backward): "
            "emit for torchtitan, or change it",
        ),
        (
            "deepspeed",
            {"zero": 1, **SPLIT},
            "deepspeed cannot express tensor = 4 (its configuration counts every device as a replica): "
            "emit for megatron, or change it",
        ),
        (
            "fsdp",
            {"zero": 3, **PIPED},
            "fsdp cannot express pipeline = 4 (FSDP divides states of replicas, not the model's work): "
            "emit for torchtitan or megatron, or change it",
        ),
        (
            "megatron",
            {"zero": 3, "local_steps": 8},
            "megatron cannot express local_steps = 8 (replicas synchronise every step): change it, none can",
        ),
    ],
)
def test_what_a_framework_cannot_do_is_refused_with_one_that_can(framework, layout, expected):
    with pytest.raises(InputError) as refused:
        write_config(framework, recipe(layout=layout))
    assert str(refused.value) == expected


@pytest.mark.parametrize("layout", [{"context": 2}, {**SPLIT, "precision": FP8}])
def test_torchtitan_refuses_what_its_latent_attention_lacks(layout):
    assert written("torchtitan", recipe(LLAMA, {"zero": 3, **layout}))
    assert not written("torchtitan", recipe(DEEPSEEK, {"zero": 3, **layout}))


def test_a_choice_without_effect_is_written_as_such_and_not_refused():
    text = write_config("torchtitan", recipe(layout={"zero": 3, "schedule": "zero-bubble", "context_by": "ulysses"}))
    assert "schedule = zero-bubble has no effect: there is no pipeline" in text
    assert "context_by = ulysses has no effect: there is no context parallelism" in text


def test_an_unknown_framework_is_refused():
    with pytest.raises(InputError, match="no framework 'jax': choose torchtitan, megatron, deepspeed, fsdp"):
        write_config("jax", recipe())


@pytest.mark.parametrize(
    ("layout", "told", "line"),
    [
        ({"tensor": 3}, {}, "256 devices do not divide into replicas of 3"),
        ({"global_batch": 500}, {}, "a global batch of 500 does not divide into 256 replicas"),
        ({"shard": 3, "zero": 3}, {}, "shard = 3 does not divide 256 devices"),
        ({"interleave": 2}, {}, "interleave = 2 needs a pipeline"),
        ({"tensor": 0}, {}, "tensor = 0 is no count"),
        ({"tensor": np.array([1, 2])}, {}, r"tensor = \[1 2\] is no count"),
        ({"expert": 4}, {}, "expert = 4 and 'some-model' has no experts"),
        ({}, {"devices_per_node": 7}, "256 devices do not fill nodes of 7"),
        ({}, {"warmup_steps": 1000}, "warm-up of 1000 and decay of 1 steps do not fit into 1000"),
        ({}, {"lr_schedule": "wsd"}, "decay_steps = 0 of a wsd schedule"),
        ({}, {"final_learning_rate": 1.0}, "learning rate 0.0003 falling to 1"),
        ({}, {"description": {"layers": 3}}, "'some-model' is no decoder of known sizes"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(layout, told, line):
    with pytest.raises(InputError, match=line):
        recipe(layout=layout, **told)
