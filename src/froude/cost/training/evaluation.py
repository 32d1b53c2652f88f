"""What a layout costs: memory, step time, and the rates that follow, of one layout or of many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import peak_flops
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Matmul, Number
from froude.cost.model.plain_decoder import MATMUL_PASSES
from froude.cost.training.layout import Layout
from froude.cost.training.memory.device_memory import (
    MemoryBytes,
    fit_probability,
    fits,
    memory_bytes,
    memory_error,
    tiers_suffice,
)
from froude.cost.training.pipeline.predictions import with_predictions
from froude.cost.training.step import StepSeconds, step_seconds


@final
@dataclass(frozen=True, kw_only=True)
class Cost:
    """A step's seconds and a device's bytes by part, and what follows from them; arrays for arrays of layouts.

    `model_flops` are of all devices: the matmuls of forward and backward with logits and full attention;
    `hardware_flops` add recomputation. `fits_probability` is how sure it is that the memory suffices.
    """

    step: StepSeconds
    memory: MemoryBytes
    devices: Number
    tokens: Number
    model_flops: Number
    hardware_flops: Number
    peak_flops: float
    fits: Number
    fits_probability: Number

    @property
    def step_seconds(self) -> Number:
        """Seconds of a step."""
        return self.step.total

    @property
    def tokens_per_second(self) -> Number:
        """Of all devices together."""
        return self.tokens / self.step.total

    @property
    def flops_per_device(self) -> Number:
        """Model FLOP/s of one device, MFU's numerator."""
        return self.model_flops / self.devices / self.step.total

    @property
    def mfu(self) -> Number:
        """Model FLOPs utilisation: share of the dense peak of the matmuls' type (Chowdhery et al. 2022)."""
        return self.flops_per_device / self.peak_flops

    @property
    def hfu(self) -> Number:
        """Hardware FLOPs utilisation: the same with recomputation counted."""
        return self.hardware_flops / self.devices / self.step.total / self.peak_flops


def evaluate(
    model: Model,
    machine: Machine,
    layout: Layout,
    given: Constants | None = None,
    memory: MemoryBytes | None = None,
) -> Cost:
    """The cost of a legal layout, or of many: elementwise over arrays in the layout's numbers.

    `memory` is its `memory_bytes`, where somebody has counted it.

    ArithmeticError where parts are negative or not finite, or a rate exceeds the peak: a fault of the model, not of
    its input.
    """
    model = with_predictions(model, layout)
    step = step_seconds(model, machine, layout, layout.constants if given is None else given)
    memory = memory_bytes(model, layout) if memory is None else memory
    flops = MATMUL_PASSES * model.forward_flops(layout.seq_len) * layout.tokens
    cost = Cost(
        step=step,
        memory=memory,
        devices=layout.devices,
        tokens=layout.tokens,
        model_flops=flops,
        hardware_flops=flops + recomputed_flops(model, layout) * layout.tokens,
        peak_flops=peak_flops(machine.chip, layout.precision.matmuls),
        fits=np.logical_and(fits(memory, machine), tiers_suffice(model, machine, layout)),
        fits_probability=fit_probability(memory, machine, memory_error(layout)),
    )
    _check(model, layout, cost)
    return cost


def recomputed_flops(model: Model, layout: Layout) -> Number:
    """Forward FLOPs a token that the layout's recomputation repeats; what a fused attention repeats is not counted."""
    if layout.recompute == "none" or (layout.recompute == "selective" and layout.attention != "unfused"):
        return 0.0
    if layout.recompute in ("full", "optimal"):
        kinds: tuple[type, ...] = (Matmul, Attention)
        share = layout.recomputed if layout.recompute == "full" else layout.kept.flops
    else:
        kinds, share = ((Attention,), 1.0) if layout.recompute == "selective" else ((Matmul,), 0.5)
    return sum(
        share * block.count * operator.forward_flops(layout.seq_len)
        for block in model.blocks
        for operator in block.operators
        if isinstance(operator, kinds)
    )


def _check(model: Model, layout: Layout, cost: Cost) -> None:
    for parts in (cost.step, cost.memory):
        for name, value in vars(parts).items():
            if np.min(value) < -1e-9:
                raise ArithmeticError(f"{name} of {type(parts).__name__} is negative")
        if not np.all(np.isfinite(parts.total)):
            raise ArithmeticError(f"{type(parts).__name__} is not finite")
    if np.any(np.asarray(cost.mfu) > cost.hfu * (1 + 1e-9)):
        raise ArithmeticError("MFU exceeds HFU")
    if np.any(np.asarray(cost.step.compute) * (1 + 1e-9) < _least_seconds(model, layout, cost)):
        raise ArithmeticError("matmuls are faster than the peak")


def _least_seconds(model: Model, layout: Layout, cost: Cost) -> Number:
    """Seconds of the FLOPs that are computed, at the peak: of causal attention a fused kernel computes half.

    MFU counts it whole, so that at long sequences MFU may exceed 1 and compute may not.
    """
    hidden = sum(
        0.5 * count * operator.forward_flops(layout.seq_len)
        for count, operator in model.operator_counts()
        if isinstance(operator, Attention) and operator.causal and layout.attention != "unfused"
    )
    computed = cost.model_flops - MATMUL_PASSES * hidden * layout.tokens
    return computed / (cost.devices * cost.peak_flops)
