"""Descriptions from the config.json of a Hugging Face model, for architectures that can be counted exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from froude.cost.model.configs.config import CONFIG_FILE, Config, Description, Reader
from froude.cost.model.configs.decoders import DECODERS
from froude.cost.model.configs.encoders import ENCODERS
from froude.cost.model.configs.heads import class_of, decoder_head
from froude.cost.model.configs.hybrids import HYBRIDS
from froude.cost.model.configs.images import IMAGES
from froude.cost.model.configs.meta import as_llama, is_params
from froude.cost.model.configs.mixtures import MIXTURES
from froude.cost.model.configs.multimodal import JOINED, TEXT_PARTS, of_whole
from froude.cost.model.configs.older import OLDER
from froude.cost.model.configs.pairs import PAIRS
from froude.errors import InputError, close_names, shown

HEADED: Mapping[str, Reader] = {**OLDER, **DECODERS, **MIXTURES, **HYBRIDS}
"""Readers of decoders, whose head is told by their class, by `model_type`."""

READERS: Mapping[str, Reader] = {**HEADED, **ENCODERS, **PAIRS, **IMAGES}
"""Readers of models that are of one part, or pairs of known parts, by `model_type`."""

KINDS = (*READERS, *JOINED)
NEAREST = 5


def read_config(path: Path) -> tuple[str, dict[str, object], tuple[str, ...]]:
    """A model's name, its description, and what of the file is not in it, from a config.json.

    Raises InputError for a file that is no such configuration, an architecture that is not known exactly, or a
    setting of it that has no word in a description.
    """
    config = Config(path=path, document=CONFIG_FILE.read_json(path, dict))
    name = config.get("_name_or_path") or path.resolve().parent.name
    try:
        config = as_llama(config) if is_params(config) else config
        kind = kind_of(config)
        if kind is not None:
            return name, describe(config.as_kind(kind)), ()
        description, key = _text_alone(config)
        return name, description, (f"model: the {key} of {shown(config.kind)} alone is counted, not its other parts",)
    except KeyError as error:
        raise CONFIG_FILE.wrong(path, f"{error.args[0]} is missing, which a {config.kind} has") from None


def describe(config: Config) -> Description:
    """The description of a configuration whose type is known."""
    kind = str(config.kind)
    if kind in JOINED:
        return JOINED[kind](config, describe)
    description = READERS[kind](config)
    return {**description, **decoder_head(config)} if kind in HEADED else description


def kind_of(config: Config) -> str | None:
    """The type that a configuration is read as: its own, or that of its class under another name; None where neither.

    "kimi_k2" of class DeepseekV3ForCausalLM is a deepseek_v3.
    """
    if config.kind in KINDS:
        return config.kind
    bare = _letters(re.sub(r"(For[A-Z]\w*|LMHeadModel|Model)$", "", class_of(config)))
    return next((kind for kind in KINDS if bare and _letters(kind) == bare), None)


def _text_alone(config: Config) -> tuple[Description, str]:
    """The text model of a configuration of several parts, and the key that it stands under.

    Raises InputError where there is none that is known, with the nearest types.
    """
    for key in TEXT_PARTS:
        if not isinstance(config.document.get(key), dict):
            continue
        part = config.part(key)
        kind = kind_of(part)
        if kind is not None and kind not in JOINED:
            return describe(part.with_keys(of_whole(config)).as_kind(kind)), key
    raise _unknown(config)


def _unknown(config: Config) -> InputError:
    kind = config.kind
    near = close_names(str(kind), KINDS, n=NEAREST, cutoff=0.4) if kind else []
    nearest = f", near to it {', '.join(near)} are" if near else f", {', '.join([*KINDS][:NEAREST])} and others are"
    way = "describe the model as layers=...,hidden=..., or in a TOML file with a table of such keys"
    return InputError(f"model_type {shown(kind)} of {shown(str(config.path))} is not known exactly{nearest}: {way}")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
