"""Encoders of text with norms after each layer, as BERT, and the heads that they are pretrained and used with."""

from __future__ import annotations

from dataclasses import replace

from froude.cost.model.layers import Mixer, attention, mlp, norm, residual
from froude.cost.model.model import Model
from froude.cost.model.operators import Block, Elementwise, Lookup, Matmul, Operator

UNMASKED = Mixer(causal=False)


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
    position_rows: int = 0,
    embedding_width: int = 0,
    head: str = "pretraining",
    head_width: int = 0,
    classes: int = 2,
    tied: bool = True,
    head_biased: bool = False,
    groups: int = 0,
) -> Model:
    """A post-norm encoder as BERT: embeddings of tokens, positions and segments, normed; blocks; a head.

    A `head` is one of `ENCODER_HEADS` of the keys. That of masked tokens transforms every position and shares the
    embedding's weights where `tied`, with a bias of its own; the heads of a sentence pool one position. Devlin et al.
    2018, arXiv:1810.04805. An `embedding_width` other than the hidden size is projected to it (ELECTRA, ALBERT). Where
    `groups` is positive only so many blocks have weights of their own, the others repeat them (Lan et al. 2019,
    arXiv:1909.11942).
    """
    width = embedding_width or hidden
    tables = {"tokens": vocabulary, "positions": position_rows or context, "segments": segments}
    widened = Matmul(name="embedding.project", inputs=width, outputs=hidden, biased=True)
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=vocabulary if head in ("pretraining", "masked") else classes,
        context=context,
        embedding=(
            *(Lookup(name=f"embedding.{table}", rows=rows, width=width) for table, rows in tables.items() if rows),
            norm(width, 2),
            *([widened] if embedding_width else []),
        ),
        blocks=tuple(_blocks(_block(hidden, heads, mlp_width, dropout), layers, groups)),
        head=_head(head, hidden, head_width or width, vocabulary, context, classes, tied, head_biased),
    )


def _block(hidden: int, heads: int, mlp_width: int, dropout: bool) -> tuple[Operator, ...]:
    after = (residual(hidden, dropout), norm(hidden, 2))
    width = hidden // heads
    mixed = attention(
        hidden=hidden, heads=heads, kv_heads=heads, head_width=width, mixer=UNMASKED, biased=True, dropout=dropout
    )
    return (*mixed, *after, *mlp(hidden=hidden, width=mlp_width, biased=True), *after)


def _blocks(operators: tuple[Operator, ...], layers: int, groups: int) -> list[Block]:
    """Blocks with weights of their own, and those that repeat them."""
    if not 0 < groups < layers:
        return [Block(name="block", count=layers, operators=operators)]
    repeated = tuple(_without_weights(operator) for operator in operators)
    return [
        Block(name="block", count=groups, operators=operators),
        Block(name="block.repeated", count=layers - groups, operators=repeated),
    ]


def _without_weights(operator: Operator) -> Operator:
    """An operator that uses weights which are counted elsewhere."""
    if isinstance(operator, Matmul):
        return replace(operator, tied=True)
    return replace(operator, parameters=0) if isinstance(operator, Elementwise) else operator


def _head(
    kind: str, hidden: int, width: int, vocabulary: int, context: int, classes: int, tied: bool, biased: bool
) -> tuple[Operator, ...]:
    """The operators of one of `ENCODER_HEADS` of the keys; those of a whole text work on one position of it."""
    once = 1 / context
    masked = (
        Matmul(name="head.transform", inputs=hidden, outputs=width, biased=True),
        Elementwise(name="activation", moved=2 * width, saved=width),
        norm(width, 2),
        Matmul(name="head", inputs=width, outputs=vocabulary, split="columns", tied=tied, biased=biased),
        Elementwise(name="head.bias", moved=0, parameters=vocabulary),
    )
    pooled = (Matmul(name="head.pool", inputs=hidden, outputs=hidden, biased=True, positions=once),)
    sentence = Matmul(name="head.sentence", inputs=hidden, outputs=classes, biased=True, positions=once)
    return {
        "pretraining": (*masked, *pooled, sentence),
        "masked": masked,
        "sentence": (*pooled, sentence),
        "positions": (Matmul(name="head", inputs=hidden, outputs=classes, biased=True),),
        "pooled": pooled,
        "none": (),
    }[kind]
