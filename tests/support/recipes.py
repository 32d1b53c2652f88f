"""Recipes over models and layouts, and what is written for them read back as each framework reads it."""

import ast
import json
import re
import shlex
import tomllib
import types

from froude import InputError
from froude.cost.training.layout import Layout, Precision
from froude.planning.emit import Recipe, write_config

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


def recipe(sizes=LLAMA, layout=None, **told):
    """A recipe of 256 devices; what the test says goes before."""
    layout = {"devices": 256, "global_batch": 512, "seq_len": 4096, **(layout or {})}
    usual = {"machine": "h100", "devices_per_node": 8, "steps": 1000, "learning_rate": 3e-4, "warmup_steps": 100}
    return Recipe(**{"model": "some-model", "description": sizes, **usual, **told}, layout=Layout(**layout))


def config_or_nothing(framework, recipe):
    """What is written, or nothing where it is refused."""
    try:
        return write_config(framework, recipe)
    except InputError:
        return ""


def grid(framework):
    """Every recipe of the grid that the framework takes, with its text."""
    for name, sizes in MODELS.items():
        for layout in LAYOUTS:
            told = recipe(sizes, {**layout, "expert": 4 if "experts" in sizes else 1}, model=name)
            text = config_or_nothing(framework, told)
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
