"""Pruned weights as a bitmap and the values that are left.

A weight matrix of which half is zero takes one bit a weight for where, and 16 bits for every second weight: 9 bits.
"Endor: Hardware-Friendly Sparse Format for Offloaded LLM Inference" sends weights in this form to the device that
multiplies, and reports 1.70 and 1.78 times the speed of Accelerate where the link is what one waits for.

The codec is NumPy's packbits with a mask. The quality is bits a weight, counted in the bytes that it makes; what comes
back is held against what went in. A token whose weights come from the host is priced by Froude's cost model.

Expected: exponent 1 of time; 9 bits a weight, whence 16/9 = 1.78 times the speed of the link.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import cost, growth

MODEL, MACHINE = "llama-2-70b", "1 x a100-80"


class Weights(NamedTuple):
    """Weights of 16 bits, half of them zero, and the same in the form that is sent."""

    plain: np.ndarray
    sent: "Bitmap"


class Bitmap(NamedTuple):
    """A bit for each weight, and those that are not zero."""

    bits: np.ndarray
    values: np.ndarray


def prepare(size: float, rng: np.random.Generator) -> Weights:
    """Normal weights without the smaller half of them."""
    weights = rng.normal(size=int(size))
    plain = np.where(np.abs(weights) > np.median(np.abs(weights)), weights, 0).astype(np.float16)
    return Weights(plain, compressed(plain))


def compressed(plain: np.ndarray) -> Bitmap:
    """The form that is sent."""
    there = plain != 0
    return Bitmap(np.packbits(there), plain[there])


def restored(sent: Bitmap, count: int) -> np.ndarray:
    """The weights."""
    plain = np.zeros(count, np.float16)
    plain[np.unpackbits(sent.bits, count=count).astype(bool)] = sent.values
    return plain


def encode(data: Weights) -> Bitmap:
    """Plain to sent."""
    return compressed(data.plain)


def decode(data: Weights) -> np.ndarray:
    """Sent to plain."""
    return restored(data.sent, data.plain.size)


def bits(data: Weights, result: Bitmap | np.ndarray) -> float:
    """Bits a weight of what comes out; it is checked first."""
    plain = restored(result, data.plain.size) if isinstance(result, Bitmap) else result
    if not np.array_equal(plain, data.plain):
        raise ValueError("other weights came back")
    made = sum(part.nbytes for part in result) if isinstance(result, Bitmap) else result.nbytes
    return 8 * made / data.plain.size


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    from froude import atlas

    low, high = (float(str(claim.value)) for claim in atlas.atlas_record("endor").claims[:2])
    largest = result.experiment.sizes[-1]
    sent, plain = result.median("encode", largest, "quality"), result.median("decode", largest, "quality")
    dense, bitmap = cost.Format(bits=16), cost.Format(bits=16, kept=0.5, mask_bits=1)
    model, machine = cost.get_model(MODEL), cost.get_machine(MACHINE)
    seconds = [
        float(
            cost.price_iteration(
                model, machine, cost.Serving(weights=weights, others=weights, weights_from="host")
            ).seconds
        )
        for weights in (dense, bitmap)
    ]
    bits_a_weight, ratio = float(bitmap.bits_per_weight), seconds[0] / seconds[1]
    return {
        f"the codec makes {sent:.3f} bits of {plain:g}, {bits_a_weight:g} are priced": abs(sent - bits_a_weight) < 0.01,
        f"a token of {MODEL} with weights from the host takes {seconds[0]:.2g} s, {seconds[1]:.2g} s as a bitmap: "
        f"{ratio:.3f} times the speed, {low:g} to {high:g} reported": abs(ratio - 16 / 9) < 0.01
        and low <= round(ratio, 2) <= high,
        f"{plain / sent:.3f} times fewer bytes by the codec": abs(plain / sent / ratio - 1) < 0.01,
    }


EXPERIMENT = growth.Experiment(
    title="Pruned weights as a bitmap: bits a weight",
    source="Endor",
    sizes=(2**16, 2**17, 2**18, 2**19, 2**20),
    methods={"encode": encode, "decode": decode},
    prepare=prepare,
    quality=bits,
    quality_name="bits a weight",
    size_name="weights",
    expected="exponent 1 of time, 9 bits a weight",
    claims=(growth.RowClaim(row="endor", holds=holds),),
)
