"""Sorting 16-bit keys: by digits, and by comparisons.

A radix sort moves every key once for each of its digits, in time linear in n (Knuth, The Art of Computer Programming 3,
section 5.2.5). "Onesweep: A Faster Least Significant Digit Radix Sort for GPUs" does it with 2n memory operations a
digit, where its forerunners take 3n. A sort by comparisons takes about n log n of them.

NumPy's stable sort goes by radix where keys have 16 bits or fewer, and compares where they have more. So the same keys
are sorted twice, once as 16-bit and once as 32-bit integers.

Expected: exponent 1 by radix while the keys fit into the cache; n log n by comparisons, which over such a range looks
like an exponent a little above 1. Neighbouring forms lie close: the table says which the timings do not tell apart.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import get_machine
from froude.cost.model.operators import Elementwise
from froude.cost.serving.iteration import Serving, operator_busy

KEY_BYTES, DIGITS = 4, 4  # keys of 32 bits, digits of 8


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


def keys_per_s(moves: int) -> float:
    """Keys that the roofline of an A100 lets it sort in a second, where each is moved so often for every digit."""
    sorting, values = Elementwise(name="sort", moved=moves * DIGITS), Serving(activations=KEY_BYTES)
    return 1 / float(operator_busy(sorting, get_machine("1 x a100-40"), values, values.weights).seconds)


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on "Onesweep" says."""
    from froude import atlas

    (rate,) = (claim.value for claim in atlas.atlas_record("onesweep").claims if claim.unit == "keys/s")
    reported = float(str(rate))
    two, three, sizes = keys_per_s(2), keys_per_s(3), result.experiment.sizes
    fit = growth.fit_growth(sizes, [[t.cpu_seconds for t in result.timings_of("radix", n)] for n in sizes], floor=False)
    p = fit.exponent
    return {
        f"2n moves are {two / three:.2f} times as fast as 3n": abs(two / three - 1.5) < 1e-9,
        f"an A100's memory bounds them by {two / 1e9:.1f} GKey/s, {reported / 1e9:.1f} reported": two > reported,
        f"radix: time with exponent {p:.2f} in keys, linear": abs(p - 1) < 0.2,
    }


EXPERIMENT = growth.Experiment(
    title="Sorting 16-bit keys: radix against comparisons",
    source="Knuth, TAOCP 3, 5.2.5",
    sizes=(4e3, 8e3, 16e3, 32e3, 64e3, 128e3),
    methods={"radix": radix, "comparisons": comparisons},
    prepare=prepare,
    expected="exponent 1 by radix, n log n by comparisons",
    claims=(growth.RowClaim(row="onesweep", holds=holds),),
)
