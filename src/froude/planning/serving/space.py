"""Deployments to be compared: by chip, engine and formats a group, in which parallelism and limits are arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import ServingEngine, known_engines, maker_of
from froude.cost.serving.number_formats import NUMBER_FORMATS
from froude.planning.serving.quality import admitted_formats
from froude.planning.serving.served_load import ServedLoad

SEQUENCES = (16, 32, 64, 128, 256, 512, 1024)
"""Requests that a replica serves at once at most, those up to the engine's own limit."""

CHUNKS = (1024, 2048, 4096, 8192, 16384)
"""Tokens of prompts that enter an iteration at most."""

STAGES = (1, 2, 4)
"""Stages of a pipeline."""

SPREAD = (1, 2, 4, 8)
"""Replicas among which experts are divided, where these fit in a node."""

STEP = 1.3
"""From one number of replicas to the next, where they are tried first."""


@final
@dataclass(frozen=True, kw_only=True)
class DeploymentGroup:
    """Deployments of one machine, engine and pair of formats; `machine` has the most devices that may be taken."""

    model: Model
    machine: Machine
    engine: ServingEngine
    precision: str
    kv: str

    def shapes(self, most_devices: int) -> dict[str, np.ndarray]:
        """Replicas with their limits, all combinations: tp, pp, experts' spread, chunk, and sequences."""
        node = self.machine.devices_per_node
        heads, layers = int(np.max(self.model.heads)), float(np.max(np.asarray(self.model.layers)))
        tp = [2**k for k in range(int(np.log2(node)) + 1) if heads % 2**k == 0 and 2**k <= most_devices]
        experts = int(np.max(self.model.experts))
        spread = [s for s in SPREAD if experts > 1 and experts % s == 0] or [1]
        sequences = [n for n in SEQUENCES if n <= self.engine.sequences] or [self.engine.sequences]
        pp = [n for n in STAGES if n <= layers]
        grid = np.meshgrid(tp, pp, spread, CHUNKS, sequences, indexing="ij")
        columns = dict(zip(("tp", "pp", "spread", "chunk", "sequences"), (one.ravel() for one in grid), strict=True))
        fine = (columns["tp"] * columns["pp"] <= most_devices) & (columns["tp"] * columns["spread"] <= max(node, 1))
        fine &= (columns["tp"] * columns["pp"] <= node) | (columns["tp"] == max(tp))
        return {name: one[fine] for name, one in columns.items()}

    def deployment(self, load: ServedLoad, columns: dict[str, np.ndarray]) -> Deployment:
        """Deployments of the group under a load, as arrays."""
        return Deployment(
            model=self.model,
            machine=self.machine,
            engine=replace(self.engine, chunk=columns["chunk"], sequences=columns["sequences"]),  # type: ignore[arg-type]
            precision=self.precision,
            kv=self.kv,
            input=load.input,
            output=load.output,
            tp=columns["tp"],
            pp=columns["pp"],
            ep=columns["tp"] * columns["spread"],
            dp=columns["dp"],
            users=None if load.users is None else float(load.users),
            rate=load.rate,
            reused=load.reused,
        )

    def one(self, load: ServedLoad, columns: dict[str, np.ndarray], index: int) -> Deployment:
        """One of them, in plain numbers."""
        plain: dict[str, Any] = {name: int(values[index]) for name, values in columns.items()}
        found = self.deployment(load, plain)
        return replace(found, ep=int(plain["tp"] * plain["spread"]))


def groups_of(
    model: Model, machines: Sequence[Machine], engines: Sequence[str] | None, quality_loss: float
) -> Iterator[DeploymentGroup]:
    """The groups that a limit on the loss of quality admits, on all engines or those named."""
    for machine in machines:
        for engine in newest_engines(machine, engines):
            for precision, kv in admitted_formats(engine, quality_loss):
                if any(kind in machine.chip.peak_flops for kind in NUMBER_FORMATS[precision].matmuls):
                    yield DeploymentGroup(model=model, machine=machine, engine=engine, precision=precision, kv=kv)


def newest_engines(machine: Machine, names: Sequence[str] | None) -> tuple[ServingEngine, ...]:
    """The newest generation of each engine that runs on a machine's chips and serves under a load, of those named."""
    able = [one for one in known_engines() if maker_of(machine.chip) in one.runs_on and one.prompts != "together"]
    newest = {one.name: one for one in able}
    return tuple(one for name, one in newest.items() if names is None or name in names)


def coarse_replicas(most: int) -> np.ndarray:
    """Numbers of replicas that are tried first: each about a third more than the one before, up to `most`."""
    steps = int(np.log(max(most, 1)) / np.log(STEP)) + 1
    return np.unique(np.append(np.round(STEP ** np.arange(steps + 1)), most).astype(int).clip(1, most))


def with_replicas(shapes: dict[str, np.ndarray], replicas: np.ndarray) -> dict[str, np.ndarray]:
    """Every shape with every number of replicas."""
    n = len(shapes["tp"])
    return {**{name: np.repeat(one, len(replicas)) for name, one in shapes.items()}, "dp": np.tile(replicas, n)}
