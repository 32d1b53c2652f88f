"""Descriptions from the config.json of a Hugging Face model, for architectures that can be counted exactly.

Keys and their defaults are those of the configuration classes of the library `transformers`, by `model_type`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict, final

from msgspec import Meta

from froude.bounds import MOST_COUNT
from froude.documents import DocumentKind
from froude.errors import InputError, shown

CONFIG_FILE = DocumentKind(
    what="config.json of a model", remedy="correct it, or download it again", missing="check the path"
)

_Size = Annotated[int, Meta(ge=1, le=MOST_COUNT)]
_Count = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class ConfigKeys(TypedDict, total=False):
    """The types of keys, where an architecture looks at them."""

    _name_or_path: str | None
    model_type: str
    n_layer: _Size
    n_embd: _Size
    n_head: _Size
    n_positions: _Size
    n_inner: _Count | None
    vocab_size: _Size
    num_hidden_layers: _Size
    hidden_size: _Size
    num_attention_heads: _Size
    num_key_value_heads: _Count | None
    head_dim: _Count | None
    intermediate_size: _Size
    max_position_embeddings: _Size
    moe_intermediate_size: _Size
    num_local_experts: _Size
    num_experts: _Size
    num_experts_per_tok: _Size
    n_routed_experts: _Size | None
    n_shared_experts: _Count | None
    first_k_dense_replace: _Count
    mlp_only_layers: list[_Count] | None
    sliding_window: _Count | None
    max_window_layers: _Count
    q_lora_rank: _Count | None
    kv_lora_rank: _Size
    qk_nope_head_dim: _Size
    qk_rope_head_dim: _Size
    v_head_dim: _Size
    tie_word_embeddings: bool
    use_sliding_window: bool
    resid_pdrop: _Share
    hidden_dropout: _Share


@final
@dataclass(frozen=True, kw_only=True)
class Config(Mapping[str, Any]):
    """A config.json, its values checked when they are looked at: what an architecture does not use may be anything."""

    path: Path
    document: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        value = self.document[key]
        return CONFIG_FILE.check({key: value}, str(self.path), ConfigKeys).get(key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)


def read_config(path: Path) -> tuple[str, dict[str, object]]:
    """A model's name and its description, from a config.json.

    Raises InputError for a file that is no such configuration, an architecture that is not known exactly, or a
    setting of it that has no word in a description.
    """
    config = Config(path=path, document=CONFIG_FILE.read_json(path, dict))
    kind = config.get("model_type")
    if kind is None or kind not in READERS:
        known = ", ".join(READERS)
        raise InputError(f"model_type {shown(kind)} of {shown(str(path))} is not known exactly: one of {known} is")
    try:
        return config.get("_name_or_path") or path.resolve().parent.name, READERS[kind](config)
    except KeyError as error:
        raise CONFIG_FILE.wrong(path, f"{error.args[0]} is missing, which a {kind} has") from None


def gpt2(config: Config) -> dict[str, object]:
    """GPT-2: learned positions, biases everywhere, a tied head."""
    return {
        "layers": config["n_layer"],
        "hidden": config["n_embd"],
        "heads": config["n_head"],
        "vocab": config["vocab_size"],
        "context": config["n_positions"],
        "mlp_width": config.get("n_inner") or 4 * config["n_embd"],
        "tied": config.get("tie_word_embeddings", True),
        "dropout": config.get("resid_pdrop", 0.1) > 0,
    }


def gpt_neox(config: Config) -> dict[str, object]:
    """GPT-NeoX and Pythia: rotary positions, biases everywhere but in the head."""
    _only(config, attention_bias=True)
    return {
        **_sizes(config),
        "mlp_width": config["intermediate_size"],
        "tied": config.get("tie_word_embeddings", False),
        "positions": "rotary",
        "dropout": config.get("hidden_dropout", 0.0) > 0,
    }


def llama(config: Config) -> dict[str, object]:
    """LLaMA: grouped keys, a gated MLP, RMS norms, no biases."""
    _only(config, attention_bias=False, mlp_bias=False)
    return _gated(config)


def mistral(config: Config) -> dict[str, object]:
    """Mistral: LLaMA with a window, of 4096 where the file does not speak of it."""
    return {**_gated(config), "window": config.get("sliding_window", 4096) or 0}


def mixtral(config: Config) -> dict[str, object]:
    """Mixtral: Mistral without a window, experts in every block."""
    return {
        **_gated(config),
        "window": config.get("sliding_window") or 0,
        "experts": config.get("num_local_experts", 8),
        "top_k": config.get("num_experts_per_tok", 2),
    }


def qwen2(config: Config) -> dict[str, object]:
    """Qwen2 and 2.5: LLaMA with biases of queries, keys and values; a window in the last blocks where it is used."""
    keys = {**_gated(config), "qkv_biased": True}
    if not config.get("use_sliding_window", False):
        return keys
    windowed = max(config["num_hidden_layers"] - config.get("max_window_layers", 28), 0)
    window = config.get("sliding_window", 4096) if windowed else 0
    return {**keys, "window": window, "windowed_layers": windowed}


def qwen3(config: Config) -> dict[str, object]:
    """Qwen3: LLaMA with norms of queries and keys, heads of width 128 where nothing else is said."""
    _only(config, attention_bias=False, use_sliding_window=False)
    return {**_gated(config), "head_width": config.get("head_dim") or 128, "qk_norm": True}


def qwen3_moe(config: Config) -> dict[str, object]:
    """Qwen3 with experts in all blocks but those listed as dense."""
    _only(config, decoder_sparse_step=1)
    keys = {**qwen3(config), **({} if config.get("head_dim") else {"head_width": _head_width(config)})}
    return {
        **keys,
        "experts": config.get("num_experts", 128),
        "top_k": config.get("num_experts_per_tok", 8),
        "expert_width": config.get("moe_intermediate_size", 768),
        "dense_layers": len(config.get("mlp_only_layers") or ()),
    }


def deepseek_v2(config: Config) -> dict[str, object]:
    """DeepSeek-V2: latent attention, shared experts, the first blocks dense."""
    _only(config, attention_bias=False, moe_layer_freq=1)
    sizes = {key: value for key, value in _gated(config).items() if key not in ("kv_heads", "head_width")}
    return {
        **sizes,
        "experts": config["n_routed_experts"],
        "top_k": config["num_experts_per_tok"],
        "shared_experts": config.get("n_shared_experts") or 0,
        "expert_width": config["moe_intermediate_size"],
        "dense_layers": config["first_k_dense_replace"],
        "q_rank": config["q_lora_rank"] or 0,
        "kv_rank": config["kv_lora_rank"],
        "nope_width": config["qk_nope_head_dim"],
        "rope_width": config["qk_rope_head_dim"],
        "value_width": config["v_head_dim"],
    }


def deepseek_v3(config: Config) -> dict[str, object]:
    """DeepSeek-V3: V2 with a correction an expert in the router; the main model, without multi-token prediction."""
    return {**deepseek_v2(config), "router_biased": True}


def gemma2(config: Config) -> dict[str, object]:
    """Gemma 2: norms before and after, a tied head, a window in every second block from the first."""
    _only(config, attention_bias=False)
    return {
        **_gated(config, tied=True),
        "head_width": config.get("head_dim", 256),
        "norms_after": True,
        "window": config.get("sliding_window", 4096),
        "windowed_layers": -(-config["num_hidden_layers"] // 2),
    }


READERS: Mapping[str, Callable[[Config], dict[str, object]]] = {
    reader.__name__: reader
    for reader in (
        gpt2, gpt_neox, llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, deepseek_v2, deepseek_v3, gemma2,
    )
}  # fmt: skip
"""Readers by `model_type`."""


def _sizes(config: Config) -> dict[str, object]:
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "vocab": config["vocab_size"],
        "context": config["max_position_embeddings"],
    }


def _gated(config: Config, tied: bool = False) -> dict[str, object]:
    return {
        **_sizes(config),
        "kv_heads": config.get("num_key_value_heads") or config["num_attention_heads"],
        "head_width": _head_width(config),
        "mlp_width": config["intermediate_size"],
        "gated": True,
        "tied": config.get("tie_word_embeddings", tied),
        "positions": "rotary",
        "norm": "rms",
        "biased": False,
        "dropout": False,
    }


def _head_width(config: Config) -> int:
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def _only(config: Config, **settings: object) -> None:
    """Refuses a setting that is counted otherwise than what a description can say."""
    for key, wanted in settings.items():
        if config.get(key, wanted) != wanted:
            given = f"{key} = {shown(config[key])} of a {config['model_type']}"
            raise InputError(f"{given} is not known exactly: {wanted!r} is")
