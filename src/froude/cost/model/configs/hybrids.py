"""Decoders with layers that keep a state, alone or among attention: from a config.json to a description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from froude.cost.model.configs.config import Config, Description, Reader, only
from froude.cost.model.configs.decoders import AFTER_ONLY, BASE, gated, sizes
from froude.cost.model.configs.mixtures import experts, late, latent, stepped
from froude.cost.model.pattern import text_of_layers

NORMED = {"positions": "none", "norm": "rms", "biased": False, "dropout": False}


def mamba(config: Config) -> Description:
    """Mamba and Falcon-Mamba: selective state spaces, no MLP and no attention."""
    hidden = config["hidden_size"]
    return {
        "layers": config["num_hidden_layers"],
        "hidden": hidden,
        "heads": hidden,
        "head_width": 1,
        "vocab": config["vocab_size"],
        "context": 2048,
        **NORMED,
        "tied": config.get("tie_word_embeddings", True),
        "mixers": "mamba",
        "mlps": "none",
        "inner_width": config.get("intermediate_size") or config.get("expand", 2) * hidden,
        "state_width": config["state_size"],
        "step_rank": _rank(config.get("time_step_rank"), hidden),
        "kernel": config["conv_kernel"],
        "kernel_biased": bool(config.get("use_conv_bias", True)),
        "state_biased": bool(config.get("use_bias", False)),
    }


def mamba2(config: Config) -> Description:
    """Mamba-2: state space duality in every layer."""
    heads = config["num_heads"]
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": heads,
        "head_width": config["head_dim"],
        "vocab": config["vocab_size"],
        "context": 2048,
        **NORMED,
        "tied": config.get("tie_word_embeddings", False),
        "mixers": "mamba2",
        "mlps": "none",
        "state_heads": heads,
        "state_head_width": config["head_dim"],
        "state_width": config["state_size"],
        "state_groups": config["n_groups"],
        "kernel": config["conv_kernel"],
        "kernel_biased": bool(config.get("use_conv_bias", True)),
        "state_biased": bool(config.get("use_bias", False)),
        "state_normed": True,
    }


def _rank(given: object, hidden: int) -> int:
    """The rank of the steps: a sixteenth of the hidden size where it is "auto"."""
    return given if isinstance(given, int) and given > 0 else -(-hidden // 16)


def jamba(config: Config) -> Description:
    """Jamba: attention in one of eight layers, experts in every second."""
    layers, hidden = range(config["num_hidden_layers"]), config["hidden_size"]
    attends = _every(layers, config["attn_layer_period"], config["attn_layer_offset"])
    sparse = _every(layers, config["expert_layer_period"], config["expert_layer_offset"])
    several = config["num_experts"] > 1
    return {
        **gated(config, positions="none"),
        **(experts(config, "intermediate_size") if several else {}),
        "mixers": text_of_layers(["full" if i in attends else "mamba" for i in layers]),
        "mlps": text_of_layers(["experts" if several and i in sparse else "dense" for i in layers]),
        "inner_width": config["mamba_expand"] * hidden,
        "state_width": config["mamba_d_state"],
        "step_rank": _rank(config.get("mamba_dt_rank"), hidden),
        "kernel": config["mamba_d_conv"],
        "kernel_biased": bool(config.get("mamba_conv_bias", True)),
        "state_biased": bool(config.get("mamba_proj_bias", False)),
        "state_normed": True,
    }


def _every(layers: Sequence[int], period: int, offset: int) -> set[int]:
    return {i for i in layers if i % period == offset}


def duality(config: Config) -> Description:
    """The sizes of Mamba-2's layers among others, as Bamba, Granite 4 and Falcon-H1 name them."""
    heads, width = config["mamba_n_heads"], config.get("mamba_d_head")
    inner = config.get("mamba_d_ssm") or config.get("mamba_expand", 2) * config["hidden_size"]
    return {
        "state_heads": heads,
        "state_head_width": width if isinstance(width, int) else inner // heads,
        "state_width": config["mamba_d_state"],
        "state_groups": config.get("mamba_n_groups") or 1,
        "kernel": config["mamba_d_conv"],
        "kernel_biased": bool(config.get("mamba_conv_bias", True)),
        "state_biased": bool(config.get("mamba_proj_bias", False)),
        "state_normed": True,
    }


def bamba(config: Config) -> Description:
    """Bamba: Mamba-2 with attention in the layers that are listed, an MLP in each."""
    listed = set(config.get("attn_layer_indices") or ())
    words = ["full" if i in listed else "mamba2" for i in range(config["num_hidden_layers"])]
    return {**gated(config), **duality(config), "mixers": text_of_layers(words)}


def granitemoehybrid(config: Config) -> Description:
    """Granite 4: Mamba-2 with attention in a few layers, a shared expert and maybe routed ones in each."""
    shared, routed = config["shared_intermediate_size"], config.get("num_local_experts") or 0
    inner = experts(config, "intermediate_size", shared_width=shared) if routed else {"mlp_width": shared}
    words = _words(config, {"mamba": "mamba2", "linear_attention": "mamba2"}, "mamba2")
    positions = "rotary" if config.get("position_embedding_type") == "rope" else "none"
    return {**gated(config, positions=positions), **duality(config), **inner, "mixers": words}


def _words(config: Config, known: Mapping[str, str], default: str) -> str:
    """The mixers of `layer_types`, or of what older files call so; full attention where nothing else is known."""
    types = config.get("layer_types") or config.get("layers_block_type")
    return text_of_layers([known.get(kind, "full") for kind in types]) if types else default


def falcon_h1(config: Config) -> Description:
    """Falcon-H1: attention and Mamba-2 side by side in every layer."""
    only(config, mamba_proj_bias=False, projectors_bias=False)
    normed = {"state_normed": bool(config.get("mamba_rms_norm", False))}
    return {**gated(config), **duality(config), **normed, "mixers": "full&mamba2"}


NEMOTRON_H = {
    "M": ("mamba2", "none"), "*": ("full", "none"), "-": ("none", "dense"), "E": ("none", "experts"),
    "mamba": ("mamba2", "none"), "linear_attention": ("mamba2", "none"), "attention": ("full", "none"),
    "full_attention": ("full", "none"), "mlp": ("none", "dense"), "dense": ("none", "dense"),
    "moe": ("none", "experts"), "sparse": ("none", "experts"),
}  # fmt: skip
"""Layers of Nemotron-H, each of which is a mixer or an MLP."""


def nemotron_h(config: Config) -> Description:
    """Nemotron-H, Nano 2 and Nemotron 3: layers that are Mamba-2, attention, an MLP or experts, one of them each."""
    types = config.get("layers_block_type") or config.get("hybrid_override_pattern") or "M"
    words = [NEMOTRON_H.get(kind, ("full", "none")) for kind in types]
    sparse = ("none", "experts") in words
    return {
        **gated(config.with_keys({"num_hidden_layers": len(words)}), gated=False, positions="none"),
        "mixers": text_of_layers([mixer for mixer, _ in words]),
        "mlps": text_of_layers([inner for _, inner in words]),
        "state_heads": config["mamba_num_heads"],
        "state_head_width": config["mamba_head_dim"],
        "state_width": config["ssm_state_size"],
        "state_groups": config.get("n_groups") or 1,
        "kernel": config["conv_kernel"],
        "kernel_biased": bool(config.get("use_conv_bias", True)),
        "state_biased": bool(config.get("use_bias", False)),
        "state_normed": True,
        "qkv_biased": False,
        "out_biased": False,
        "tied": False,
        **(_nemotron_experts(config) if sparse else {}),
    }


def _nemotron_experts(config: Config) -> Description:
    shared = config.get("moe_shared_expert_intermediate_size") or 0
    return experts(
        config, "moe_intermediate_size", shared_width=shared, expert_latent=config.get("moe_latent_size") or 0
    )


def deltas(config: Config) -> Description:
    """Gated delta rules with attention in one of four layers, as Qwen3-Next has them."""
    interval = config.get("full_attention_interval") or 4
    default = f"{interval - 1}*delta/full" if interval > 1 else "full"
    return {
        "mixers": _words(config, {"linear_attention": "delta"}, default),
        "state_key_heads": config["linear_num_key_heads"],
        "state_heads": config["linear_num_value_heads"],
        "state_width": config["linear_key_head_dim"],
        "state_head_width": config["linear_value_head_dim"],
        "kernel": config["linear_conv_kernel_dim"],
    }


def qwen3_next(config: Config) -> Description:
    """Qwen3-Next and Qwen3.5 with experts: gated delta rules and gated attention, a gated shared expert."""
    shared = {"shared_width": config["shared_expert_intermediate_size"], "shared_gated": True}
    width = config.get("intermediate_size") or config["moe_intermediate_size"]
    attends = gated(config, qk_norm=True, gate="values", mlp_width=width)
    return {**attends, **deltas(config), **experts(config, "moe_intermediate_size", **shared), **stepped(config)}


def qwen3_5(config: Config) -> Description:
    """Qwen3.5, dense: gated delta rules and gated attention."""
    return {**gated(config, qk_norm=True, gate="values"), **deltas(config)}


def olmo_hybrid(config: Config) -> Description:
    """OLMo Hybrid: gated delta rules and attention with norms after."""
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    key_heads = config.get("linear_num_key_heads") or heads
    width = config.get("linear_key_head_dim") or int(0.75 * hidden / key_heads)
    return {
        **gated(config, qk_norm=True, qk_norm_each=True, **AFTER_ONLY),
        "mixers": _words(config, {"linear_attention": "delta"}, "3*delta/full"),
        "state_key_heads": key_heads,
        "state_heads": config.get("linear_num_value_heads") or heads,
        "state_width": width,
        "state_head_width": config.get("linear_value_head_dim") or 2 * width,
        "kernel": config.get("linear_conv_kernel_dim") or 4,
    }


def minimax(config: Config) -> Description:
    """MiniMax-01 and M1: linear attention with full attention between, experts in every layer."""
    words = _words(config, {"linear_attention": "lightning"}, "full/lightning")
    return {**gated(config), **experts(config, "intermediate_size"), "mixers": words}


def lfm2(config: Config) -> Description:
    """LFM2: short convolutions with attention between; an MLP of two thirds of what is named, where it adjusts."""
    listed = config.get("full_attn_idxs")
    layers = range(config["num_hidden_layers"])
    default = text_of_layers(["full" if listed is None or i in listed else "convolution" for i in layers])
    return {
        **gated(config, qk_norm=True, mlp_width=_lfm2_width(config)),
        "tied": config.get("tie_word_embeddings", True),
        "mixers": _words(config, {"conv": "convolution", "linear_attention": "convolution"}, default),
        "kernel": config["conv_L_cache"],
        "kernel_biased": bool(config.get("conv_bias", False)),
    }


def _lfm2_width(config: Config) -> int:
    width = config["intermediate_size"]
    if not config.get("block_auto_adjust_ff_dim", False):
        return width
    multiple = config.get("block_multiple_of") or 256
    scaled = int((config.get("block_ffn_dim_multiplier") or 1.0) * int(2 * width / 3))
    return multiple * -(-scaled // multiple)


def lfm2_moe(config: Config) -> Description:
    """LFM2 with experts after the first dense layers."""
    dense = min(config.get("num_dense_layers") or 0, config["num_hidden_layers"])
    plain = lfm2(config)
    return {**plain, **experts(config, "moe_intermediate_size"), "mlp_width": config["intermediate_size"],
            "dense_layers": dense}  # fmt: skip


RECURRENT_GEMMA_LENGTH = 8192
"""Positions that Griffin is trained with: De et al. 2024, arXiv:2402.19427 (as remembered)."""


def recurrent_gemma(config: Config) -> Description:
    """RecurrentGemma: gated linear recurrences with attention to a window in each third layer."""
    types = config.get("block_types") or ["recurrent", "recurrent", "attention"]
    layers = range(config["num_hidden_layers"])
    words = ["window" if types[i % len(types)] in ("attention", "sliding_attention") else "recurrence" for i in layers]
    return {
        **sizes(config.with_keys({"max_position_embeddings": RECURRENT_GEMMA_LENGTH})),
        **BASE,
        "kv_heads": config.get("num_key_value_heads") or config["num_attention_heads"],
        "mlp_width": config["intermediate_size"] // 2,
        "tied": config.get("tie_word_embeddings", True),
        "qkv_biased": bool(config.get("attention_bias", False)),
        "out_biased": True,
        "mlp_biased": True,
        "mixers": text_of_layers(words),
        "window": config.get("attention_window_size") or 2048,
        "inner_width": config.get("lru_width") or config["hidden_size"],
        "kernel": config.get("conv1d_width") or 4,
    }


def kimi_linear(config: Config) -> Description:
    """Kimi Linear: Kimi Delta Attention with latent attention in one of four layers, experts after the first."""
    words = _words(config, {"linear_attention": "kimi-delta"}, "3*kimi-delta/full")
    return {
        **latent(config),
        **late(config),
        "tied": False,
        "mixers": words,
        "state_heads": config["linear_num_heads"],
        "state_head_width": config["linear_head_dim"],
        "kernel": config["linear_conv_kernel_dim"],
    }


HYBRIDS: Mapping[str, Reader] = {
    "mamba": mamba,
    "falcon_mamba": mamba,
    "mamba2": mamba2,
    "jamba": jamba,
    "bamba": bamba,
    "granitemoehybrid": granitemoehybrid,
    "falcon_h1": falcon_h1,
    "nemotron_h": nemotron_h,
    "qwen3_next": qwen3_next,
    "qwen3_5_text": qwen3_5,
    "qwen3_5_moe_text": qwen3_next,
    "olmo_hybrid": olmo_hybrid,
    "minimax": minimax,
    "lfm2": lfm2,
    "lfm2_moe": lfm2_moe,
    "recurrent_gemma": recurrent_gemma,
    "kimi_linear": kimi_linear,
}
"""Readers by `model_type`."""
