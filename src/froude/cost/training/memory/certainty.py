"""How much memory a layout may be counted to need so that it fits with a certainty: `fit_probability` the other way."""

from __future__ import annotations

import math

import numpy as np

from froude.bounds import share
from froude.cost.machine.machine import Machine
from froude.cost.model.operators import Number
from froude.cost.training.memory.device_memory import RELATIVE_ERROR, MemoryBytes

EVEN = 0.5
"""The certainty with which a layout fits that is counted to fill a device to the last byte."""

_CUBIC = 0.044715
"""Of the approximation of the normal distribution that `fit_probability` uses."""


SUREST = 0.99
"""The most that is said of a certainty: the error of counted memory is known from a few tables."""


def verdict_certainty(fits: bool, fits_probability: float) -> float:
    """How sure it is that a layout fits, where it is said to, or that it does not; never more than `SUREST`."""
    return min(fits_probability if fits else 1 - fits_probability, SUREST)


def most_bytes(machine: Machine, context: Number, certainty: float, error: float = RELATIVE_ERROR) -> Number:
    """Bytes that may be counted, those of the context among them, so that a layout fits with a certainty.

    `error` is the standard deviation of counted over measured peaks.

    InputError for a certainty that is none between 0 and 1.
    """
    share("memory certainty", certainty)
    return context + (machine.chip.memory_bytes - context) / (1 + error * _normal(certainty))


def fits_surely(memory: MemoryBytes, machine: Machine, certainty: float, error: float = RELATIVE_ERROR) -> np.ndarray:
    """Whether memory fits with a certainty, elementwise."""
    return np.asarray(memory.total) <= most_bytes(machine, memory.context, certainty, error)


def _normal(certainty: float) -> float:
    """How many standard deviations a certainty is above an even chance: z + 0.044715·z³ = atanh(2p − 1)·√(π/2)."""
    reduced = math.atanh(2 * certainty - 1) * math.sqrt(math.pi / 2)
    p, q = 1 / _CUBIC, reduced / _CUBIC
    root = math.sqrt((q / 2) ** 2 + (p / 3) ** 3)  # Cardano: the cubic rises everywhere and has one real root
    return math.cbrt(q / 2 + root) + math.cbrt(q / 2 - root)
