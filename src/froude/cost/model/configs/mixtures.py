"""Decoders with experts: from a config.json to a description."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.configs.decoders import AFTER_ONLY, gated, last_windows, windows
from froude.cost.model.pattern import text_of_layers


def experts(config: Config, width: str, **traits: object) -> Description:
    """Experts in every layer, of a width that a key has."""
    return {
        "experts": first(config, "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
        "top_k": first(config, "num_experts_per_tok", "moe_k", "moe_topk"),
        "expert_width": config[width],
        **traits,
    }


def first(config: Config, *keys: str) -> int:
    """The value of the first of these keys that there is; KeyError, naming the first, where there is none."""
    value = next((config[key] for key in keys if config.get(key) is not None), None)
    if value is None:
        raise KeyError(keys[0])
    return value


def mixtral(config: Config) -> Description:
    """Mixtral: Mistral with experts in every layer."""
    return {**gated(config), **windows(config), **experts(config, "intermediate_size")}


def qwen2_moe(config: Config) -> Description:
    """Qwen1.5-MoE and Qwen2-MoE: a gated shared expert; dense layers between those with experts."""
    shared = {"shared_width": config["shared_expert_intermediate_size"], "shared_gated": True}
    biased = bool(config.get("qkv_bias", True))
    dense = gated(config, qkv_biased=biased, out_biased=False)
    return {**dense, **last_windows(config), **experts(config, "moe_intermediate_size", **shared), **stepped(config)}


def qwen3_moe(config: Config) -> Description:
    """Qwen3 with experts in all layers but those that are listed, or in each so many."""
    return {
        **gated(config, qk_norm=True),
        **last_windows(config),
        **experts(config, "moe_intermediate_size"),
        **stepped(config),
    }


def stepped(config: Config) -> Description:
    """Which layers are dense: those in `mlp_only_layers`, and where a step is given all but each so many."""
    step, dense = config.get("decoder_sparse_step", 1) or 1, set(config.get("mlp_only_layers") or ())
    layers = range(config["num_hidden_layers"])
    words = ["experts" if i not in dense and (i + 1) % step == 0 else "dense" for i in layers]
    return {"mlps": text_of_layers(words)} if "dense" in words else {}


def olmoe(config: Config) -> Description:
    """OLMoE: norms of all heads of queries and keys."""
    return {**gated(config, qk_norm=True, qk_norm_each=True), **experts(config, "intermediate_size")}


def flex_olmo(config: Config) -> Description:
    """FlexOlmo: OLMoE with norms after."""
    return {**olmoe(config), **AFTER_ONLY}


def granitemoe(config: Config) -> Description:
    """Granite 3 with experts, and a shared one in its later kind."""
    shared = config.get("shared_intermediate_size", 0) or 0
    inner = experts(config, "intermediate_size", shared_width=shared)
    return {**gated(config, sinks=config.kind == "granitemoe_swa"), **windows(config), **inner}


def phimoe(config: Config) -> Description:
    """Phi-3.5-MoE: layer norms, a head with a bias."""
    head = bool(config.get("lm_head_bias", False))
    dense = gated(config, norm="layer", head_biased=head)
    return {**dense, **windows(config), **experts(config, "intermediate_size")}


def dbrx(config: Config) -> Description:
    """DBRX: layer norms without biases; sizes of attention and experts in tables of their own."""
    inner, mixing = config["ffn_config"], config["attn_config"]
    return {
        "layers": config["n_layers"],
        "hidden": config["d_model"],
        "heads": config["n_heads"],
        "vocab": config["vocab_size"],
        "context": config["max_seq_len"],
        "kv_heads": mixing["kv_n_heads"],
        "mlp_width": inner["ffn_hidden_size"],
        "experts": inner["moe_num_experts"],
        "top_k": inner["moe_top_k"],
        "gated": True,
        "tied": config.get("tie_word_embeddings", False),
        "positions": "rotary",
        "norm": "layer-unbiased",
        "biased": False,
    }


def latent(config: Config) -> Description:
    """DeepSeek-V2's attention in place of LLaMA's."""
    kept = {key: value for key, value in gated(config).items() if key not in ("kv_heads", "head_width")}
    biased = bool(config.get("attention_bias", False))
    return {
        **kept,
        "qkv_biased": False,
        "out_biased": biased,
        "latent_biased": biased,
        "q_rank": config.get("q_lora_rank") or 0,
        "kv_rank": config["kv_lora_rank"],
        "nope_width": config["qk_nope_head_dim"],
        "rope_width": config["qk_rope_head_dim"],
        "value_width": config["v_head_dim"],
    }


def late(config: Config, dense: str = "first_k_dense_replace") -> Description:
    """Experts of which some are shared, after some dense layers, or in the layers that are listed."""
    shared = config.get("n_shared_experts") or config.get("num_shared_experts") or 0
    return {
        **experts(config, "moe_intermediate_size", shared_experts=shared),
        **(listed(config) or {"dense_layers": min(config.get(dense) or 0, config["num_hidden_layers"])}),
    }


def listed(config: Config) -> Description:
    """Which layers have experts, where `mlp_layer_types` says it."""
    types = config.get("mlp_layer_types")
    words = ["experts" if kind in ("sparse", "moe") else "dense" for kind in types or ()]
    return {"mlps": text_of_layers(words)} if words else {}


def deepseek(config: Config) -> Description:
    """DeepSeek-V2 and V3: latent attention, shared experts, the first layers dense.

    What corrects V3's router is no trained parameter and is not counted; nor is multi-token prediction.
    """
    return {**latent(config), **late(config)}


def deepseek_v32(config: Config) -> Description:
    """DeepSeek-V3.2 and GLM-5: attention to the keys that an indexer chooses."""
    return {
        **deepseek(config),
        "mlp_biased": False,
        "sparse_keys": config["index_topk"],
        "index_heads": config["index_n_heads"],
        "index_width": config["index_head_dim"],
    }


def glm4_moe(config: Config) -> Description:
    """GLM-4.5: shared experts, the first layers dense, maybe norms of queries and keys."""
    norms = {"qk_norm": True} if config.get("use_qk_norm", False) else {}
    width = config.get("intermediate_size") or config["moe_intermediate_size"]
    return {**gated(config, out_biased=False, mlp_width=width, **norms), **late(config)}


def gpt_oss(config: Config) -> Description:
    """gpt-oss: biases of attention, router and experts, sinks, a window in every second layer."""
    dense = gated(config, sinks=True)
    traits = {"router_biased": True, "experts_biased": True}
    return {**dense, **windows(config, "window/full"), **experts(config, "intermediate_size", **traits)}


def llama4_text(config: Config) -> Description:
    """Llama 4: a routed and a shared expert of each token, dense layers between, most attention in chunks."""
    layers, step = config["num_hidden_layers"], config.get("interleave_moe_layer_step", 1)
    moe = config.get("moe_layers")
    sparse = set(range(step - 1, layers, step)) if moe is None else set(moe)
    words = ["experts" if i in sparse else "dense" for i in range(layers)]
    return {
        **gated(config, mlp_width=config["intermediate_size_mlp"]),
        **windows(config, "3*window/full"),
        **experts(config, "intermediate_size", shared_experts=1),
        "mlps": text_of_layers(words),
    }


def minimax_m2(config: Config) -> Description:
    """MiniMax-M2: norms of all heads of queries and keys."""
    return {**gated(config, qk_norm=True, qk_norm_each=True), **experts(config, "intermediate_size")}


def hunyuan_v1_moe(config: Config) -> Description:
    """Hunyuan-A13B: norms of queries and keys, one shared expert as wide as the others."""
    return {**gated(config, qk_norm=True), **experts(config, "intermediate_size", shared_experts=1)}


def ernie4_5_moe(config: Config) -> Description:
    """ERNIE 4.5 with experts, some of them shared."""
    biased = bool(config.get("use_bias", False))
    shared = config.get("moe_num_shared_experts") or 0
    layers, start = config["num_hidden_layers"], config.get("moe_layer_start_index", 1)
    step = config.get("moe_layer_interval", 1) or 1
    words = ["experts" if (i + 1) % step == 0 and i >= start else "dense" for i in range(layers)]
    return {
        **gated(config, qkv_biased=biased, out_biased=biased, mlp_biased=biased, head_biased=biased),
        **experts(config, "moe_intermediate_size", shared_experts=shared, router_biased=True),
        "mlps": text_of_layers(words),
    }


def dots1(config: Config) -> Description:
    """dots.llm1: norms of queries and keys, shared experts, the first layers dense."""
    return {**gated(config, qk_norm=True), **windows(config), **late(config)}


MIXTURES: Mapping[str, Reader] = {
    "mixtral": mixtral,
    "qwen2_moe": qwen2_moe,
    "qwen3_moe": qwen3_moe,
    "olmoe": olmoe,
    "flex_olmo": flex_olmo,
    "granitemoe": granitemoe,
    "granitemoe_swa": granitemoe,
    "granitemoeshared": granitemoe,
    "phimoe": phimoe,
    "dbrx": dbrx,
    "deepseek_v2": deepseek,
    "deepseek_v3": deepseek,
    "kimi_k2": deepseek,
    "glm4_moe_lite": deepseek,
    "deepseek_v32": deepseek_v32,
    "glm_moe_dsa": deepseek_v32,
    "minicpm3": latent,
    "youtu": latent,
    "glm4_moe": glm4_moe,
    "solar_open": glm4_moe,
    "gpt_oss": gpt_oss,
    "llama4_text": llama4_text,
    "minimax_m2": minimax_m2,
    "hunyuan_v1_moe": hunyuan_v1_moe,
    "ernie4_5_moe": ernie4_5_moe,
    "dots1": dots1,
    "exaone_moe": dots1,
}
"""Readers by `model_type`."""
