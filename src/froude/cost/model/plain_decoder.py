"""Decoder-only transformers as descriptions: their exact parameters and their exact FLOPs."""

from dataclasses import dataclass
from typing import Generic, TypeVar, final

import numpy as np

MATMUL_PASSES = 3  # one forward, and backward as two: by the inputs and by the weights

Size = TypeVar("Size", int, np.ndarray)


@final
@dataclass(frozen=True, kw_only=True)
class DecoderShape(Generic[Size]):
    """The sizes that decide what a decoder-only transformer costs: of one, or of many as arrays that broadcast.

    `mlp_width` is the inner width of the MLP, which is `gated` where it has three matrices, as SwiGLU, instead of two;
    `tied` where the output head shares the weights of the embedding. How many heads part the width does not matter.
    Biases, gains and learned positions are left out.

    FLOPs count every matmul (projections, attention scores and values over the full context, the output head) at two
    FLOPs a multiply-add; normalisation, softmax and activation are left out, as is customary (Kaplan et al. 2020,
    arXiv:2001.08361, table 1).
    """

    width: Size
    layers: Size
    mlp_width: Size
    context: Size
    vocabulary: Size
    gated: bool = False
    tied: bool = True

    @property
    def n_embedding(self) -> Size:
        """Parameters of the embedding and, where it is not tied, of the output head."""
        return (1 if self.tied else 2) * self.vocabulary * self.width

    @property
    def n_non_embedding(self) -> Size:
        """Parameters of the layers: 4·width² for attention and two or three matrices for the MLP, each layer."""
        matrices = 3 if self.gated else 2
        return self.layers * self.width * (4 * self.width + matrices * self.mlp_width)

    @property
    def n_total(self) -> Size:
        """All trained parameters."""
        return self.n_embedding + self.n_non_embedding

    @property
    def forward_flops_per_token(self) -> Size:
        """Exact matmul FLOPs of one token's forward pass, head and attention counted."""
        attention = 4 * self.layers * self.context * self.width
        return 2 * self.n_non_embedding + attention + 2 * self.vocabulary * self.width

    @property
    def training_flops_per_token(self) -> Size:
        """Exact matmul FLOPs of one token's forward and backward pass."""
        return MATMUL_PASSES * self.forward_flops_per_token


@final
@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Pre-norm decoder with tied embeddings, a plain MLP of four times the width, no biases and no gains."""

    width: int
    layers: int
    heads: int
    context: int
    vocabulary: int = 256

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads, self.context, self.vocabulary) < 1:
            raise ValueError(f"every size of a decoder is at least 1, got {self}")
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} must be a multiple of 2 × {self.heads} heads: rotary positions turn pairs"
            )

    @property
    def shape(self) -> DecoderShape[int]:
        """The sizes that decide its parameters and FLOPs."""
        return DecoderShape(
            width=self.width,
            layers=self.layers,
            mlp_width=4 * self.width,
            context=self.context,
            vocabulary=self.vocabulary,
        )

    @property
    def n_embedding(self) -> int:
        """Parameters of the embedding, which the output head shares."""
        return self.shape.n_embedding

    @property
    def n_non_embedding(self) -> int:
        """Parameters of the layers: 12·width² each."""
        return self.shape.n_non_embedding

    @property
    def n_total(self) -> int:
        """All trained parameters."""
        return self.shape.n_total

    @property
    def forward_flops_per_token(self) -> int:
        """Exact matmul FLOPs of one token's forward pass, head and attention counted."""
        return self.shape.forward_flops_per_token

    @property
    def training_flops_per_token(self) -> int:
        """Exact matmul FLOPs of one token's forward and backward pass."""
        return self.shape.training_flops_per_token
