"""The parameters of the model that a run's configuration describes, counted exactly, or not at all.

Each way to describe a model is one function: it knows its own by keys that no other trainer has together, and returns a
description of `froude.cost.model`, or None for what it cannot say exactly. Sources of the keys stand with each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.logs.configuration import Configuration
from froude.runs.logs.texts import finite_number_of

Part = Mapping[str, Any]
Description = dict[str, object]

_MODERN = {"gated": True, "positions": "rotary", "norm": "rms", "biased": False}
_NANOGPT_VOCABULARY = {"openwebtext": 50304, "shakespeare": 50304, "shakespeare_char": 65}
"""karpathy/nanoGPT, train.py and data/*/prepare.py: GPT-2's vocabulary rounded up, or the characters' meta.pkl."""
_NAMES = ("model_name_or_path", "pretrained_model_name_or_path", "base_model", "_name_or_path", "model_name")


@final
@dataclass(frozen=True, kw_only=True)
class ModelCount:
    """The parameters of a model and what they were counted from, in words that follow "counted from"."""

    n_params: float
    source: str


@lru_cache(maxsize=1024)
def count_model(config: Configuration) -> ModelCount | None:
    """Return the parameters of the model that a configuration describes or names; None where it does not say all."""
    for part in config.parts():
        for source, describe in DESCRIBERS:
            description = describe(part)
            if description is not None and (n_params := _count(_frozen(description))) is not None:
                return ModelCount(n_params=n_params, source=source)
    return _named(config)


def _named(config: Configuration) -> ModelCount | None:
    """The model that a configuration names, where the catalogue has it under that very name."""
    from froude.cost.model.catalogue import find, model_catalogue

    for name in filter(None, (_titan_name(config), _tune_name(config), *(_text(config.value(k)) for k in _NAMES))):
        try:
            entry = find(name.rstrip("/"), model_catalogue())
        except InputError:
            continue
        if (n_params := _count(_frozen(dict(entry.description)))) is not None:
            return ModelCount(n_params=n_params, source=f"the model's name, {entry.name}")
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _titan_name(config: Configuration) -> str:
    """pytorch/torchtitan: models/*/__init__.py has flavors by name; only those that are models of the catalogue."""
    name, flavor = _text(config.value("model.name")), _text(config.value("model.flavor"))
    families = {"llama3": "llama-3.1-", "qwen3": "qwen3-"}
    if name == "deepseek_v3":
        return "deepseek-v3" if flavor == "671B" else ""
    return f"{families[name]}{flavor.lower()}" if name in families and re.fullmatch(r"[\d.]+B", flavor) else ""


def _tune_name(config: Configuration) -> str:
    """pytorch/torchtune: `model._component_` names a builder, "torchtune.models.llama3_1.llama3_1_8b"."""
    builder = _text(config.value("model._component_")).rpartition(".")[2]
    match = re.fullmatch(r"(?:lora_|qlora_)?(llama|qwen)(\d)(?:_(\d))?_(\d+)(?:_(\d))?b(?:_base|_instruct)?", builder)
    if match is None:
        return ""
    family, major, minor, size, part = match.groups()
    return f"{family}{'-' if family == 'llama' else ''}{major}{f'.{minor}' if minor else ''}-{size}" + (
        f".{part}b" if part else "b"
    )


def _huggingface(part: Part) -> Description | None:
    """A config.json of transformers, alone or merged into the arguments of its Trainer."""
    from froude.cost.model.configs.config import Config
    from froude.cost.model.huggingface import describe, kind_of

    if not isinstance(part.get("model_type"), str):
        return None
    config = Config(path=Path("the configuration"), document=part)
    kind = kind_of(config)
    try:
        return None if kind is None else dict(describe(config.as_kind(kind)))
    except (InputError, KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _meta(part: Part) -> Description | None:
    """Meta's params.json, and lingua's `model` (facebookresearch/lingua, lingua/transformer.py), which may tie."""
    from froude.cost.model.configs.config import Config
    from froude.cost.model.configs.meta import as_llama, is_params
    from froude.cost.model.huggingface import describe

    config = Config(path=Path("the configuration"), document=part)
    if not is_params(config) or not finite_number_of(part.get("vocab_size")):
        return None
    tied = {"tie_word_embeddings": bool(part.get("weight_tying", False)), "max_position_embeddings": 2048}
    try:
        return dict(describe(as_llama(config).with_keys(tied)))
    except (InputError, KeyError, TypeError):
        return None


def _nanogpt(part: Part) -> Description | None:
    """karpathy/nanoGPT, train.py: its configuration is that of the script, without the vocabulary of the data."""
    if not _has(part, "n_layer", "n_head", "n_embd", "block_size") or "model_type" in part:
        return None
    if "n_query_groups" in part or not isinstance(part.get("bias"), bool):
        return None
    vocabulary = part.get("vocab_size") or _NANOGPT_VOCABULARY.get(str(part.get("dataset")))
    if vocabulary is None or part.get("init_from", "scratch") not in ("scratch", "resume"):
        return None
    bias = part["bias"]
    return {
        "layers": part["n_layer"], "hidden": part["n_embd"], "heads": part["n_head"], "vocab": vocabulary,
        "context": part["block_size"], "biased": bias, "norm": "layer" if bias else "layer-unbiased",
    }  # fmt: skip


def _megatron(part: Part) -> Description | None:
    """NVIDIA/Megatron-LM, megatron/training/arguments.py: arguments as they are logged, a vocabulary padded."""
    sizes = ("num_layers", "hidden_size", "num_attention_heads", "padded_vocab_size", "max_position_embeddings")
    if not _has(part, *sizes) or not {"position_embedding_type", "normalization", "add_bias_linear"} <= {*part}:
        return None
    if part.get("num_experts") or part.get("multi_latent_attention") or part.get("mtp_num_layers"):
        return None
    learned = part["position_embedding_type"] == "learned_absolute"
    biased = bool(part["add_bias_linear"])
    grouped = part.get("num_query_groups") if part.get("group_query_attention") else None
    rms = part["normalization"] == "RMSNorm"
    return {
        "layers": part["num_layers"], "hidden": part["hidden_size"], "heads": part["num_attention_heads"],
        "kv_heads": grouped or part["num_attention_heads"], "vocab": part["padded_vocab_size"],
        **({"head_width": part["kv_channels"]} if part.get("kv_channels") else {}),
        "mlp_width": part.get("ffn_hidden_size") or 4 * part["hidden_size"], "gated": bool(part.get("swiglu", False)),
        "positions": "learned" if learned else "rotary", "norm": "rms" if rms else "layer", "biased": biased,
        "qkv_biased": not biased and bool(part.get("add_qkv_bias", False)),
        "qk_norm": bool(part.get("qk_layernorm", False)), "context": part["max_position_embeddings"],
        "tied": not part.get("untie_embeddings_and_output_weights", False),
    }  # fmt: skip


def _neox(part: Part) -> Description | None:
    """EleutherAI/gpt-neox, megatron/neox_arguments: two norms a layer, also where attention and MLP are parallel."""
    if not _has(part, "num_layers", "hidden_size", "num_attention_heads", "padded_vocab_size", "seq_length"):
        return None
    rotary = part.get("pos_emb") == "rotary"
    known = part.get("norm", "layernorm") == "layernorm" and part.get("activation", "gelu") in ("gelu", "relu")
    same = part.get("num_kv_heads") in (None, part["num_attention_heads"]) and not part.get("intermediate_size")
    if not ((rotary or part.get("pos_emb") == "learned") and known and same) or "no_weight_tying" not in part:
        return None
    return {
        "layers": part["num_layers"], "hidden": part["hidden_size"], "heads": part["num_attention_heads"],
        "vocab": part["padded_vocab_size"], "positions": "rotary" if rotary else "learned", "gated": False,
        "context": part.get("max_position_embeddings") or part["seq_length"], "tied": not part["no_weight_tying"],
        "norm": "layer", "biased": True,
    }  # fmt: skip


def _olmo(part: Part) -> Description | None:
    """allenai/OLMo, olmo/config.py and olmo/model.py: `mlp_hidden_size` is both halves of a gated MLP."""
    if not _has(part, "d_model", "n_heads", "n_layers", "vocab_size", "max_sequence_length"):
        return None
    if part.get("activation_type") not in ("swiglu", "gelu", "relu") or not isinstance(part.get("rope"), bool):
        return None
    gated, width = part["activation_type"] == "swiglu", part["d_model"]
    inner = part.get("mlp_hidden_size") or int(part.get("mlp_ratio", 4)) * width
    heads, plain = part["n_heads"], part.get("layer_norm_with_affine") is False
    kinds = {"default": "layer" if part.get("bias_for_layer_norm", part.get("include_bias")) else "layer-unbiased"}
    kinds |= {"low_precision": kinds["default"], "rms": "rms"}
    return {
        "layers": part["n_layers"], "hidden": width, "heads": heads,
        "kv_heads": part.get("n_kv_heads") or (1 if part.get("multi_query_attention") else heads),
        "vocab": part.get("embedding_size") or part["vocab_size"], "context": part["max_sequence_length"],
        "mlp_width": inner // 2 if gated else inner, "gated": gated, "tied": bool(part.get("weight_tying", True)),
        "positions": "rotary" if part["rope"] else "none" if part.get("alibi") else "learned",
        "norm": "plain" if plain else kinds.get(str(part.get("layer_norm_type", "default")), "layer"),
        "biased": bool(part.get("include_bias", True)), "qk_norm": False,
    } if not part.get("attention_layer_norm") else None  # fmt: skip


def _olmo_core(part: Part) -> Description | None:
    """allenai/OLMo-core, nn/transformer/config.py: blocks of attention and a gated MLP, all alike."""
    block = part.get("block")
    if not _has(part, "d_model", "n_layers", "vocab_size") or not isinstance(block, Mapping):
        return None
    attention, mlp = (block.get(key) or {} for key in ("attention", "feed_forward"))
    attention = attention or block.get("sequence_mixer") or {}
    if not (_has(attention, "n_heads") and _has(mlp, "hidden_size")) or block.get("feed_forward_moe"):
        return None
    if part.get("block_overrides") or attention.get("bias", True) or mlp.get("bias", True):
        return None
    heads, width = attention["n_heads"], part["d_model"]
    norm = attention.get("qk_norm")
    each = bool(attention.get("use_head_qk_norm"))
    return {
        "layers": part["n_layers"], "hidden": width, "heads": heads,
        "kv_heads": attention.get("n_kv_heads") or heads, "vocab": part["vocab_size"],
        **({"head_width": attention["head_dim"]} if attention.get("head_dim") else {}),
        "mlp_width": mlp["hidden_size"], **_MODERN, "tied": False, "qk_norm": norm is not None,
        "qk_norm_each": norm is not None and not each,
    }  # fmt: skip


def _litgpt(part: Part) -> Description | None:
    """Lightning-AI/litgpt, litgpt/config.py and litgpt/model.py: a head of its own over a padded vocabulary."""
    if not _has(part, "n_layer", "n_head", "n_embd", "padded_vocab_size", "intermediate_size", "n_query_groups"):
        return None
    plain = not (part.get("lm_head_bias") or part.get("attn_bias") or part.get("norm_qk") or part.get("n_expert"))
    mlps = {"LLaMAMLP": True, "GptNeoxMLP": False}
    norms = {"RMSNorm": "rms", "LayerNorm": "layer"}
    if not plain or part.get("mlp_class_name") not in mlps or part.get("norm_class_name") not in norms:
        return None
    if part.get("shared_attention_norm") or not isinstance(part.get("bias"), bool):
        return None
    return {
        "layers": part["n_layer"], "hidden": part["n_embd"], "heads": part["n_head"],
        "kv_heads": part["n_query_groups"], "vocab": part["padded_vocab_size"],
        **({"head_width": part["head_size"]} if part.get("head_size") else {}),
        "mlp_width": part["intermediate_size"], "gated": mlps[part["mlp_class_name"]], "positions": "rotary",
        "norm": norms[part["norm_class_name"]], "biased": part["bias"], "tied": False,
    }  # fmt: skip


def _maxtext(part: Part) -> Description | None:
    """AI-Hypercomputer/maxtext, configs/base.yml: blocks as LLaMA's, sizes as they are after scaling."""
    keys = ("emb_dim", "mlp_dim", "num_decoder_layers", "num_query_heads", "num_kv_heads", "head_dim", "vocab_size")
    if not _has(part, *keys) or part.get("decoder_block") not in ("llama2", "mistral"):
        return None
    if finite_number_of(part.get("num_experts")) not in (None, 1.0) or part.get("use_qk_norm"):
        return None
    return {
        "layers": part["num_decoder_layers"], "hidden": part["emb_dim"], "heads": part["num_query_heads"],
        "kv_heads": part["num_kv_heads"], "head_width": part["head_dim"], "vocab": part["vocab_size"],
        "mlp_width": part["mlp_dim"], **_MODERN, "tied": bool(part.get("logits_via_embedding", False)),
    }  # fmt: skip


def _nanotron(part: Part) -> Description | None:
    """huggingface/nanotron, config/models_config.py: LLaMA's keys without a type, known by `is_llama_config`."""
    return _huggingface({**part, "model_type": "llama"}) if part.get("is_llama_config") is True else None


DESCRIBERS: tuple[tuple[str, Callable[[Part], Description | None]], ...] = (
    ("a configuration of transformers", _huggingface),
    ("a configuration of nanotron", _nanotron),
    ("a configuration of litgpt", _litgpt),
    ("a configuration of nanoGPT", _nanogpt),
    ("the arguments of Megatron-LM", _megatron),
    ("the arguments of GPT-NeoX", _neox),
    ("a configuration of OLMo", _olmo),
    ("a configuration of OLMo-core", _olmo_core),
    ("a configuration of MaxText", _maxtext),
    ("a configuration in Meta's keys", _meta),
)
"""The ways to describe a model; a further one joins by a line."""


def _has(part: Part, *keys: str) -> bool:
    """Whether all of these keys hold positive whole numbers."""
    return all(isinstance(part.get(k), int) and not isinstance(part[k], bool) and part[k] > 0 for k in keys)


def _frozen(value: Any) -> Any:
    """A description as something that can be remembered."""
    if isinstance(value, Mapping):
        return ("mapping", tuple((k, _frozen(v)) for k, v in value.items()))
    return ("list", tuple(map(_frozen, value))) if isinstance(value, list | tuple) else value


def _thawed(value: Any) -> Any:
    if isinstance(value, tuple) and value[0] == "mapping":
        return {k: _thawed(v) for k, v in value[1]}
    return [_thawed(v) for v in value[1]] if isinstance(value, tuple) else value


@lru_cache(maxsize=4096)
def _count(description: Any) -> float | None:
    """The parameters of a description; None for one of sizes that make no model."""
    from froude.cost.model.description import build_model

    try:
        return float(build_model("the run's", _thawed(description)).n_params)
    except (InputError, ArithmeticError, TypeError, ValueError):
        return None
