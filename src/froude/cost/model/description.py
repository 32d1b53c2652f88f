"""From a description to a model: defaults filled in, sizes checked against one another, operators built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from froude.cost.model.families.composites import encoder_decoder, joined
from froude.cost.model.families.convolutions import convnet, unet
from froude.cost.model.families.decoders import check_decoder, described_decoder
from froude.cost.model.families.encoders import encoder
from froude.cost.model.families.images import dit, vit
from froude.cost.model.keys import KEYS, check_values
from froude.cost.model.model import Model
from froude.cost.model.pattern import MIXERS, words_of_layers
from froude.errors import InputError, shown

Description = Mapping[str, Any]
"""Values by the keys of a family, and the "family" itself."""


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
        description={"family": family, **_shown(filled, family)},
        assumed=tuple(f"model: {key} = {_text(filled[key])}, not given" for key in telling),
    )


def _fill(given: Description, family: str) -> dict[str, Any]:
    """The description with defaults, and with what follows from other sizes."""
    filled = {key: given.get(key, known.default) for key, known in KEYS[family].items()}
    derived: dict[str, Callable[[], object]] = {
        "mlp_width": lambda: 4 * filled["hidden"],
        "kv_heads": lambda: filled["heads"],
        "head_width": lambda: filled["nope_width"] + filled["rope_width"] or _head_width(filled),
        "windowed_layers": lambda: _windowed(filled),
        "cross_length": lambda: filled["context"] if filled["cross_width"] else 0,
        "exponent": lambda: 0.0 if filled["mixer"] == "linear" else 1.0,
        "expert_width": lambda: filled["mlp_width"],
    }
    for key, follow in derived.items():
        if key in filled and filled[key] is None:
            filled[key] = follow()
    return filled


def _shown(filled: Description, family: str) -> dict[str, Any]:
    """The filled description without rare keys that hold what is assumed."""

    def hidden(key: str) -> bool:
        known, value = KEYS[family][key], filled[key]
        return known.rare and (not value if known.default is None else value == known.default)

    return {key: value for key, value in filled.items() if not hidden(key)}


def _windowed(sizes: Description) -> int:
    """Layers with a window: those that are named, or all where there is one."""
    if sizes["mixers"]:
        return words_of_layers("mixers", sizes["mixers"], sizes["layers"], MIXERS).count("window")
    return sizes["layers"] if sizes["window"] else 0


def _head_width(sizes: Description) -> int:
    if sizes["hidden"] % sizes["heads"]:
        raise InputError(f"hidden {sizes['hidden']} is no multiple of heads {sizes['heads']}: give head_width")
    return sizes["hidden"] // sizes["heads"]


def _check(sizes: Description, family: str) -> None:
    """Refuses sizes that make no model together."""
    if family == "decoder":
        check_decoder(sizes)
    elif family == "unet":
        _check_unet(sizes)
    elif family in ("encoder", "vit", "dit"):
        _multiple(sizes, "hidden", "heads")
    if family in ("vit", "dit"):
        _multiple(sizes, "image", "patch")


def _multiple(sizes: Description, whole: str, part: str) -> None:
    if sizes[whole] % sizes[part]:
        raise InputError(f"{whole} {sizes[whole]} is no multiple of {part} {sizes[part]}: change one of them")


def _check_unet(sizes: Description) -> None:
    halvings = len(sizes["multipliers"]) - 1
    if sizes["image"] % 2**halvings:
        raise InputError(f"image {sizes['image']} cannot be halved {halvings} times: give a multiple of {2**halvings}")
    uneven = next((m for m in sizes["multipliers"] if sizes["width"] * m % sizes["heads"]), None)
    if uneven is not None:
        raise InputError(f"width {sizes['width']} x {uneven} is no multiple of heads {sizes['heads']}: change one")


def _encoder(name: str, d: Description) -> Model:
    return encoder(name=name, vocabulary=d["vocab"], **{key: value for key, value in d.items() if key != "vocab"})


def _encoder_decoder(name: str, d: Description) -> Model:
    encoder, decoder = (build_model(f"{part} of {name}", d[part]) for part in ("encoder", "decoder"))
    return encoder_decoder(name=name, encoder=encoder, decoder=decoder, shared=d["shared"])


def _joined(name: str, d: Description) -> Model:
    rest = {key: value for key, value in d.items() if key not in PARTS and value is not None}
    towers = [(part, build_model(f"{part} of {name}", d[part])) for part in ("vision", "audio") if d[part]]
    return joined(name=name, text=build_model(f"text of {name}", d["text"]), towers=towers, **rest)


PARTS = ("text", "vision", "audio")

BUILDERS: Mapping[str, Callable[[str, Description], Model]] = {
    "decoder": described_decoder,
    "encoder": _encoder,
    "vit": lambda name, d: vit(name=name, **d),
    "dit": lambda name, d: dit(name=name, **d),
    "convnet": lambda name, d: convnet(name=name, **d),
    "unet": lambda name, d: unet(name=name, **d),
    "encoder-decoder": _encoder_decoder,
    "joined": _joined,
}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
