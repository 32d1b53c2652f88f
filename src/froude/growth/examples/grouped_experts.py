"""A layer of experts under skewed routing: padded to the busiest expert, and grouped without padding.

Batched products need as many rows for every expert, so all are padded to the one that most tokens chose, and tokens are
copied there and back. "Scattered Mixture-of-Experts Implementation" sorts instead of copying, and multiplies the rows
of each expert where they are.

What grows is the skew: the load of the busiest expert over the mean one. The number of tokens stays. The quality is the
rows multiplied over the tokens, and what Froude's cost model predicts from the loads.

Expected: padded rows, and time with them, in proportion to the skew; grouped ones not at all; less memory by the
copies.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost.papers.routing import padding

EXPERTS, TOKENS, WIDTH, INNER = 16, 4096, 64, 128


class Layer(NamedTuple):
    """Tokens (TOKENS, WIDTH), the expert of each, and two matrices of every expert."""

    tokens: np.ndarray
    expert: np.ndarray
    first: np.ndarray
    second: np.ndarray


class Output(NamedTuple):
    """What the experts return (TOKENS, WIDTH), and the rows they multiplied."""

    tokens: np.ndarray
    rows: int


def prepare(skew: float, rng: np.random.Generator) -> Layer:
    """One expert has `skew` times the mean load, all others share the rest alike; the order is random."""
    busiest = round(skew * TOKENS / EXPERTS)
    others = np.arange(TOKENS - busiest) % (EXPERTS - 1) + 1
    shapes = (TOKENS, WIDTH), (EXPERTS, WIDTH, INNER), (EXPERTS, INNER, WIDTH)
    tokens, first, second = (rng.normal(size=shape).astype(np.float32) / 8 for shape in shapes)
    return Layer(tokens, rng.permutation(np.concatenate([np.zeros(busiest, int), others])), first, second)


def padded(layer: Layer) -> Output:
    """Copies to as many rows an expert as the busiest has, two batched products, copies back."""
    order = np.argsort(layer.expert, kind="stable")
    loads = np.bincount(layer.expert, minlength=EXPERTS)
    place = np.empty(TOKENS, int)
    place[order] = np.arange(TOKENS) - np.repeat(np.cumsum(loads) - loads, loads)
    copies = np.zeros((EXPERTS, loads.max(), WIDTH), np.float32)
    copies[layer.expert, place] = layer.tokens
    inner = copies @ layer.first
    np.maximum(inner, 0, out=inner)
    return Output((inner @ layer.second)[layer.expert, place], EXPERTS * int(loads.max()))


def grouped(layer: Layer) -> Output:
    """The rows of one expert after the other, taken from where they are and put there."""
    order = np.argsort(layer.expert, kind="stable")
    ends = np.cumsum(np.bincount(layer.expert, minlength=EXPERTS))
    result, rows = np.empty_like(layer.tokens), 0
    for expert, mine in enumerate(np.split(order, ends[:-1])):
        inner = layer.tokens[mine] @ layer.first[expert]
        np.maximum(inner, 0, out=inner)
        result[mine] = inner @ layer.second[expert]
        rows += mine.size
    return Output(result, rows)


def waste(layer: Layer, result: Output) -> float:
    """Rows multiplied over tokens; some outputs are checked first."""
    for t in range(0, TOKENS, 500):
        e = layer.expert[t]
        exact = np.maximum(layer.tokens[t] @ layer.first[e], 0) @ layer.second[e]
        if not np.allclose(result.tokens[t], exact, atol=1e-3):
            raise ValueError("an output is wrong")
    return result.rows / TOKENS


def copied(skew: float) -> float:
    """Bytes that padded copies take beyond what grouping holds at once: inputs, inner values and outputs of all experts
    against those of the busiest one."""
    busiest = round(skew * TOKENS / EXPERTS)
    return 4.0 * (EXPERTS - 1) * busiest * (2 * WIDTH + INNER)


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    sizes, statements = result.experiment.sizes, {}
    for skew in sizes:
        rows = result.median("padded", skew, "quality") / result.median("grouped", skew, "quality")
        loads = np.bincount(prepare(skew, np.random.default_rng(0)).expert, minlength=EXPERTS)
        predicted = padding(loads[None], capacity=skew).computed
        statements[f"{rows:.2f} times the rows padded at a skew of {skew:g}, {predicted:.2f} predicted"] = (
            abs(rows / skew - 1) < 0.01 and abs(rows / predicted - 1) < 0.01
        )
    least = [[min(t.cpu_seconds for t in result.timings_of("padded", skew))] for skew in sizes]
    seconds = growth.fit_growth(sizes, least, floor=False)
    p = seconds.exponent
    most = result.median("grouped", sizes[-1], "cpu_seconds") / result.median("grouped", sizes[0], "cpu_seconds")
    statements[f"padded time with exponent {p:.2f} in the skew"] = abs(p - 1) < 0.3
    statements[f"grouped time {most:.2f} times as long at a skew of {sizes[-1]:g}"] = most < 2
    for skew in sizes:
        saved = result.median("padded", skew, "peak_bytes") - result.median("grouped", skew, "peak_bytes")
        statements[f"{saved / 2**20:.2f} MiB less at {skew:g}, {copied(skew) / 2**20:.2f} predicted by the copies"] = (
            abs(saved / copied(skew) - 1) < 0.2
        )
    return statements


EXPERIMENT = growth.Experiment(
    title="Experts under skewed routing: padded against grouped",
    source="Scattered Mixture-of-Experts Implementation",
    sizes=(1, 1.5, 2, 3, 4, 6),
    methods={"padded": padded, "grouped": grouped},
    prepare=prepare,
    quality=waste,
    quality_name="rows over tokens",
    size_name="skew",
    expected="padded rows, time and memory in proportion to the skew, grouped ones constant",
    claims=(growth.RowClaim(row="scattermoe", holds=holds),),
)
