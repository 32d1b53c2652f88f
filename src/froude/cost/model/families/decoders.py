"""A decoder from its description: attention or layers with a state, MLPs or experts, each layer as its words say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from froude.cost.model.blocks import Details, Ends, Layers, Norms
from froude.cost.model.families.composites import frames
from froude.cost.model.layers import Latent, Mixer, Mixture, cross_attention
from froude.cost.model.model import Model, decoder
from froude.cost.model.operators import Operator
from froude.cost.model.pattern import INNERS, MIXERS, kinds_of_layers, words_of_layers
from froude.cost.model.recurrent import (
    gated_delta,
    gated_recurrence,
    kimi_delta,
    lightning,
    mamba,
    mamba2,
    short_convolution,
)
from froude.errors import InputError

Description = Mapping[str, Any]
"""Values by the keys of a family, defaults filled in."""

NORM_VECTORS = {"layer": 2, "layer-unbiased": 1, "rms": 1, "plain": 0}
LATENT_KEYS = ("nope_width", "rope_width", "value_width")


def check_decoder(sizes: Description) -> None:
    """Refuses sizes that make no decoder together: InputError names them."""
    if sizes["heads"] % sizes["kv_heads"]:
        raise InputError(f"heads {sizes['heads']} is no multiple of kv_heads {sizes['kv_heads']}: change one of them")
    _check_blocks(sizes)
    _check_latent(sizes)
    _check_words(sizes)


def described_decoder(name: str, d: Description) -> Model:
    """The model of a description whose defaults are filled in."""
    sizes = {"hidden": d["hidden"], "heads": d["heads"], "kv_heads": d["kv_heads"], "head_width": d["head_width"]}
    mixer = _mixer(d)
    model = decoder(
        name=name,
        layers=d["layers"],
        vocabulary=d["vocab"],
        context=d["context"],
        **sizes,
        mlp_width=d["mlp_width"],
        gated=d["gated"],
        tied=d["tied"],
        learned_positions=(d["position_rows"] or d["context"]) if d["positions"] == "learned" else 0,
        rotary=d["positions"] == "rotary",
        biased=d["biased"],
        dropout=d["dropout"],
        norm_vectors=NORM_VECTORS[d["norm"]],
        mixer=mixer,
        mixture=_mixture(d) if d["experts"] > 1 else None,
        latent=_latent(d) if d["kv_rank"] else None,
        details=_details(d, mixer),
    )
    return frames(model, d["frames"]) if d["frames"] else model


def _details(d: Description, mixer: Mixer) -> Details:
    """What few decoders have; attention to another sequence has the sizes of the attention beside it."""
    pattern = layers_of(d)
    words = {word for kind in pattern for word in kind.mixer.split("&")}
    sizes = {key: d[key] for key in ("hidden", "heads", "kv_heads", "head_width", "biased", "dropout")}
    source = {"source_width": d["cross_width"], "source": d["cross_length"], "ratio": d["cross_length"] / d["context"]}
    return Details(
        norms=_norms(d),
        ends=_ends(d),
        mlp_biased=d["mlp_biased"],
        activation_scalars=d["activation_scalars"],
        cross=cross_attention(**sizes, **source, mixer=mixer) if d["cross_width"] else (),
        pattern=pattern,
        mixers={word: make(d) for word, make in RECURRENT.items() if word in words},
    )


def _mixture(d: Description) -> Mixture:
    return Mixture(
        experts=d["experts"],
        top_k=d["top_k"],
        width=d["expert_width"],
        shared=d["shared_experts"],
        shared_width=d["shared_width"],
        shared_gated=d["shared_gated"],
        capacity=d["capacity"],
        dense_layers=d["dense_layers"],
        biased=d["router_biased"],
        experts_biased=d["experts_biased"],
        latent=d["expert_latent"],
    )


def _mixer(d: Description) -> Mixer:
    return Mixer(
        window=d["window"],
        windowed_layers=None if d["windowed_layers"] == d["layers"] else d["windowed_layers"],
        exponent=d["exponent"],
        scale=d["mixer_scale"],
        causal=d["causal"],
        biased=d["qkv_biased"],
        keys_unbiased=d["keys_unbiased"],
        out_biased=d["out_biased"],
        qk_norm=d["qk_norm"],
        qk_each=d["qk_norm_each"],
        qk_vectors=1 + d["qk_norm_biased"],
        gate=d["gate"],
        sinks=d["sinks"],
    )


def _norms(d: Description) -> Norms:
    return Norms(
        before=d["norms_before"],
        after=d["norms_after"],
        parallel=d["parallel"],
        final=d["final_norm"],
        embedding=d["embedding_norm"],
    )


def _ends(d: Description) -> Ends:
    return Ends(
        width=d["embedding_width"],
        segments=d["segments"],
        buckets=d["relative_buckets"],
        head=d["head"],
        classes=d["classes"],
        biased=d["head_biased"],
        transform=d["head_transform"],
    )


def layers_of(d: Description) -> tuple[Layers, ...]:
    """Kinds of layers where a description names them; else none."""
    if not (d["mixers"] or d["mlps"]):
        return ()
    layers, windowed, dense = d["layers"], d["windowed_layers"], d["dense_layers"]
    experts = "experts" if d["experts"] > 1 else "dense"
    mixers = d["mixers"] or _in_order(("window", windowed), ("full", layers - windowed))
    mlps = d["mlps"] or _in_order(("dense", dense), (experts, layers - dense))
    return kinds_of_layers(
        words_of_layers("mixers", mixers, layers, MIXERS), words_of_layers("mlps", mlps, layers, INNERS)
    )


def _in_order(*runs: tuple[str, int]) -> str:
    return "/".join(f"{count}*{word}" for word, count in runs if count)


def _latent(d: Description) -> Latent:
    return Latent(
        **{key: d[key] for key in ("q_rank", "kv_rank", *LATENT_KEYS, "index_heads", "index_width")},
        biased=d["latent_biased"],
        top_k=d["sparse_keys"],
    )


def _check_blocks(sizes: Description) -> None:
    for part, whole in (("top_k", "experts"), ("dense_layers", "layers"), ("windowed_layers", "layers")):
        if sizes[part] > sizes[whole]:
            raise InputError(f"{part} {sizes[part]} is more than {whole} {sizes[whole]}: give at most {sizes[whole]}")
    if 0 < sizes["windowed_layers"] < sizes["layers"] and not sizes["window"]:
        raise InputError(f"windowed_layers {sizes['windowed_layers']} lack a window: give window too")
    apart = sizes["windowed_layers"] < sizes["layers"] < sizes["dense_layers"] + sizes["windowed_layers"]
    if apart and not sizes["mixers"]:
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


def _check_words(sizes: Description) -> None:
    """The words of layers, and the sizes that they need."""
    if sizes["mlps"] and sizes["dense_layers"]:
        raise InputError(f"dense_layers {sizes['dense_layers']} and mlps say the same: give one of them")
    kinds = layers_of(sizes)
    words = {word for kind in kinds for word in kind.mixer.split("&")}
    for word in sorted(words):
        lacking = next((key for key in RECURRENT_KEYS.get(word, ()) if not sizes[key]), None)
        if lacking is not None:
            raise InputError(f"mixers has {word!r}, which needs {lacking}: give it")
    if "window" in words and not sizes["window"]:
        raise InputError("mixers has 'window': give window, its size, too")
    if any(kind.inner == "experts" for kind in kinds) and sizes["experts"] == 1:
        raise InputError("mlps has 'experts': give experts, how many there are, too")


RECURRENT: Mapping[str, Callable[[Description], tuple[Operator, ...]]] = {
    "mamba": lambda d: mamba(
        hidden=d["hidden"],
        inner=d["inner_width"],
        state=d["state_width"],
        kernel=d["kernel"],
        rank=d["step_rank"],
        biased=d["state_biased"],
        kernel_biased=d["kernel_biased"],
        normed=d["state_normed"],
    ),
    "mamba2": lambda d: mamba2(
        hidden=d["hidden"],
        heads=d["state_heads"],
        head_width=d["state_head_width"],
        groups=d["state_groups"],
        state=d["state_width"],
        kernel=d["kernel"],
        biased=d["state_biased"],
        kernel_biased=d["kernel_biased"],
        normed=d["state_normed"],
    ),
    "delta": lambda d: gated_delta(
        hidden=d["hidden"],
        key_heads=d["state_key_heads"],
        value_heads=d["state_heads"],
        key_width=d["state_width"],
        value_width=d["state_head_width"],
        kernel=d["kernel"],
    ),
    "kimi-delta": lambda d: kimi_delta(
        hidden=d["hidden"], heads=d["state_heads"], head_width=d["state_head_width"], kernel=d["kernel"]
    ),
    "lightning": lambda d: lightning(hidden=d["hidden"], heads=d["heads"], head_width=d["head_width"]),
    "convolution": lambda d: short_convolution(hidden=d["hidden"], kernel=d["kernel"], biased=d["kernel_biased"]),
    "recurrence": lambda d: gated_recurrence(
        hidden=d["hidden"], width=d["inner_width"], heads=d["heads"], kernel=d["kernel"]
    ),
}
"""The operators of mixers that are no attention, by their words."""

RECURRENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "mamba": ("inner_width", "state_width", "step_rank"),
    "mamba2": ("state_heads", "state_head_width", "state_width"),
    "delta": ("state_key_heads", "state_heads", "state_width", "state_head_width"),
    "kimi-delta": ("state_heads", "state_head_width"),
    "recurrence": ("inner_width",),
}
"""The sizes that a mixer cannot do without."""
