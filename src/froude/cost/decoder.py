"""A decoder-only transformer as a description: its exact parameters and its exact FLOPs."""

from dataclasses import dataclass
from typing import final

MATMUL_PASSES = 3  # one forward, and backward as two: by the inputs and by the weights


@final
@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Pre-norm decoder with tied embeddings, a plain MLP of four times the width, no biases and no gains.

    FLOPs count every matmul (projections, attention scores and values over the full context, the output head) at two
    FLOPs a multiply-add; normalisation, softmax and activation are left out, as is customary (Kaplan et al. 2020,
    arXiv:2001.08361, table 1).
    """

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
    def n_embedding(self) -> int:
        """Parameters of the embedding, which the output head shares."""
        return self.vocabulary * self.width

    @property
    def n_non_embedding(self) -> int:
        """Parameters of the layers: 4·width² for attention and 8·width² for the MLP, each layer."""
        return 12 * self.layers * self.width**2

    @property
    def n_total(self) -> int:
        """All trained parameters."""
        return self.n_embedding + self.n_non_embedding

    @property
    def forward_flops_per_token(self) -> int:
        """Exact matmul FLOPs of one token's forward pass, head and attention counted."""
        attention = 4 * self.layers * self.context * self.width
        return 2 * self.n_non_embedding + attention + 2 * self.n_embedding

    @property
    def training_flops_per_token(self) -> int:
        """Exact matmul FLOPs of one token's forward and backward pass."""
        return MATMUL_PASSES * self.forward_flops_per_token
