"""Encoders with decoders that attend to them, of text and of speech: from a config.json to a description."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader, only
from froude.cost.model.configs.heads import class_of, labels

T5_LENGTH = 512
"""Positions that T5 is pretrained with: Raffel et al. 2019, arXiv:1910.10683, section 3.1.2."""


def t5(config: Config) -> Description:
    """T5, mT5 and Flan-T5: RMS norms, no biases, one table of relative positions a stack, gated in later kinds."""
    stack: Description = {
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "head_width": config["d_kv"],
        "mlp_width": config["d_ff"],
        "gated": _is_gated(config),
        "vocab": config["vocab_size"],
        "context": config.get("n_positions") or T5_LENGTH,
        "positions": "none",
        "norm": "rms",
        "biased": False,
        "dropout": config.get("dropout_rate", 0.1) > 0,
        "relative_buckets": config["relative_attention_num_buckets"],
    }
    encoder = {**stack, "layers": config["num_layers"], "causal": False, "head": "none"}
    name = class_of(config)
    if name.endswith("ForTokenClassification"):
        return {**encoder, "head": "classes", "classes": labels(config), "head_biased": True}
    decoder = {
        **stack,
        "layers": config.get("num_decoder_layers") or config["num_layers"],
        "cross_width": config["hidden_size"],
        "tied": config.get("tie_word_embeddings", True) is not False,
        **_head(config),
    }
    return _both(config, encoder, decoder)


def _is_gated(config: Config) -> bool:
    return str(config.get("feed_forward_proj", "relu")).startswith("gated") or bool(config.get("is_gated_act", False))


def _head(config: Config) -> Description:
    """The head of a decoder that attends to an encoder, by the end of its class's name."""
    name = class_of(config)
    if name.endswith("ForSequenceClassification"):
        return {"head": "classes", "classes": labels(config), "head_biased": True, "head_transform": True}
    if name.endswith("ForQuestionAnswering"):
        return {"head": "classes", "classes": labels(config), "head_biased": True}
    return {"head": "none"} if name.endswith("Model") else {}


def bart(config: Config) -> Description:
    """BART: learned positions, norms after each layer and of the embedding."""
    return _pair(config, norms_before=False, norms_after=True, final_norm=False, embedding_norm=True, extra_rows=2)


def mbart(config: Config) -> Description:
    """mBART: norms before each layer, of the embedding and at the end."""
    return _pair(config, embedding_norm=True, extra_rows=2)


def pegasus(config: Config) -> Description:
    """Pegasus: norms before each layer, fixed sines that are stored as a table."""
    return _pair(config)


def marian(config: Config) -> Description:
    """Marian: norms after each layer, fixed sines that are stored as a table."""
    return _pair(config, norms_before=False, norms_after=True, final_norm=False)


def blenderbot_small(config: Config) -> Description:
    """Blenderbot of 90M: BART with as many rows as positions."""
    return _pair(config, norms_before=False, norms_after=True, final_norm=False, embedding_norm=True)


def m2m_100(config: Config) -> Description:
    """M2M-100 and NLLB: norms before each layer, fixed sines that are not stored."""
    only(config, tie_word_embeddings=True)
    return _pair(config, positions="none")


def _pair(config: Config, extra_rows: int = 0, **traits: object) -> Description:
    """Two stacks of layer norms, biases and plain MLPs that share one table of tokens."""
    length, hidden = config["max_position_embeddings"], config["d_model"]
    stack: Description = {
        "hidden": hidden,
        "vocab": config["vocab_size"],
        "context": length,
        "position_rows": length + extra_rows if traits.get("positions", "learned") == "learned" else 0,
        "dropout": (config.get("dropout") or 0) > 0,
        **traits,
    }
    encoder = {**stack, **_stack(config, "encoder"), "causal": False, "head": "none"}
    tied = config.get("tie_word_embeddings", True) is not False
    decoder = {**stack, **_stack(config, "decoder"), "cross_width": hidden, "tied": tied, **_head(config)}
    return _both(config, encoder, decoder)


def _both(config: Config, encoder: Description, decoder: Description, **traits: object) -> Description:
    """Encoder and decoder, or the one that a class has alone."""
    name = class_of(config)
    if name.endswith("ForCausalLM"):
        return decoder
    if name.endswith(("Encoder", "EncoderModel")):
        return encoder
    return {"family": "encoder-decoder", **traits, "encoder": encoder, "decoder": decoder}


def _stack(config: Config, side: str) -> Description:
    return {
        "layers": config[f"{side}_layers"],
        "heads": config[f"{side}_attention_heads"],
        "mlp_width": config[f"{side}_ffn_dim"],
    }


def whisper(config: Config) -> Description:
    """Whisper: two convolutions over frames of sound, keys without biases."""
    hidden = config["d_model"]
    stack: Description = {
        "hidden": hidden,
        "vocab": config["vocab_size"],
        "biased": False,
        "qkv_biased": True,
        "keys_unbiased": True,
        "out_biased": True,
        "mlp_biased": True,
        "dropout": (config.get("dropout") or 0) > 0,
    }
    source = config["max_source_positions"]
    frames = {"frames": config["num_mel_bins"], "context": source, "causal": False, "head": "none"}
    encoder = {**stack, **_stack(config, "encoder"), **frames}
    decoder = {
        **stack,
        **_stack(config, "decoder"),
        "context": config["max_target_positions"],
        "cross_width": hidden,
        "cross_length": source,
        "tied": config.get("tie_word_embeddings", True) is not False,
        **_head(config),
    }
    return _both(config, encoder, decoder, shared=False)


PAIRS: Mapping[str, Reader] = {
    "t5": t5,
    "mt5": t5,
    "bart": bart,
    "plbart": bart,
    "mvp": bart,
    "mbart": mbart,
    "pegasus": pegasus,
    "blenderbot": pegasus,
    "blenderbot-small": blenderbot_small,
    "marian": marian,
    "m2m_100": m2m_100,
    "whisper": whisper,
}
"""Readers by `model_type`."""
