"""The transformer of the tank: small, plain, and scaled so that one learning rate suits every width."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from froude.cost import Decoder

OUTPUT_SCALE = 8.0  # of the logits, over the width; from a sweep at width 32: 2, 4, 8, 16
ROTARY_BASE = 100.0  # arXiv:2104.09864 takes 10,000 for contexts of 512; ours are 64 and more


class SelfAttention(nn.Module):
    """Causal self-attention with rotary positions; (batch, context, width) in and out.

    With `qk_norm` each head's queries and keys are normalised before they are turned, with a learnt gain for every
    channel of a head, and no bias (Dehghani et al. 2023, arXiv:2302.05442). `gain` is (2, 1, head size): of queries, of
    keys.
    """

    def __init__(self, decoder: Decoder, qk_norm: bool = False) -> None:
        super().__init__()
        self.heads = decoder.heads
        self.gain = nn.Parameter(torch.ones(2, 1, decoder.width // decoder.heads)) if qk_norm else None
        self.qkv = nn.Linear(decoder.width, 3 * decoder.width, bias=False)
        self.out = nn.Linear(decoder.width, decoder.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, context, width = x.shape
        first, second, v = self.qkv(x).split(width, dim=-1)
        q, k = self.queries_and_keys(first, second, cos, sin).unbind(dim=2)
        v = v.view(batch, context, self.heads, -1)
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, context, width))

    def queries_and_keys(self, first: Tensor, second: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """What attention compares, (batch, context, 2, heads, head size), from the halves that `rotate` takes."""
        if self.gain is not None:
            first, second = normalise_heads(first, second, self.heads, self.gain)
        return rotate(first, second, cos, sin).view(*first.shape[:2], 2, self.heads, -1)


class Layer(nn.Module):
    """Attention, then an MLP, each after a normalisation and added to its input."""

    def __init__(self, decoder: Decoder, qk_norm: bool = False) -> None:
        super().__init__()
        self.attention = SelfAttention(decoder, qk_norm)
        self.up = nn.Linear(decoder.width, 4 * decoder.width, bias=False)
        self.down = nn.Linear(4 * decoder.width, decoder.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(normalise(x), cos, sin)
        return x + self.down(F.gelu(self.up(normalise(x))))


class Transformer(nn.Module):
    """Decoder-only transformer over bytes: (batch, context) of integers to (batch, context, vocabulary) of logits.

    Width scaling follows maximal update parametrisation for Adam (Yang et al. 2022, arXiv:2203.03466): embedding
    entries of order one, hidden matrices with variance 1/fan-in and a learning rate that falls as 1/width (see
    `trainer.make_optimizer`), logits divided by the width. The last matrix of each branch starts at zero.
    """

    def __init__(self, decoder: Decoder, qk_norm: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.embedding = nn.Embedding(decoder.vocabulary, decoder.width)
        self.layers = nn.ModuleList(Layer(decoder, qk_norm) for _ in range(decoder.layers))
        cos, sin = rotary_angles(decoder)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def initialise(self, generator: torch.Generator) -> "Transformer":
        """Draws every weight from `generator`, in the order of the parameters; returns itself."""
        for name, weight in self.named_parameters():
            if name.endswith(("out.weight", "down.weight")):
                nn.init.zeros_(weight)
            elif name.endswith("gain"):
                nn.init.ones_(weight)
            else:
                std = 1.0 if name == "embedding.weight" else weight.shape[1] ** -0.5
                nn.init.normal_(weight, std=std, generator=generator)
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return F.linear(normalise(x), self.embedding.weight) * (OUTPUT_SCALE / self.decoder.width)


def normalise(x: Tensor) -> Tensor:
    """Layer normalisation without gain or bias."""
    return F.layer_norm(x, x.shape[-1:])


def normalise_heads(first: Tensor, second: Tensor, heads: int, gain: Tensor) -> tuple[Tensor, Tensor]:
    """The halves that `rotate` takes, after layer normalisation of each head's query and key, with that gain."""
    shape = (*first.shape[:2], 2, heads, -1)
    normal = normalise(torch.cat([first.view(shape), second.view(shape)], dim=-1)) * gain
    first, second = normal.chunk(2, dim=-1)
    return first.flatten(2), second.flatten(2)


def rotate(first: Tensor, second: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: turns every pair (first, second) by its place's angle.

    Both halves are (batch, context, width), of queries and keys, head by head; so is each half of the last axis of the
    (batch, context, 2 · heads, head size) that comes back. Turning long rows is much faster than turning heads.
    """
    shape = (*first.shape[:2], -1, cos.shape[-1])
    turned = first * cos.flatten(1) - second * sin.flatten(1), second * cos.flatten(1) + first * sin.flatten(1)
    return torch.cat([half.view(shape) for half in turned], dim=-1)


def rotary_angles(decoder: Decoder) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every place's angles, (context, 2 · heads, head size / 2): queries' heads, then keys'."""
    half = decoder.width // decoder.heads // 2
    frequency = ROTARY_BASE ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.outer(torch.arange(decoder.context, dtype=torch.float32), frequency)
    angles = angle[:, None, :].repeat(1, 2 * decoder.heads, 1)
    return angles.cos(), angles.sin()
