"""How simple a layout is: how many mechanisms it needs that somebody has to set up, tune and debug."""

from __future__ import annotations

import numpy as np

from froude.cost.training.layout import Layout

TOLERANCE = 0.03
"""Share of step time by which a simpler layout may be slower than the fastest and still be proposed: two layouts of one
model on one machine are told apart with a mean error of 3.1% (measured: the four pairs of Korthikanti et al. 2022, each
with full recomputation and with sequence parallelism in its place, in `sys_megatron`)."""


def mechanisms(layout: Layout) -> np.ndarray:
    """Mechanisms in use, of a layout or elementwise of many.

    Each way to divide a model counts one, as do several pieces of a pipeline on a device, zero-bubble scheduling, ZeRO
    of any stage, a shard group, recomputation, recomputation of a share of the blocks, and each thing that is
    offloaded. Sequence parallelism comes with tensor parallelism, and counts nothing.
    """
    divided = sum(
        (np.asarray(getattr(layout, name)) > 1).astype(int)
        for name in ("tensor", "pipeline", "interleave", "context", "expert")
    )
    zero_bubble = (np.asarray(layout.pipeline) > 1) & (layout.schedule == "zero-bubble")
    sharded = np.asarray(layout.zero > 0).astype(int) + ((np.asarray(layout.shard) > 0) & (layout.zero > 0))
    partly = (np.asarray(layout.recomputed) < 1) & (layout.recompute == "full")
    recomputed = np.asarray(layout.recompute != "none").astype(int) + partly
    places = (layout.offload_optimizer, layout.offload_parameters, layout.offload_activations)
    return divided + zero_bubble + sharded + recomputed + sum(place != "device" for place in places)
