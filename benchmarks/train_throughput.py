"""Training speed of the tank beside a plain PyTorch GPT loop of the same shape, in one run, one thread.

Both train in turn on the same random bytes; a figure is the median over turns of CPU-time rates. The share is of this
machine's fp32 matmul peak, measured in the same turns, counting every matmul with head and attention.
Command: python benchmarks/train_throughput.py
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from froude.cost import Decoder
from froude.quantity import format_quantity
from froude.tank import Corpus, PilotRecipe
from froude.tank.trainer import start, take_step
from record import record

SHAPES = [(32, 1, 2), (64, 1, 2), (96, 2, 2), (160, 3, 4), (256, 4, 4)]  # width, layers, heads
CONTEXT, BATCH = 128, 16
TURNS, TURN_SECONDS = 5, 0.6
PEERS = (0.30, 0.41, 0.50, 0.59, 0.64)  # shares of their peak that others' loops reach at these sizes


class PlainLayer(nn.Module):
    """A layer as most single-file GPTs write it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, w = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(w, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).contiguous().view(b, t, w))
        return x + self.mlp(self.norm2(x))


class PlainGPT(nn.Module):
    """Learned positions, biases, gains, tied head."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.tokens = nn.Embedding(decoder.vocabulary, decoder.width)
        self.positions = nn.Embedding(decoder.context, decoder.width)
        self.layers = nn.Sequential(*(PlainLayer(decoder.width, decoder.heads) for _ in range(decoder.layers)))
        self.norm = nn.LayerNorm(decoder.width)
        self.head = nn.Linear(decoder.width, decoder.vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(x.shape[1])
        return self.head(self.norm(self.layers(self.tokens(x) + self.positions(places))))


def plain_step(decoder: Decoder) -> Callable[[], None]:
    """One step of the plain loop."""
    model = PlainGPT(decoder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    data = torch.randint(256, (2**20,))

    def step() -> None:
        places = torch.randint(len(data) - decoder.context - 1, (BATCH,))
        x = torch.stack([data[i : i + decoder.context] for i in places])
        y = torch.stack([data[i + 1 : i + 1 + decoder.context] for i in places])
        loss = F.cross_entropy(model(x).view(-1, decoder.vocabulary), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def froude_step(decoder: Decoder) -> Callable[[], None]:
    """One step of the tank's trainer."""
    noise = torch.randint(256, (2**20,), dtype=torch.uint8).numpy()
    trunk = replace(PilotRecipe(corpus="").trunk(decoder, [5 * 2**21], seed=0), batch=BATCH)
    state = start(trunk, Corpus(train=noise, validation=noise, manifest={}))
    return lambda: void(take_step(state, trunk, 1.0, state.model))


def matmul_step() -> Callable[[], None]:
    """One square fp32 matmul of 1024."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return lambda: void(a @ b)


def void(_: object) -> None:
    """Nothing."""


def rate(step: Callable[[], None]) -> float:
    """Steps a CPU-second over one turn."""
    begin, count = time.process_time(), 0
    while time.process_time() - begin < TURN_SECONDS:
        step()
        count += 1
    return count / (time.process_time() - begin)


def measure(decoder: Decoder) -> tuple[float, float, float]:
    """Tokens a CPU-second of the tank, its share of peak, and its ratio to the plain loop."""
    steps = (froude_step(decoder), plain_step(decoder), matmul_step())
    for step in steps:
        for _ in range(3):
            step()
    turns = [[rate(step) for step in steps] for _ in range(TURNS)]
    tokens = BATCH * decoder.context
    share = [a * tokens * decoder.training_flops_per_token / (c * 2 * 1024**3) for a, _, c in turns]
    return median(a * tokens for a, _, _ in turns), median(share), median(a / b for a, b, _ in turns)


def main() -> None:
    """Measures every shape and records the table."""
    torch.set_num_threads(1)
    rows = []
    for (width, layers, heads), peer in zip(SHAPES, PEERS, strict=True):
        decoder = Decoder(width=width, layers=layers, heads=heads, context=CONTEXT)
        tokens, share, ratio = measure(decoder)
        rows.append(
            {
                "parameters": format_quantity(decoder.n_non_embedding),
                "tokens/s": format_quantity(tokens),
                "share of fp32 peak": f"{share:.0%}",
                "share others reach": f"{peer:.0%}",
                "times the plain loop": f"{ratio:.2f}",
            }
        )
        print(rows[-1], flush=True)
    record("train_throughput", "python benchmarks/train_throughput.py", rows)


if __name__ == "__main__":
    main()
