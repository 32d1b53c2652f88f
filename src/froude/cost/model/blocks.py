"""How layers make a transformer: residual blocks of a mixer and an MLP, what stands before them and what after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, final

import numpy as np

from froude.cost.model.layers import Mixer, Mixture
from froude.cost.model.operators import Attention, Block, Elementwise, Lookup, Matmul, Number, Operator

HeadKind = Literal["tokens", "classes", "none"]
"""What a head tells of each position: the next token, one of some classes, or nothing (the hidden state is wanted)."""


@final
@dataclass(frozen=True, kw_only=True)
class Layers:
    """`count` blocks of one kind: the words of what mixes positions and of the MLP, each maybe "none"."""

    mixer: str
    inner: str
    count: int


@final
@dataclass(frozen=True, kw_only=True)
class Norms:
    """Where a block has norms: `before` and `after` a mixer and an MLP, and after the last block (`final`).

    Where it is `parallel`, MLP and mixer read the same norm of the block's input. An `embedding` may be normed too.
    """

    before: bool = True
    after: bool = False
    parallel: bool = False
    final: bool = True
    embedding: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Ends:
    """Embedding and head: a table of an own `width` is projected to the hidden state and back (0: it has that width).

    `segments` is a table of so many kinds of text, `buckets` one of relative positions for each head. A head of
    `classes` is never tied; `biased` gives either head a bias, and `width_biased` the projection of the embedding. A
    `transform` stands before either, with a bias unless `transform_biased` is off, and after it a norm where `normed`.
    """

    width: Number = 0
    width_biased: bool = False
    segments: Number = 0
    buckets: Number = 0
    head: HeadKind = "tokens"
    classes: Number = 2
    biased: bool = False
    transform: bool = False
    transform_biased: bool = True
    normed: bool = False


def embedding(
    hidden: Number, heads: Number, ends: Ends, normed: Operator | None, tokens: Number, positions: Number
) -> tuple[Operator, ...]:
    """Tables of tokens, positions and segments, a projection where they are narrower, a norm, relative positions."""
    narrow = ends.width if np.any(ends.width) else hidden
    rows = {"tokens": (tokens, narrow), "positions": (positions, hidden), "segments": (ends.segments, hidden)}
    widened = Matmul(name="embedding.project", inputs=narrow, outputs=hidden, biased=ends.width_biased)
    return (
        *(Lookup(name=f"embedding.{name}", rows=n, width=width) for name, (n, width) in rows.items() if np.any(n)),
        *([widened] if np.any(ends.width) else []),
        *([normed] if normed is not None else []),
        *([relative_positions(ends.buckets, heads)] if np.any(ends.buckets) else []),
    )


def relative_positions(buckets: Number, heads: Number) -> Elementwise:
    """A trained offset of scores for each bucket of distances and head: Raffel et al. 2019, arXiv:1910.10683."""
    return Elementwise(name="embedding.relative", moved=0, parameters=buckets * heads)


def head(hidden: Number, ends: Ends, normed: Operator, *, vocabulary: Number, tied: bool) -> tuple[Operator, ...]:
    """What is made of each position's last hidden state."""
    transform = Matmul(name="head.transform", inputs=hidden, outputs=hidden, biased=ends.transform_biased)
    before = (*([transform] if ends.transform else []), *([normed] if ends.normed else []))
    told = _told(hidden, ends, vocabulary=vocabulary, tied=tied)
    return (*before, *told) if told else ()


def _told(hidden: Number, ends: Ends, *, vocabulary: Number, tied: bool) -> tuple[Operator, ...]:
    if ends.head == "none":
        return ()
    if ends.head == "classes":
        return (Matmul(name="head", inputs=hidden, outputs=ends.classes, biased=ends.biased),)
    width = ends.width if np.any(ends.width) else hidden
    narrowed = Matmul(name="head.project", inputs=hidden, outputs=width, biased=ends.width_biased)
    biases = Elementwise(name="head.bias", moved=0, parameters=vocabulary)
    return (
        *([narrowed] if np.any(ends.width) else []),
        Matmul(
            name="head",
            inputs=width,
            outputs=vocabulary,
            split="columns",
            biased=ends.biased and not tied,
            tied=tied,
        ),
        *([biases] if ends.biased and tied else []),
    )


@final
@dataclass(frozen=True, kw_only=True)
class Details:
    """What few decoders have: where `norms` are, what stands before and after the blocks (`ends`).

    MLPs that are no routed experts may be `mlp_biased` alone, and activations have trained scalars. Blocks attend to
    another sequence by the operators of `cross`. A `pattern` says which blocks there are, instead of the windowed and
    the dense ones that a mixer and a mixture name; `mixers` has the operators of its words that are no attention.
    """

    norms: Norms | None = None
    ends: Ends = Ends()
    mlp_biased: bool = False
    activation_scalars: int = 0
    cross: Sequence[Operator] = ()
    pattern: Sequence[Layers] = ()
    mixers: Mapping[str, Sequence[Operator]] = field(default_factory=dict)


PLAIN = Details()
"""What most decoders have."""


@final
@dataclass(frozen=True, kw_only=True)
class BlockParts:
    """What the blocks of a model are made of: attention to a window (0: to all), and MLPs by their words."""

    attend: Callable[..., Sequence[Operator]]
    inners: Mapping[str, Sequence[Operator]]
    details: Details
    normed: Operator
    added: Operator

    @property
    def norms(self) -> Norms:
        """Where norms are."""
        return self.details.norms or Norms()

    @property
    def embedded(self) -> Operator | None:
        """The norm of the embedding, where there is one."""
        return self.normed if self.norms.embedding else None

    @property
    def last(self) -> tuple[Operator, ...]:
        """The norm after the last block, where there is one."""
        return (self.normed,) if self.norms.final else ()

    def block(self, name: str, count: Number, window: Number, kind: Layers) -> Block:
        """So many blocks of a kind."""
        words = [word for word in kind.mixer.split("&") if word != "none"]
        mixing = tuple(operator for word in words for operator in self._mixer(word, window))
        return Block(name=name, count=count, operators=self._between(mixing, self.inners[kind.inner]))

    def _mixer(self, word: str, window: Number) -> Sequence[Operator]:
        return self.details.mixers[word] if word in self.details.mixers else self.attend(window=window)

    def _between(self, mixing: Sequence[Operator], inner: Sequence[Operator]) -> tuple[Operator, ...]:
        """A mixer, attention to another sequence and an MLP, each maybe absent, between norms and residual sums."""
        before = [self.normed] if self.norms.before else []
        after = (*([self.normed] if self.norms.after else []), self.added)
        parts = (mixing, self.details.cross, inner)
        if self.norms.parallel and mixing and inner:
            parts = ((*mixing, *inner), self.details.cross)
        return tuple(operator for part in parts if part for operator in (*before, *part, *after))


def kinds_of_blocks(
    layers: Number, mixer: Mixer, mixture: Mixture | None, pattern: Sequence[Layers]
) -> Iterator[tuple[str, Number, Number, Layers]]:
    """Name, count, window and words of each kind of block; blocks without experts come first where none is given."""
    if pattern:
        yield from ((_name(kind), kind.count, mixer.window if kind.mixer == "window" else 0, kind) for kind in pattern)
        return
    dense = mixture.dense_layers if mixture else 0
    windowed = 0 if mixer.windowed_layers is None else mixer.windowed_layers
    all_windowed = mixer.window if mixer.windowed_layers is None else 0
    for words, count, window in (
        (("window", "dense"), dense, mixer.window),
        (("window", "experts"), windowed, mixer.window),
        (("full", "experts"), layers - dense - windowed, all_windowed),
    ):
        if np.any(count):
            kind = Layers(mixer=words[0], inner=words[1], count=0)
            yield "block.dense" if words[1] == "dense" else _name(kind), count, window, kind


def _name(kind: Layers) -> str:
    """What a kind of block is called: by the words that most blocks do not have."""
    words = ("windowed" if kind.mixer == "window" else kind.mixer, kind.inner)
    return ".".join(["block", *(word for word in words if word not in ("full", "experts"))])


def at_ratio(operators: Iterable[Operator], ratio: Number, length: float) -> tuple[Operator, ...]:
    """Operators over another sequence of a `length`, `ratio` of its positions for each position of the model's.

    Its attention has keys of its own sequence, whatever the model's context. Tables are counted whole.
    """
    return tuple(_at_ratio(operator, ratio, length) for operator in operators)


def blocks_at_ratio(blocks: Iterable[Block], name: str, ratio: Number, length: float) -> tuple[Block, ...]:
    """Blocks over another sequence, their names after its own."""
    return tuple(
        Block(name=f"{name}.{b.name}", count=b.count, operators=at_ratio(b.operators, ratio, length)) for b in blocks
    )


def _at_ratio(operator: Operator, ratio: Number, length: float) -> Operator:
    if isinstance(operator, Matmul):
        return replace(operator, positions=operator.positions * ratio)
    if isinstance(operator, Elementwise):
        values = {name: getattr(operator, name) * ratio for name in ("moved", "saved", "unfused")}
        return replace(operator, **values)
    if isinstance(operator, Attention):
        scaled = {"heads": operator.heads * ratio, "kv_heads": operator.kv_heads * ratio, "cached": 0, "state": 0}
        return replace(operator, **scaled, window=0, exponent=0.0, scale=operator.keys(length))
    return operator
