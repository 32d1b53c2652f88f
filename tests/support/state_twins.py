"""Layers with a state built of torch's modules, and decoders that mix them with attention: what operators are compared
with.

States are updated and read position by position, by products that torch counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from torch_twins import Experts, Inner, Mixing, Norm

Sizes = Mapping[str, Any]


class Causal(nn.Module):
    """A convolution over a few positions back, channel by channel."""

    def __init__(self, channels: int, kernel: int, biased: bool) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv1d(channels, channels, kernel, groups=channels, bias=biased)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(F.pad(x.mT, (self.kernel - 1, 0))).mT


def scanned(x: torch.Tensor, written: torch.Tensor, read: torch.Tensor, *, delta: bool = False) -> torch.Tensor:
    """A state of x's width times the other's, a head: x written with one vector, read with another.

    A delta rule first reads what the state holds for the vector it writes with. All are batch, length, heads, width.
    """
    state = torch.zeros(*x.shape[:1], x.shape[2], x.shape[3], written.shape[3], device=x.device)
    outputs = []
    for i in range(x.shape[1]):
        value, key = x[:, i].unsqueeze(-1), written[:, i].unsqueeze(-2)
        if delta:
            value = value - state @ key.mT
        state = state + value @ key
        outputs.append((state @ read[:, i].unsqueeze(-1)).squeeze(-1))
    return torch.stack(outputs, 1)


class Selective(nn.Module):
    """Mamba: a state for each channel, whose steps, inputs and outputs are chosen by the position."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        inner, state, rank = d["inner_width"], d["state_width"], d["step_rank"]
        self.sizes = (rank, state, state)
        self.enter = nn.Linear(d["hidden"], 2 * inner, bias=False)
        self.conv = Causal(inner, d.get("kernel", 4), True)
        self.choose = nn.Linear(inner, rank + 2 * state, bias=False)
        self.step = nn.Linear(rank, inner)
        self.decay, self.skip = nn.Parameter(torch.empty(inner, state)), nn.Parameter(torch.empty(inner))
        self.leave = nn.Linear(inner, d["hidden"], bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, gate = self.enter(x).chunk(2, -1)
        x = self.conv(x)
        step, written, read = self.choose(x).split(self.sizes, -1)
        each = [t.unsqueeze(2).expand(-1, -1, x.shape[-1], -1) for t in (written, read)]
        y = scanned((x * self.step(step)).unsqueeze(-1), *each).squeeze(-1)
        return self.leave((y + x * self.skip) * gate)


class Duality(nn.Module):
    """Mamba-2: heads that share inputs and outputs of their states in groups."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.heads, self.width, self.state = d["state_heads"], d["state_head_width"], d["state_width"]
        self.groups = d.get("state_groups", 1)
        self.inner, self.shared = self.heads * self.width, self.groups * self.state
        channels = self.inner + 2 * self.shared
        self.enter = nn.Linear(d["hidden"], self.inner + channels + self.heads, bias=False)
        self.conv = Causal(channels, d.get("kernel", 4), True)
        self.decays = nn.ParameterList(torch.empty(self.heads) for _ in range(3))
        self.norms = nn.ModuleList(Norm(self.inner, "rms") for _ in range(bool(d.get("state_normed"))))
        self.leave = nn.Linear(self.inner, d["hidden"], bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, mixed, _ = self.enter(x).split((self.inner, self.inner + 2 * self.shared, self.heads), -1)
        x, written, read = self.conv(mixed).split((self.inner, self.shared, self.shared), -1)
        each = [
            t.unflatten(-1, (self.groups, self.state)).repeat_interleave(self.heads // self.groups, 2)
            for t in (written, read)
        ]
        y = scanned(x.unflatten(-1, (self.heads, self.width)), *each).flatten(2)
        return self.leave(y * gate)


class GatedDelta(nn.Module):
    """The gated delta rule of Qwen3-Next."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.key_heads, self.heads = d["state_key_heads"], d["state_heads"]
        self.key, self.value = d["state_width"], d["state_head_width"]
        self.keys, self.values = self.key_heads * self.key, self.heads * self.value
        self.enter = nn.Linear(d["hidden"], 2 * self.keys + 2 * self.values, bias=False)
        self.rates = nn.Linear(d["hidden"], 2 * self.heads, bias=False)
        self.conv = Causal(2 * self.keys + self.values, d.get("kernel", 4), False)
        self.decays = nn.ParameterList(torch.empty(self.heads) for _ in range(2))
        self.norm = Norm(self.value, "rms")
        self.leave = nn.Linear(self.values, d["hidden"], bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.rates(x)
        mixed, gate = self.enter(x).split((2 * self.keys + self.values, self.values), -1)
        q, k, v = self.conv(mixed).split((self.keys, self.keys, self.values), -1)
        each = [
            t.unflatten(-1, (self.key_heads, self.key)).repeat_interleave(self.heads // self.key_heads, 2)
            for t in (k, q)
        ]
        y = scanned(v.unflatten(-1, (self.heads, self.value)), *each, delta=True).flatten(2)
        return self.leave(y * gate)


class Sparse(Mixing):
    """Attention whose output is multiplied by a gate of as many values."""

    def __init__(self, d: Sizes) -> None:
        super().__init__(d)
        self.gate = nn.Linear(d["hidden"], self.heads * self.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.gate(x)
        return super().forward(x)


KINDS = {"mamba": Selective, "mamba2": Duality, "delta": GatedDelta}


class Hybrid(nn.Module):
    """A decoder whose layers are those that words name, each with a norm of its own."""

    def __init__(self, d: Sizes, mixers: Sequence[str], inners: Sequence[str]) -> None:
        super().__init__()
        self.tokens = nn.Embedding(d["vocab"], d["hidden"])
        self.state, self.attention, self.inner, self.norms = (nn.ModuleList() for _ in range(4))
        self.order: list[nn.Module] = []
        for mixer, inner in zip(mixers, inners, strict=True):
            attends = Sparse if d.get("gate") == "values" else Mixing
            if mixer != "none":
                self._add(self.state if mixer in KINDS else self.attention, KINDS.get(mixer, attends)(d), d)
            if inner != "none":
                self._add(self.inner, Experts(d) if inner == "experts" else Inner(d, d["mlp_width"]), d)
        self.last = Norm(d["hidden"], d["norm"])
        self.head = nn.Linear(d["hidden"], d["vocab"], bias=False)

    def _add(self, group: nn.ModuleList, layer: nn.Module, d: Sizes) -> None:
        group.append(layer)
        self.order.append(layer)
        self.norms.append(Norm(d["hidden"], d["norm"]))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens)
        for layer in self.order:
            x = x + layer(x)
        return self.head(self.last(x))
