"""Causal attention: with softmax, and linear in tiles with a state of constant size.

Without softmax the weighted sum of values is q·(Σ k vᵀ), a state of head width² that a sequence carries along
(Katharopoulos et al. 2020, arXiv:2006.16236). "Lightning Attention-2: A Free Lunch for Handling Unlimited Sequence
Lengths in Large Language Models" computes it in tiles: within a tile by masked scores, from earlier tiles by the state.
"Various Lengths, Constant Speed: Efficient Language Modeling with Lightning Attention" and "Scaling TransNormer to 175
Billion Parameters" train with it. One head, forward only, no decay.

Softmax goes by tiles of queries over all keys before them, so both need little memory. The quality is the error of the
last position against the plain sum.

Expected: exponent 1 for linear attention, 2 for softmax: tokens a second constant, and falling. What a whole model
would do on an accelerator is priced by Froude's cost model.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import Layout, Model, decoder, evaluate, get_machine, kv_bytes
from froude.cost.model.layers import SOFTMAX, Mixer

WIDTH, TILE = 64, 64
ROUNDS = 12
LENGTHS = 2 ** np.arange(11, 17)
TOKENS = 2**20  # of a step, and a sixteenth of them at a time on each device


class Mixed(NamedTuple):
    """Mixed values (n, width), and what makes weights of scores."""

    values: np.ndarray
    weigh: Callable[[np.ndarray], np.ndarray]


def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
    """Queries, keys and values of so many positions, (3, n, width)."""
    return rng.normal(size=(3, int(size), WIDTH)).astype(np.float32) / np.float32(WIDTH**0.25)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Exponentials that add up to 1 over the last axis."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def by_softmax(data: np.ndarray) -> Mixed:
    """Tiles of queries over all keys up to them."""
    q, k, v = data
    values, later = np.empty_like(v), np.triu(np.full((TILE, TILE), -np.inf, np.float32), 1)
    for start in range(0, len(q), TILE):
        end = start + TILE
        scores = q[start:end] @ k[:end].T
        scores[:, start:] += later
        values[start:end] = softmax(scores) @ v[:end]
    return Mixed(values, softmax)


def linear(data: np.ndarray) -> Mixed:
    """Tiles: scores within, the state for all before."""
    q, k, v = data
    values, state = np.empty_like(v), np.zeros((WIDTH, WIDTH), np.float32)
    for start in range(0, len(q), TILE):
        tile = slice(start, start + TILE)
        values[tile] = np.tril(q[tile] @ k[tile].T) @ v[tile] + q[tile] @ state
        state += k[tile].T @ v[tile]
    return Mixed(values, lambda scores: scores)


def error(data: np.ndarray, result: Mixed) -> float:
    """The error of the last position, relative to the largest value."""
    q, k, v = data.astype(float)
    exact = result.weigh(q[-1] @ k.T) @ v
    return float(np.abs(result.values[-1] - exact).max() / np.abs(exact).max())


def model(mixer: Mixer) -> Model:
    """A decoder of about 7 billion parameters."""
    return decoder(name="7B", layers=32, hidden=4096, heads=32, vocabulary=64000, context=2048, mixer=mixer)


def trained(mixer: Mixer) -> np.ndarray:
    """Tokens a second of a training on 8 A100 over lengths, with as many tokens a step."""
    at_once = TOKENS / 16 / LENGTHS
    layout = Layout(devices=8, global_batch=TOKENS / LENGTHS, seq_len=LENGTHS, micro_batch=at_once, zero=3)
    return np.asarray(evaluate(model(mixer), get_machine("8 x a100-80"), layout).tokens_per_second)


def state(mixer: Mixer) -> np.ndarray:
    """Bytes that serving keeps of one sequence over lengths, all layers."""
    return np.asarray(kv_bytes(model(mixer), LENGTHS))


@functools.cache
def alone() -> Mapping[float, float]:
    """The least CPU seconds of linear attention at LENGTHS, measured once for all claims.

    Beyond the lengths that softmax can be asked for its speed is measured better, and a cache holds little of them.
    """
    found = growth.grow(replace(EXPERIMENT, methods={"linear": linear}, sizes=tuple(LENGTHS.tolist())), repeats=1)
    return found.fastest("linear", rounds=ROUNDS)


def slopes(result: growth.GrowthResult) -> Mapping[str, float]:
    """The exponents of time without a constant part; NaN where there is none to tell."""
    least = {"linear": alone(), "softmax": result.fastest("softmax")}
    return {
        m: growth.fit_growth([*by], [[seconds] for seconds in by.values()], floor=False).exponent
        for m, by in least.items()
    }


def speeds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """The measured part: tokens a second, and errors."""
    sizes, statements = result.experiment.sizes, {}
    for method, of_time in slopes(result).items():
        p = 1 - of_time
        statements[f"{method}: tokens/s with exponent {p:+.2f} in length"] = (
            abs(p) <= 0.1 if method == "linear" else p < -0.5
        )
        worst = max(result.median(method, n, "quality") for n in sizes)
        statements[f"{method}: error {worst:.1g} at most"] = worst < 1e-3
    return statements


def serves(result: growth.GrowthResult | None = None) -> Mapping[str, bool]:
    """The state of a served sequence."""
    kept, cached = state(Mixer(exponent=0)), state(SOFTMAX)
    return {
        f"serving keeps {kept[0]:.3g} bytes of a sequence at {LENGTHS[0]} tokens and {kept[-1]:.3g} at {LENGTHS[-1]}; "
        f"with softmax {cached[0]:.3g} and {cached[-1]:.3g}": bool(np.ptp(kept) == 0)
        and bool(np.allclose(cached / LENGTHS, cached[0] / LENGTHS[0]))
    }


def trains(result: growth.GrowthResult | None = None) -> Mapping[str, bool]:
    """The speed of a training."""
    flat, falling = trained(Mixer(exponent=0)), trained(SOFTMAX)
    return {
        f"8 A100 train {flat[0]:.3g} tokens/s at {LENGTHS[0]} tokens and {flat[-1]:.3g} at {LENGTHS[-1]}; "
        f"with softmax {falling[0]:.3g} and {falling[-1]:.3g}": bool(np.ptp(flat) <= 0.01 * flat[0])
        and bool(np.all(np.diff(falling) < 0))
    }


def exponents(result: growth.GrowthResult) -> Mapping[str, bool]:
    """The exponents of time."""
    near = {"linear": 1, "softmax": 2}
    return {
        f"{m}: time with exponent {p:.2f}, near {near[m]}": abs(p - near[m]) < 0.2 for m, p in slopes(result).items()
    }


EXPERIMENT = growth.Experiment(
    title="Causal attention: linear in tiles against softmax",
    source="Lightning Attention-2",
    sizes=(1024, 2048, 4096, 8192),
    methods={"linear": linear, "softmax": by_softmax},
    prepare=prepare,
    quality=error,
    quality_name="error",
    size_name="length",
    expected="exponents 1 and 2; tokens a second constant and falling",
    claims=(
        growth.RowClaim(row="lightning-attention-2", holds=lambda result: {**speeds(result), **serves()}),
        growth.RowClaim(row="lightning-attention-tnl", holds=lambda result: {**speeds(result), **trains()}),
        growth.RowClaim(row="transnormerllm", holds=lambda result: {**exponents(result), **serves()}),
    ),
)
