"""Tables of embeddings for a stream of skewed ids: cuckoo hashing against a fixed table, and a filter of rare ids.

"Monolith: Real Time Recommendation System With Collisionless Embedding Table" keeps embeddings in a cuckoo hash table
(Pagh and Rodler 2004, Journal of Algorithms 51, 122-144), where every id has a place of its own, and admits an id only
when it has come often enough. A fixed table with one hash puts ids together.

Ids come from a Zipf law of exponent 1.2. The fixed table has 2^14 places, the cuckoo table doubles where it is half
full. The quality is the ids that share a place with another, and 1 more so that none can be drawn.

Expected: none with cuckoo hashing, a rising number and rate in the fixed table; a large part of places saved by the
filter, for most ids come once or twice.
"""

from typing import NamedTuple

import numpy as np

from froude import growth

SKEW, PLACES, TRIES, OFTEN = 1.2, 2**14, 500, 3
MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class Table(NamedTuple):
    """Ids in the table, and how many share a place with another."""

    ids: int
    sharing: int


def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
    """So many ids in the order of their coming."""
    return rng.zipf(SKEW, int(size)) % 2**40


def place(key: int, mixer: int, places: int) -> int:
    """The upper bits of a product of 64 bits."""
    return ((key * mixer) & (2**64 - 1)) * places >> 64


def fixed(stream: np.ndarray) -> Table:
    """One hash, as many places as there are."""
    ids = np.unique(stream).tolist()
    counts = np.bincount([place(key, MIXERS[0], PLACES) for key in ids], minlength=PLACES)
    return Table(len(ids), int(counts[counts > 1].sum()))


def cuckoo(stream: np.ndarray) -> Table:
    """Two hashes: who comes pushes out who is there, and they move to their other place."""
    places, slots = 1024, [[-1] * 1024, [-1] * 1024]
    held = 0
    for key in stream.tolist():
        if key in (slots[0][place(key, MIXERS[0], places)], slots[1][place(key, MIXERS[1], places)]):
            continue
        homeless = push(key, slots, places) if held < places else key  # half of both sides
        if homeless >= 0:
            ids = [*(kept for side in slots for kept in side if kept >= 0), homeless]
            while homeless >= 0:
                places *= 2
                slots = [[-1] * places, [-1] * places]
                homeless = placed(ids, slots, places)
        held += 1
    ids = [kept for side in slots for kept in side if kept >= 0]
    return Table(held, len(ids) - len(set(ids)) + held - len(ids))


def placed(ids: list[int], slots: list[list[int]], places: int) -> int:
    """The first who is left without a place, all before having one; −1 where all have one."""
    return next((left for left in (push(key, slots, places) for key in ids) if left >= 0), -1)


def push(key: int, slots: list[list[int]], places: int) -> int:
    """Who is left without a place; −1 where all have one."""
    for step in range(TRIES):
        side = slots[step % 2]
        where = place(key, MIXERS[step % 2], places)
        key, side[where] = side[where], key
        if key < 0:
            return -1
    return key


def holds(result: growth.GrowthResult) -> dict[str, bool]:
    """Collisions of both, and what the filter saves."""
    streams = {size: prepare(size, np.random.default_rng(0)) for size in result.experiment.sizes}
    own, shared = ([table(stream) for stream in streams.values()] for table in (cuckoo, fixed))
    rates = [table.sharing / table.ids for table in shared]
    counts = np.unique(streams[result.experiment.sizes[-1]], return_counts=True)[1]
    kept = float(np.mean(counts >= OFTEN))
    numbers = ", ".join(f"{rate:.0%}" for rate in rates)
    return {
        f"no collision with cuckoo hashing of up to {own[-1].ids} ids": all(
            table.sharing == 0 and result.median("cuckoo", size, "quality") == 1
            for size, table in zip(streams, own, strict=True)
        ),
        f"ids that share a place in the fixed table: {numbers}, rising": bool(np.all(np.diff(rates) > 0)),
        "both hold the same ids": [table.ids for table in own] == [table.ids for table in shared],
        f"ids that come {OFTEN} times or more are {kept:.0%}: places for {1 - kept:.0%} saved": kept < 0.5,
    }


EXPERIMENT = growth.Experiment(
    title="Embedding tables of a stream of skewed ids",
    source="Monolith: Real Time Recommendation System With Collisionless Embedding Table",
    sizes=(3e3, 6e3, 12e3, 25e3, 50e3),
    methods={"fixed": fixed, "cuckoo": cuckoo},
    prepare=prepare,
    quality=lambda stream, table: table.sharing + 1.0,
    quality_name="sharing, and 1",
    size_name="ids come",
    expected="no collision with cuckoo hashing, a rising rate in the fixed table",
    claims=(growth.RowClaim(row="monolith", holds=holds),),
)
