"""Seconds of iterations and prompts in tables, so that many deployments of the same replicas are priced at once."""

from __future__ import annotations

from functools import cache

import numpy as np

from froude.cost.model.operators import Number
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.load import ReplicaSeconds, priced_seconds
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.space import DeploymentGroup

PLACES = 32
"""Numbers of requests at which a replica is priced, evenly in logarithms; between them seconds are straight lines."""

TOKENS = 16
"""Tokens of prompts that enter an iteration at which it is priced, in the same way."""


def tabulated_seconds(
    group: DeploymentGroup, load: ServedLoad, columns: dict[str, np.ndarray], constants: ServingConstants
) -> ReplicaSeconds:
    """The seconds of the group's deployments, by interpolation: each kind of replica is priced at `PLACES` numbers."""
    key = np.column_stack([columns[name] for name in ("tp", "pp", "spread", "chunk")])
    kinds, kind = np.unique(key, axis=0, return_inverse=True)
    kind = kind.ravel()
    ratio = float(np.max(columns["sequences"])) ** (1 / (PLACES - 1))
    running = ratio ** np.arange(PLACES)
    each = {name: np.repeat(kinds[:, k], PLACES) for k, name in enumerate(("tp", "pp", "spread", "chunk"))}
    each |= {"dp": each["spread"], "sequences": np.full(len(each["tp"]), int(np.max(columns["sequences"])))}
    priced = priced_seconds(group.deployment(load, each), constants)
    many = np.tile(running, len(kinds))
    shape = (len(kinds), PLACES)
    decode = np.broadcast_to(priced.decode(many), many.shape).reshape(shape)
    prompt = np.broadcast_to(priced.prompt(many), many.shape).reshape(shape)
    largest = max(float(np.max(columns["chunk"])), 2.0)
    step = largest ** (1 / (TOKENS - 1))
    tokens = step ** np.arange(TOKENS)

    @cache
    def entering() -> np.ndarray:  # of arrivals alone, and not cheap
        each = [np.broadcast_to(priced.entering(many, one), many.shape).reshape(shape) for one in tokens]
        return np.stack(each, axis=-1)

    def read(table: np.ndarray, asked: Number) -> np.ndarray:
        low, share = _place(asked, running, ratio)
        share = share.reshape(share.shape + (1,) * (table.ndim - 2))
        return table[kind, low] * (1 - share) + table[kind, low + 1] * share

    def read_entering(asked: Number, prompts: Number) -> np.ndarray:
        rows = read(entering(), asked)
        low, share = _place(np.broadcast_to(prompts, rows.shape[:1]), tokens, step)
        each = np.arange(len(rows))
        return rows[each, low] * (1 - share) + rows[each, low + 1] * share

    return ReplicaSeconds(
        decode=lambda many: read(decode, many), prompt=lambda many: read(prompt, many), entering=read_entering
    )


def _place(asked: Number, grid: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """The entry of a grid of powers of a ratio below what is asked, and how far that is on the way to the next."""
    place = np.clip(np.nan_to_num(np.asarray(asked, dtype=float), nan=1.0), 1.0, grid[-1])
    low = np.minimum((np.log(place) / np.log(ratio)).astype(int), len(grid) - 2)
    return low, (place - grid[low]) / (grid[low + 1] - grid[low])
