"""Attention in blocks of an image: a block's queries see its own positions and a halo around them.

HaloNet (Vaswani et al. 2021, arXiv:2103.12731): blocks of block² queries share (block + 2·halo)² keys, which are copied
for every block.
"""

from __future__ import annotations

from froude.cost.model.layers import Mixer, attention
from froude.cost.model.operators import Elementwise, Number, Operator


def halo_attention(*, hidden: Number, heads: Number, block: Number, halo: Number) -> tuple[Operator, ...]:
    """Projections, the copy of every block's keys and values with its halo, scores, and the projection back.

    A position sees (block + 2·halo)² keys; copies are (block + 2·halo)²/block² keys and values a position. Parameters
    do not depend on either (relative positions are left out).
    """
    seen = (block + 2 * halo) ** 2
    mixer = Mixer(causal=False, window=seen)
    project, *rest = attention(
        hidden=hidden, heads=heads, kv_heads=heads, head_width=hidden / heads, mixer=mixer, window=seen
    )
    copied = Elementwise(name="attention.halo", moved=2 * 2 * hidden * reads_per_query(block, halo))
    return project, copied, *rest


def reads_per_query(block: Number, halo: Number) -> Number:
    """Keys that are read for a block over its queries: (block + 2·halo)²/block²."""
    return (block + 2 * halo) ** 2 / block**2
