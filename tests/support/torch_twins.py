"""Architectures built of torch's modules from a description: what operators are compared with.

A residual sum, a softmax and an activation have no FLOPs here as there; norms stand where they have parameters.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Sizes = Mapping[str, Any]


class Norm(nn.Module):
    """A norm with a gain and a bias, a gain, or nothing; as cheap as a sum, which torch counts as no FLOPs."""

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        self.vectors = nn.ParameterList(
            torch.empty(width) for _ in range({"layer": 2, "layer-unbiased": 1, "rms": 1, "plain": 0}[kind])
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Mixing(nn.Module):
    """Attention with projections apart, every key scored."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.width = d["heads"], d["kv_heads"], d["head_width"]
        biased = d["biased"] or d["qkv_biased"]
        self.q = nn.Linear(d["hidden"], self.heads * self.width, bias=biased)
        self.k = nn.Linear(d["hidden"], self.kv_heads * self.width, bias=biased)
        self.v = nn.Linear(d["hidden"], self.kv_heads * self.width, bias=biased)
        self.out = nn.Linear(self.heads * self.width, d["hidden"], bias=d["biased"])
        self.norms = nn.ModuleList(Norm(self.width, "rms") for _ in range(2 * d["qk_norm"]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (m(x).unflatten(-1, (-1, self.width)).transpose(1, 2) for m in (self.q, self.k, self.v))
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, dim=1) for t in (k, v))
        return self.out(((q @ k.mT).softmax(-1) @ v).transpose(1, 2).flatten(2))


class LatentMixing(nn.Module):
    """Multi-head latent attention, keys and values written out."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.d = d
        queries = d["heads"] * (d["nope_width"] + d["rope_width"])
        self.q = (
            nn.Sequential(
                nn.Linear(d["hidden"], d["q_rank"], bias=False),
                Norm(d["q_rank"], "rms"),
                nn.Linear(d["q_rank"], queries, bias=False),
            )
            if d["q_rank"]
            else nn.Linear(d["hidden"], queries, bias=False)
        )
        self.down = nn.Linear(d["hidden"], d["kv_rank"] + d["rope_width"], bias=False)
        self.norm = Norm(d["kv_rank"], "rms")
        self.up = nn.Linear(d["kv_rank"], d["heads"] * (d["nope_width"] + d["value_width"]), bias=False)
        self.out = nn.Linear(d["heads"] * d["value_width"], d["hidden"], bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        d = self.d
        q = self.q(x).unflatten(-1, (d["heads"], -1)).transpose(1, 2)
        latent, turned = self.down(x).split([d["kv_rank"], d["rope_width"]], dim=-1)
        kv = self.up(self.norm(latent)).unflatten(-1, (d["heads"], -1)).transpose(1, 2)
        k, v = kv.split([d["nope_width"], d["value_width"]], dim=-1)
        k = torch.cat([k, turned.unsqueeze(1).expand(-1, d["heads"], -1, -1)], dim=-1)
        return self.out(((q @ k.mT).softmax(-1) @ v).transpose(1, 2).flatten(2))


class Inner(nn.Module):
    """An MLP, gated or not."""

    def __init__(self, d: Sizes, width: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(
            nn.Linear(d["hidden"], width, bias=d["biased"]) for _ in range(2 if d["gated"] else 1)
        )
        self.out = nn.Linear(width, d["hidden"], bias=d["biased"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(math.prod(gate(x) for gate in self.gates))


class Experts(nn.Module):
    """A router and experts, of which each position passes as many as the first few: their FLOPs do not differ."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.top_k = d["top_k"]
        self.router = nn.Linear(d["hidden"], d["experts"], bias=d["router_biased"])
        self.experts = nn.ModuleList(Inner(d, d["expert_width"]) for _ in range(d["experts"]))
        shared = d["shared_experts"] * d["expert_width"]
        self.shared = nn.ModuleList(Inner(d, shared) for _ in range(bool(shared)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.router(x)
        return torch.stack([inner(x) for inner in (*self.experts[: self.top_k], *self.shared)]).sum(0)


class Twin(nn.Module):
    """The decoder of a description."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.tokens = nn.Embedding(d["vocab"], d["hidden"])
        self.positions = nn.ModuleList(
            nn.Embedding(d["context"], d["hidden"]) for _ in range(d["positions"] == "learned")
        )
        self.mixing, self.inner, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in range(d["layers"]):
            self.mixing.append(LatentMixing(d) if d["kv_rank"] else Mixing(d))
            sparse = d["experts"] > 1 and i >= d["dense_layers"]
            self.inner.append(Experts(d) if sparse else Inner(d, d["mlp_width"]))
            self.norms.extend(Norm(d["hidden"], d["norm"]) for _ in range(4 if d["norms_after"] else 2))
        self.last = Norm(d["hidden"], d["norm"])
        self.head = nn.Linear(d["hidden"], d["vocab"], bias=False)
        if d["tied"]:
            self.head.weight = self.tokens.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens)
        for mixing, inner in zip(self.mixing, self.inner, strict=True):
            x = x + mixing(x)
            x = x + inner(x)
        return self.head(self.last(x))


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 with the stride, 1 × 1, each with batch norm, and a shortcut."""

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        sizes = [(inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, 4 * inner, 1, 1)]
        self.main = nn.Sequential(*(layer for size in sizes for layer in normed_convolution(*size)))
        self.beside = nn.Sequential(*(normed_convolution(inputs, 4 * inner, 1, stride) if inputs != 4 * inner else ()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.main(x) + self.beside(x)


def normed_convolution(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(outputs)


def residual_network(stages: tuple[int, ...], width: int, classes: int) -> nn.Module:
    parts = [*normed_convolution(3, width, 7, 2), nn.MaxPool2d(3, 2, 1)]
    arriving = width
    for i, blocks in enumerate(stages):
        for j in range(blocks):
            parts.append(Bottleneck(arriving, width * 2**i, 2 if i and not j else 1))
            arriving = 4 * width * 2**i
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(arriving, classes))


class Diffuser(nn.Module):
    """A U-Net of latent diffusion, written from its paper's description of the levels."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        self.d = d
        self.first = nn.Conv2d(d["channels"], d["width"], 3, padding=1)
        time = 4 * d["width"]
        self.step = nn.Sequential(nn.Linear(d["width"], time), nn.Linear(time, time))
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        widths = [d["width"] * m for m in d["multipliers"]]
        skips, now = [d["width"]], d["width"]
        for i, width in enumerate(widths):
            for _ in range(d["depth"]):
                self.down.append(Level(d, now, width, i < d["attended"]))
                now = width
                skips.append(now)
            if i + 1 < len(widths):
                self.down.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                skips.append(now)
        self.middle = nn.ModuleList([Level(d, now, now, True), Level(d, now, now, False)])
        for i, width in reversed(list(enumerate(widths))):
            for _ in range(d["depth"] + 1):
                self.up.append(Level(d, now + skips.pop(), width, i < d["attended"]))
                now = width
            if i:
                self.up.append(nn.Conv2d(now, now, 3, padding=1))
        self.last = nn.Sequential(nn.GroupNorm(4, now), nn.Conv2d(now, d["channels"], 3, padding=1))

    def forward(self, x: torch.Tensor, step: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        at_step = self.step(step)
        x = self.first(x)
        skips = [x]
        for part in self.down:
            x = part(x, at_step, words) if isinstance(part, Level) else part(x)
            skips.append(x)
        for part in self.middle:
            x = part(x, at_step, words)
        for part in self.up:
            if isinstance(part, Level):
                x = part(torch.cat([x, skips.pop()], 1), at_step, words)
            else:
                x = part(x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        return self.last(x)


class Level(nn.Module):
    """A residual block, and a transformer after it."""

    def __init__(self, d: Sizes, inputs: int, width: int, attends: bool) -> None:
        super().__init__()
        self.heads = d["heads"]
        self.norms = nn.ModuleList([nn.GroupNorm(4, inputs), nn.GroupNorm(4, width)])
        self.convs = nn.ModuleList([nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)])
        self.at_step = nn.Linear(4 * d["width"], width)
        self.beside = nn.Conv2d(inputs, width, 1) if inputs != width else nn.Identity()
        self.attention = nn.ModuleDict()
        if attends:
            linear = {
                "in": (width, width),
                "out": (width, width),
                "widen": (width, 8 * width),
                "narrow": (4 * width, width),
            }
            self.attention.update({name: nn.Conv2d(width, width, 1) for name in ("project", "back")})
            self.attention.update({name: nn.GroupNorm(4, width) for name in ("norm0", "norm1", "norm2", "norm3")})
            self.attention.update({name: nn.Linear(*linear[name]) for name in ("widen", "narrow")})
            for kind, source in (("self", width), ("cross", d["condition_width"])):
                self.attention[kind + "q"] = nn.Linear(width, width, bias=False)
                self.attention[kind + "k"] = nn.Linear(source, width, bias=False)
                self.attention[kind + "v"] = nn.Linear(source, width, bias=False)
                self.attention[kind + "out"] = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, at_step: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        inner = self.convs[0](self.norms[0](x)) + self.at_step(at_step)[:, :, None, None]
        x = self.convs[1](self.norms[1](inner)) + self.beside(x)
        if not len(self.attention):
            return x
        side = x.shape[-1]
        y = self.attention["project"](x).flatten(2).mT
        y = self.mix("self", y, y)
        y = self.mix("cross", y, words)
        wide, gate = self.attention["widen"](y).chunk(2, -1)
        y = self.attention["narrow"](wide * gate)
        return x + self.attention["back"](y.mT.unflatten(-1, (side, side)))

    def mix(self, kind: str, y: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            self.attention[kind + name](t).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name, t in (("q", y), ("k", source), ("v", source))
        )
        return self.attention[kind + "out"](((q @ k.mT) @ v).transpose(1, 2).flatten(2))


class Patched(nn.Module):
    """A vision transformer of torch's own encoder layers."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        patches = (d["image"] // d["patch"]) ** 2
        self.patches = nn.Conv2d(d["channels"], d["hidden"], d["patch"], d["patch"])
        self.first = nn.Parameter(torch.empty(1, 1, d["hidden"]))
        self.positions = nn.Parameter(torch.empty(1, patches + 1, d["hidden"]))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(d["hidden"], d["heads"], d["mlp_width"], batch_first=True)
            for _ in range(d["layers"])
        )
        self.norm = nn.LayerNorm(d["hidden"])
        self.head = nn.Linear(d["hidden"], d["classes"])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.first, self.patches(image).flatten(2).mT], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Pretrained(nn.Module):
    """An encoder of torch's own layers with BERT's two heads."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        hidden = d["hidden"]
        self.tokens = nn.Embedding(d["vocab"], hidden)
        self.tables = nn.ModuleList(nn.Embedding(n, hidden) for n in (d["context"], d["segments"]))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(2))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(hidden, d["heads"], d["mlp_width"], batch_first=True) for _ in range(d["layers"])
        )
        self.transform, self.pool, self.sentence = (nn.Linear(hidden, n) for n in (hidden, hidden, 2))
        self.bias = nn.Parameter(torch.empty(d["vocab"]))

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.tokens(tokens)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.transform(x), self.tokens.weight, self.bias), self.sentence(self.pool(x[:, 0]))


class Shifted(nn.Module):
    """A block of a diffusion transformer: six vectors of a condition shift, scale and gate."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        hidden = d["hidden"]
        self.six = nn.Linear(hidden, 6 * hidden)
        self.mixing = Mixing({**d, "kv_heads": d["heads"], "head_width": hidden // d["heads"], **BIASED})
        self.inner = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        vectors = self.six(condition).unsqueeze(1).chunk(6, -1)
        x = x + vectors[0] * self.mixing(x * vectors[1] + vectors[2])
        return x + vectors[3] * self.inner(x * vectors[4] + vectors[5])


BIASED = {"biased": True, "qkv_biased": False, "qk_norm": False}


class Denoiser(nn.Module):
    """A diffusion transformer with a class and a step as its condition."""

    def __init__(self, d: Sizes) -> None:
        super().__init__()
        hidden = d["hidden"]
        self.patches = nn.Conv2d(d["channels"], hidden, d["patch"], d["patch"])
        self.step = nn.Sequential(nn.Linear(256, hidden), nn.Linear(hidden, hidden))
        self.classes = nn.Embedding(d["classes"] + 1, hidden)
        self.blocks = nn.ModuleList(Shifted(d) for _ in range(d["layers"]))
        self.two = nn.Linear(hidden, 2 * hidden)
        self.head = nn.Linear(hidden, 2 * d["channels"] * d["patch"] ** 2)

    def forward(self, image: torch.Tensor, step: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
        condition = self.step(step) + self.classes(kind)
        x = self.patches(image).flatten(2).mT
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.two(condition).unsqueeze(1).chunk(2, -1)
        return self.head(x * scale + shift)
