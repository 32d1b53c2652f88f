"""The words a model is described in: every family's keys, what each may hold, and what is assumed without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from froude.bounds import MOST_COUNT
from froude.errors import InputError, shown
from froude.quantity import parse_quantity

Kind = Literal["count", "size", "number", "flag", "word", "counts", "layers", "description"]
"""A whole number from 1, one from 0, a number from 0, yes or no, one of some words, several counts, words of layers, or
the description of a part, which is a model of its own."""

_MOST_COUNTS = 100  # in a list of them

FLAGS = {"true": True, "yes": True, "false": False, "no": False}


@final
@dataclass(frozen=True, kw_only=True)
class Key:
    """What a key of a description may hold.

    `default` is what holds without it; None where it must be given, or follows from others (`derived`). A `telling`
    default is one that a plan names as an assumption. A `rare` one is not shown where it holds what is assumed: few
    models have what it says.
    """

    kind: Kind = "count"
    default: object = None
    derived: str = ""
    words: tuple[str, ...] = ()
    telling: bool = False
    rare: bool = False

    @property
    def required(self) -> bool:
        """Whether a description must hold it."""
        return self.default is None and not self.derived


COUNT = Key()
OFF = Key(kind="flag", default=False)
ON = Key(kind="flag", default=True)
ZERO = Key(kind="size", default=0)

ENCODER_HEADS = ("pretraining", "masked", "sentence", "positions", "pooled", "none")
"""Masked tokens and the next sentence, masked tokens, classes of a text, classes of each position, one position's
transformed state, or nothing."""

VIT_HEADS = ("classes", "pooled", "attention", "attention-classes", "none")
"""Classes of an image, its class token transformed, a trained query that attends to all patches, classes beside that,
or nothing."""

_PART = Key(kind="description")
RARELY_ON = Key(kind="flag", default=False, rare=True)
RARELY_OFF = Key(kind="flag", default=True, rare=True)
RARE_SIZE = Key(kind="size", default=0, rare=True)

_TRANSFORMER = {"layers": COUNT, "hidden": COUNT, "heads": COUNT}
_MLP = Key(derived="4 x hidden", telling=True)

KEYS: Mapping[str, Mapping[str, Key]] = {
    "decoder": {
        **_TRANSFORMER,
        "vocab": COUNT,
        "kv_heads": Key(derived="heads", telling=True),
        "head_width": Key(derived="hidden / heads"),
        "mlp_width": _MLP,
        "gated": Key(kind="flag", default=False, telling=True),
        "tied": Key(kind="flag", default=True, telling=True),
        "positions": Key(kind="word", default="learned", words=("learned", "rotary", "alibi", "none"), telling=True),
        "position_rows": ZERO,
        "norm": Key(kind="word", default="layer", words=("layer", "layer-unbiased", "rms", "plain"), telling=True),
        "norms_before": RARELY_OFF,
        "norms_after": OFF,
        "parallel": RARELY_ON,
        "final_norm": RARELY_OFF,
        "embedding_norm": RARELY_ON,
        "embedding_width": RARE_SIZE,
        "segments": RARE_SIZE,
        "relative_buckets": RARE_SIZE,
        "biased": Key(kind="flag", default=True, telling=True),
        "qkv_biased": OFF,
        "keys_unbiased": RARELY_ON,
        "out_biased": RARELY_ON,
        "mlp_biased": RARELY_ON,
        "activation_scalars": RARE_SIZE,
        "head_biased": RARELY_ON,
        "head": Key(kind="word", default="tokens", words=("tokens", "classes", "none"), rare=True),
        "classes": Key(default=2, rare=True),
        "head_transform": RARELY_ON,
        "causal": RARELY_OFF,
        "dropout": Key(kind="flag", default=False, telling=True),
        "context": Key(default=2048, telling=True),
        "frames": RARE_SIZE,
        "window": ZERO,
        "windowed_layers": Key(kind="size", derived="layers"),
        "qk_norm": OFF,
        "qk_norm_each": RARELY_ON,
        "qk_norm_biased": RARELY_ON,
        "gate": Key(kind="word", default="none", words=("none", "values", "heads"), rare=True),
        "sinks": RARELY_ON,
        "cross_width": RARE_SIZE,
        "cross_length": Key(kind="size", derived="context where there is a cross_width", rare=True),
        "mixers": Key(kind="layers", default="", rare=True),
        "mlps": Key(kind="layers", default="", rare=True),
        "mixer": Key(kind="word", default="softmax", words=("softmax", "linear", "exponent")),
        "exponent": Key(kind="number", derived="1, or 0 of a linear mixer"),
        "mixer_scale": Key(kind="number", default=1.0),
        "experts": Key(default=1),
        "top_k": Key(default=1),
        "shared_experts": ZERO,
        "shared_width": RARE_SIZE,
        "shared_gated": RARELY_ON,
        "expert_width": Key(derived="mlp_width"),
        "expert_latent": RARE_SIZE,
        "experts_biased": RARELY_ON,
        "dense_layers": ZERO,
        "capacity": Key(kind="number", default=1.0),
        "router_biased": OFF,
        "q_rank": ZERO,
        "kv_rank": ZERO,
        "nope_width": ZERO,
        "rope_width": ZERO,
        "value_width": ZERO,
        "latent_biased": RARELY_ON,
        "sparse_keys": RARE_SIZE,
        "index_heads": RARE_SIZE,
        "index_width": RARE_SIZE,
        "state_width": RARE_SIZE,
        "state_heads": RARE_SIZE,
        "state_head_width": RARE_SIZE,
        "state_key_heads": RARE_SIZE,
        "state_groups": Key(default=1, rare=True),
        "inner_width": RARE_SIZE,
        "step_rank": RARE_SIZE,
        "kernel": Key(default=4, rare=True),
        "kernel_biased": RARELY_OFF,
        "state_biased": RARELY_ON,
        "state_normed": RARELY_ON,
    },
    "encoder": {
        **_TRANSFORMER,
        "vocab": COUNT,
        "context": Key(default=512, telling=True),
        "mlp_width": _MLP,
        "segments": Key(kind="size", default=2),
        "dropout": OFF,
        "position_rows": RARE_SIZE,
        "embedding_width": RARE_SIZE,
        "head": Key(kind="word", default="pretraining", words=ENCODER_HEADS, rare=True),
        "head_width": RARE_SIZE,
        "classes": Key(default=2, rare=True),
        "tied": RARELY_OFF,
        "head_biased": RARELY_ON,
        "groups": RARE_SIZE,
    },
    "vit": {
        **_TRANSFORMER,
        "patch": COUNT,
        "image": Key(default=224, telling=True),
        "classes": Key(default=1000, telling=True),
        "channels": Key(default=3),
        "mlp_width": _MLP,
        "dropout": OFF,
        "head": Key(kind="word", default="classes", words=VIT_HEADS, rare=True),
        "tokens": Key(kind="size", default=1, rare=True),
        "registers": RARE_SIZE,
        "mask_row": RARELY_ON,
        "head_inputs": Key(default=1, rare=True),
        "gated": RARELY_ON,
        "patch_biased": RARELY_OFF,
        "qkv_biased": RARELY_OFF,
        "first_norm": RARELY_ON,
        "final_norm": RARELY_OFF,
        "scaled": RARELY_ON,
        "projection": RARE_SIZE,
    },
    "encoder-decoder": {"encoder": _PART, "decoder": _PART, "shared": ON},
    "joined": {
        "text": _PART,
        "vision": Key(kind="description", derived="nothing", rare=True),
        "audio": Key(kind="description", derived="nothing", rare=True),
        "projector": Key(kind="counts", derived="nothing", rare=True),
        "projector_biased": RARELY_OFF,
        "projector_norm": RARE_SIZE,
        "projector_merges": Key(default=1, rare=True),
        "newline": RARE_SIZE,
        "projection": RARE_SIZE,
        "scalars": RARE_SIZE,
    },
    "dit": {
        **_TRANSFORMER,
        "patch": COUNT,
        "image": Key(default=32, telling=True),
        "classes": Key(default=1000, telling=True),
        "channels": Key(default=4),
        "calls": Key(default=250, telling=True),
    },
    "convnet": {
        "stages": Key(kind="counts"),
        "width": Key(default=64, telling=True),
        "image": Key(default=224, telling=True),
        "classes": Key(default=1000, telling=True),
        "channels": Key(default=3),
    },
    "unet": {
        "width": COUNT,
        "multipliers": Key(kind="counts"),
        "attended": COUNT,
        "heads": COUNT,
        "condition_width": COUNT,
        "condition_length": COUNT,
        "image": Key(default=64, telling=True),
        "depth": Key(default=2),
        "channels": Key(default=4),
        "calls": Key(default=50, telling=True),
    },
}
"""Keys by family."""


def split_assignments(text: str) -> dict[str, str]:
    """Return {"layers": "96", "vocab": "50k"} for "layers=96,vocab=50k"; a comma inside a number is kept.

    Raises InputError for a part without "=", or a name given twice.
    """
    values: dict[str, str] = {}
    for part in re.split(r",(?!\d{3}(?!\d))|,(?=\s*[A-Za-z_]\w*\s*=)", text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise InputError(f"{part.strip()!r} in {text!r} is no assignment: write key=value, as in layers=96")
        if name in values:
            raise InputError(f"{name!r} is given twice in {text!r}: give it once")
        values[name] = value
    return values


def check_values(given: Mapping[str, object], family: str) -> dict[str, object]:
    """The values of a description of a family, each of its kind, in the order of the keys.

    Raises InputError for a key that the family does not know, one that is missing, or a value of another kind.
    """
    keys = KEYS[family]
    unknown = next((name for name in given if name not in keys), None)
    if unknown is not None:
        raise InputError(f"{shown(unknown)} is no key of a {family}: it knows {', '.join(keys)}")
    missing = [name for name, key in keys.items() if key.required and name not in given]
    if missing:
        raise InputError(f"the description of a {family} lacks {', '.join(missing)}: give a value for each")
    return {name: convert(name, key, given[name]) for name, key in keys.items() if name in given}


def convert(name: str, key: Key, value: object) -> object:
    """A value as its key's kind: from TOML, JSON, or text such as "50k", "true" and "3/4/6/3".

    Raises InputError, naming key and value.
    """
    if key.kind == "flag":
        flag = value if isinstance(value, bool) else FLAGS.get(value.lower()) if isinstance(value, str) else None
        return _known(name, value, flag, "true or false")
    if key.kind == "word":
        return _known(name, value, value if value in key.words else None, f"one of {', '.join(key.words)}")
    if key.kind == "layers":
        return _known(name, value, value if isinstance(value, str) else None, "words of layers, as 5*window/full")
    if key.kind == "description":
        return _known(name, value, value if isinstance(value, Mapping) else None, "a description of its own")
    if key.kind == "counts":
        parts = value.split("/") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not 0 < len(parts) <= _MOST_COUNTS:
            raise InputError(f"{name} must be a list of counts, as 3/4/6/3, got {shown(value)}")
        return tuple(_number(name, part, "count") for part in parts)
    return _number(name, value, key.kind)


def _number(name: str, value: object, kind: Kind) -> int | float:
    number = parse_quantity(value, expect="count") if isinstance(value, str) else value
    least = 1 if kind == "count" else 0
    a_number = f"{'' if kind == 'number' else 'whole '}number"
    if isinstance(number, bool) or not isinstance(number, int | float) or not number >= least:
        raise InputError(f"{name} must be a {a_number} of at least {least}, got {shown(value)}")
    if number > MOST_COUNT:
        raise InputError(f"{name} must be a {a_number} of at most {MOST_COUNT:,}, got {shown(value)}")
    if kind != "number" and number != int(number):
        raise InputError(f"{name} must be a {a_number} of at least {least}, got {shown(value)}")
    return float(number) if kind == "number" else int(number)


def _known(name: str, value: object, choice: object, wanted: str) -> object:
    if choice is None:
        raise InputError(f"{name} must be {wanted}, got {shown(value)}")
    return choice
