"""Sorting 16-bit keys: by digits, and by comparisons.

A radix sort moves every key once for each of its digits, in time linear in n (Knuth, The Art of Computer Programming 3,
section 5.2.5). "Onesweep: A Faster Least Significant Digit Radix Sort for GPUs" does it with 2n memory operations a
digit, where its forerunners take 3n. A sort by comparisons takes about n log n of them.

NumPy's stable sort goes by radix where keys have 16 bits or fewer, and compares where they have more. So the same keys
are sorted twice, once as 16-bit and once as 32-bit integers.

Expected: exponent 1 by radix while the keys fit into the cache; n log n by comparisons, which over such a range looks
like an exponent a little above 1. Neighbouring forms lie close: the table says which the timings do not tell apart.
"""

from typing import NamedTuple

import numpy as np

from froude import growth


class Keys(NamedTuple):
    """The same keys in two lengths."""

    short: np.ndarray
    long: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Keys:
    """So many random keys."""
    keys = rng.integers(0, 2**16, int(size), dtype=np.uint16)
    return Keys(keys, keys.astype(np.uint32))


def radix(keys: Keys) -> np.ndarray:
    """By the two bytes of a key."""
    return np.sort(keys.short, kind="stable")


def comparisons(keys: Keys) -> np.ndarray:
    """By merging sorted parts."""
    return np.sort(keys.long, kind="stable")


EXPERIMENT = growth.Experiment(
    title="Sorting 16-bit keys: radix against comparisons",
    source="Knuth, TAOCP 3, 5.2.5",
    sizes=(4e3, 8e3, 16e3, 32e3, 64e3, 128e3),
    methods={"radix": radix, "comparisons": comparisons},
    prepare=prepare,
    expected="exponent 1 by radix, n log n by comparisons",
)
