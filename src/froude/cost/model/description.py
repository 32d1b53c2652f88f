"""From a description to a model: defaults filled in, sizes checked against one another, operators built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from froude.cost.model.architectures import dit, encoder, vit
from froude.cost.model.convolutions import convnet, unet
from froude.cost.model.keys import KEYS, check_values
from froude.cost.model.layers import Latent, Mixer, Mixture
from froude.cost.model.model import Model, decoder
from froude.errors import InputError, shown

Description = Mapping[str, Any]
"""Values by the keys of a family, and the "family" itself."""

NORM_VECTORS = {"layer": 2, "layer-unbiased": 1, "rms": 1, "plain": 0}
LATENT_KEYS = ("nope_width", "rope_width", "value_width")


def build_model(name: str, description: Mapping[str, object]) -> Model:
    """The model of a description, its "family" a decoder where none is given.

    What the description leaves out is filled in; the result's `description` holds all of it, and its `assumed` says
    which defaults matter. The same description, filled in, gives the same model.

    Raises InputError for unknown or missing keys, values of another kind, and sizes that do not fit together.
    """
    family = description.get("family", "decoder")
    if not isinstance(family, str) or family not in KEYS:
        raise InputError(f"family {shown(family)} of model {shown(name)} is unknown: give one of {', '.join(KEYS)}")
    given = check_values({key: value for key, value in description.items() if key != "family"}, family)
    filled = _fill(given, family)
    _check(filled, family)
    telling = (key for key, known in KEYS[family].items() if known.telling and key not in given)
    return replace(
        BUILDERS[family](name, filled),
        description={"family": family, **filled},
        assumed=tuple(f"model: {key} = {_text(filled[key])}, not given" for key in telling),
    )


def _fill(given: Description, family: str) -> dict[str, Any]:
    """The description with defaults, and with what follows from other sizes."""
    filled = {key: given.get(key, known.default) for key, known in KEYS[family].items()}
    derived: dict[str, Callable[[], object]] = {
        "mlp_width": lambda: 4 * filled["hidden"],
        "kv_heads": lambda: filled["heads"],
        "head_width": lambda: filled["nope_width"] + filled["rope_width"] or _head_width(filled),
        "windowed_layers": lambda: filled["layers"] if filled["window"] else 0,
        "exponent": lambda: 0.0 if filled["mixer"] == "linear" else 1.0,
        "expert_width": lambda: filled["mlp_width"],
    }
    for key, follow in derived.items():
        if key in filled and filled[key] is None:
            filled[key] = follow()
    return filled


def _head_width(sizes: Description) -> int:
    if sizes["hidden"] % sizes["heads"]:
        raise InputError(f"hidden {sizes['hidden']} is no multiple of heads {sizes['heads']}: give head_width")
    return sizes["hidden"] // sizes["heads"]


def _check(sizes: Description, family: str) -> None:
    """Refuses sizes that make no model together."""
    if family == "decoder":
        _multiple(sizes, "heads", "kv_heads")
        _check_blocks(sizes)
        _check_latent(sizes)
    elif family == "unet":
        _check_unet(sizes)
    elif family != "convnet":
        _multiple(sizes, "hidden", "heads")
    if family in ("vit", "dit"):
        _multiple(sizes, "image", "patch")


def _multiple(sizes: Description, whole: str, part: str) -> None:
    if sizes[whole] % sizes[part]:
        raise InputError(f"{whole} {sizes[whole]} is no multiple of {part} {sizes[part]}: change one of them")


def _check_blocks(sizes: Description) -> None:
    for part, whole in (("top_k", "experts"), ("dense_layers", "layers"), ("windowed_layers", "layers")):
        if sizes[part] > sizes[whole]:
            raise InputError(f"{part} {sizes[part]} is more than {whole} {sizes[whole]}: give at most {sizes[whole]}")
    if 0 < sizes["windowed_layers"] < sizes["layers"] and not sizes["window"]:
        raise InputError(f"windowed_layers {sizes['windowed_layers']} lack a window: give window too")
    if sizes["windowed_layers"] < sizes["layers"] < sizes["dense_layers"] + sizes["windowed_layers"]:
        raise InputError(
            f"dense_layers and windowed_layers together are more than layers {sizes['layers']}: give fewer"
        )
    exponent, mixer = sizes["exponent"], sizes["mixer"]
    if not {"softmax": exponent == 1, "linear": exponent == 0, "exponent": 0 < exponent <= 1}[mixer]:
        raise InputError(f"exponent {exponent:g} is none of a {mixer} mixer: leave it out, or give mixer=exponent")


def _check_latent(sizes: Description) -> None:
    if sizes["kv_rank"] and not all(sizes[key] for key in LATENT_KEYS):
        raise InputError(
            f"kv_rank {sizes['kv_rank']} is not enough for latent attention: give {', '.join(LATENT_KEYS)}"
        )
    if not sizes["kv_rank"] and any(sizes[key] for key in (*LATENT_KEYS, "q_rank")):
        raise InputError(f"q_rank, {', '.join(LATENT_KEYS)} belong to latent attention: give kv_rank too")


def _check_unet(sizes: Description) -> None:
    halvings = len(sizes["multipliers"]) - 1
    if sizes["image"] % 2**halvings:
        raise InputError(f"image {sizes['image']} cannot be halved {halvings} times: give a multiple of {2**halvings}")
    uneven = next((m for m in sizes["multipliers"] if sizes["width"] * m % sizes["heads"]), None)
    if uneven is not None:
        raise InputError(f"width {sizes['width']} x {uneven} is no multiple of heads {sizes['heads']}: change one")


def _decoder(name: str, d: Description) -> Model:
    whole = d["windowed_layers"] == d["layers"]
    mixture = Mixture(
        experts=d["experts"],
        top_k=d["top_k"],
        width=d["expert_width"],
        shared=d["shared_experts"],
        capacity=d["capacity"],
        dense_layers=d["dense_layers"],
        biased=d["router_biased"],
    )
    mixer = Mixer(
        window=d["window"],
        windowed_layers=None if whole else d["windowed_layers"],
        exponent=d["exponent"],
        scale=d["mixer_scale"],
        biased=d["qkv_biased"],
        qk_norm=d["qk_norm"],
    )
    return decoder(
        name=name,
        layers=d["layers"],
        hidden=d["hidden"],
        heads=d["heads"],
        vocabulary=d["vocab"],
        context=d["context"],
        kv_heads=d["kv_heads"],
        head_width=d["head_width"],
        mlp_width=d["mlp_width"],
        gated=d["gated"],
        tied=d["tied"],
        learned_positions=(d["position_rows"] or d["context"]) if d["positions"] == "learned" else 0,
        rotary=d["positions"] == "rotary",
        biased=d["biased"],
        dropout=d["dropout"],
        norm_vectors=NORM_VECTORS[d["norm"]],
        norms_after=d["norms_after"],
        mixer=mixer,
        mixture=mixture if d["experts"] > 1 else None,
        latent=_latent(d) if d["kv_rank"] else None,
    )


def _latent(d: Description) -> Latent:
    return Latent(**{key: d[key] for key in ("q_rank", "kv_rank", *LATENT_KEYS)})


def _encoder(name: str, d: Description) -> Model:
    return encoder(name=name, vocabulary=d["vocab"], **{key: value for key, value in d.items() if key != "vocab"})


BUILDERS: Mapping[str, Callable[[str, Description], Model]] = {
    "decoder": _decoder,
    "encoder": _encoder,
    "vit": lambda name, d: vit(name=name, **d),
    "dit": lambda name, d: dit(name=name, **d),
    "convnet": lambda name, d: convnet(name=name, **d),
    "unet": lambda name, d: unet(name=name, **d),
}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
