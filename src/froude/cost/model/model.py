"""What is trained: a model as operators, from which parameters, FLOPs, activations and KV bytes follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, final

import numpy as np

from froude.cost.model.blocks import PLAIN, BlockParts, Details, Norms, embedding, head, kinds_of_blocks
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
from froude.cost.model.operators import Attention, Block, Matmul, Number, Operator
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

    @property
    def n_active_with_embedding(self) -> Number:
        """Parameters that one token uses, its embedding counted: all but the experts that it is not sent to."""
        return self.n_params - sum(n * o.idle_parameters for n, o in self.operator_counts() if isinstance(o, Matmul))

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

    def causal_training_flops(self, context: Number) -> Number:
        """`training_flops` where scores that a causal mask hides are not computed: half of them, without a window."""
        hidden = sum((n * o.hidden_flops(context) for n, o in self._attentions()), start=0.0)
        return self.training_flops(context) - MATMUL_PASSES * hidden

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
    details: Details = PLAIN,
) -> Model:
    """A pre-norm decoder-only transformer; sizes may be arrays that broadcast.

    `head_width` is hidden / heads and `mlp_width` 4 · hidden where they are not given; `gated` MLPs have three
    matrices. `biased` gives every matmul of a block a bias. Norms have a gain, and a bias unless `rms_norm`, or as many
    `norm_vectors` as given; `norms_after` has them after attention and MLP too. A `mixture` replaces MLPs, a `latent`
    keys and values. `details` are what few decoders have; where they say where norms are, `norms_after` is not asked.
    """
    kv_heads = heads if kv_heads is None else kv_heads
    head_width = hidden / heads if head_width is None else head_width
    normed = norm(hidden, (1 if rms_norm else 2) if norm_vectors is None else norm_vectors)
    sizes = {"hidden": hidden, "heads": heads, "dropout": dropout}
    attends = {"kv_heads": kv_heads, "head_width": head_width, "mixer": mixer, "biased": biased, "rotary": rotary}
    parts = BlockParts(
        attend=partial(attention, **sizes, **attends) if latent is None else _latent(latent, mixer.out_biased, **sizes),
        inners=_inners(hidden, 4 * hidden if mlp_width is None else mlp_width, gated, biased, details, mixture),
        details=replace(details, norms=details.norms or Norms(after=norms_after)),
        normed=normed,
        added=residual(hidden, dropout),
    )
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads if latent else kv_heads,
        vocabulary={"tokens": vocabulary, "classes": details.ends.classes, "none": 0}[details.ends.head],
        context=context,
        embedding=embedding(hidden, heads, details.ends, parts.embedded, vocabulary, learned_positions),
        blocks=tuple(parts.block(*kind) for kind in kinds_of_blocks(layers, mixer, mixture, details.pattern)),
        head=(*parts.last, *head(hidden, details.ends, normed, vocabulary=vocabulary, tied=tied)),
        experts=mixture.experts if mixture else 1,
    )


def _latent(latent: Latent, out_biased: bool, **sizes: Any) -> Callable[..., Sequence[Operator]]:
    """Latent attention, which knows no window."""
    return lambda window: latent_attention(latent=latent, out_biased=out_biased, **sizes)


def _inners(
    hidden: Number, width: Number, gated: bool, biased: bool, details: Details, mixture: Mixture | None
) -> Mapping[str, Sequence[Operator]]:
    """The operators of each word for a block's MLP; experts are the MLP where there are none."""
    both, scalars = biased or details.mlp_biased, details.activation_scalars
    dense = mlp(hidden=hidden, width=width, gated=gated, biased=both, scalars=scalars)
    if mixture is None:
        return {"none": (), "dense": dense, "experts": dense}
    routed = mixture_of_experts(hidden=hidden, mixture=mixture, gated=gated, biased=biased, shared_biased=both)
    return {"none": (), "dense": dense, "experts": routed}


def _sum_by_name(amounts: Iterator[tuple[str, Number]]) -> dict[str, Number]:
    sums: dict[str, Number] = {}
    for name, amount in amounts:
        sums[name] = sums.get(name, 0) + amount
    return sums
