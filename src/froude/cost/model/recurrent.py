"""Layers that mix positions through a state of constant size: Mamba, Mamba-2, gated delta rules, short convolutions.

Each is the operators of one layer, without its norm and residual sum. A scan stands as an `Attention` of exponent 0:
its FLOPs are two a multiply-add of the state's update and of what is read from it, whatever form a kernel gives them (a
chunked form takes more); what a kernel that walks position by position makes elementwise is counted too. The
convolution over a few positions back is a matmul of as many inputs, channel by channel.
"""

from __future__ import annotations

from froude.cost.model.layers import norm
from froude.cost.model.operators import Attention, Elementwise, Matmul, Operator


def mamba(
    *,
    hidden: int,
    inner: int,
    state: int,
    kernel: int,
    rank: int,
    biased: bool = False,
    kernel_biased: bool = True,
    normed: bool = False,
) -> tuple[Operator, ...]:
    """A selective state space of `state` values for each of `inner` channels; steps pass a `rank`.

    `normed` has norms of steps, inputs and outputs of the state (Jamba). Gu and Dao 2023, arXiv:2312.00752, section
    3.4.
    """
    chosen = rank + 2 * state
    return (
        Matmul(name="mamba.in", inputs=hidden, outputs=2 * inner, split="columns", biased=biased),
        *convolution("mamba", inner, kernel, kernel_biased),
        Matmul(name="mamba.selection", inputs=inner, outputs=chosen, split="rows"),
        *([norm(chosen, 1, name="norm.mamba")] if normed else []),
        Matmul(name="mamba.step", inputs=rank, outputs=inner, split="columns", biased=True),
        Elementwise(name="mamba.decay", moved=3 * inner, saved=inner, parameters=inner * (state + 1), split=True),
        scan("mamba.scan", heads=inner, groups=1, width=1, state=state),
        Elementwise(name="mamba.gate", moved=3 * inner, saved=inner, split=True),
        Matmul(name="mamba.out", inputs=inner, outputs=hidden, split="rows", biased=biased),
    )


def mamba2(
    *,
    hidden: int,
    heads: int,
    head_width: int,
    groups: int,
    state: int,
    kernel: int,
    biased: bool = False,
    kernel_biased: bool = True,
    normed: bool = True,
) -> tuple[Operator, ...]:
    """State space duality: `heads` of a width share the inputs and outputs of their state in `groups`.

    `normed` norms the gated result (not in Falcon-H1). Dao and Gu 2024, arXiv:2405.21060, section 7.
    """
    inner, shared = heads * head_width, 2 * groups * state
    return (
        Matmul(name="mamba.in", inputs=hidden, outputs=2 * inner + shared + heads, split="columns", biased=biased),
        *convolution("mamba", inner + shared, kernel, kernel_biased),
        Elementwise(name="mamba.decay", moved=3 * inner, saved=heads, parameters=3 * heads, split=True),
        scan("mamba.scan", heads=heads, groups=groups, width=head_width, state=state),
        Elementwise(name="mamba.gate", moved=3 * inner, saved=inner, split=True),
        *([norm(inner, 1, name="norm.mamba", split=True)] if normed else []),
        Matmul(name="mamba.out", inputs=inner, outputs=hidden, split="rows", biased=biased),
    )


def gated_delta(
    *, hidden: int, key_heads: int, value_heads: int, key_width: int, value_width: int, kernel: int
) -> tuple[Operator, ...]:
    """The gated delta rule: queries and keys, values and gates, one decay and one strength a head of values.

    An update reads the state by the key before it writes: three products of the state's size, not two. Yang et al.
    2024, arXiv:2412.06464; Qwen3-Next's form.
    """
    keys, values = key_heads * key_width, value_heads * value_width
    return (
        Matmul(name="delta.in", inputs=hidden, outputs=2 * keys + 2 * values, split="columns"),
        Matmul(name="delta.rates", inputs=hidden, outputs=2 * value_heads, split="columns", saves_input=False),
        *convolution("delta", 2 * keys + values, kernel, False),
        Elementwise(name="delta.decay", moved=4 * value_heads, parameters=2 * value_heads, split=True),
        scan("delta.scan", heads=value_heads, groups=key_heads, width=value_width, state=key_width, products=3),
        Elementwise(name="norm.delta", moved=2 * values, saved=values, parameters=value_width, split=True),
        Elementwise(name="delta.gate", moved=3 * values, saved=values, split=True),
        Matmul(name="delta.out", inputs=values, outputs=hidden, split="rows"),
    )


def kimi_delta(*, hidden: int, heads: int, head_width: int, kernel: int) -> tuple[Operator, ...]:
    """Kimi Delta Attention: a decay for each value of a key, it and the output's gate through a head's width.

    Kimi Team 2025, arXiv:2510.26692, section 3; as in the class KimiLinearDeltaAttention of transformers.
    """
    inner = heads * head_width
    narrow = {"inputs": hidden, "outputs": head_width, "saves_input": False}
    wide = {"inputs": head_width, "outputs": inner, "split": "columns"}
    return (
        Matmul(name="delta.in", inputs=hidden, outputs=3 * inner, split="columns"),
        *convolution("delta", 3 * inner, kernel, False),
        Matmul(name="delta.forget", **narrow),
        Matmul(name="delta.forget", **wide),
        Matmul(name="delta.rates", inputs=hidden, outputs=heads, split="columns", saves_input=False),
        Elementwise(name="delta.decay", moved=3 * inner, saved=inner, parameters=inner + heads, split=True),
        scan("delta.scan", heads=heads, groups=heads, width=head_width, state=head_width, products=3),
        Matmul(name="delta.gate", **narrow),
        Matmul(name="delta.gate", **wide),
        Elementwise(name="norm.delta", moved=2 * inner, saved=inner, parameters=head_width, split=True),
        Matmul(name="delta.out", inputs=inner, outputs=hidden, split="rows"),
    )


def lightning(*, hidden: int, heads: int, head_width: int) -> tuple[Operator, ...]:
    """Linear attention with fixed decays, a norm and a gate of its output (MiniMax-01, arXiv:2501.08313)."""
    inner = heads * head_width
    return (
        Matmul(name="attention.in", inputs=hidden, outputs=3 * inner, split="columns"),
        scan("attention.scan", heads=heads, groups=heads, width=head_width, state=head_width),
        norm(inner, 1, name="norm.attention", split=True),
        Matmul(name="attention.gate", inputs=hidden, outputs=inner, split="columns", saves_input=False),
        Elementwise(name="attention.gate", moved=3 * inner, saved=inner, split=True),
        Matmul(name="attention.out", inputs=inner, outputs=hidden, split="rows"),
    )


def short_convolution(*, hidden: int, kernel: int, biased: bool = False) -> tuple[Operator, ...]:
    """A gated convolution over a few positions back: LFM2's layers without attention."""
    return (
        Matmul(name="convolution.in", inputs=hidden, outputs=3 * hidden, split="columns", biased=biased),
        Elementwise(name="convolution.gate", moved=6 * hidden, saved=3 * hidden, split=True),
        *convolution("convolution", hidden, kernel, biased),
        Matmul(name="convolution.out", inputs=hidden, outputs=hidden, split="rows", biased=biased),
    )


def gated_recurrence(*, hidden: int, width: int, heads: int, kernel: int) -> tuple[Operator, ...]:
    """A real-gated linear recurrence with two gates of block-diagonal matrices: De et al. 2024, arXiv:2402.19427."""
    block = width // heads
    gate = {"inputs": block, "outputs": width, "split": "columns", "biased": True, "saves_input": False}
    return (
        Matmul(name="recurrence.in", inputs=hidden, outputs=2 * width, split="columns", biased=True),
        *convolution("recurrence", width, kernel, True),
        Matmul(name="recurrence.gate", **gate),
        Matmul(name="recurrence.gate", **gate),
        Elementwise(name="recurrence.decay", moved=6 * width, saved=3 * width, parameters=width, split=True),
        Matmul(name="recurrence.out", inputs=width, outputs=hidden, split="rows", biased=True),
    )


def convolution(group: str, channels: int, kernel: int, biased: bool) -> tuple[Operator, ...]:
    """Every channel over `kernel` positions, and an activation; the input is kept once."""
    return (
        Elementwise(name=f"{group}.activation", moved=2 * channels, saved=2 * channels, split=True),
        Matmul(
            name=f"{group}.convolution",
            inputs=kernel,
            outputs=channels,
            split="columns",
            biased=biased,
            saves_input=False,
        ),
    )


def scan(name: str, *, heads: int, groups: int, width: int, state: int, products: int = 2) -> Attention:
    """A state of `state` × `width` a head, updated and read: `products` of its size for each position."""
    size = width * state
    return Attention(
        name=name,
        heads=heads,
        kv_heads=groups,
        score_width=width,
        value_width=state,
        cached=0,
        state=heads * size,
        scan=True,
        exponent=0.0,
        scale=products * size / (width + state),
    )
