"""Softmax beside the products of attention: FlashAttention-3 (Shah et al. 2024, arXiv:2407.08608) computes the
exponentials of one block while the matmul units work on another (`machine.rates.overlapped_seconds`).
"""

from __future__ import annotations

from froude.cost.machine.machine import Chip
from froude.cost.machine.rates import special_per_s
from froude.cost.model.operators import Number


def score_seconds(chip: Chip, head_width: Number, kind: str) -> tuple[Number, Number]:
    """Seconds of one score of attention: both products at the peak, and one exponential.

    A product takes 2 · head width FLOPs; special function units compute `special_per_s` exponentials.
    """
    return 4 * head_width / chip.peak_flops[kind], 1 / special_per_s(chip)
