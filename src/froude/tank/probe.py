"""What a model does inside, looked at in a forward pass of its own: training is neither slowed nor changed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from froude.tank.transformer import SelfAttention, Transformer


def look(model: Transformer, tokens: Tensor) -> dict[str, Tensor]:
    """What every part of the model gives for (batch, context) integers, by its name, without gradient.

    Beside "embedding", "logits" and the modules of each layer ("layers.0.up", …) there are the attention scores of each
    layer, "layers.0.attention.scores": (batch, heads, context, context), before the mask.
    """
    seen: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(_keeper(seen, name or "logits"))
        for name, module in model.named_modules()
        if name != "layers" and not name.endswith(".out")  # attention gives what its last matrix gives
    ]
    with torch.no_grad():
        model(tokens)
    for hook in hooks:
        hook.remove()
    return seen


def scores(attention: SelfAttention, queries_and_keys: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """What softmax turns into attention, (batch, heads, context, context), from both, (batch, context, 2 · width)."""
    first, second = queries_and_keys.chunk(2, dim=-1)
    q, k = attention.queries_and_keys(first, second, cos, sin).transpose(1, 3).unbind(dim=2)
    return q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5


def largest_score(of: Tensor) -> Tensor:
    """The largest of attention scores (…, context, context) that the causal mask lets through."""
    context = of.shape[-1]
    allowed = torch.ones(context, context, dtype=torch.bool, device=of.device).tril()
    return of.masked_fill(~allowed, -torch.inf).max()


def _keeper(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(module: torch.nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        seen[name] = output
        if isinstance(module, SelfAttention):
            _, cos, sin = arguments
            width = output.shape[-1]
            seen[f"{name}.scores"] = scores(module, seen[f"{name}.qkv"][..., : 2 * width], cos, sin)

    return keep
