"""Decoders whose layers all attend and have one MLP, as LLaMA and its kin: from a config.json to a description."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.pattern import text_of_layers

BASE = {"gated": True, "positions": "rotary", "norm": "rms", "biased": False, "dropout": False}
"""What most decoders of language since LLaMA have in common."""

AFTER_ONLY = {"norms_before": False, "norms_after": True}
LAYERS = {"sliding_attention": "window", "chunked_attention": "window", "full_attention": "full"}
"""Words of a description for those of `layer_types`."""


def sizes(config: Config) -> Description:
    """The sizes that every decoder has, under their usual keys."""
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "vocab": config["vocab_size"],
        "context": config["max_position_embeddings"],
    }


def gated(config: Config, **traits: object) -> Description:
    """LLaMA: grouped keys, a gated MLP, RMS norms, an untied head; biases where the file has them.

    `traits` are what another architecture has otherwise.
    """
    biased = bool(config.get("attention_bias", False))
    return {
        **sizes(config),
        "kv_heads": config.get("num_key_value_heads") or config["num_attention_heads"],
        "head_width": head_width(config),
        "mlp_width": traits["mlp_width"] if "mlp_width" in traits else config["intermediate_size"],
        **BASE,
        "tied": config.get("tie_word_embeddings", False),
        "qkv_biased": biased,
        "out_biased": biased,
        "mlp_biased": bool(config.get("mlp_bias", False)),
        **traits,
    }


def head_width(config: Config) -> int:
    """The width of a head: as given, or what the hidden size has for each."""
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def windows(config: Config, default: str = "") -> Description:
    """Which layers attend to a window: as `layer_types` says; else those of a default pattern, or all."""
    window = config.get("sliding_window") or config.get("attention_chunk_size") or 0
    types = config.get("layer_types")
    if types is not None:
        mixers = text_of_layers([LAYERS.get(kind, "full") for kind in types])
        return {"mixers": mixers, "window": window} if "window" in mixers and window else {}
    if not window:
        return {}
    return {"mixers": default, "window": window} if default else {"window": window}


def mistral(config: Config) -> Description:
    """Mistral: LLaMA with a window in all layers, or in those that are listed."""
    return {**gated(config), **windows(config)}


def qwen2(config: Config) -> Description:
    """Qwen2 and 2.5: biases of queries, keys and values; a window in the last layers where it is used."""
    return {**gated(config, qkv_biased=True, out_biased=False), **last_windows(config)}


def qwen3(config: Config) -> Description:
    """Qwen3: norms of queries and keys."""
    return {**gated(config, qk_norm=True), **last_windows(config)}


def last_windows(config: Config) -> Description:
    """A window in the layers from `max_window_layers` on, where `use_sliding_window` is."""
    if not config.get("use_sliding_window", False):
        return {}
    layers, window = config["num_hidden_layers"], config.get("sliding_window") or 0
    windowed = max(layers - config.get("max_window_layers", layers), 0)
    return {"window": window, "windowed_layers": windowed} if windowed and window else {}


def smollm3(config: Config) -> Description:
    """SmolLM3: LLaMA, a part of its layers without positions."""
    return {**gated(config), **(windows(config) if config.get("use_sliding_window", False) else {})}


def gemma(config: Config) -> Description:
    """Gemma: a tied head and wide heads."""
    return gated(config, head_width=config["head_dim"], tied=config.get("tie_word_embeddings", True))


def gemma2(config: Config) -> Description:
    """Gemma 2: norms before and after, a window in every second layer from the first."""
    return {**gemma(config), "norms_after": True, **windows(config, "window/full")}


def gemma3_text(config: Config) -> Description:
    """Gemma 3: Gemma 2 with norms of queries and keys, and a window in five of six layers."""
    return {**gemma(config), "norms_after": True, "qk_norm": True, **windows(config, "5*window/full")}


def vaultgemma(config: Config) -> Description:
    """VaultGemma: Gemma 2 without norms after."""
    return {**gemma(config), **windows(config, "window/full")}


def phi3(config: Config) -> Description:
    """Phi-3 and 4: LLaMA with joined projections."""
    return {**gated(config, qkv_biased=False, out_biased=False), **windows(config)}


def phi(config: Config) -> Description:
    """Phi-1 and 2: attention and MLP side by side, biases everywhere, in the head too."""
    traits = {"gated": False, "norm": "layer", "biased": True, "parallel": True, "head_biased": True}
    return gated(config, **traits, **_qk_norms(config, qk_norm_biased=True))


def _qk_norms(config: Config, **traits: object) -> Description:
    return {"qk_norm": True, **traits} if config.get("qk_layernorm", False) else {}


def olmo(config: Config) -> Description:
    """OLMo: norms without gains."""
    return gated(config, norm="plain")


def olmo2(config: Config) -> Description:
    """OLMo 2 and 3: norms after attention and MLP, and of all heads of queries and keys; 3 has windows."""
    return {**gated(config, qk_norm=True, qk_norm_each=True, **AFTER_ONLY), **windows(config)}


def glm(config: Config) -> Description:
    """GLM-4: biases of queries, keys and values."""
    return gated(config, out_biased=False)


def glm4(config: Config) -> Description:
    """GLM-4-0414: norms after too."""
    return gated(config, out_biased=False, norms_after=True)


def exaone4(config: Config) -> Description:
    """EXAONE 4: norms after, and of queries and keys."""
    return {**gated(config, qk_norm=True, **AFTER_ONLY), **windows(config)}


def seed_oss(config: Config) -> Description:
    """Seed-OSS: a bias of the projection back of its own."""
    return gated(config, out_biased=bool(config.get("attention_out_bias", False)))


def ernie4_5(config: Config) -> Description:
    """ERNIE 4.5: biases everywhere, or nowhere."""
    return gated(config, biased=bool(config.get("use_bias", False)))


def hunyuan_v1_dense(config: Config) -> Description:
    """Hunyuan: norms of queries and keys."""
    return gated(config, qk_norm=True)


def arcee(config: Config) -> Description:
    """Arcee: a plain MLP."""
    return gated(config, gated=False)


def nemotron(config: Config) -> Description:
    """Nemotron 3 and 4 of 2024: a plain MLP and layer norms."""
    return gated(config, gated=False, norm="layer")


def stablelm(config: Config) -> Description:
    """StableLM: layer norms, one of them where attention and MLP stand side by side; norms of each head of queries."""
    parallel = bool(config.get("use_parallel_residual", False))
    biased = bool(config.get("use_qkv_bias", False))
    norms = _qk_norms(config, qk_norm_each=True)
    return gated(config, norm="layer", parallel=parallel, qkv_biased=biased, out_biased=False, **norms)


def starcoder2(config: Config) -> Description:
    """StarCoder2: layer norms, a plain MLP, biases."""
    biased = bool(config.get("use_bias", True))
    return {**gated(config, gated=False, norm="layer", biased=biased), **windows(config)}


def persimmon(config: Config) -> Description:
    """Persimmon: layer norms, a plain MLP, biases, norms of queries and keys."""
    return gated(config, gated=False, norm="layer", biased=True, **_qk_norms(config, qk_norm_biased=True))


def cohere(config: Config) -> Description:
    """Command R: attention and MLP side by side on one norm without bias, a tied head."""
    norms = {"qk_norm": True, "qk_norm_each": True} if config.get("use_qk_norm", False) else {}
    return gated(config, norm="layer-unbiased", parallel=True, **norms)


def cohere2(config: Config) -> Description:
    """Command R7B and A: windows in three of four layers."""
    return {**cohere(config), **windows(config, "3*window/full")}


def apertus(config: Config) -> Description:
    """Apertus: a plain MLP whose activation has two trained numbers, and norms of queries and keys."""
    return gated(config, gated=False, qk_norm=True, activation_scalars=2)


def granite_swa(config: Config) -> Description:
    """Granite with windows and sinks."""
    return {**gated(config, sinks=True), **windows(config)}


DECODERS: Mapping[str, Reader] = {
    **dict.fromkeys(
        (
            "llama", "cwm", "helium", "granite", "ministral3", "exaone",
        ),
        gated,
    ),
    "mistral": mistral,
    "ministral": mistral,
    "granite_swa": granite_swa,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "smollm3": smollm3,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3_text": gemma3_text,
    "vaultgemma": vaultgemma,
    "phi3": phi3,
    "phi": phi,
    "olmo": olmo,
    "olmo2": olmo2,
    "olmo3": olmo2,
    "glm": glm,
    "glm4": glm4,
    "exaone4": exaone4,
    "seed_oss": seed_oss,
    "ernie4_5": ernie4_5,
    "hunyuan_v1_dense": hunyuan_v1_dense,
    "arcee": arcee,
    "nemotron": nemotron,
    "stablelm": stablelm,
    "starcoder2": starcoder2,
    "persimmon": persimmon,
    "cohere": cohere,
    "cohere2": cohere2,
    "apertus": apertus,
}  # fmt: skip
"""Readers by `model_type`."""
