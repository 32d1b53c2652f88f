"""Models of text that see images: the text model of a config.json, its tower and what joins them.

The tower is counted where its architecture is known; else the text model alone, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from froude.cost.model.configs.config import Config, Description

Read = Callable[[Config], Description]
Joined = Callable[[Config, Read], Description]


def gemma3(config: Config, read: Read) -> Description:
    """Gemma 3 with images: SigLIP, averaged to fewer positions, normed and projected without a bias."""
    text, vision = _parts(config, read, "gemma3_text", "siglip_vision_model")
    widths = [vision["hidden"], text["hidden"]]
    merges = (vision["image"] // vision["patch"]) ** 2 // (config.get("mm_tokens_per_image") or 256) or 1
    projector = {"projector": widths, "projector_biased": False, "projector_norm": vision["hidden"]}
    return {**_joined(text, vision), **projector, "projector_merges": merges}


def llava(config: Config, read: Read) -> Description:
    """LLaVA: CLIP's tower and two matrices to the text model."""
    text, vision = _parts(config, read, "llama", "clip_vision_model")
    biased = config.get("multimodal_projector_bias", True) is not False
    widths = [vision["hidden"], text["hidden"], text["hidden"]]
    extra = {"newline": text["hidden"]} if config.kind in ("llava_next", "llava_onevision") else {}
    return {**_joined(text, vision), "projector": widths, "projector_biased": biased, **extra}


def paligemma(config: Config, read: Read) -> Description:
    """PaliGemma: SigLIP and one matrix to Gemma."""
    text, vision = _parts(config, read, "gemma", "siglip_vision_model")
    width = vision["hidden"], config.get("projection_dim") or text["hidden"]
    return {**_joined(text, {**vision, "head": "none"}), "projector": list(width)}


def _parts(config: Config, read: Read, text: str, vision: str) -> tuple[dict[str, Any], dict[str, Any]]:
    words, sights = config.part("text_config", text), config.part("vision_config", vision)
    return read(words.with_keys(of_whole(config))), read(sights)


def of_whole(config: Config) -> dict[str, Any]:
    """What a configuration of several parts says of its text model's head: class, labels, and whether it is tied."""
    keys = ("architectures", "num_labels", "id2label", "tie_word_embeddings")
    return {key: config[key] for key in keys if config.get(key) is not None}


def _joined(text: Description, vision: Description) -> Description:
    return {"family": "joined", "text": text, "vision": vision}


JOINED: Mapping[str, Joined] = {"gemma3": gemma3, "llava": llava, "paligemma": paligemma}
"""Readers by `model_type`; each is given the reader of its parts."""

TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Keys under which a configuration of several parts has its text model."""
