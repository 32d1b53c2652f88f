"""Meta's own params.json, as LLaMA's weights come with: from its keys to those of a config.json."""

from __future__ import annotations

from typing import Any

from froude.cost.model.configs.config import Config

MARKS = ("dim", "n_layers", "n_heads", "multiple_of")
"""Keys by which such a file is known."""


def is_params(config: Config) -> bool:
    """Whether a file without a type is one of Meta's."""
    return config.kind is None and all(key in config.document for key in MARKS)


def as_llama(config: Config) -> Config:
    """The same model in the keys of a llama: the MLP is two thirds of four times the width, scaled and rounded up.

    As in `FeedForward` of Meta's llama/model.py. InputError for a vocabulary of -1, which only the tokenizer knows.
    """
    width = config["dim"]
    multiple, scale = config["multiple_of"], config.get("ffn_dim_multiplier")
    inner = int(2 * 4 * width / 3)
    inner = int(scale * inner) if isinstance(scale, int | float) and scale > 0 else inner
    keys: dict[str, Any] = {
        "model_type": "llama",
        "hidden_size": width,
        "num_hidden_layers": config["n_layers"],
        "num_attention_heads": config["n_heads"],
        "num_key_value_heads": config.get("n_kv_heads"),
        "intermediate_size": multiple * -(-inner // multiple),
        "tie_word_embeddings": False,
    }
    return config.with_keys(keys)
