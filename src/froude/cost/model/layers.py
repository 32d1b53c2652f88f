"""The layers that transformers are made of, as operators: attention, MLP, mixture of experts, norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from froude.cost.model.operators import Attention, Elementwise, Matmul, Number, Operator, Split


@final
@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Experts of a block's MLP: `top_k` of `experts` gated or plain MLPs of a `width`, and `shared` that all pass.

    Where `capacity` is given, experts work on that many times the positions routed to them: padding above 1, dropping
    below (GShard, Lepikhin et al. 2020, arXiv:2006.16668). The first `dense_layers` blocks have no experts. A `biased`
    router has one trained or balanced offset an expert.
    """

    experts: Number
    top_k: Number
    width: Number
    shared: Number = 0
    capacity: Number = 1
    dense_layers: Number = 0
    biased: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Latent:
    """Multi-head latent attention: keys and values come from a latent of `kv_rank`, which is what serving keeps.

    A head's queries and keys have `nope_width` values without and `rope_width` with rotation, the latter shared by all
    heads' keys. Queries come from a latent of `q_rank`, or straight from the hidden state where it is 0. DeepSeek-AI
    2024, arXiv:2405.04434, section 2.1.
    """

    kv_rank: int
    nope_width: int
    rope_width: int
    value_width: int
    q_rank: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Mixer:
    """How positions are mixed: softmax attention where nothing else is said.

    A `window` bounds the attention of all blocks, or of `windowed_layers` of them. A sub-quadratic mixer scores
    `scale` · context^`exponent` keys; exponent 0 is a linear mixer, whose state of head width² a head costs as much as
    attention to head width keys, and is all that serving keeps. `biased` gives queries, keys and values a bias where
    other matmuls have none; `qk_norm` norms queries and keys of every head, with gains that all heads share.
    """

    window: Number = 0
    windowed_layers: Number | None = None
    exponent: float = 1.0
    scale: Number = 1.0
    causal: bool = True
    biased: bool = False
    qk_norm: bool = False


SOFTMAX = Mixer()
"""Full causal attention."""


def norm(width: Number, vectors: Number, *, name: str = "norm", split: bool = False) -> Elementwise:
    """A normalisation over a width: `vectors` is 2 with gain and bias, 1 with a gain, 0 with neither."""
    return Elementwise(name=name, moved=2 * width, saved=width, parameters=vectors * width, split=split)


def residual(hidden: Number, dropout: bool) -> Elementwise:
    """The sum with the residual stream; the mask of a dropout before it is one byte, half a value."""
    return Elementwise(name="residual", moved=3 * hidden, saved=0.5 * hidden * dropout)


def attention(
    *,
    hidden: Number,
    heads: Number,
    kv_heads: Number,
    head_width: Number,
    mixer: Mixer = SOFTMAX,
    window: Number = 0,
    biased: bool = False,
    rotary: bool = False,
    dropout: bool = False,
) -> tuple[Operator, ...]:
    """Projections to queries, keys and values, their mixing over a window (0: none), and the projection back."""
    linear = mixer.exponent == 0
    both = heads + 2 * kv_heads
    turned = (heads + kv_heads) * head_width
    scores = Attention(
        name="attention.scores",
        heads=heads,
        kv_heads=kv_heads,
        score_width=head_width,
        value_width=head_width,
        cached=2 * kv_heads * head_width if mixer.causal and not linear else 0,
        state=kv_heads * head_width**2 if linear else 0,
        window=window,
        exponent=mixer.exponent,
        scale=mixer.scale * head_width if linear else mixer.scale,
        causal=mixer.causal,
        dropout=dropout,
    )
    in_biased = biased or mixer.biased
    return (
        Matmul(name="attention.in", inputs=hidden, outputs=both * head_width, split="columns", biased=in_biased),
        *([qk_norms(head_width, turned)] if mixer.qk_norm else []),
        *([Elementwise(name="rotary", moved=2 * turned, split=True)] if rotary else []),
        scores,
        Matmul(name="attention.out", inputs=heads * head_width, outputs=hidden, split="rows", biased=biased),
    )


def qk_norms(head_width: Number, width: Number) -> Elementwise:
    """Norms of queries and keys: a gain of one head's width for each of the two."""
    return Elementwise(name="norm.qk", moved=2 * width, saved=width, parameters=2 * head_width, split=True)


def latent_attention(*, hidden: Number, heads: Number, latent: Latent, dropout: bool = False) -> tuple[Operator, ...]:
    """Multi-head latent attention as it is trained, keys and values written out for every head."""
    score_width = latent.nope_width + latent.rope_width
    return (
        *latent_queries(hidden, heads * score_width, latent.q_rank),
        Matmul(name="attention.kv_down", inputs=hidden, outputs=latent.kv_rank + latent.rope_width, saves_input=False),
        norm(latent.kv_rank, 1),
        Matmul(
            name="attention.kv_up",
            inputs=latent.kv_rank,
            outputs=heads * (latent.nope_width + latent.value_width),
            split="columns",
        ),
        Elementwise(name="rotary", moved=2 * (heads + 1) * latent.rope_width, split=True),
        Attention(
            name="attention.scores",
            heads=heads,
            kv_heads=heads,
            score_width=score_width,
            value_width=latent.value_width,
            cached=latent.kv_rank + latent.rope_width,
            dropout=dropout,
        ),
        Matmul(name="attention.out", inputs=heads * latent.value_width, outputs=hidden, split="rows"),
    )


def latent_queries(hidden: Number, width: Number, rank: int) -> tuple[Operator, ...]:
    """Queries through a latent with a norm, or straight where the rank is 0."""
    if rank == 0:
        return (Matmul(name="attention.query", inputs=hidden, outputs=width, split="columns"),)
    return (
        Matmul(name="attention.query_down", inputs=hidden, outputs=rank),
        norm(rank, 1),
        Matmul(name="attention.query_up", inputs=rank, outputs=width, split="columns"),
    )


def mlp(
    *,
    hidden: Number,
    width: Number,
    gated: bool = False,
    biased: bool = False,
    name: str = "mlp",
    experts: Number = 1,
    active: Number = 1,
    positions: Number = 1,
    split: tuple[Split, Split] = ("columns", "rows"),
    saves_input: bool = True,
) -> tuple[Operator, ...]:
    """Two matrices with an activation between, or three where a gate multiplies it; `active` of `experts` such."""
    inner = (2 if gated else 1) * width
    repeats = active * positions
    common = {"biased": biased, "experts": experts, "active": active, "positions": positions}
    return (
        Matmul(name=f"{name}.in", inputs=hidden, outputs=inner, split=split[0], saves_input=saves_input, **common),
        Elementwise(name="activation", moved=(inner + width) * repeats, saved=inner * repeats, split=True),
        Matmul(name=f"{name}.out", inputs=width, outputs=hidden, split=split[1], **common),
    )


def mixture_of_experts(
    *, hidden: Number, mixture: Mixture, gated: bool = False, biased: bool = False
) -> tuple[Operator, ...]:
    """Router, copies of each position to its experts, the experts, their weighted sum, and shared experts."""
    copies = mixture.top_k * mixture.capacity
    shared = mlp(
        hidden=hidden,
        width=mixture.shared * mixture.width,
        gated=gated,
        biased=biased,
        name="shared",
        saves_input=False,  # the router keeps it
    )
    return (
        Matmul(name="router", inputs=hidden, outputs=mixture.experts, biased=mixture.biased),
        Elementwise(name="router.choice", moved=2 * mixture.experts, saved=mixture.experts),
        Elementwise(name="experts.dispatch", moved=(1 + copies) * hidden),
        *mlp(
            hidden=hidden,
            width=mixture.width,
            gated=gated,
            biased=biased,
            name="experts",
            experts=mixture.experts,
            active=mixture.top_k,
            positions=mixture.capacity,
        ),
        Elementwise(name="experts.combine", moved=(1 + copies) * hidden, saved=copies * hidden),
        *(shared if mixture.shared else ()),
    )
