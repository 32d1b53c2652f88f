"""Models from files that are damaged: each is refused in one line, or is a model that can be shown and costed."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from froude.answers.models import answer_of_model
from froude.cost import get_model, model_catalogue, train_cost
from mutants import deep, json_mutants, outcome, toml_mutants

LLAMA = {
    "model_type": "llama", "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 32000,
    "max_position_embeddings": 2048, "intermediate_size": 1376, "num_key_value_heads": 8,
    "rope_scaling": {"factor": 8.0},
}  # fmt: skip
QWEN_MOE = {
    "model_type": "qwen3_moe", "num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 32, "intermediate_size": 614, "moe_intermediate_size": 76,
    "num_experts": 16, "num_experts_per_tok": 2, "decoder_sparse_step": 1, "mlp_only_layers": [], "vocab_size": 1000,
    "max_position_embeddings": 4096, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK = {
    "model_type": "deepseek_v3", "num_hidden_layers": 5, "hidden_size": 256, "num_attention_heads": 8,
    "num_key_value_heads": 8, "intermediate_size": 1094, "moe_intermediate_size": 140, "n_routed_experts": 16,
    "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "q_lora_rank": None,
    "kv_lora_rank": 51, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32, "vocab_size": 1000,
    "max_position_embeddings": 4096,
}  # fmt: skip
GPT2 = {"model_type": "gpt2", "n_layer": 2, "n_embd": 64, "n_head": 4, "n_positions": 128, "vocab_size": 500}
CONFIGS = {"llama": LLAMA, "qwen3_moe": QWEN_MOE, "deepseek_v3": DEEPSEEK, "gpt2": GPT2}

TOML = """
[wide]
layers = 4
hidden = 64
heads = 4
vocab = "1k"
gated = true
norm = "rms"
n_params = 1000
source = "ours"

[wider]
like = "wide"
experts = 4
top_k = 2
capacity = 1.25
hidden = 128
"""


def show_and_cost(text: str) -> None:
    """What is asked of a model."""
    model = get_model(text)
    answer_of_model(model, int(model.context), 2.0)
    train_cost(model, "8 x h100", seq_len=64, global_batch=64)


def line_about(body: str | bytes, path: Path, name: str = "") -> str:
    """The one line that a file is refused with."""
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    line = outcome(lambda: show_and_cost(f"{path}{name}"))
    assert line
    return line


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("hidden_size", "512", "hidden_size is '512', not a whole number)"),
        ("num_attention_heads", 0, "num_attention_heads is 0, not a whole number of at least 1)"),
        ("num_hidden_layers", 10**400, "num_hidden_layers is an integer of 401 digits, which is beyond"),
        ("num_hidden_layers", 10**30, f"num_hidden_layers is {10**30}, not a whole number of at most 1,000,000,000)"),
        ("vocab_size", -1, "vocab_size is -1, not a whole number of at least 1)"),
        ("vocab_size", None, "vocab_size is None, not a whole number)"),
        ("vocab_size", float("nan"), "vocab_size is nan, not a finite number)"),
        ("intermediate_size", [1376], "intermediate_size is [1376], not a whole number or null)"),
        ("tie_word_embeddings", "yes", "tie_word_embeddings is 'yes', not true or false or null)"),
        ("_name_or_path", 3, "_name_or_path is 3, not a text or null)"),
        ("model_type", [], "model_type is [], not a text or null)"),
        ("rope_scaling", deep(80), "it is nested too deeply)"),
    ],
)
def test_a_wrong_value_of_a_config_is_said_with_its_key(key: str, value: Any, fault: str, tmp_path: Path) -> None:
    line = line_about(json.dumps(LLAMA | {key: value}), tmp_path / "config.json")
    assert "is no config.json of a model (" in line
    assert fault in line


@pytest.mark.parametrize("body", [b"[" * 100_000, b"", b"[1, 2]", b'{"model_type": "\xff"}', b"null"])
def test_what_is_no_config_is_refused(body: bytes, tmp_path: Path) -> None:
    assert "is no config.json of a model (" in line_about(body, tmp_path / "config.json")


def test_keys_that_an_architecture_does_not_use_may_hold_anything(tmp_path: Path) -> None:
    others = {"num_experts": 0, "kv_lora_rank": None, "n_layer": "many", "moe_layer_freq": [0, 1], "new": {"a": [{}]}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    plain = get_model(str(path))
    path.write_text(json.dumps(LLAMA | others))
    assert get_model(str(path)) == plain


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"ours"', "3", "wide.source is 3, not a text)"),
        ("n_params = 1000", "n_params = -1", "wide.n_params is -1, not a whole number of at least 0)"),
        ('like = "wide"', "like = []", "wider.like is [], not a text or null)"),
        ("layers = 4", "layers = 1" + "0" * 30, "layers must be a whole number of at most 1,000,000,000, got 1000"),
        ("layers = 4", "layers = nan", "wide.layers is nan, not a finite number)"),
        ("gated = true", "gated = 1979-05-27", "gated must be true or false, got datetime.date(1979, 5, 27)"),
        ("[wide]", "[[wide]]", "'wide' stands outside a table"),
        ("[wide]", "[" + "a." * 40 + "a]", "the key 'a.a.a"),
        ("[wide]", "a = " + "[" * 20_000, "it is nested too deeply)"),
        ("[wide]", "[wide]\nlayers = 3", "it is no TOML: "),
        ("vocab", 'family = "unet"\nvocab', "'layers' is no key of a unet"),
        ("vocab", "family = 3\nvocab", "family 3 of model 'wide' is unknown"),
    ],
)
def test_a_wrong_value_of_a_file_of_models_is_said(old: str, new: str, fault: str, tmp_path: Path) -> None:
    assert old in TOML
    assert fault in line_about(TOML.replace(old, new, 1), tmp_path / "own.toml", "#wide")


def test_a_list_of_thousands_of_counts_is_refused(tmp_path: Path) -> None:
    body = f"[net]\nfamily = 'convnet'\nstages = {[1] * 5000}\n"
    assert "stages must be a list of counts, as 3/4/6/3, got [1, 1, 1, 1, ...]" in line_about(body, tmp_path / "a.toml")


def check(bodies: Any, path: Path, name: str = "") -> list[str | None]:
    """What becomes of mutants."""
    lines = []
    for body in bodies:
        path.write_bytes(body)
        lines.append(outcome(lambda: show_and_cost(f"{path}{name}")))
    return lines


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_mutated_config_is_refused_in_a_line_or_is_a_model(kind: str, tmp_path: Path) -> None:
    lines = check(json_mutants(CONFIGS[kind], 0, 25), tmp_path / "config.json")
    assert None in lines
    assert len([line for line in lines if line]) > 8


def test_a_mutated_file_of_models_is_refused_in_a_line_or_holds_one(tmp_path: Path) -> None:
    lines = check(toml_mutants(tomllib.loads(TOML), 0, 60), tmp_path / "own.toml", "#wider")
    assert None in lines
    assert len([line for line in lines if line]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_many_mutated_models_are_refused_in_a_line_or_are_models(seed: int, tmp_path: Path) -> None:
    for config in CONFIGS.values():
        check(json_mutants(config, seed, 60), tmp_path / "config.json")
    check(toml_mutants(tomllib.loads(TOML), seed, 60), tmp_path / "own.toml", "#wider")
    for name in ("resnet-50", "vit-b/16", "stable-diffusion-1", "dit-xl/2", "bert-base"):
        described = {name: dict(model_catalogue()[name].description)}
        check(toml_mutants(described, seed, 60), tmp_path / "own.toml")
