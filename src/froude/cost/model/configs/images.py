"""Towers of images and their pairs with text, as CLIP: from a config.json to a description."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.configs.heads import class_of, labels


def tower(config: Config, **traits: object) -> Description:
    """A vision transformer under the keys that most configurations of images have, without a head."""
    return {
        "family": "vit",
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "image": config["image_size"],
        "patch": config["patch_size"],
        "channels": config.get("num_channels") or 3,
        "mlp_width": config["intermediate_size"],
        "dropout": config.get("hidden_dropout_prob", 0.0) > 0,
        "head": "none",
        **traits,
    }


def vit(config: Config) -> Description:
    """ViT: a class token, and classes of an image."""
    return tower(config, qkv_biased=bool(config.get("qkv_bias", True)), **_head(config, "pooled"))


def deit(config: Config) -> Description:
    """DeiT: a token for distillation beside the class token."""
    return {**vit(config), "tokens": 2}


def _head(config: Config, bare: str) -> Description:
    name = class_of(config)
    if name.endswith("Model"):
        return {"head": bare}
    return {"head": "classes", "classes": labels(config)}


def clip_vision(config: Config) -> Description:
    """CLIP's tower of images: a norm before the layers, patches without a bias."""
    projected = config["projection_dim"] if class_of(config).endswith("WithProjection") else 0
    return tower(config, patch_biased=False, first_norm=True, projection=projected)


def clip_text(config: Config) -> Description:
    """CLIP's tower of text: a causal decoder without a head, which diffusion models read."""
    projected = class_of(config).endswith("WithProjection")
    head = {"head": "classes", "classes": config["projection_dim"]} if projected else {"head": "none"}
    return {**_text(config), **head}


def _text(config: Config) -> Description:
    return {
        "layers": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"],
        "vocab": config["vocab_size"],
        "context": config["max_position_embeddings"],
        "mlp_width": config["intermediate_size"],
        "dropout": False,
    }


def clip(config: Config) -> Description:
    """CLIP: towers of text and images, each projected to one width, and a scale of their products."""
    text, vision = config.part("text_config", "clip_text_model"), config.part("vision_config", "clip_vision_model")
    if class_of(config).endswith("ForImageClassification"):
        return {**clip_vision(vision), "head": "classes", "classes": labels(config)}
    return {
        "family": "joined",
        "text": {**_text(text), "head": "none"},
        "vision": clip_vision(vision),
        "projection": config["projection_dim"],
        "scalars": 1,
    }


def siglip_vision(config: Config) -> Description:
    """SigLIP's tower of images: no class token, a trained query that attends to all patches."""
    attended = config.get("vision_use_head", True) is not False
    return tower(config, tokens=0, head="attention" if attended else "none")


def siglip_text(config: Config) -> Description:
    """SigLIP's tower of text: sees both ways, a projection with a bias."""
    width = config.get("projection_size") or config["hidden_size"]
    return {**_text(config), "causal": False, "head": "classes", "classes": width, "head_biased": True}


def siglip(config: Config) -> Description:
    """SigLIP: towers of text and images, a scale and an offset of their products."""
    text = siglip_text(config.part("text_config", "siglip_text_model"))
    vision = siglip_vision(config.part("vision_config", "siglip_vision_model"))
    if class_of(config).endswith("ForImageClassification"):
        kind = "attention-classes" if vision["head"] == "attention" else "classes"
        return {**vision, "head": kind, "classes": labels(config)}
    return {"family": "joined", "text": text, "vision": vision, "scalars": 2}


def dinov2(config: Config) -> Description:
    """DINOv2: layers scaled by trained vectors, a row for masked patches, register tokens in its later kind."""
    registers = config.get("num_register_tokens") or 0
    ratio = config.get("mlp_ratio") or 4
    hidden = config["hidden_size"]
    swiglu = bool(config.get("use_swiglu_ffn", False))
    width = 8 * -(-int(int(hidden * ratio) * 2 / 3) // 8) if swiglu else int(hidden * ratio)
    return {
        "family": "vit",
        "layers": config["num_hidden_layers"],
        "hidden": hidden,
        "heads": config["num_attention_heads"],
        "image": config["image_size"],
        "patch": config["patch_size"],
        "channels": config.get("num_channels") or 3,
        "mlp_width": width,
        "gated": swiglu,
        "tokens": 1,
        "registers": registers,
        "mask_row": True,
        "head_inputs": 2,
        "qkv_biased": bool(config.get("qkv_bias", True)),
        "scaled": True,
        **_head(config, "none"),
    }


IMAGES: Mapping[str, Reader] = {
    "vit": vit,
    "deit": deit,
    "dinov2": dinov2,
    "dinov2_with_registers": dinov2,
    "clip": clip,
    "clip_vision_model": clip_vision,
    "clip_text_model": clip_text,
    "siglip": siglip,
    "siglip_vision_model": siglip_vision,
    "siglip_text_model": siglip_text,
}
"""Readers by `model_type`."""
