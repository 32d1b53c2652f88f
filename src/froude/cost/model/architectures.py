"""Transformers that are no decoders: an encoder of text, a vision transformer, a diffusion transformer.

A position is a token or a patch. Work done once a sequence or an image, not once a position, stands in matmuls on
1/context positions.
"""

from __future__ import annotations

from froude.cost.model.layers import Mixer, attention, mlp, norm, residual
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Lookup, Matmul, Operator

UNMASKED = Mixer(causal=False)
FREQUENCIES = 256
"""Sines and cosines that encode a diffusion step (Peebles and Xie 2022, arXiv:2212.09748; its code)."""


def encoder(
    *,
    name: str,
    layers: int,
    hidden: int,
    heads: int,
    vocabulary: int,
    context: int,
    mlp_width: int,
    segments: int,
    dropout: bool,
) -> Model:
    """A post-norm encoder as BERT is pretrained: embeddings of tokens, positions and segments, normed; two heads.

    The head of masked tokens transforms every position and shares the embedding's weights, with a bias of its own; the
    head of the sentence pools one position and tells two classes. Devlin et al. 2018, arXiv:1810.04805.
    """
    normed = norm(hidden, 2)
    after = (residual(hidden, dropout), normed)
    tables = {"embedding.tokens": vocabulary, "embedding.positions": context, "embedding.segments": segments}
    block = (
        *_mixing(hidden, heads, dropout),
        *after,
        *mlp(hidden=hidden, width=mlp_width, biased=True),
        *after,
    )
    head = (
        Matmul(name="head.transform", inputs=hidden, outputs=hidden, biased=True),
        Elementwise(name="activation", moved=2 * hidden, saved=hidden),
        normed,
        Matmul(name="head", inputs=hidden, outputs=vocabulary, split="columns", tied=True),
        Elementwise(name="head.bias", moved=0, parameters=vocabulary),
        Matmul(name="head.pool", inputs=hidden, outputs=hidden, biased=True, positions=1 / context),
        Matmul(name="head.sentence", inputs=hidden, outputs=2, biased=True, positions=1 / context),
    )
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=vocabulary,
        context=context,
        embedding=(*(Lookup(name=table, rows=rows, width=hidden) for table, rows in tables.items()), normed),
        blocks=(Block(name="block", count=layers, operators=block),),
        head=head,
    )


def vit(
    *,
    name: str,
    layers: int,
    hidden: int,
    heads: int,
    image: int,
    patch: int,
    classes: int,
    channels: int,
    mlp_width: int,
    dropout: bool,
) -> Model:
    """A vision transformer: patches and a class token, learned positions, a linear head on the class token.

    The context is (image / patch)² + 1. Dosovitskiy et al. 2020, arXiv:2010.11929.
    """
    patches = (image // patch) ** 2
    context = patches + 1
    normed = norm(hidden, 2)
    after = residual(hidden, dropout)
    inner = mlp(hidden=hidden, width=mlp_width, biased=True)
    block = (normed, *_mixing(hidden, heads, dropout), after, normed, *inner, after)
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=classes,
        context=context,
        embedding=(
            _patches(channels, patch, hidden, patches / context),
            Lookup(name="embedding.class", rows=1, width=hidden),
            Lookup(name="embedding.positions", rows=context, width=hidden),
        ),
        blocks=(Block(name="block", count=layers, operators=block),),
        head=(normed, Matmul(name="head", inputs=hidden, outputs=classes, biased=True, positions=1 / context)),
    )


def dit(
    *,
    name: str,
    layers: int,
    hidden: int,
    heads: int,
    image: int,
    patch: int,
    classes: int,
    channels: int,
    calls: int,
) -> Model:
    """A diffusion transformer of latents of `image`² places; step and class shift and scale its norms (adaLN-Zero).

    The context is (image / patch)²; positions are fixed sines, no parameters. The head returns noise and its variance.
    A sample takes `calls` evaluations, twice as many with guidance. Peebles and Xie 2022, arXiv:2212.09748.
    """
    context = (image // patch) ** 2
    once = 1 / context
    normed = norm(hidden, 0)
    scaled = Elementwise(name="modulation", moved=4 * hidden, saved=2 * hidden)  # shift and scale before, gate after
    inner = mlp(hidden=hidden, width=4 * hidden, biased=True)
    after = (scaled, residual(hidden, dropout=False))
    mixed = (normed, *_mixing(hidden, heads, dropout=False), *after)
    rest = (normed, *inner, *after)
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=classes,
        context=context,
        embedding=(
            _patches(channels, patch, hidden, 1),
            Matmul(name="condition.step", inputs=FREQUENCIES, outputs=hidden, biased=True, positions=once),
            Matmul(name="condition.step", inputs=hidden, outputs=hidden, biased=True, positions=once),
            Lookup(name="condition.class", rows=classes + 1, width=hidden),  # and a row for no class
        ),
        blocks=(Block(name="block", count=layers, operators=(_modulation(hidden, 6, once), *mixed, *rest)),),
        head=(
            _modulation(hidden, 2, once),
            normed,
            Matmul(name="head", inputs=hidden, outputs=2 * channels * patch**2, biased=True),
        ),
        calls=calls,
    )


def _mixing(hidden: int, heads: int, dropout: bool) -> tuple[Operator, ...]:
    """Unmasked attention with biases, as many heads of keys as of queries."""
    width = hidden // heads
    return attention(
        hidden=hidden, heads=heads, kv_heads=heads, head_width=width, mixer=UNMASKED, biased=True, dropout=dropout
    )


def _patches(channels: int, patch: int, hidden: int, positions: float) -> Matmul:
    return Matmul(
        name="embedding.patches", inputs=channels * patch**2, outputs=hidden, biased=True, positions=positions
    )


def _modulation(hidden: int, vectors: int, positions: float) -> Matmul:
    return Matmul(
        name="condition.modulation", inputs=hidden, outputs=vectors * hidden, biased=True, positions=positions
    )
