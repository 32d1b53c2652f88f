"""How sure a plan is to fit in memory: what is aimed at, and what is said where a layout is less sure."""

from __future__ import annotations

import math

from froude.cost.machine.machine import Machine
from froude.cost.training.memory.certainty import EVEN
from froude.planning.plans import LayoutCandidate
from froude.quantity import format_bytes

_ROOM = 0.05  # of certainty below the surest layout, so that more than that one are left to choose from


def is_sure(candidate: LayoutCandidate, certainty: float) -> bool:
    """Whether a candidate fits with a certainty."""
    return bool(candidate.cost.fits) and float(candidate.cost.fits_probability) >= certainty - 1e-9


def surest(least: LayoutCandidate) -> float | None:
    """A certainty a little below that of the layout of least memory, in hundredths; None where not even that fits."""
    if not least.cost.fits:
        return None
    return max(math.floor(100 * (float(least.cost.fits_probability) - _ROOM)) / 100, EVEN)


def memory_words(candidate: LayoutCandidate, machine: Machine) -> str:
    """What a candidate needs of a device's memory: "81 GiB of 80 GiB"."""
    return f"{format_bytes(candidate.memory_bytes)} of {format_bytes(machine.chip.memory_bytes)}"


def shortage_words(candidate: LayoutCandidate, machine: Machine) -> str:
    """Why a candidate is not taken to fit: by how much it does not, or with how little certainty it does."""
    words = memory_words(candidate, machine)
    if candidate.cost.fits:
        sure = math.floor(100 * float(candidate.cost.fits_probability))  # 94.9% is not yet 95%
        return f"fits with {sure}% certainty only ({words})"
    excess = candidate.memory_bytes - machine.chip.memory_bytes
    return f"does not fit by {format_bytes(max(excess, 0.0))} ({words})"


def unsure_words(certainty: float, aim: float) -> str:
    """What is said of a plan that is less sure to fit than it should be."""
    return f"memory: no layout fits with {aim:.0%} certainty; the plan fits with {certainty:.0%} at the least"
