"""What a software stack keeps in a device's memory beside what a layout and its number formats say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Bytes and habits that decide a peak of memory; what stands here holds where a stack does not say.

    Of a cross entropy made of several kernels `logits` bytes a logit are in use at its peak, `split_logits` where
    tensor parallelism divides the vocabulary, and `freed_logits` more are held for a tensor of before that none of
    these fits into; of a fused one `fused_logits`, and `head_gradients` gradients of the head that it makes at once.

    `stage_buffers` tensors between two stages of a pipeline are held for every micro-batch of a step, received ahead or
    sent. `repeats_keys`: keys and values are written out for every query head. `keeps_gathered`: what sequence
    parallelism gathered stays for the backward pass. `keeps_expert_outputs`: experts' outputs do, as they are weighed
    after. `keeps_narrow`: ZeRO 3 divides weights in the matmuls' type too, beside master weights. `fixed_gradients`:
    gradients have buffers that are there all the time. `gradients_stay`: they stay on the device where the optimizer
    does not, as long as weights do. `step_copies`: states of one kind that an optimizer's step copies.
    `side_pools`: reduced gradients and gathered weights lie in memory of streams of their own.
    """

    logits: float = 12
    split_logits: float = 16
    freed_logits: float = 2
    fused_logits: float = 4
    head_gradients: float = 0
    stage_buffers: float = 0
    repeats_keys: bool = False
    keeps_gathered: bool = False
    keeps_expert_outputs: bool = True
    keeps_narrow: bool = False
    fixed_gradients: bool = True
    gradients_stay: bool = False
    step_copies: float = 0
    side_pools: bool = False
