"""What checks of storage, adapters, decoding and serving share."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from froude import atlas, cost
from froude.cost import Decoder, Machine, decoder, get_machine
from froude.cost.serving.iteration import ridge_batch
from froude.cost.serving.speculation import accepted_tokens

Noted = Callable[[str, object], None]
Counted = Callable[..., Any]
"""Gives a number, or an array where it was given one: each check knows which."""

Format: Counted = cost.Format
price_iteration: Counted = cost.price_iteration
model_bytes: Counted = cost.model_bytes
serving_bytes: Counted = cost.serving_bytes
largest_batch: Counted = cost.largest_batch
accepted: Counted = accepted_tokens
ridge_of: Counted = ridge_batch

INT4 = Format(bits=4, group=128, scale_bits=16)
A100 = get_machine("a100-80")
SMALL = decoder(
    name="small",
    layers=2,
    hidden=16,
    heads=4,
    kv_heads=2,
    vocabulary=32,
    context=8,
    mlp_width=24,
    gated=True,
    tied=False,
)


def claimed(row: str, quantity: str, index: int = 0) -> tuple[float, float]:
    """The range that a paper claims for a quantity, as the atlas has it; both ends the same where it is one number."""
    value = [one.value for one in atlas.atlas_record(row).claims if quantity in one.quantity][index]
    assert not isinstance(value, str | None)
    return (value.low, value.high) if isinstance(value, atlas.Range) else (value, value)


def changed(machine: Machine, *, bandwidth: float = 1.0, **peaks: float) -> Machine:
    """A machine whose chip has another bandwidth, as a factor, and further number types."""
    chip = machine.chip
    fast = chip.memory_bandwidth_bytes_per_s * bandwidth
    return replace(
        machine, chip=replace(chip, memory_bandwidth_bytes_per_s=fast, peak_flops={**chip.peak_flops, **peaks})
    )


@cache
def trained_net() -> tuple[Any, Any]:
    """The tank's transformer after a short training on the standard library, and 16 pieces of 65 bytes of that."""
    import torch

    import small_nets as nets
    from froude.tank.transformer import Transformer

    rng = torch.Generator().manual_seed(0)
    net = Transformer(Decoder(width=64, layers=3, heads=4, context=64)).initialise(rng)
    bytes_ = torch.tensor(np.asarray(nets.python_sources().train[:2_000_000]).astype(np.int64))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

    def pieces() -> Any:
        return bytes_[torch.randint(len(bytes_) - 65, (16, 1), generator=rng) + torch.arange(65)]

    with nets.one_thread():
        for _ in range(100):
            optimizer.zero_grad()
            nats_of(net, pieces()).backward()
            optimizer.step()
    return net, pieces()


def nats_of(net: Any, text: Any) -> Any:
    """The mean cross-entropy of a net's next bytes, in nats."""
    import torch

    return torch.nn.functional.cross_entropy(net(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
