"""A product of matrices of any number of bits, as products of their one-bit planes.

A value of w bits is a sum of bits times powers of two, so a product of w-bit weights with a-bit activations is w·a
products of bits: the exclusive or of packed words, and a count of ones. "Efficient Arbitrary Precision Acceleration for
Large Language Models on GPU Tensor Cores" takes bits as −1 and 1 (bipolar integers: all odd numbers of a range, without
a sign bit), so that all planes are alike, and recovers the result by shifts and sums.

Both factors are taken apart beforehand, untimed. What grows is w·a. The quality is the number of one-bit products made;
a result that is not exact is refused. Froude's cost model prices the one-bit products on a device, without recovery.

Expected: passes equal to w·a; time a constant plus so many times that of a pass, its shift and its sum among it.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import Serving, get_machine, get_model, price_iteration

ROWS, INNER, COLUMNS = 32, 8192, 32
BITS = {1: (1, 1), 2: (1, 2), 4: (2, 2), 6: (2, 3), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8)}
"""Bits of weights and activations by their product."""


class Factors(NamedTuple):
    """Bipolar integers (ROWS, INNER) and (COLUMNS, INNER), and their planes (bits, rows, INNER / 64)."""

    weights: np.ndarray
    activations: np.ndarray
    planes: tuple[np.ndarray, np.ndarray]


class Product(NamedTuple):
    """A product, and the one-bit products that it took."""

    matrix: np.ndarray
    passes: int


def prepare(size: float, rng: np.random.Generator) -> Factors:
    """Random odd numbers between −2^bits and 2^bits."""
    bits = BITS[int(size)]
    drawn = [2 * rng.integers(0, 2**b, (n, INNER)) - 2**b + 1 for n, b in zip((ROWS, COLUMNS), bits, strict=True)]
    return Factors(drawn[0], drawn[1], (planes(drawn[0], bits[0]), planes(drawn[1], bits[1])))


def planes(values: np.ndarray, bits: int) -> np.ndarray:
    """The bits of bipolar integers, packed into words along the last axis: (bits, rows, INNER / 64)."""
    codes = (values + 2**bits - 1) // 2
    one = codes >> np.arange(bits)[:, None, None] & 1
    return np.packbits(one.astype(np.uint8), axis=-1).view(np.uint64)


def one_bit(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of a plane with a transposed one, bits taken as ±1: as many as agree less as many as do not."""
    differ = [np.bitwise_count(row ^ b).sum(axis=-1, dtype=np.int64) for row in a]  # row by row, in the cache
    return INNER - 2 * np.array(differ)


def by_planes(data: Factors) -> Product:
    """Every plane with every other, each shifted to its place."""
    matrix, passes = np.zeros((ROWS, COLUMNS), np.int64), 0
    for (i, weights), (j, activations) in itertools.product(*map(enumerate, data.planes)):
        matrix += one_bit(weights, activations) << (i + j)
        passes += 1
    return Product(matrix, passes)


def passes(data: Factors, result: Product) -> float:
    """The one-bit products; the result is checked first."""
    if not np.array_equal(result.matrix, data.weights @ data.activations.T):
        raise ValueError("the product is not exact")
    return result.passes


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says, without a price of recovery on a device."""
    counted, sizes = result.growth("planes", "quality"), result.experiment.sizes
    least = {n: min(t.cpu_seconds for t in result.timings_of("planes", n)) for n in sizes}
    fit, priced = (growth.fit_growth([*part], [[least[n]] for n in part]) for part in (sizes, sizes[::2]))
    if not (isinstance(fit, growth.Growth) and isinstance(priced, growth.Growth)):
        return {"time grows with w·a": False}
    errors = [abs(float(priced.at(n)) / least[n] - 1) for n in sizes[1::2]]
    exact = all(result.median("planes", n, "quality") == n for n in sizes)
    return {
        f"exact, in w·a one-bit products: exponent {counted.exponent:.2f}": exact,
        f"time is {fit.a:.2g} s and {fit.b:.2g} s a pass, exponent {fit.exponent:.2f} in w·a": abs(fit.exponent - 1)
        < 0.15,
        f"priced from half of the sizes, the others err by {max(errors):.0%} at most": (max(errors) < 0.3),
        f"matmuls of llama-2-7b priced at {priced_on_device(4, 8):.3g} times as long with 4 bits by 8 as with 1 by 1": (
            abs(priced_on_device(4, 8) / (4 * 8) - 1) < 0.01
        ),
    }


def priced_on_device(weights: int, activations: int) -> float:
    """Seconds of computing a prompt's matmuls on an A100 at so many bits, over those at one bit by one."""
    model, machine = get_model("llama-2-7b"), get_machine("1 x a100-80")
    one, all_of_them = (
        sum(
            float(busy.compute)
            for name, busy in price_iteration(model, machine, Serving(tokens=1024, products=products)).operators.items()
            if name != "attention.scores"  # no product with weights
        )
        for products in (1, weights * activations)
    )
    return all_of_them / one


EXPERIMENT = growth.Experiment(
    title=f"A {ROWS} x {INNER} times {INNER} x {COLUMNS} product by bit planes",
    source="Efficient Arbitrary Precision Acceleration for Large Language Models on GPU Tensor Cores",
    sizes=tuple(BITS),
    methods={"planes": by_planes},
    prepare=prepare,
    quality=passes,
    quality_name="one-bit products",
    size_name="bits · bits",
    expected="time and passes with exponent 1 in the product of bits",
    claims=(growth.RowClaim(row="apt-llm-bipolar-int", holds=holds, shows="modelled"),),
)
