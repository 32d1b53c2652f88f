"""Convolution of two sequences: directly, and through the fast Fourier transform.

Cooley and Tukey 1965 (Mathematics of Computation 19, 297-301) compute a Fourier transform of n points in about
n log n operations instead of n²; a convolution is three of them. "FlashFFTConv: Efficient
Convolutions for Long Sequences with Tensor Cores" builds long convolutions on it.

Expected: exponent 2 for the direct sum; for the transform n log n, which over such a range looks like an exponent a
little above 1; a crossing at some hundred points. Both are exact up to rounding: the quality is their difference.
"""

import numpy as np

from froude import growth


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


EXPERIMENT = growth.Experiment(
    title="Convolution: direct against FFT",
    source="Cooley and Tukey 1965",
    sizes=(64, 128, 256, 512, 1024, 2048, 4096, 8192),
    methods={"direct": direct, "FFT": fft},
    prepare=prepare,
    expected="exponent 2 directly, n log n by FFT, crossing at some hundred points",
)
