"""Models of several parts: an encoder that a decoder attends to, towers of images and sounds before a text model.

A position is one of the part that makes text. Other parts work once a sequence, on so many positions of their own: what
they cost is spread over the positions of a sequence of the text's context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from froude.cost.model.blocks import at_ratio, blocks_at_ratio
from froude.cost.model.layers import norm
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Lookup, Matmul, Number, Operator

TABLE = "embedding.tokens"


def encoder_decoder(*, name: str, encoder: Model, decoder: Model, shared: bool, pooled: int = 0) -> Model:
    """An encoder over as many positions as its context, and the decoder whose blocks attend to what it returns.

    Where embeddings are `shared` the decoder's table of tokens is the encoder's. Vaswani et al. 2017, arXiv:1706.03762.
    """
    length = float(encoder.context)
    ratio = length / decoder.context
    before = at_ratio((*encoder.embedding, *encoder.head), ratio, length)
    own = tuple(o for o in decoder.embedding if not (shared and o.name == TABLE))
    return replace(
        decoder,
        name=name,
        embedding=(*before, *own),
        blocks=(*blocks_at_ratio(encoder.blocks, "encoder", ratio, length), *decoder.blocks),
    )


def joined(
    *,
    name: str,
    text: Model,
    towers: Sequence[tuple[str, Model]],
    projector: Sequence[int] = (),
    projector_biased: bool = True,
    projector_norm: int = 0,
    projector_merges: int = 1,
    projection: int = 0,
    scalars: int = 0,
    newline: int = 0,
) -> Model:
    """A text model with towers before it, whose results enter it through a projector, or are compared with its own.

    The `projector` is matrices between widths, `projector_merges` positions of the tower to one, normed by
    `projector_norm` values where that is positive. Where `projection` is positive text and towers are each projected to
    it once a sequence (CLIP), with some trained `scalars` for their comparison; `newline` is the
    width of a trained vector that ends each row of an image (LLaVA-NeXT).
    """
    compared = _projection("head.projection", text.hidden, projection, 1 / text.context) if projection else ()
    model = replace(text, name=name, head=(*text.head, *compared, *_scalars(scalars + newline)))
    for tower, part in towers:
        ratio = part.context / text.context
        entering = _projector(projector, projector_biased, projector_norm, ratio / projector_merges)
        seen = _projection(f"{tower}.projection", part.hidden, projection, 1 / text.context) if projection else ()
        model = _with_tower(model, tower, part, ratio, (*entering, *seen))
    return model


def _with_tower(model: Model, tower: str, part: Model, ratio: Number, after: Sequence[Operator]) -> Model:
    length = float(part.context)
    around = _named(tower, at_ratio((*part.embedding, *part.head), ratio, length))
    blocks = blocks_at_ratio(part.blocks, tower, ratio, length)
    named = tuple(Block(name=b.name, count=b.count, operators=_named(tower, b.operators)) for b in blocks)
    return replace(model, embedding=(*around, *after, *model.embedding), blocks=(*named, *model.blocks))


def _named(tower: str, operators: Sequence[Operator]) -> tuple[Operator, ...]:
    """Operators in the group of their tower."""
    return tuple(replace(operator, name=f"{tower}.{operator.name}") for operator in operators)


def _projection(name: str, inputs: Number, outputs: int, positions: Number) -> tuple[Operator, ...]:
    return (Matmul(name=name, inputs=inputs, outputs=outputs, positions=positions),)


def _projector(widths: Sequence[int], biased: bool, normed: int, ratio: Number) -> tuple[Operator, ...]:
    """Matrices from each width to the next, with activations between."""
    steps = [
        Matmul(name="projector", inputs=inputs, outputs=outputs, biased=biased, positions=ratio)
        for inputs, outputs in pairwise(widths)
    ]
    return (*([norm(normed, 1, name="norm.projector")] if normed else []), *steps)


def _scalars(count: int) -> tuple[Operator, ...]:
    return (Elementwise(name="head.scale", moved=0, parameters=count),) if count else ()


def without_tokens(model: Model) -> Model:
    """A model whose input is no text: its table of tokens goes."""
    return replace(
        model, embedding=tuple(o for o in model.embedding if not (isinstance(o, Lookup) and o.name == TABLE))
    )


def frames(model: Model, channels: int) -> Model:
    """A model of sound: two convolutions over frames of `channels` values, the second with a stride of two.

    Radford et al. 2022, arXiv:2212.04356, section 2.2.
    """
    hidden = model.hidden
    stem = (
        Matmul(name="embedding.frames", inputs=3 * channels, outputs=hidden, biased=True, positions=2),
        Matmul(name="embedding.frames", inputs=3 * hidden, outputs=hidden, biased=True),
    )
    return replace(model, embedding=(*stem, *without_tokens(model).embedding))
