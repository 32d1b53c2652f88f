"""The layers that transformers are made of, as operators: attention, MLP, mixture of experts, norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from froude.cost.model.operators import Attention, Elementwise, Matmul, Number, Operator, Split

Gate = Literal["none", "values", "heads"]
"""What multiplies the result of attention: nothing, a number for each of its values, or one a head."""


@final
@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Experts of a block's MLP: `top_k` of `experts` gated or plain MLPs of a `width`, and `shared` that all pass.

    Where `capacity` is given, experts work on that many times the positions routed to them: padding above 1, dropping
    below (GShard, Lepikhin et al. 2020, arXiv:2006.16668). The first `dense_layers` blocks have no experts. A `biased`
    router has one trained or balanced offset an expert.

    The shared experts are one MLP of `shared_width`, `shared` · `width` where that is 0; a `shared_gated` one is
    weighed by a number that a matrix of one output makes of each position (Qwen2-MoE). `experts_biased` gives the
    routed experts biases where other MLPs have none. Routed experts of a `latent` width read and write a projection of
    the hidden state to that width (Nemotron 3).
    """

    experts: Number
    top_k: Number
    width: Number
    shared: Number = 0
    capacity: Number = 1
    dense_layers: Number = 0
    biased: bool = False
    shared_width: Number = 0
    shared_gated: bool = False
    experts_biased: bool = False
    latent: Number = 0


@final
@dataclass(frozen=True, kw_only=True)
class Latent:
    """Multi-head latent attention: keys and values come from a latent of `kv_rank`, which is what serving keeps.

    A head's queries and keys have `nope_width` values without and `rope_width` with rotation, the latter shared by all
    heads' keys. Queries come from a latent of `q_rank`, or straight from the hidden state where it is 0. DeepSeek-AI
    2024, arXiv:2405.04434, section 2.1. `biased` gives the projections to the latents a bias.

    Where `top_k` is given, attention goes only to so many keys, which an indexer of `index_heads` heads of
    `index_width` chooses among all (sparse attention: DeepSeek-AI 2025, DeepSeek-V3.2, section 2).
    """

    kv_rank: int
    nope_width: int
    rope_width: int
    value_width: int
    q_rank: int = 0
    biased: bool = False
    top_k: int = 0
    index_heads: int = 0
    index_width: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Mixer:
    """How positions are mixed: softmax attention where nothing else is said.

    A `window` bounds the attention of all blocks, or of `windowed_layers` of them. A sub-quadratic mixer scores `scale`
    · context^`exponent` keys; exponent 0 is a linear mixer, whose state of head width² a head costs as much as
    attention to head width keys, and is all that serving keeps. `biased` gives queries, keys and values a bias where
    other matmuls have none, `out_biased` the projection back; `keys_unbiased` takes the keys' away (Whisper). `qk_norm`
    norms queries and keys of every head with `qk_vectors` (1 a gain, 2 with a bias), which all heads share unless
    `qk_each`.

    A `gate` multiplies what attention returns by a sigmoid of another projection, which has as many "values" as that or
    one for each of the "heads" (Qiu et al. 2025, arXiv:2505.06708). `sinks` are a trained logit a head, to which
    attention may go instead of a key (gpt-oss).
    """

    window: Number = 0
    windowed_layers: Number | None = None
    exponent: float = 1.0
    scale: Number = 1.0
    causal: bool = True
    biased: bool = False
    qk_norm: bool = False
    qk_each: bool = False
    qk_vectors: int = 1
    out_biased: bool = False
    keys_unbiased: bool = False
    gate: Gate = "none"
    sinks: bool = False


SOFTMAX = Mixer()

EXPERT_BIAS_MOVED = 23
"""Values moved forward for each that experts with biases give, and for each of their activation. The bias, times the
expert's weight, is added expert by expert, in fp32, and the parts are put together again: 14 values of 2 bytes forward
and 18 backward. The activation of gpt-oss, whose experts alone have biases, is clamped by halves: 8 forward and 24
backward. Nothing fuses these; here they are values of a fused kernel, which moves half of them, and 1.8 times as many
backward (counted in Megatron Core 0.19.2: moe/experts.py, _apply_bias; fusions/fused_bias_geglu.py)."""
"""Full causal attention."""


def norm(width: Number, vectors: Number, *, name: str = "norm", split: bool = False) -> Elementwise:
    """A normalisation over a width: `vectors` is 2 with gain and bias, 1 with a gain, 0 with neither.

    Unfused, one with a gain alone (RMSNorm) keeps its input in fp32 and the normed values in place of its input.
    """
    unfused = 2 * width if vectors == 1 else 0
    return Elementwise(
        name=name, moved=2 * width, saved=width, unfused=unfused, parameters=vectors * width, split=split
    )


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
    out = heads * head_width
    scores = Attention(
        name="attention.scores",
        heads=heads,
        kv_heads=kv_heads,
        score_width=head_width,
        value_width=head_width,
        cached=2 * kv_heads * head_width if mixer.causal and not linear else 0,
        state=kv_heads * head_width**2 if linear else 0,
        scan=linear,
        window=window,
        exponent=mixer.exponent,
        scale=mixer.scale * head_width if linear else mixer.scale,
        causal=mixer.causal,
        dropout=dropout,
    )
    return (
        *_projections(hidden, heads, kv_heads, head_width, mixer, biased),
        *([qk_norms(head_width, heads, kv_heads, mixer)] if mixer.qk_norm else []),
        *([Elementwise(name="rotary", moved=2 * (heads + kv_heads) * head_width, split=True)] if rotary else []),
        scores,
        *([Elementwise(name="attention.sinks", moved=0, parameters=heads, split=True)] if mixer.sinks else []),
        *([Elementwise(name="attention.gate", moved=3 * out, saved=out, split=True)] if mixer.gate != "none" else []),
        Matmul(name="attention.out", inputs=out, outputs=hidden, split="rows", biased=biased or mixer.out_biased),
    )


def _projections(
    hidden: Number, heads: Number, kv_heads: Number, head_width: Number, mixer: Mixer, biased: bool
) -> tuple[Matmul, ...]:
    """Queries, keys, values and gate in one product; keys apart where they alone have no bias."""
    gates = {"none": 0, "values": heads * head_width, "heads": heads}[mixer.gate]
    keys = kv_heads * head_width
    outputs = (heads + kv_heads) * head_width + gates
    in_biased = biased or mixer.biased
    if not (in_biased and mixer.keys_unbiased):
        joined = outputs + keys
        return (Matmul(name="attention.in", inputs=hidden, outputs=joined, split="columns", biased=in_biased),)
    return (
        Matmul(name="attention.in", inputs=hidden, outputs=outputs, split="columns", biased=True),
        Matmul(name="attention.keys", inputs=hidden, outputs=keys, split="columns", saves_input=False),
    )


def cross_attention(
    *,
    hidden: Number,
    heads: Number,
    kv_heads: Number,
    head_width: Number,
    source_width: Number,
    source: float,
    ratio: float,
    mixer: Mixer = SOFTMAX,
    biased: bool = False,
    dropout: bool = False,
) -> tuple[Operator, ...]:
    """Attention to a `source` of so many positions and a width, `ratio` of them for each position that attends.

    Keys and values are made of the source, which is not masked, and are kept while a sequence is generated. Vaswani et
    al. 2017, arXiv:1706.03762, section 3.2.3.
    """
    keys, both = kv_heads * head_width, biased or mixer.biased
    values = {"inputs": source_width, "split": "columns", "positions": ratio}
    apart = both and mixer.keys_unbiased
    return (
        Matmul(name="cross.query", inputs=hidden, outputs=heads * head_width, split="columns", biased=both),
        Matmul(name="cross.values", outputs=keys if apart else 2 * keys, biased=both, **values),
        *([Matmul(name="cross.keys", outputs=keys, saves_input=False, **values)] if apart else []),
        Attention(
            name="cross.scores",
            heads=heads,
            kv_heads=kv_heads,
            score_width=head_width,
            value_width=head_width,
            cached=0,
            state=2 * keys * source,
            exponent=0.0,
            scale=source,
            causal=False,
            dropout=dropout,
        ),
        Matmul(
            name="cross.out",
            inputs=heads * head_width,
            outputs=hidden,
            split="rows",
            biased=biased or mixer.out_biased,
        ),
    )


def qk_norms(head_width: Number, heads: Number, kv_heads: Number, mixer: Mixer) -> Elementwise:
    """Norms of queries and keys: vectors of one head's width for each of the two, or for every head of both."""
    width = (heads + kv_heads) * head_width
    gained = width if mixer.qk_each else 2 * head_width
    return Elementwise(name="norm.qk", moved=2 * width, saved=width, parameters=mixer.qk_vectors * gained, split=True)


def latent_attention(
    *, hidden: Number, heads: Number, latent: Latent, dropout: bool = False, out_biased: bool = False
) -> tuple[Operator, ...]:
    """Multi-head latent attention as it is trained, keys and values written out for every head."""
    score_width = latent.nope_width + latent.rope_width
    down = latent.kv_rank + latent.rope_width
    return (
        *latent_queries(hidden, heads * score_width, latent.q_rank, latent.biased),
        Matmul(name="attention.kv_down", inputs=hidden, outputs=down, biased=latent.biased, saves_input=False),
        norm(latent.kv_rank, 1),
        Matmul(
            name="attention.kv_up",
            inputs=latent.kv_rank,
            outputs=heads * (latent.nope_width + latent.value_width),
            split="columns",
        ),
        Elementwise(name="rotary", moved=2 * (heads + 1) * latent.rope_width, split=True),
        *(indexer(hidden, latent) if latent.top_k else ()),
        Attention(
            name="attention.scores",
            heads=heads,
            kv_heads=heads,
            score_width=score_width,
            value_width=latent.value_width,
            cached=latent.kv_rank + latent.rope_width,
            selected=latent.top_k,
            dropout=dropout,
        ),
        Matmul(
            name="attention.out",
            inputs=heads * latent.value_width,
            outputs=hidden,
            split="rows",
            biased=out_biased,
        ),
    )


def indexer(hidden: Number, latent: Latent) -> tuple[Operator, ...]:
    """The heads that score all keys for sparse attention: their queries, one key for all of them, a weight a head.

    Only scores are made, no values; its keys are kept in serving beside the latent.
    """
    heads, width = latent.index_heads, latent.index_width
    return (
        Matmul(name="indexer.query", inputs=latent.q_rank or hidden, outputs=heads * width, saves_input=False),
        Matmul(name="indexer.key", inputs=hidden, outputs=width, saves_input=False),
        norm(width, 2, name="norm.index"),
        Matmul(name="indexer.weights", inputs=hidden, outputs=heads, saves_input=False),
        Attention(name="indexer.scores", heads=heads, kv_heads=1, score_width=width, value_width=0, cached=width),
    )


def latent_queries(hidden: Number, width: Number, rank: int, biased: bool = False) -> tuple[Operator, ...]:
    """Queries through a latent with a norm, or straight where the rank is 0."""
    if rank == 0:
        return (Matmul(name="attention.query", inputs=hidden, outputs=width, split="columns"),)
    return (
        Matmul(name="attention.query_down", inputs=hidden, outputs=rank, biased=biased),
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
    scalars: int = 0,
) -> tuple[Operator, ...]:
    """Two matrices with an activation between, or three where a gate multiplies it; `active` of `experts` such.

    The activation may have some trained `scalars`, as xIELU has two.
    """
    inner = (2 if gated else 1) * width
    repeats = active * positions
    common = {"biased": biased, "experts": experts, "active": active, "positions": positions}
    return (
        Matmul(name=f"{name}.in", inputs=hidden, outputs=inner, split=split[0], saves_input=saves_input, **common),
        Elementwise(
            name="activation",
            moved=(inner + width) * repeats,
            saved=inner * repeats,
            unfused=(width if gated else 0) * repeats,
            parameters=scalars,
            split=True,
        ),
        Matmul(name=f"{name}.out", inputs=width, outputs=hidden, split=split[1], **common),
    )


def mixture_of_experts(
    *, hidden: Number, mixture: Mixture, gated: bool = False, biased: bool = False, shared_biased: bool = False
) -> tuple[Operator, ...]:
    """Router, copies of each position to its experts, the experts, their weighted sum, and shared experts."""
    copies = mixture.top_k * mixture.capacity
    width = mixture.latent or hidden
    shared = mlp(
        hidden=hidden,
        width=mixture.shared_width or mixture.shared * mixture.width,
        gated=gated,
        biased=biased or shared_biased,
        name="shared",
        saves_input=False,  # the router keeps it
    )
    weighed = (Matmul(name="shared.gate", inputs=hidden, outputs=1, saves_input=False),) if mixture.shared_gated else ()
    added = EXPERT_BIAS_MOVED * copies * (width + mixture.width) if biased or mixture.experts_biased else 0
    down, up = _latent_experts(hidden, mixture.latent, biased or shared_biased)
    return (
        Matmul(name="router", inputs=hidden, outputs=mixture.experts, biased=mixture.biased),
        Elementwise(name="router.choice", moved=2 * mixture.experts, saved=mixture.experts),
        *down,
        Elementwise(name="experts.dispatch", moved=(1 + copies) * width),
        *mlp(
            hidden=width,
            width=mixture.width,
            gated=gated,
            biased=biased or mixture.experts_biased,
            name="experts",
            experts=mixture.experts,
            active=mixture.top_k,
            positions=mixture.capacity,
        ),
        *((Elementwise(name="experts.bias", moved=added),) if np.any(added) else ()),
        Elementwise(name="experts.combine", moved=(1 + copies) * width, saved=copies * width),
        *up,
        *((*shared, *weighed) if np.any(mixture.shared) or np.any(mixture.shared_width) else ()),
    )


def _latent_experts(hidden: Number, latent: Number, biased: bool) -> tuple[tuple[Operator, ...], tuple[Operator, ...]]:
    """Projections before and after routed experts that work in a narrower width."""
    if not np.any(latent):
        return (), ()
    down = Matmul(name="experts.down", inputs=hidden, outputs=latent, biased=biased, saves_input=False)
    return (down,), (Matmul(name="experts.up", inputs=latent, outputs=hidden, biased=biased),)
