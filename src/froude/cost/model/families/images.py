"""Transformers of images: a vision transformer and a diffusion transformer.

A position is a patch. Work done once a sequence or an image, not once a position, stands in matmuls on
1/context positions.
"""

from __future__ import annotations

from froude.cost.model.blocks import at_ratio
from froude.cost.model.layers import Mixer, attention, cross_attention, mlp, norm, residual
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Lookup, Matmul, Operator

FREQUENCIES = 256
"""Sines and cosines that encode a diffusion step (Peebles and Xie 2022, arXiv:2212.09748; its code)."""


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
    head: str = "classes",
    tokens: int = 1,
    registers: int = 0,
    mask_row: bool = False,
    head_inputs: int = 1,
    gated: bool = False,
    patch_biased: bool = True,
    qkv_biased: bool = True,
    first_norm: bool = False,
    final_norm: bool = True,
    scaled: bool = False,
    projection: int = 0,
) -> Model:
    """A vision transformer: patches and a class token, learned positions, a linear head on the class token.

    The context is (image / patch)² and the `tokens` that stand for no patch. Dosovitskiy et al. 2020, arXiv:2010.11929.
    `first_norm` norms what enters the blocks and a `projection` replaces the head (CLIP, arXiv:2103.00020); `scaled`
    multiplies what each layer adds by a trained vector (DINOv2, arXiv:2304.07193). A head is one of `VIT_HEADS` of the
    keys: the attentive one has a trained query that attends to all patches (SigLIP, arXiv:2303.15343).
    """
    patches = (image // patch) ** 2
    rows = patches + tokens
    context = rows + registers
    normed = norm(hidden, 2)
    after = (*([_scaling(hidden)] if scaled else []), residual(hidden, dropout))
    inner = mlp(hidden=hidden, width=mlp_width, gated=gated, biased=True)
    mixed = _mixing(hidden, heads, dropout, qkv_biased)
    ends = _vit_head(head, hidden, heads, mlp_width, context, classes, head_inputs)
    projected = Matmul(name="head.projection", inputs=hidden, outputs=projection, positions=1 / context)
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=classes if head.endswith("classes") else 0,
        context=context,
        embedding=(
            _patches(channels, patch, hidden, patches / context, patch_biased),
            *([Lookup(name="embedding.class", rows=tokens, width=hidden)] if tokens else []),
            *([Lookup(name="embedding.registers", rows=registers, width=hidden)] if registers else []),
            *([Lookup(name="embedding.mask", rows=1, width=hidden)] if mask_row else []),
            Lookup(name="embedding.positions", rows=rows, width=hidden),
            *([normed] if first_norm else []),
        ),
        blocks=(Block(name="block", count=layers, operators=(normed, *mixed, *after, normed, *inner, *after)),),
        head=(*([normed] if final_norm else []), *ends, *([projected] if projection else [])),
    )


def _scaling(hidden: int) -> Elementwise:
    return Elementwise(name="scale", moved=2 * hidden, saved=hidden, parameters=hidden)


def _vit_head(
    kind: str, hidden: int, heads: int, mlp_width: int, context: int, classes: int, read: int
) -> tuple[Operator, ...]:
    once = 1 / context
    pooled = Matmul(name="head.pool", inputs=hidden, outputs=hidden, biased=True, positions=once)
    told = Matmul(name="head", inputs=read * hidden, outputs=classes, biased=True, positions=once)
    attended = _attention_pool(hidden, heads, mlp_width, context)
    return {
        "classes": (told,),
        "pooled": (pooled,),
        "attention": attended,
        "attention-classes": (*attended, told),
        "none": (),
    }[kind]


def _attention_pool(hidden: int, heads: int, mlp_width: int, context: int) -> tuple[Operator, ...]:
    """One trained query attends to all positions; a norm and an MLP follow (SigLIP, arXiv:2303.15343, its code)."""
    once = 1 / context
    crossed = cross_attention(
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_width=hidden // heads,
        source_width=hidden,
        source=context,
        ratio=context,
        biased=True,
    )
    inner = (norm(hidden, 2), *mlp(hidden=hidden, width=mlp_width, biased=True))
    pooling = at_ratio((*crossed, *inner), once, 1)
    return (Lookup(name="head.query", rows=1, width=hidden), *pooling)


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


def _mixing(hidden: int, heads: int, dropout: bool, qkv_biased: bool = True) -> tuple[Operator, ...]:
    """Unmasked attention with biases, as many heads of keys as of queries."""
    mixer = Mixer(causal=False, biased=qkv_biased, out_biased=True)
    width = hidden // heads
    return attention(hidden=hidden, heads=heads, kv_heads=heads, head_width=width, mixer=mixer, dropout=dropout)


def _patches(channels: int, patch: int, hidden: int, positions: float, biased: bool = True) -> Matmul:
    return Matmul(
        name="embedding.patches", inputs=channels * patch**2, outputs=hidden, biased=biased, positions=positions
    )


def _modulation(hidden: int, vectors: int, positions: float) -> Matmul:
    return Matmul(
        name="condition.modulation", inputs=hidden, outputs=vectors * hidden, biased=True, positions=positions
    )
