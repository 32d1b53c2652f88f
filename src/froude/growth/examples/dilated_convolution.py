"""A sequence mixed over its whole length: by dilated convolutions, and by one long convolution through the FFT.

A stack of causal convolutions whose taps lie ever further apart sees as far as their product with a fixed number of
taps a position; the recurrence of MEGA (Ma et al. 2022, arXiv:2209.10655) is computed as a convolution as long as the
sequence, in about n log n. "TCNCA: Temporal Convolution Network with Chunked Attention for Scalable Sequence
Processing" replaces the latter by the former.

Eight channels, one after the other, of six layers with 8 taps; the dilation is chosen for each length so that the last
position sees the first. The quality is the error against the sum written out, at some positions.

Expected: exponent 1 for the dilated convolutions, n log n for the transform, which is the slower one from some length
on. Where they cross is not a matter of the order alone: with four layers of 17 taps both took about as long at 131,072
positions, and PyTorch's dilated convolution was the slower one, so that this shows the orders and one crossing, no
rule.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from froude import growth

LAYERS, TAPS, CHANNELS = 6, 8, 8


class Signal(NamedTuple):
    """Channels (CHANNELS, n), taps of every layer (LAYERS, TAPS), and a long filter (n,)."""

    channels: np.ndarray
    taps: np.ndarray
    filter: np.ndarray


class Mixed(NamedTuple):
    """Mixed channels, and a value of the last one by the plain sum."""

    channels: np.ndarray
    plain: Callable[[int], float]


def prepare(size: float, rng: np.random.Generator) -> Signal:
    """Random channels and filters."""
    shapes = (CHANNELS, int(size)), (LAYERS, TAPS), int(size)
    return Signal(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def dilations(length: int) -> list[int]:
    """1, b, b², … with the smallest b for which (TAPS − 1)·Σ bⁱ reaches over the length."""
    b = 2
    while (TAPS - 1) * sum(b**layer for layer in range(LAYERS)) < length - 1:
        b += 1
    return [b**layer for layer in range(LAYERS)]


def dilated(data: Signal) -> Mixed:
    """Layer after layer, tap after tap, a channel at a time."""
    n, spread, result = data.filter.size, dilations(data.filter.size), np.empty_like(data.channels)
    for channel, out in zip(data.channels, result, strict=True):
        mixed = channel
        for taps, dilation in zip(data.taps, spread, strict=True):
            below, mixed = mixed, taps[0] * mixed
            for tap in range(1, min(TAPS, -(-n // dilation))):
                mixed[tap * dilation :] += taps[tap] * below[: n - tap * dilation]
        out[:] = mixed
    return Mixed(result, lambda t: layered(data, t))


def layered(data: Signal, t: int) -> float:
    """What the layers give at a position, each written as a filter of its own length."""
    whole = np.ones(1)
    for taps, dilation in zip(data.taps.astype(float), dilations(data.filter.size), strict=True):
        spread = np.zeros((TAPS - 1) * dilation + 1)
        spread[::dilation] = taps
        points = whole.size + spread.size
        whole = np.fft.irfft(np.fft.rfft(whole, points) * np.fft.rfft(spread, points), points)
    seen = whole[: t + 1]
    return float(seen @ data.channels[-1, t - seen.size + 1 : t + 1][::-1])


def transformed(data: Signal) -> Mixed:
    """A product of transforms of twice the length, so that nothing wraps around."""
    n = data.filter.size
    filtered, result = np.fft.rfft(data.filter, 2 * n), np.empty_like(data.channels)
    for channel, out in zip(data.channels, result, strict=True):
        out[:] = np.fft.irfft(np.fft.rfft(channel, 2 * n) * filtered, 2 * n)[:n]
    return Mixed(result, lambda t: float(data.filter[: t + 1].astype(float) @ data.channels[-1, : t + 1][::-1]))


def error(data: Signal, result: Mixed) -> float:
    """The largest error at three positions, relative to the values' spread."""
    last = result.channels[-1]
    return max(abs(float(last[t]) - result.plain(t)) for t in (0, last.size // 2, last.size - 1)) / float(last.std())


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    least = {method: result.fastest(method) for method in result.experiment.methods}
    for method, form in {"dilated": ("n", np.ones_like), "FFT": ("n log n", np.log)}.items():
        seconds = np.array([least[method][n] for n in sizes])
        grows = np.array(sizes) * form[1](np.array(sizes))
        terms = np.stack([1 / seconds, grows / seconds], axis=1)
        fitted = nnls(terms, np.ones(len(sizes)))[0]
        missed = float(np.sqrt(np.mean((terms @ fitted - 1) ** 2)))
        statements[f"{method}: a + b·{form[0]} fits within {missed:.0%} (root mean square)"] = missed < 0.15
        worst = max(result.median(method, n, "quality") for n in sizes)
        statements[f"{method}: error {worst:.1g} at most"] = worst < 1e-3
    for n in sizes[-2:]:
        ratio = least["FFT"][n] / least["dilated"][n]
        statements[f"at {n:g} positions the FFT takes {ratio:.2f} times as long"] = ratio > 1
    return statements


EXPERIMENT = growth.Experiment(
    title="Mixing a whole sequence: dilated convolutions against the FFT",
    source="TCNCA",
    sizes=tuple(2.0**k for k in range(12, 18)),
    methods={"dilated": dilated, "FFT": transformed},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="length",
    expected="exponent 1 dilated, n log n by FFT, the former faster at long lengths",
    claims=(growth.RowClaim(row="tcnca", holds=holds, shows="modelled"),),
)
