"""What a forward pass consists of: operators, each with exact parameters, FLOPs, saved activations and bytes moved.

Everything is per position of the sequence (a token, a patch, a sample of a network without a sequence), so that one
number times batch and length gives the whole. Sizes are numbers, or arrays that broadcast. Values are counted, not
bytes: how wide a value is belongs to the precision of a layout; a one-byte mask counts as half a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final

import numpy as np

Number = float | np.ndarray
"""A size of one, or of many as an array that broadcasts."""

Split = Literal["columns", "rows", "none"]
"""How tensor parallelism divides a matmul: its outputs, its inputs, or not at all."""


@final
@dataclass(frozen=True, kw_only=True)
class Matmul:
    """Positions × inputs times inputs × outputs weights: projections, MLPs, experts, heads, convolutions.

    A position passes `active` of `experts` such weights. A convolution has channels × kernel area as inputs and works
    on `positions` places per position of the sequence. A head whose weights are the embedding's is `tied`: it has
    FLOPs and no parameters. The input is kept for the backward pass unless `saves_input` is off, because an operator
    before has kept the same tensor.
    """

    name: str
    inputs: Number
    outputs: Number
    split: Split = "none"
    biased: bool = False
    experts: Number = 1
    active: Number = 1
    positions: Number = 1
    tied: bool = False
    saves_input: bool = True

    @cached_property
    def routed(self) -> bool:
        """Whether expert parallelism divides it: it has several sets of weights, of which a position picks."""
        return bool(np.any(np.asarray(self.experts) != 1))

    @property
    def parameters(self) -> Number:
        """Weights, and a bias an output where there is one, of all experts; none of a tied head."""
        return 0 if self.tied else self.experts * self.outputs * (self.inputs + self.biased)

    @property
    def active_parameters(self) -> Number:
        """Weights that one position passes, those of a tied head too."""
        return self.active * self.outputs * (self.inputs + self.biased)

    @property
    def idle_parameters(self) -> Number:
        """Weights of the experts that one position is not sent to."""
        return self.parameters - self.active_parameters if self.routed else 0

    def forward_flops(self, context: Number) -> Number:
        """Two FLOPs a multiply-add; the length of the context does not matter."""
        return 2 * self.inputs * self.outputs * self.active * self.positions

    @property
    def saved(self) -> Number:
        """Values kept for the backward pass: the input, once for each active expert."""
        return self.inputs * self.active * self.positions if self.saves_input else 0


@final
@dataclass(frozen=True, kw_only=True)
class Attention:
    """Scores and weighted values of `heads` heads over a context, without projections.

    Keys seen by a position: the context, or `window` of it where that is positive; of a sub-quadratic mixer
    `scale` · context^`exponent`, exponent 0 where their number is given: those of an image, of a source or of a mixer
    with a state of constant size. Such a mixer is a `scan` that has no scores. FLOPs count every key, also those that
    a causal mask hides. `cached` values per position are kept in serving: keys and values, or the latent.
    """

    name: str
    heads: Number
    kv_heads: Number
    score_width: Number
    value_width: Number
    cached: Number
    window: Number = 0
    causal: bool = True
    exponent: float = 1.0
    scale: Number = 1.0
    dropout: bool = False
    state: Number = 0
    scan: bool = False
    selected: Number = 0

    parameters = 0
    active_parameters = 0

    def keys(self, context: Number) -> Number:
        """Keys that a position's scores are counted over."""
        seen = self.scale * np.asarray(context, dtype=float) ** self.exponent
        for most in (self.window, self.selected):
            seen = np.where(np.asarray(most) > 0, np.minimum(seen, most), seen)
        return seen

    def forward_flops(self, context: Number) -> Number:
        """2·heads·(score width + value width) a key: no causal saving, as MFU is counted."""
        return 2 * self.heads * (self.score_width + self.value_width) * self.keys(context)

    def hidden_flops(self, context: Number) -> Number:
        """Of `forward_flops` those of keys that a causal mask hides: early positions see fewer than the last."""
        if not self.causal or self.exponent != 1:
            return 0.0
        return self.forward_flops(context) * self.keys(context) / (2 * np.asarray(context, dtype=float))

    def cache_values(self, context: Number) -> Number:
        """Values that serving keeps of one sequence of a length."""
        windowed = np.asarray(self.window) > 0
        return self.cached * np.where(windowed, np.minimum(context, self.window), context) + self.state

    @property
    def saved(self) -> Number:
        """Values kept for the backward pass where scores are not: queries, keys and values."""
        return self.heads * self.score_width + self.kv_heads * (self.score_width + self.value_width)

    def saved_scores(self, context: Number) -> Number:
        """Values kept besides where no fused kernel recomputes scores: softmax, and its mask and output of dropout.

        Korthikanti et al. 2022, arXiv:2205.05198, eq. 1: 2·a·s bytes a position, 5·a·s with dropout.
        """
        return self.heads * self.keys(context) * (2.5 if self.dropout else 1)


@final
@dataclass(frozen=True, kw_only=True)
class Elementwise:
    """Norms, activations, residual sums, rotations: memory-bound work.

    `moved` values are read and written forward; `saved` values are kept, and `unfused` more of 16 bits where every
    elementary operation is a kernel of its own. Where `split`, tensor parallelism divides them; otherwise only sequence
    parallelism does.
    """

    name: str
    moved: Number
    saved: Number = 0
    unfused: Number = 0
    parameters: Number = 0
    split: bool = False

    @property
    def active_parameters(self) -> Number:
        """All of its parameters: gains and biases."""
        return self.parameters

    def forward_flops(self, context: Number) -> Number:
        """None are counted: by custom only matmuls are."""
        return 0.0


@final
@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A table of `rows` vectors of a width, one of which a position reads: embeddings, learned positions."""

    name: str
    rows: Number
    width: Number

    saved = 0

    @property
    def parameters(self) -> Number:
        """The whole table."""
        return self.rows * self.width

    @property
    def active_parameters(self) -> Number:
        """None: a lookup multiplies nothing."""
        return 0

    @property
    def moved(self) -> Number:
        """Values read and written forward."""
        return 2 * self.width

    def forward_flops(self, context: Number) -> Number:
        """None."""
        return 0.0


Operator = Matmul | Attention | Elementwise | Lookup


@final
@dataclass(frozen=True, kw_only=True)
class Block:
    """Operators in the order of the forward pass, repeated `count` times."""

    name: str
    count: Number
    operators: tuple[Operator, ...]


def matrices(operator: Matmul, block: Sequence[Operator]) -> tuple[tuple[str, Number], ...]:
    """Names and outputs of the matrices that a matmul of a block is made of, in their order."""
    scores = next((o for o in block if isinstance(o, Attention)), None)
    if operator.name == "attention.in" and scores is not None:
        keys, values = scores.kv_heads * scores.score_width, scores.kv_heads * scores.value_width
        queries = scores.heads * scores.score_width
        return ("attention.query", queries), ("attention.key", keys), ("attention.value", values)
    group, _, place = operator.name.partition(".")
    out = next((o for o in block if isinstance(o, Matmul) and o.name == f"{group}.out"), None)
    if place == "in" and out is not None and np.all(np.equal(operator.outputs, 2 * np.asarray(out.inputs))):
        return (f"{group}.gate", out.inputs), (operator.name, out.inputs)
    return ((operator.name, operator.outputs),)
