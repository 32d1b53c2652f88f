"""What is trained: a model as operators, from which parameters, FLOPs, activations and KV bytes follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.cost.model.layers import (
    SOFTMAX,
    Latent,
    Mixer,
    Mixture,
    attention,
    latent_attention,
    mixture_of_experts,
    mlp,
    norm,
    residual,
)
from froude.cost.model.operators import Attention, Block, Lookup, Matmul, Number, Operator
from froude.cost.model.plain_decoder import MATMUL_PASSES
from froude.result import Result


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Model(Result):
    """An architecture as the operators that one position passes: embedding, blocks and head, in this order.

    `heads`, `kv_heads`, `hidden`, `vocabulary` and `experts` (1 where there are none) decide which layouts are legal.
    `context` is the length it is trained with where nothing else is said; 1 for a model without a sequence.
    `calls` is how often the model is evaluated to make one sample (1, or the steps of a diffusion sampler).
    `description` holds the sizes it was built from, defaults filled in, in the words of the catalogue; empty where it
    was built otherwise. `assumed` says in sentences which of them nobody gave.
    """

    name: str
    hidden: Number
    heads: Number
    kv_heads: Number
    vocabulary: Number
    context: Number
    embedding: tuple[Operator, ...]
    blocks: tuple[Block, ...]
    head: tuple[Operator, ...]
    experts: Number = 1
    calls: int = 1
    description: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    assumed: tuple[str, ...] = ()

    @property
    def layers(self) -> Number:
        """Blocks in a row."""
        return sum(block.count for block in self.blocks)

    def operator_counts(self) -> Iterator[tuple[Number, Operator]]:
        """Every operator with how often it stands in the model."""
        yield from ((1, operator) for operator in self.embedding)
        for block in self.blocks:
            yield from ((block.count, operator) for operator in block.operators)
        yield from ((1, operator) for operator in self.head)

    @property
    def parameters_by_operator(self) -> dict[str, Number]:
        """Trained parameters by the operators' names, those of all blocks added."""
        return _sum_by_name((operator.name, count * operator.parameters) for count, operator in self.operator_counts())

    @property
    def parameters_by_group(self) -> dict[str, Number]:
        """Trained parameters by group: what stands before the point in the operators' names, as attention or norm."""
        parameters = _sum_by_name((name.partition(".")[0], n) for name, n in self.parameters_by_operator.items())
        return {group: n for group, n in parameters.items() if np.any(n)}

    @property
    def n_params(self) -> Number:
        """All trained parameters."""
        return sum(self.parameters_by_operator.values())

    @property
    def n_active(self) -> Number:
        """Parameters that one token multiplies or passes, the output head counted: N of 6·N·D for experts."""
        return sum(count * operator.active_parameters for count, operator in self.operator_counts())

    def forward_flops_by_operator(self, context: Number) -> dict[str, Number]:
        """Matmul FLOPs of one position's forward pass at a context, full attention counted, by operator."""
        flops = _sum_by_name(
            (operator.name, count * operator.forward_flops(context)) for count, operator in self.operator_counts()
        )
        return {name: n for name, n in flops.items() if np.any(n)}

    def forward_flops(self, context: Number) -> Number:
        """Matmul FLOPs of one position's forward pass at a context: logits and full attention counted."""
        return sum(self.forward_flops_by_operator(context).values())

    def training_flops_by_operator(self, context: Number) -> dict[str, Number]:
        """Matmul FLOPs of one position's forward and backward pass, nothing recomputed, by operator."""
        return {name: MATMUL_PASSES * flops for name, flops in self.forward_flops_by_operator(context).items()}

    def training_flops(self, context: Number) -> Number:
        """Matmul FLOPs of one position's forward and backward pass, nothing recomputed: MFU's numerator."""
        return MATMUL_PASSES * self.forward_flops(context)

    def sample_flops(self, context: Number) -> Number:
        """Matmul FLOPs of making one sample: every call of a sampler, each over the whole context."""
        return self.calls * context * self.forward_flops(context)

    def saved_by_operator(self, context: Number, *, scores: bool = False) -> dict[str, Number]:
        """Values of one position kept for the backward pass, by operator; scores too where no fused kernel hides them.

        Logits and what the loss keeps are not among them.
        """
        saved = _sum_by_name((operator.name, count * operator.saved) for count, operator in self.operator_counts())
        if scores:
            softmax = (("attention.softmax", n * o.saved_scores(context)) for n, o in self._attentions())
            saved |= _sum_by_name(softmax)
        return {name: values for name, values in saved.items() if np.any(values)}

    def kv_values(self, context: Number | None = None) -> Number:
        """Values that serving keeps for each position of a context, all layers, on average over a sequence so long.

        Windows and mixers with a state keep less the longer it is. The context of training where none is given.
        """
        context = self.context if context is None else context
        return sum((n * o.cache_values(context) for n, o in self._attentions()), start=0.0) / context

    def _attentions(self) -> Iterator[tuple[Number, Attention]]:
        return ((count, o) for count, o in self.operator_counts() if isinstance(o, Attention))


def decoder(
    *,
    name: str,
    layers: Number,
    hidden: Number,
    heads: Number,
    vocabulary: Number,
    context: Number,
    kv_heads: Number | None = None,
    head_width: Number | None = None,
    mlp_width: Number | None = None,
    gated: bool = False,
    tied: bool = True,
    learned_positions: Number = 0,
    rotary: bool = False,
    rms_norm: bool = False,
    biased: bool = False,
    dropout: bool = False,
    norm_vectors: int | None = None,
    norms_after: bool = False,
    mixer: Mixer = SOFTMAX,
    mixture: Mixture | None = None,
    latent: Latent | None = None,
) -> Model:
    """A pre-norm decoder-only transformer; sizes may be arrays that broadcast.

    `head_width` is hidden / heads and `mlp_width` 4 · hidden where they are not given; `gated` MLPs have three
    matrices. `biased` gives every matmul of a block a bias. Norms have a gain, and a bias unless `rms_norm`, or as many
    `norm_vectors` as given; `norms_after` has them after attention and MLP too. A `mixture` replaces MLPs, a `latent`
    keys and values.
    """
    kv_heads = heads if kv_heads is None else kv_heads
    head_width = hidden / heads if head_width is None else head_width
    normed = norm(hidden, (1 if rms_norm else 2) if norm_vectors is None else norm_vectors)
    after = (*([normed] if norms_after else []), residual(hidden, dropout))
    dense = mlp(hidden=hidden, width=4 * hidden if mlp_width is None else mlp_width, gated=gated, biased=biased)
    inner = mixture_of_experts(hidden=hidden, mixture=mixture, gated=gated, biased=biased) if mixture else dense

    def mixing(window: Number) -> tuple[Operator, ...]:
        if latent is not None:
            return latent_attention(hidden=hidden, heads=heads, latent=latent, dropout=dropout)
        sizes = {"hidden": hidden, "heads": heads, "kv_heads": kv_heads, "head_width": head_width}
        return attention(**sizes, mixer=mixer, window=window, biased=biased, rotary=rotary, dropout=dropout)

    def block(name: str, count: Number, window: Number) -> Block:
        within = dense if name == "block.dense" else inner
        return Block(name=name, count=count, operators=(normed, *mixing(window), *after, normed, *within, *after))

    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads if latent else kv_heads,
        vocabulary=vocabulary,
        context=context,
        embedding=_tables(hidden, tokens=vocabulary, positions=learned_positions),
        blocks=tuple(block(*kind) for kind in _kinds(layers, mixer, mixture)),
        head=(normed, Matmul(name="head", inputs=hidden, outputs=vocabulary, split="columns", tied=tied)),
        experts=mixture.experts if mixture else 1,
    )


def _tables(width: Number, **rows: Number) -> tuple[Lookup, ...]:
    """Embeddings by name, those that have rows."""
    return tuple(Lookup(name=f"embedding.{name}", rows=n, width=width) for name, n in rows.items() if np.any(n))


def _kinds(layers: Number, mixer: Mixer, mixture: Mixture | None) -> Iterator[tuple[str, Number, Number]]:
    """Name, count and window of each kind of block that there is; blocks without experts come first."""
    dense = mixture.dense_layers if mixture else 0
    windowed = 0 if mixer.windowed_layers is None else mixer.windowed_layers
    if np.any(dense):
        yield "block.dense", dense, mixer.window
    if np.any(windowed):
        yield "block.windowed", windowed, mixer.window
    if np.any(layers - dense - windowed):
        yield "block", layers - dense - windowed, mixer.window if mixer.windowed_layers is None else 0


def _sum_by_name(amounts: Iterator[tuple[str, Number]]) -> dict[str, Number]:
    sums: dict[str, Number] = {}
    for name, amount in amounts:
        sums[name] = sums.get(name, 0) + amount
    return sums
