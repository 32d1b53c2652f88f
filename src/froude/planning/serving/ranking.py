"""Deployments ranked in closed form: what each makes of the load, which do, and which take least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.space import DeploymentGroup, coarse_replicas, with_replicas
from froude.planning.serving.tables import tabulated_seconds

Objective = Literal["devices", "dollars"]

AROUND = 1.6
"""Of the least objective found, up to which numbers of replicas are looked at one by one."""

ABOVE = 2
"""Times the first number of replicas that keeps the limits on average, up to which each is looked at."""


@final
@dataclass(frozen=True, kw_only=True)
class ServingLimits:
    """Seconds to the first token and to each later one that the share `at` of requests must keep; None: no limit."""

    ttft: float | None
    tpot: float | None
    at: float

    def excess(self, ttft: np.ndarray, tpot: np.ndarray) -> np.ndarray:
        """How many times the tighter limit latencies are, elementwise; infinite where there is none."""
        parts = [one / limit for one, limit in ((ttft, self.ttft), (tpot, self.tpot)) if limit is not None]
        worst = np.maximum.reduce(parts) if parts else np.zeros_like(ttft)
        return np.where(np.isfinite(ttft) & np.isfinite(tpot), worst, np.inf)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RankedDeployments:
    """Deployments as arrays over all groups: `group` says whose `row` of `columns` each one is.

    Mean seconds are NaN where the load is beyond the capacity or nothing fits; `dollars` are those of an hour.
    """

    groups: tuple[DeploymentGroup, ...]
    columns: tuple[dict[str, np.ndarray], ...]
    group: np.ndarray
    row: np.ndarray
    devices: np.ndarray
    dollars: np.ndarray
    ttft: np.ndarray
    tpot: np.ndarray
    per_second: np.ndarray
    capacity: np.ndarray
    running: np.ndarray
    batch: np.ndarray
    sequences: np.ndarray
    is_open: bool

    def __len__(self) -> int:
        return len(self.devices)

    def spent(self, objective: Objective) -> np.ndarray:
        """What is to be least."""
        return self.devices.astype(float) if objective == "devices" else self.dollars

    def deployment(self, index: int, load: ServedLoad) -> Deployment:
        """One of them in plain numbers."""
        group = int(self.group[index])
        return self.groups[group].one(load, self.columns[group], int(self.row[index]))


def price_group(
    group: DeploymentGroup, load: ServedLoad, columns: dict[str, np.ndarray], constants: ServingConstants
) -> dict[str, np.ndarray]:
    """What the deployments of a group make of a load, by name, each as an array."""
    deployment = group.deployment(load, columns)
    priced = tabulated_seconds(group, load, columns, constants)
    found = serving_seconds(deployment, constants, priced)
    batch = np.asarray(deployment.largest_batch, dtype=float)
    # A replica without room for the longest request serves nothing; one without users serves nobody.
    fits = (batch >= columns["dp"]) & _holds_longest(deployment, load)
    fits &= load.users is None or columns["dp"] <= (load.users or 0)
    devices = np.asarray(deployment.devices)
    values = {
        "devices": devices,
        "dollars": devices * group.machine.price_per_device_hour,
        "ttft": np.where(fits, found.ttft, np.nan),
        "tpot": np.where(fits, found.tpot, np.nan),
        "per_second": np.where(fits, found.per_second, 0.0),
        "capacity": np.where(fits, capacity_per_second(deployment, constants, priced), 0.0),
        "running": found.running,
        "batch": batch,
    }
    return {name: np.broadcast_to(one, devices.shape) for name, one in values.items()}


def rank(
    groups: list[DeploymentGroup],
    load: ServedLoad,
    limits: ServingLimits,
    objective: Objective,
    constants: ServingConstants,
    most_devices: int,
) -> RankedDeployments:
    """All deployments of the groups on a coarse grid of replicas, and on every number of them where it is cheapest.

    The mean of a deployment falls with its replicas, so that the least number that keeps the limits lies between the
    last that breaks them and the first that does not; `limits` are held against means here.
    """
    made = []
    for group in groups:
        shapes = group.shapes(most_devices)
        columns = _within(with_replicas(shapes, coarse_replicas(most_devices)), most_devices)
        made.append((group, columns, price_group(group, load, columns, constants)))
    least = min((_least(one, limits, objective) for _, _, one in made), default=np.inf)
    for group, columns, found in list(made):
        finer = _finer(columns, found, limits, objective, AROUND * least, most_devices)
        if finer is not None:
            made.append((group, finer, price_group(group, load, finer, constants)))
    return _joined(made, is_open=load.users is None)


def _holds_longest(deployment: Deployment, load: ServedLoad) -> np.ndarray:
    """Whether a replica has room for the longest request of all."""
    tokens = float(np.max(load.inputs + load.outputs))
    mean = load.input + deployment.engine.reserved * load.output
    return np.asarray(deployment.room_bytes) * mean >= np.asarray(deployment.request_bytes) * tokens


def _within(columns: dict[str, np.ndarray], most_devices: int) -> dict[str, np.ndarray]:
    """The rows of no more devices, whose experts are divided among replicas that there are."""
    fine = columns["tp"] * columns["pp"] * columns["dp"] <= most_devices
    fine &= columns["spread"] <= columns["dp"]
    return {name: one[fine] for name, one in columns.items()}


def _keeps(found: dict[str, np.ndarray], limits: ServingLimits) -> np.ndarray:
    return limits.excess(found["ttft"], found["tpot"]) <= 1


def _spent(found: dict[str, np.ndarray], objective: Objective) -> np.ndarray:
    return found[objective].astype(float)


def _least(found: dict[str, np.ndarray], limits: ServingLimits, objective: Objective) -> float:
    keeps = _keeps(found, limits)
    return float(np.min(_spent(found, objective)[keeps])) if np.any(keeps) else np.inf


def _finer(
    columns: dict[str, np.ndarray],
    found: dict[str, np.ndarray],
    limits: ServingLimits,
    objective: Objective,
    most: float,
    most_devices: int,
) -> dict[str, np.ndarray] | None:
    """Every number of replicas around the first that keeps the limits: from the last tried below it on upwards."""
    keeps = _keeps(found, limits) & (_spent(found, objective) <= most)
    shape = np.column_stack([columns[name] for name in ("tp", "pp", "spread", "chunk", "sequences")])
    _, kind = np.unique(shape, axis=0, return_inverse=True)
    kind = kind.ravel()
    rows: dict[str, list[np.ndarray]] = {name: [] for name in columns}
    order = np.lexsort((columns["dp"], kind))
    starts = np.flatnonzero(np.r_[True, np.diff(kind[order]) > 0])
    for some in np.split(order, starts[1:]):
        good = some[keeps[some]]
        if not good.size:
            continue
        first = int(columns["dp"][good[0]])
        below = columns["dp"][some]
        last = int(np.max(below[below < first], initial=0))
        replicas = np.setdiff1d(np.arange(last + 1, int(ABOVE * first) + 1), below)
        size = columns["tp"][good[0]] * columns["pp"][good[0]]
        replicas = replicas[replicas * size <= most_devices]
        if replicas.size:
            for name in columns:
                value = replicas if name == "dp" else np.full(replicas.size, columns[name][good[0]])
                rows[name].append(value)
    if not rows["dp"]:
        return None
    finer = {name: np.concatenate(parts) for name, parts in rows.items()}
    fine = finer["spread"] <= finer["dp"]
    return {name: one[fine] for name, one in finer.items()} if np.any(fine) else None


def _joined(
    made: list[tuple[DeploymentGroup, dict[str, np.ndarray], dict[str, np.ndarray]]], *, is_open: bool
) -> RankedDeployments:
    names = ("devices", "dollars", "ttft", "tpot", "per_second", "capacity", "running", "batch")
    sizes = [len(columns["tp"]) for _, columns, _ in made]
    return RankedDeployments(
        groups=tuple(group for group, _, _ in made),
        columns=tuple(columns for _, columns, _ in made),
        group=np.repeat(np.arange(len(made)), sizes),
        row=np.concatenate([np.arange(size) for size in sizes]) if sizes else np.zeros(0, dtype=int),
        sequences=np.concatenate([columns["sequences"] for _, columns, _ in made]) if made else np.zeros(0),
        is_open=is_open,
        **{name: np.concatenate([found[name] for _, _, found in made]) if made else np.zeros(0) for name in names},
    )
