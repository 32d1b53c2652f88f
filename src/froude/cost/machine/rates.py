"""Rates of a chip, as sold and as reached, and what overlap makes of parts on different resources."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Chip, Cores
from froude.cost.model.operators import Number
from froude.errors import InputError

USUAL_SHARE = 0.78
"""Best matmul over peak where nobody measured it: mean of the NVIDIA chips in Bekman's table, bf16 and fp8."""


def peak_flops(chip: Chip, kind: str) -> float:
    """Dense peak of a chip's matmuls of a number type; InputError where it has none."""
    if kind not in chip.peak_flops:
        raise InputError(f"{chip.name} has no {kind} matmuls: take one of {', '.join(chip.peak_flops)}")
    return chip.peak_flops[kind]


def usual_precision(chip: Chip) -> str:
    """The name of the 16-bit precision that a chip trains in; fp32 where it has none."""
    return next((name for name in ("bf16", "fp16") if name in chip.peak_flops), "fp32")


def matmul_share(chip: Chip, kind: str) -> float:
    """Share of the peak that the best large matmul reaches: measured, or what chips reach in the mean."""
    same = {"fp16": "bf16", "mxfp8": "fp8"}.get(kind, kind)  # the same units at the same rate
    return chip.matmul_share.get(same, USUAL_SHARE)


def special_per_s(chip: Chip) -> float:
    """Slots a second of the special function units; where they are not known, as many a FLOP as an A100 has."""
    known = (peak for kind, peak in chip.peak_flops.items() if kind != "nvfp4")  # the A100 has no such type
    return chip.special_per_s or max(known) / 128


USUAL_CORES = Cores(units=132, clock_hz=1.98e9, cache_bytes=50e6)
"""Multiprocessors of a chip that says nothing of its own: an H100's."""


def cores_of(chip: Chip) -> Cores:
    """A chip's multiprocessors; those of an H100 where they are not known."""
    return chip.cores or USUAL_CORES


def matmul_rate(chip: Chip, kind: str, constants: Constants) -> Number:
    """FLOP/s of large matmuls: the peak, times the share of it that the best matmul was measured to reach."""
    casts = {"mxfp8": constants.block_scaled, "nvfp4": constants.fp4}.get(kind, 1.0)
    return peak_flops(chip, kind) * matmul_share(chip, kind) * constants.matmul * casts


def overlapped_seconds(parts: Sequence[Number], overlap: Number) -> Number:
    """Seconds of parts on different resources: their sum at `overlap` 0, the longest at 1, linear between.

    InputError for an overlap below 0 or above 1.
    """
    if np.any((np.asarray(overlap) < 0) | (np.asarray(overlap) > 1)):
        raise InputError(f"overlap {overlap}: give a share from 0 to 1")
    longest = reduce(np.maximum, parts)
    return longest + (1 - np.asarray(overlap)) * (sum(parts) - longest)
