"""Decoders from before LLaMA: learned positions or ALiBi, layer norms, biases; and their keys."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.configs.decoders import sizes

LEARNED = {"positions": "learned", "norm": "layer", "dropout": False}


def gpt2(config: Config) -> Description:
    """GPT-2: learned positions, biases everywhere, a tied head; attention to another sequence where it is asked for."""
    hidden = config["hidden_size"]
    return {
        **sizes(config),
        "mlp_width": config.get("n_inner") or 4 * hidden,
        "tied": config.get("tie_word_embeddings", True),
        "dropout": config.get("resid_pdrop", 0.1) > 0,
        "cross_width": hidden if config.get("add_cross_attention", False) else 0,
    }


def openai_gpt(config: Config) -> Description:
    """GPT: norms after attention and MLP, none at the end."""
    after = {"norms_before": False, "norms_after": True, "final_norm": False}
    return {**sizes(config), **after, "tied": config.get("tie_word_embeddings", True)}


def gpt_neox(config: Config) -> Description:
    """GPT-NeoX and Pythia: rotary positions, biases everywhere but in the head."""
    biased = bool(config.get("attention_bias", True))
    return {
        **sizes(config),
        "mlp_width": config["intermediate_size"],
        "tied": config.get("tie_word_embeddings", False),
        "positions": "rotary",
        "biased": False,
        "qkv_biased": biased,
        "out_biased": biased,
        "mlp_biased": True,
        "dropout": config.get("hidden_dropout", 0.0) > 0,
    }


def gptj(config: Config) -> Description:
    """GPT-J and CodeGen: attention without biases beside an MLP with them, a head with a bias."""
    return {
        **sizes(config),
        "mlp_width": config.get("n_inner") or 4 * config["hidden_size"],
        "tied": config.get("tie_word_embeddings", False),
        "positions": "rotary",
        "parallel": True,
        "biased": False,
        "mlp_biased": True,
        "head_biased": True,
    }


def gpt_neo(config: Config) -> Description:
    """GPT-Neo: a window in every second layer, no biases of queries, keys and values."""
    return {
        **sizes(config),
        "mlp_width": config.get("intermediate_size") or 4 * config["hidden_size"],
        "tied": config.get("tie_word_embeddings", True),
        "biased": False,
        "out_biased": True,
        "mlp_biased": True,
    }


def gpt_bigcode(config: Config) -> Description:
    """StarCoder: GPT-2 with one head of keys."""
    one = {"kv_heads": 1} if config.get("multi_query", True) else {}
    return {**gpt2(config), **one}


def bloom(config: Config) -> Description:
    """BLOOM: ALiBi, a norm of the embedding, a tied head."""
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "vocab": config["vocab_size"],
        "context": config.get("seq_length", 2048),
        "tied": config.get("tie_word_embeddings", True),
        "positions": "alibi",
        "embedding_norm": True,
    }


def mpt(config: Config) -> Description:
    """MPT as released: ALiBi, and no biases in matmuls and norms."""
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "vocab": config["vocab_size"],
        "context": config["max_seq_len"],
        "mlp_width": 4 * config["hidden_size"],
        "tied": config.get("tie_word_embeddings", True),
        "positions": "alibi",
        "norm": "layer-unbiased",
        "biased": False,
    }


def opt(config: Config) -> Description:
    """OPT: two rows of positions more than the context; of 350M, narrow embeddings and norms after."""
    width = config.get("word_embed_proj_dim") or config["hidden_size"]
    before = bool(config.get("do_layer_norm_before", True))
    return {
        **sizes(config),
        "mlp_width": config["ffn_dim"],
        "position_rows": config["max_position_embeddings"] + 2,
        "tied": config.get("tie_word_embeddings", True),
        "norms_before": before,
        "norms_after": not before,
        "final_norm": before,
        "embedding_width": width if width != config["hidden_size"] else 0,
        "norm": "layer" if config.get("layer_norm_elementwise_affine", True) else "plain",
        "biased": bool(config.get("enable_bias", True)),
    }


def falcon(config: Config) -> Description:
    """Falcon: one head of keys, or groups of them in the newer kind, which has a norm for each side of a block."""
    newer = bool(config.get("new_decoder_architecture", False))
    parallel = bool(config.get("parallel_attn", True))
    heads, one = config["num_attention_heads"], bool(config.get("multi_query", True))
    norms = config.get("num_ln_in_parallel_attn") or (2 if newer else 1)
    return {
        **sizes(config),
        "kv_heads": (config.get("num_kv_heads") or heads) if newer else 1 if one else heads,
        "mlp_width": config.get("ffn_hidden_size") or 4 * config["hidden_size"],
        "tied": config.get("tie_word_embeddings", True),
        "positions": "alibi" if config.get("alibi", False) else "rotary",
        "parallel": parallel and norms == 1,
        "biased": bool(config.get("bias", False)),
    }


def biogpt(config: Config) -> Description:
    """BioGPT: OPT's positions, biases everywhere."""
    return {
        **sizes(config),
        "mlp_width": config["intermediate_size"],
        "position_rows": config["max_position_embeddings"] + 2,
        "tied": config.get("tie_word_embeddings", True),
    }


def xglm(config: Config) -> Description:
    """XGLM: fixed sines for positions."""
    return {
        **sizes(config),
        "mlp_width": config["ffn_dim"],
        "positions": "none",
        "tied": config.get("tie_word_embeddings", True),
        "cross_width": config["hidden_size"] if config.get("add_cross_attention", False) else 0,
    }


def ctrl(config: Config) -> Description:
    """CTRL: fixed sines for positions, a head with a bias."""
    return {
        **sizes(config),
        "mlp_width": config["dff"],
        "positions": "none",
        "tied": config.get("tie_word_embeddings", True),
        "head_biased": True,
    }


OLDER: Mapping[str, Reader] = {
    "gpt2": gpt2,
    "gpt-sw3": gpt2,
    "openai-gpt": openai_gpt,
    "gpt_neox": gpt_neox,
    "gptj": gptj,
    "codegen": gptj,
    "gpt_neo": gpt_neo,
    "gpt_bigcode": gpt_bigcode,
    "bloom": bloom,
    "mpt": mpt,
    "opt": opt,
    "falcon": falcon,
    "biogpt": biogpt,
    "xglm": xglm,
    "ctrl": ctrl,
}
"""Readers by `model_type`."""
