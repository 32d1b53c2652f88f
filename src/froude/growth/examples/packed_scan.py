"""A state-space scan over sequences of many lengths: padded, one by one, and packed end to end.

A recurrence h[t] = a[t]·h[t−1] + b[t] would carry the state of one sequence into the next, so packing them into one row
needs a reset where a sequence begins: a[t] = 0 there. "PackMamba: Efficient Processing of Variable-Length Sequences in
Mamba training" does so, and reports 3.06 and 2.62 times the throughput of one sequence after the other.

The scan runs over time with all channels and rows at once. What grows is the number of sequences, of lengths drawn as
in a corpus, many short and few long. The quality is the share of the steps computed that belong to a sequence; a result
that is not bit for bit that of the sequences alone is refused.

Expected: packed, no step is wasted; padded, most are. What a training on an A100 makes of the same lengths is priced by
Froude's cost model.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from froude import growth
from froude.cost import Layout, decoder, get_machine
from froude.cost.model.layers import Mixer
from froude.cost.papers.lengths import Lengths, token_rates

CHANNELS, ROWS, LONGEST = 16, 8, 512


class Sequences(NamedTuple):
    """Sequences (length, 2, CHANNELS) of decays and inputs."""

    parts: list[np.ndarray]


class States(NamedTuple):
    """The states of each sequence, and the steps computed times rows."""

    parts: list[np.ndarray]
    steps: int


def lengths(count: int, rng: np.random.Generator) -> np.ndarray:
    """So many lengths, log-normal about 60 and LONGEST at most."""
    return np.clip(rng.lognormal(np.log(60), 1.0, count).astype(int), 1, LONGEST)


def prepare(size: float, rng: np.random.Generator) -> Sequences:
    """Random decays between 0 and 1, and inputs."""
    parts = (rng.random((n, 2, CHANNELS)) for n in lengths(int(size), rng))
    return Sequences(list(parts))


def scan(rows: np.ndarray) -> np.ndarray:
    """States of rows (time, rows, 2, CHANNELS) of decays and inputs, from zero."""
    states = np.empty((len(rows), rows.shape[1], CHANNELS))
    state = np.zeros(states.shape[1:])
    for t, both in enumerate(rows):
        state = states[t] = both[:, 0] * state + both[:, 1]
    return states


def one_by_one(data: Sequences) -> States:
    """Each sequence alone."""
    return States([scan(part[:, None])[:, 0] for part in data.parts], sum(len(part) for part in data.parts))


def padded(data: Sequences) -> States:
    """As many sequences at a time as there are rows, each as long as the longest of them."""
    parts, steps = [], 0
    for start in range(0, len(data.parts), ROWS):
        batch = data.parts[start : start + ROWS]
        rows = np.zeros((max(map(len, batch)), len(batch), 2, CHANNELS))
        for i, part in enumerate(batch):
            rows[: len(part), i] = part
        states = scan(rows)
        parts += [states[: len(part), i] for i, part in enumerate(batch)]
        steps += rows.shape[0] * rows.shape[1]
    return States(parts, steps)


def packed(data: Sequences) -> States:
    """All sequences end to end with resets, spread over the rows so that the fullest is as short as can be had."""
    held: list[list[int]] = [[] for _ in range(ROWS)]
    filled = [0] * ROWS
    for i in sorted(range(len(data.parts)), key=lambda i: -len(data.parts[i])):
        row = filled.index(min(filled))
        held[row].append(i)
        filled[row] += len(data.parts[i])
    rows = np.zeros((max(filled), ROWS, 2, CHANNELS))
    where = {}
    for row, mine in enumerate(held):
        start = 0
        for i in mine:
            where[i] = slice(start, start + len(data.parts[i])), row
            rows[where[i]] = data.parts[i]
            rows[start, row, 0] = 0  # nothing of the sequence before
            start += len(data.parts[i])
    states = scan(rows)
    return States([states[where[i]] for i in range(len(data.parts))], rows.shape[0] * ROWS)


def used(data: Sequences, result: States) -> float:
    """Share of the steps that belong to a sequence; the states are checked first."""
    if not all(np.array_equal(a, b) for a, b in zip(one_by_one(data).parts, result.parts, strict=True)):
        raise ValueError("the states are not those of the sequences alone")
    return sum(len(part) for part in data.parts) / result.steps


def priced() -> dict[str, float]:
    """Useful tokens a second of training a model with a state on an A100, by how the sequences are laid out."""
    model = decoder(
        name="1.4B", layers=24, hidden=2048, heads=16, vocabulary=50280, context=LONGEST, mixer=Mixer(exponent=0)
    )
    layout = Layout(devices=1, global_batch=ROWS, micro_batch=ROWS, seq_len=LONGEST)
    drawn = Lengths.of(lengths(4096, np.random.default_rng(0)))
    return token_rates(model, get_machine("1 x a100-80"), layout, drawn)


def holds(result: growth.GrowthResult) -> Mapping[str, bool]:
    """What the sentence on this paper says."""
    size, speeds = result.experiment.sizes[-1], priced()
    shares = {method: result.median(method, size, "quality") for method in result.experiment.methods}
    of_steps = ", ".join(f"{share:.0%} {method}" for method, share in shares.items())
    of_tokens = ", ".join(f"{speed:.3g} {name}" for name, speed in speeds.items())
    return {
        f"the same states bit for bit; of the steps computed belong to a sequence: {of_steps}": (
            shares["packed"] > 0.95 and shares["packed"] > shares["padded"]
        ),
        f"useful tokens/s of a 1.4B model on an A100: {of_tokens}": max(speeds.values()) == speeds["packed"],
    }


EXPERIMENT = growth.Experiment(
    title="A scan over sequences of many lengths: one by one, padded, packed",
    source="PackMamba",
    sizes=(16, 32, 64, 128),
    methods={"one by one": one_by_one, "padded": padded, "packed": packed},
    prepare=prepare,
    quality=used,
    quality_name="share used",
    size_name="sequences",
    expected="exponent 1 for all; packed wastes next to nothing and is the fastest",
    claims=(growth.RowClaim(row="packmamba", holds=holds),),
)
