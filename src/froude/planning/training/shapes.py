"""A decoder's shape for any number of parameters: the family that sizes are planned in where no model is named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np

from froude.bounds import MOST_COUNT, positive_number, whole_number
from froude.cost.model.description import build_model
from froude.cost.model.model import Model, decoder
from froude.quantity import format_quantity

VOCABULARY, CONTEXT = 128_256, 8_192
"""Rows of the embedding and the length trained with: Grattafiori et al. 2024, arXiv:2407.21783 (Llama 3)."""

HEAD_WIDTH, KV_HEADS = 128, 8
"""Width of a head, and the most heads of keys and values: Llama 3's at every size from 8B to 405B."""

ASPECT = (64, 128)
"""Width over layers, least and most. Llama 3 has 128 at 1B and 8B, 102 at 70B, Qwen 2.5 has 80 at 32B; Kaplan et al.
2020, arXiv:2001.08361, figure 5 (as remembered), finds the loss flat over a far wider range."""

MLP_SHARE = (2.75, 4.0)
"""Inner width of the gated MLP over the width, least and most. Llama 3 has 4 at 1B, 3.5 at 8B and 70B, 3.25 at 405B;
Llama 2 has 2.7. It is what a size is trimmed with."""

TIED_BELOW = 4_096
"""Width below which the output head shares the embedding's weights, as in Llama 3.2 of 1B and 3B."""

_WIDTHS = (*range(128, 1024, 128), *range(1024, 2048, 256), *range(2048, 4096, 512), *range(4096, 49153, 1024))
USUAL = (107, 3.5)
"""Width over layers and inner width over width of the middle of Llama 3, which a size comes as near to as it can."""

_SLACK = 0.01  # of the parameters asked for, within which the more usual shape is taken
_AWKWARD = 0.5  # heads that 8 devices cannot share, as if proportions were off by this much of a factor e
_KIND = {"gated": True, "positions": "rotary", "norm": "rms", "biased": False, "dropout": False}
_WHOLE_HEADS = 1_024  # below which keys and values have as many heads as queries: there are too few to share
_FEW_LAYERS = 32  # up to which any number is taken; beyond it multiples of 4, which pipelines can divide


@final
@dataclass(frozen=True, kw_only=True)
class SizedModel:
    """A model of the family, and by how much its exact parameters differ from those asked for, relative."""

    model: Model
    n_params: int
    off_by: float


def shape_for(n_params: float, *, vocabulary: int = VOCABULARY, context: int = CONTEXT) -> SizedModel:
    """The decoder of the family whose exact parameters are nearest to a number; within 1%, the most usual in shape.

    A pre-norm decoder with RMS norms, rotary positions and a gated MLP. Widths are multiples of 128, from 1,024 of 256,
    from 2,048 of 512 and from 4,096 of 1,024, so that tensor parallelism divides the heads; layers are within `ASPECT`
    of the width, the inner width of the MLP within `MLP_SHARE`. From 0.1B to 1,000B the nearest is within 5%.

    InputError for a number that is not positive and finite, and for a vocabulary or context that is no count.
    """
    positive_number("N", n_params)
    whole_number("vocabulary", vocabulary, 1, MOST_COUNT)
    whole_number("context", context, 1, MOST_COUNT)
    counts = _counts(int(vocabulary))
    off = np.abs(np.log(counts / n_params))
    near = np.flatnonzero(off <= max(off.min(), _SLACK))
    best = near[np.argmin(_strangeness()[near])]
    sizes = {name: int(column[best]) for name, column in _sizes().items()}
    described = {**sizes, **_KIND, "tied": sizes["hidden"] < TIED_BELOW, "vocab": int(vocabulary)}
    name = f"decoder-{format_quantity(float(counts[best]))}"
    model = build_model(name, {**described, "context": int(context)})
    return SizedModel(model=model, n_params=int(model.n_params), off_by=float(model.n_params / n_params - 1))


def n_non_embedding(model: Model) -> int:
    """Parameters without embeddings and output head."""
    return int(sum(n for group, n in model.parameters_by_group.items() if group not in ("embedding", "head")))


@cache
def _sizes() -> dict[str, np.ndarray]:
    """Every shape of the family, by the keys of a description; each (n,)."""
    shapes = np.array([(w, layers, mlp) for w in _WIDTHS for layers in _layers(w) for mlp in _mlp_widths(w)])
    width, layers, mlp_width = shapes.T
    heads = width // HEAD_WIDTH
    kv_heads = np.where(width < _WHOLE_HEADS, heads, np.gcd(heads, KV_HEADS))
    return {"hidden": width, "layers": layers, "heads": heads, "kv_heads": kv_heads, "mlp_width": mlp_width}


@cache
def _strangeness() -> np.ndarray:
    """How far each shape's proportions are from the usual ones, as logarithms, (n,)."""
    sizes = _sizes()
    aspect, share = sizes["hidden"] / sizes["layers"], sizes["mlp_width"] / sizes["hidden"]
    unlike = np.abs(np.log(aspect / USUAL[0])) + np.abs(np.log(share / USUAL[1]))
    return unlike + _AWKWARD * (sizes["heads"] % KV_HEADS > 0)


def _layers(width: int) -> list[int]:
    least, most = (max(round(width / aspect), 1) for aspect in reversed(ASPECT))
    return [n for n in range(least, most + 1) if n <= _FEW_LAYERS or n % 4 == 0]


def _mlp_widths(width: int) -> range:
    grain = 128 if width < TIED_BELOW else 512 if width < 16_384 else 2048
    least, most = (round(share * width / grain) * grain for share in MLP_SHARE)
    return range(least, most + 1, grain)


@cache
def _counts(vocabulary: int) -> np.ndarray:
    """Exact parameters of every shape of the family, (n,)."""
    sizes = {name: column.astype(float) for name, column in _sizes().items()}
    tied, free = (
        decoder(
            name="family",
            layers=sizes["layers"],
            hidden=sizes["hidden"],
            heads=sizes["heads"],
            kv_heads=sizes["kv_heads"],
            mlp_width=sizes["mlp_width"],
            vocabulary=vocabulary,
            context=1,
            gated=True,
            rotary=True,
            rms_norm=True,
            tied=tied,
        ).n_params
        for tied in (True, False)
    )
    return np.where(sizes["hidden"] < TIED_BELOW, tied, free)
