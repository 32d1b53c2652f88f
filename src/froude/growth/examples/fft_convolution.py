"""Convolution of two sequences: directly, and through the fast Fourier transform.

Cooley and Tukey 1965 (Mathematics of Computation 19, 297-301) compute a Fourier transform of n points in about n log n
operations instead of n²; a convolution is three of them. "FlashFFTConv: Efficient Convolutions for Long Sequences with
Tensor Cores" builds long convolutions on it. Cast as products of matrices of n^(1/p) rows, a transform of order p takes
16·n·n^(1/p) FLOPs in each of its p steps and moves about 4 values a point (its equation 2, as remembered). Matrices
with fewer rows than a unit for matrices takes get the slower rate of other arithmetic: so the best order grows with the
length.

Expected: exponent 2 for the direct sum; for the transform n log n, which over such a range looks like an exponent a
little above 1; a crossing at some hundred points. Both are exact up to rounding: the quality is their difference.
"""

import functools
from collections.abc import Mapping

import numpy as np

from froude import growth
from froude.cost import get_machine

LEAST_ROWS = 16  # of a matrix that the tensor cores of an A100 multiply
VALUE_BYTES = 2


def prepare(size: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two random sequences of so many points."""
    return rng.normal(size=int(size)), rng.normal(size=int(size))


def direct(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Every product, added up."""
    return np.convolve(*data)


def fft(data: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """A product of transforms, padded to the next power of two so that nothing wraps around."""
    points = data[0].size + data[1].size - 1
    padded = 1 << (points - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(data[0], padded) * np.fft.rfft(data[1], padded), padded)[:points]


def step_seconds(points: float, order: int) -> float:
    """Seconds of a transform of an order on an A100, its steps one after the other: FLOPs, then bytes."""
    chip, rows = get_machine("1 x a100-80").chip, points ** (1 / order)
    rate = chip.peak_flops["bf16" if rows >= LEAST_ROWS else "fp32"]
    return order * (16 * points * rows / rate + 4 * VALUE_BYTES * points / chip.memory_bandwidth_bytes_per_s)


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """A good part of the sentence on "FlashFFTConv": n log n as measured, and the order that is best for a length."""
    sizes = np.array([n for n in result.experiment.sizes if n >= 256])  # below, calls outweigh transforms
    seconds = np.array([min(t.cpu_seconds for t in result.timings_of("FFT", n)) for n in sizes])
    terms = np.stack([1 / seconds, sizes * np.log(sizes) / seconds], axis=1)
    missed = terms @ np.linalg.lstsq(terms, np.ones(sizes.size), rcond=None)[0] - 1
    spread = float(np.sqrt(np.mean(missed**2)))
    best = {2**k: min((2, 3, 4), key=functools.partial(step_seconds, 2**k)) for k in (10, 13, 16, 19, 22)}
    chosen = [*best.values()]
    return {
        f"FFT: a + b·n log n fits within {spread:.0%} (root mean square)": spread < 0.2,
        f"best order on an A100 by length: {', '.join(f'{p} at {n}' for n, p in best.items())}": (
            chosen == sorted(chosen) and chosen[0] == 2 and chosen[-1] == 4
        ),
    }


EXPERIMENT = growth.Experiment(
    title="Convolution: direct against FFT",
    source="Cooley and Tukey 1965",
    sizes=(64, 128, 256, 512, 1024, 2048, 4096, 8192),
    methods={"direct": direct, "FFT": fft},
    prepare=prepare,
    expected="exponent 2 directly, n log n by FFT, crossing at some hundred points",
    claims=(growth.RowClaim(row="flashfftconv", holds=holds, shows="modelled"),),
)
