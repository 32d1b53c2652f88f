"""Seconds of iterations and prompts in tables, so that many deployments of the same replicas are priced at once."""

from __future__ import annotations

import numpy as np

from froude.cost.model.operators import Number
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.load import ReplicaSeconds, priced_seconds
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.space import DeploymentGroup

PLACES = 32
"""Numbers of requests at which a replica is priced, evenly in logarithms; between them seconds are straight lines."""


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

    def read(table: np.ndarray, asked: Number) -> Number:
        place = np.clip(np.asarray(asked, dtype=float), 1.0, running[-1])
        low = np.minimum((np.log(place) / np.log(ratio)).astype(int), PLACES - 2)
        share = (place - running[low]) / (running[low + 1] - running[low])
        return table[kind, low] * (1 - share) + table[kind, low + 1] * share

    return ReplicaSeconds(decode=lambda many: read(decode, many), prompt=lambda many: read(prompt, many))
