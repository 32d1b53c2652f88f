"""From plan to action: what is written for a framework says all of the recipe, in that framework's own names."""

import dataclasses
import re

import numpy as np
import pytest

from froude import InputError
from froude.cost.training.layout import Kept, Layout, Precision
from froude.planning.emit import FRAMEWORKS, Recipe, write_config
from recipes import HALVED, LLAMA, PIPED, QWEN_MOE, SPLIT, config_or_nothing, grid, options, recipe

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
    "expert_tensor": ({"sizes": QWEN_MOE, "tensor": 4, "sequence_parallel": True, "expert": 4}, 1),
    "pipeline_layout": (PIPED, "ends"),
    "dispatch": ({"sizes": QWEN_MOE, "expert": 4}, "node"),
    "overlap_expert": ({"sizes": QWEN_MOE, "expert": 4}, True),
    "graphs": ({}, "partial"),
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
    "graphs": ["full"],
    "pipeline_layout": ["Et*8|(t*8|)*2t*8L"],
    "recompute": ["selective", "operators", "optimal"],
    "attention": ["flash", "flash-3"],
    **{f"offload_{what}": ["nvme"] for what in ("optimizer", "parameters", "activations")},
    "precision": [
        *(Precision(matmuls=name) for name in ("fp8", "mxfp8", "nvfp4", "fp16", "fp32")),
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
    assert {*CHANGES, "stack"} == {field.name for field in dataclasses.fields(Layout)}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("around", "name", "value"), [*cases()])
def test_a_choice_shows_in_the_text_or_is_refused(framework, around, name, value):
    around = {"zero": 3, **around}
    sizes = around.pop("sizes", LLAMA)
    without = config_or_nothing(framework, recipe(sizes, around))
    text = config_or_nothing(framework, recipe(sizes, {**around, name: value}))
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
    assert any(config_or_nothing(framework, told) for framework in FRAMEWORKS for told in tried)


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


def test_numbers_of_numpy_are_written_as_those_of_python():
    layout = {"devices": np.int64(256), "micro_batch": np.int64(2), "zero": 3, "shard": np.int64(8)}
    told = {"learning_rate": np.float64(3e-4), "steps": np.int64(1000), "clip": np.float64(1.0)}
    sizes = {name: np.int64(value) if type(value) is int else value for name, value in LLAMA.items()}
    plain = recipe(LLAMA, {"devices": 256, "micro_batch": 2, "zero": 3, "shard": 8})
    for framework in FRAMEWORKS:
        assert write_config(framework, recipe(sizes, layout, **told)) == write_config(framework, plain)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_grid_holds_layouts_that_the_framework_takes(framework):
    assert len(list(grid(framework))) >= 10


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
        ({"tensor": 0}, {}, "tensor = 0: give a whole number from 1"),
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
