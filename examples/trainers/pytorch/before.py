"""A GPT over bytes in one file: `python train.py --width 64 --lr 3e-3 --steps 200`."""

import argparse
import random
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()
BATCH, CONTEXT, LAYERS = 16, 32, 2
HEADS = next(n for n in range(max(args.width // 8, 1), 0, -1) if args.width % n == 0)  # of 8 numbers, or a few more

torch.manual_seed(0)
files = sorted(Path(random.__file__).parent.glob("*.py"))  # the standard library, some megabytes
text = torch.frombuffer(bytearray(b"".join(file.read_bytes() for file in files)), dtype=torch.uint8).long()
train, val = text[:-32768], text[-32768:]


class Block(nn.Module):
    """Attention, then a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(args.width, 3 * args.width)
        self.out = nn.Linear(args.width, args.width)
        self.mlp = nn.Sequential(
            nn.Linear(args.width, 4 * args.width), nn.GELU(), nn.Linear(4 * args.width, args.width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(args.width) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape as `x`, (batch, context, width)."""
        q, k, v = (
            each.view(*x.shape[:2], HEADS, -1).transpose(1, 2) for each in self.qkv(self.norms[0](x)).chunk(3, dim=-1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + self.out(attended)
        return x + self.mlp(self.norms[1](x))


model = nn.Sequential(
    nn.Embedding(256, args.width),
    *(Block() for _ in range(LAYERS)),
    nn.LayerNorm(args.width),
    nn.Linear(args.width, 256),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)


def loss_on(data: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Cross entropy in nats a byte, of windows that begin at these places."""
    windows = torch.stack([data[i : i + CONTEXT + 1] for i in starts.tolist()])
    return F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


for step in range(1, args.steps + 1):
    loss = loss_on(train, torch.randint(len(train) - CONTEXT, (BATCH,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

with torch.no_grad():
    val_loss = loss_on(val, torch.arange(0, len(val) - CONTEXT, CONTEXT))
print(f"validation loss {val_loss.item():.3f}")
