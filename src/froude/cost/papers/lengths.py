"""Sequences of unequal lengths: what padding, single passes and packing make of them, and devices for each by length.

A packed buffer holds whole sequences one behind another, of which none attends to another or carries its state over
(PackMamba, Xu et al. 2024, arXiv:2408.03865). Context parallelism need not divide all sequences by what the longest
asks for: each may have its own degree (ByteScale, Ge et al. 2025, arXiv:2502.21231).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.passes import Passes, end_passes
from froude.cost.training.share import fullest_stage
from froude.cost.training.step import stage_passes
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Lengths:
    """A histogram of sequences: `counts` of them have `lengths` tokens, both (n,)."""

    lengths: np.ndarray
    counts: np.ndarray

    def __post_init__(self) -> None:
        if self.lengths.shape != self.counts.shape or not (np.all(self.lengths > 0) and np.all(self.counts > 0)):
            raise InputError("a histogram of lengths has as many counts as lengths, all of them positive")

    @classmethod
    def of(cls, sequences: np.ndarray) -> Lengths:
        """The histogram of the lengths of sequences, one each."""
        lengths, counts = np.unique(sequences, return_counts=True)
        return cls(lengths=lengths, counts=counts)

    @property
    def tokens(self) -> float:
        """Tokens of all sequences."""
        return float(self.lengths @ self.counts)


def packed_buffers(sequences: Lengths, room: int) -> int:
    """Buffers of `room` tokens that hold all sequences whole, longest first, each in the first with place for it.

    At most 11/9 of the fewest, and less than one more (Johnson 1973). InputError for a sequence longer than a buffer.
    """
    if np.max(sequences.lengths) > room:
        raise InputError(f"a sequence of {np.max(sequences.lengths):g} tokens is longer than a buffer of {room}")
    left = np.empty(0)
    for length, count in zip(sequences.lengths[::-1], sequences.counts[::-1], strict=True):
        for _ in range(int(count)):
            open_ones = np.flatnonzero(left >= length)
            if open_ones.size:
                left[open_ones[0]] -= length
            else:
                left = np.append(left, room - length)
    return left.size


def token_rates(model: Model, machine: Machine, layout: Layout, sequences: Lengths) -> dict[str, float]:
    """Tokens of sequences a second and replica, forward and backward: "padded", "single" and "packed".

    A device has room for `micro_batch` · `seq_len` positions. Padded sequences are as long as the longest, single ones
    pass one at a time, and packed ones fill the room by `packed_buffers`, each attending to itself alone.
    """
    room = float(layout.micro_batch * layout.seq_len)
    longest = float(np.max(sequences.lengths))
    rows = room // longest
    buffers = packed_buffers(sequences, int(room))

    def seconds(micro_batch: Number, seq_len: Number) -> np.ndarray:
        return np.asarray(
            micro_passes(model, machine, replace(layout, micro_batch=micro_batch, seq_len=seq_len)).seconds
        )

    share = sequences.counts * sequences.lengths / sequences.tokens
    filled = share @ seconds(room / sequences.lengths, sequences.lengths)
    taken = {
        "padded": np.ceil(np.sum(sequences.counts) / rows) * seconds(rows, longest),
        "single": sequences.counts @ seconds(1, sequences.lengths),
        "packed": buffers * filled,
    }
    return {name: float(sequences.tokens / each) for name, each in taken.items()}


def context_degrees(lengths: np.ndarray, tokens_per_device: float) -> np.ndarray:
    """Devices for each sequence: the least power of two by which its tokens fit the devices."""
    return 2.0 ** np.ceil(np.log2(np.maximum(lengths / tokens_per_device, 1.0)))


def device_seconds(
    model: Model, machine: Machine, layout: Layout, sequences: Lengths, degrees: Number, tokens_per_device: float
) -> np.ndarray:
    """Device seconds, forward and backward, of all sequences of each length at context-parallel `degrees`, (n,).

    Groups of devices are full: sequences of a length are packed until every device has `tokens_per_device`.
    """
    passes = packed_passes(model, machine, layout, sequences.lengths, degrees, tokens_per_device)
    return sequences.counts * sequences.lengths / tokens_per_device * np.asarray(passes.seconds)


def packed_passes(
    model: Model, machine: Machine, layout: Layout, lengths: np.ndarray, degrees: Number, tokens_per_device: float
) -> Passes:
    """Both passes over a group of `degrees` devices, full of sequences of a length, elementwise."""
    packed = tokens_per_device * np.asarray(degrees) / lengths
    return micro_passes(model, machine, replace(layout, seq_len=lengths, context=degrees, micro_batch=packed))


def dynamic_gain(model: Model, machine: Machine, layout: Layout, sequences: Lengths, tokens_per_device: float) -> float:
    """How many times the device seconds of a degree for each sequence all take at the degree of the longest.

    It is an upper bound: that devices wait for each other where work cannot be dealt out evenly is left out.
    """
    own = context_degrees(sequences.lengths, tokens_per_device)
    static = device_seconds(model, machine, layout, sequences, np.max(own), tokens_per_device)
    return float(np.sum(static) / np.sum(device_seconds(model, machine, layout, sequences, own, tokens_per_device)))


def micro_passes(model: Model, machine: Machine, layout: Layout) -> Passes:
    """Both passes of one micro-batch through the fullest stage with embedding and head."""
    stage = stage_passes(model, machine, layout, constants()).times(fullest_stage(model, layout))
    return stage + end_passes(model, machine, layout, constants())
