"""What the planner of serving answers: the deployment to take, what nearly won, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, final

import numpy as np

from froude.cost.machine.assumption import Assumption
from froude.cost.model.model import Model
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.serve_cost import deployment_to_dict
from froude.planning.serving.quality import QualityLoss, loss_of
from froude.planning.serving.ranking import Objective, ServingLimits
from froude.planning.serving.served_load import ServedLoad
from froude.provenance import Computed


@final
@dataclass(frozen=True, kw_only=True)
class SimulatedService:
    """What a simulation found of a deployment: seconds at the share `at` of requests and others, and the goodput.

    `goodput` is the share of requests within both limits, of those after the warm-up; `requests` are those counted.
    """

    at: float
    ttft: Mapping[str, float]
    tpot: Mapping[str, float]
    goodput: float
    per_second: float
    requests: int
    seed: int

    @property
    def goodput_error(self) -> float:
        """The standard error of the goodput, as of independent requests."""
        return float(np.sqrt(self.goodput * (1 - self.goodput) / max(self.requests, 1)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "ttft_seconds": dict(self.ttft),
            "tpot_seconds": dict(self.tpot),
            "goodput": self.goodput,
            "goodput_error": self.goodput_error,
            "requests_per_second": self.per_second,
            "requests": self.requests,
            "seed": self.seed,
        }


@final
@dataclass(frozen=True, kw_only=True)
class ServingCandidate:
    """One deployment in plain numbers: what it takes, its means in closed form, and what a simulation found, if any.

    `dollars_per_hour` is of all devices; `capacity` the most requests a second.
    """

    deployment: Deployment
    devices: int
    dollars_per_hour: float
    ttft: float
    tpot: float
    per_second: float
    capacity: float
    running: float
    simulated: SimulatedService | None = None

    @property
    def family(self) -> tuple[Any, ...]:
        """What two candidates differ in where both are worth a simulation: all but replicas and small limits."""
        one = self.deployment
        return (*self.place, int(one.dp))

    @property
    def place(self) -> tuple[Any, ...]:
        """Chip, engine, formats and the parallelism of a replica."""
        one = self.deployment
        spread = int(one.ep) // int(one.tp)
        return (one.machine.chip.name, one.engine.name, one.precision, one.kv, int(one.tp), int(one.pp), spread)

    @property
    def tokens_per_user(self) -> float:
        """Tokens a second that a user reads."""
        return 1 / self.tpot

    @property
    def tokens_per_device(self) -> float:
        """Tokens of answers a second, of each device."""
        return self.per_second * float(self.deployment.output) / self.devices

    @property
    def quality_loss(self) -> float:
        """The share of quality that its formats lose."""
        return loss_of(str(self.deployment.precision), str(self.deployment.kv))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        one = self.deployment
        return {
            **deployment_to_dict(one),
            "chip": one.machine.chip.name,
            "devices": self.devices,
            "max_batch_tokens": int(one.engine.chunk),
            "max_sequences": int(one.engine.sequences),
            "reused_share": float(one.reused),
            "dollars_per_hour": self.dollars_per_hour,
            "mean_ttft_seconds": self.ttft,
            "mean_tpot_seconds": self.tpot,
            "requests_per_second": self.per_second,
            "capacity_requests_per_second": self.capacity,
            "tokens_per_second_per_user": self.tokens_per_user,
            "tokens_per_second_per_device": self.tokens_per_device,
            "quality_loss": self.quality_loss,
            "simulated": None if self.simulated is None else self.simulated.to_dict(),
        }


@final
@dataclass(frozen=True, kw_only=True)
class ServingRunnerUp:
    """A deployment that was not chosen, and why: one sentence."""

    candidate: ServingCandidate
    why: str


@final
@dataclass(frozen=True, kw_only=True)
class FrontierPoint:
    """A deployment on the frontier: none other gives a user and a device more tokens a second at once (closed form)."""

    chip: str
    engine: str
    precision: str
    tp: int
    pp: int
    dp: int
    devices: int
    tokens_per_user: float
    tokens_per_device: float
    keeps: bool

    def to_dict(self) -> dict[str, Any]:
        """As a row of a table."""
        return dict(vars(self))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LatencyCurve:
    """Latency of the plan's deployment over the load, and memory over the batch, as pictures show them.

    `load` is users or requests a second; `ttft` and `tpot` are mean seconds in closed form, NaN beyond the capacity.
    `batch` are requests of a replica at once, `weights` and `kept` bytes of a device that weights, and keys and values
    take.
    """

    load: np.ndarray
    ttft: np.ndarray
    tpot: np.ndarray
    batch: np.ndarray
    weights: float
    kept: np.ndarray
    runtime: float
    capacity: float


@final
@dataclass(frozen=True, kw_only=True)
class TwoPools:
    """Prefill and decode on devices of their own, in closed form: the fewest devices that keep the limits on means."""

    chip: str
    engine: str
    precision: str
    prefill_tp: int
    prefill_dp: int
    decode_tp: int
    decode_dp: int
    devices: int
    dollars_per_hour: float
    ttft: float
    tpot: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self))


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class ServingPlan(Computed):
    """The deployment to take for a load within limits, by a simulation, and what else could be had.

    `ranked` deployments were compared in closed form, `simulated` of them event by event. `widths` are 90% half-widths
    of the model's own error in logarithms by "ttft" and "tpot". `binding` says in a sentence each what keeps it from
    being smaller. `load_tests` are commands that would check it, by tool. `losses` are the formats that were admitted.
    """

    status: ClassVar[Literal["plan"]] = "plan"
    model: Model
    load: ServedLoad
    limits: ServingLimits
    objective: Objective
    choice: ServingCandidate
    runners_up: tuple[ServingRunnerUp, ...]
    frontier: tuple[FrontierPoint, ...]
    curve: LatencyCurve
    two_pools: TwoPools | None
    ranked: int
    simulated: int
    quality_limit: float
    losses: Mapping[str, QualityLoss]
    widths: Mapping[str, float]
    binding: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    load_tests: Mapping[str, str] = field(default_factory=_nothing)
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON has it."""
        return {
            "status": self.status,
            "model": self.model.name,
            "load": self.load.to_dict(),
            "limits": limits_to_dict(self.limits),
            "objective": self.objective,
            "choice": self.choice.to_dict(),
            "interval_logarithms": dict(self.widths),
            "binding": [*self.warnings, *self.binding],
            "runners_up": [{**one.candidate.to_dict(), "why": one.why} for one in self.runners_up],
            "frontier": [one.to_dict() for one in self.frontier],
            "two_pools": None if self.two_pools is None else self.two_pools.to_dict(),
            "deployments_ranked": self.ranked,
            "deployments_simulated": self.simulated,
            "quality_loss_limit": self.quality_limit,
            "formats": {name: dict(vars(one)) for name, one in self.losses.items()},
            "load_tests": dict(self.load_tests),
            "nearest_feasible": {},
            "assumptions": [dict(vars(one)) for one in self.assumptions],
            **self.origin,
        }


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class NoServingPlan(Computed):
    """Why no deployment serves a load within limits, and the least change after which one does.

    `change` maps arguments of `plan_serving` to the value that would do; `changes` are all that were found, in
    sentences, the least first.
    """

    status: ClassVar[Literal["infeasible"]] = "infeasible"
    model: Model
    load: ServedLoad
    limits: ServingLimits
    reasons: tuple[str, ...]
    nearest: str
    changes: tuple[str, ...] = ()
    change: Mapping[str, Any] = field(default_factory=_nothing)
    ranked: int = 0
    simulated: int = 0
    assumptions: tuple[Assumption, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it; what binds are the reasons."""
        return {
            "status": self.status,
            "model": self.model.name,
            "load": self.load.to_dict(),
            "limits": limits_to_dict(self.limits),
            "choice": {},
            "binding": list(self.reasons),
            "runners_up": [],
            "deployments_ranked": self.ranked,
            "deployments_simulated": self.simulated,
            "nearest_feasible": {
                "sentence": self.nearest,
                "change": dict(self.change),
                "others": list(self.changes),
            },
            "assumptions": [dict(vars(one)) for one in self.assumptions],
            **self.origin,
        }


def limits_to_dict(limits: ServingLimits) -> dict[str, Any]:
    """Limits as JSON."""
    return {"ttft_seconds": limits.ttft, "tpot_seconds": limits.tpot, "at": limits.at}
