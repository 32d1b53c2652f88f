"""What a planner answers: a plan with what nearly won, or why there is none and the least that would change that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, final

import numpy as np

from froude.cost.machine.assumption import Assumption
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import cost_to_dict, layout_to_dict, memory_to_dict
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import Layout
from froude.provenance import Computed

AIM = 0.95
"""The certainty with which a plan fits in memory unless another is asked for: what does not fit is found out on the
machine, after the queue."""

_DAY = 86400.0


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True)
class LayoutCandidate:
    """One layout in plain numbers, and what it costs in plain numbers."""

    layout: Layout
    cost: Cost

    @property
    def family(self) -> tuple[Any, ...]:
        """What two candidates differ in where both are worth showing."""
        return (self.layout.tensor, self.layout.pipeline, self.layout.zero, self.layout.recompute)

    @property
    def step_seconds(self) -> float:
        """Seconds of a step."""
        return float(self.cost.step_seconds)

    @property
    def memory_bytes(self) -> float:
        """Bytes on the fullest device at the peak."""
        return float(self.cost.memory.total)


@final
@dataclass(frozen=True, kw_only=True)
class RunnerUp:
    """A candidate that was not chosen, and why: one sentence."""

    candidate: LayoutCandidate
    why: str


@final
@dataclass(frozen=True, kw_only=True)
class Point:
    """A training that none other beats in loss, time, money and energy at once; `dollars` are those of training."""

    model: str
    n_params: float
    tokens: float
    devices: int
    loss: float
    seconds: float
    dollars: float
    kwh: float
    tensor: int
    pipeline: int
    zero: int
    global_batch: int
    mfu: float

    def to_dict(self) -> dict[str, Any]:
        """The point as a row of a table."""
        return asdict(self)


@final
@dataclass(frozen=True, kw_only=True)
class BatchEffect:
    """What the same training takes with another global batch, in the best of a few hundred layouts for it.

    `device_hours` count failures and checkpoints; the tokens are the same, though a batch far above the critical one
    needs more of them for the same loss.
    """

    global_batch: int
    batch_tokens: int
    steps: int
    step_seconds: float
    seconds: float
    device_hours: float
    mfu: float

    def to_dict(self) -> dict[str, Any]:
        """The effect as a row of a table."""
        return asdict(self)


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Plan(Computed):
    """The chosen layout, and the training that it makes.

    `seconds` is the whole training's wall time, `goodput` the share of it that is not lost to failures and
    checkpoints; `kwh` is at full power. `chosen` holds what else was decided (parameters, learning rate, …) and
    `forecast` what a law says of the result; both are empty where nothing was asked. `binding` says in a sentence each
    what keeps the training from being faster. `interval` is the 90% interval of step seconds. Of the `assumptions`,
    `assumed` are those about the layout, with the effect of their alternatives. `front` holds the trainings that could
    be had instead, where they were asked for. The layout fits with the `memory_certainty` at the least. `batches` say
    what other batches would take, where the tokens were given; `changes` what was changed for a framework, where one
    was named; `serving` what of the budget goes to serving, on which devices, and what would be trained without it.
    """

    status: ClassVar[Literal["plan"]] = "plan"
    model: str
    machine: Machine
    n_params: float
    choice: LayoutCandidate
    interval: tuple[float, float]
    tokens: float
    steps: int
    seconds: float
    goodput: float
    dollars: float
    kwh: float
    runners_up: tuple[RunnerUp, ...] = ()
    binding: tuple[str, ...] = ()
    chosen: Mapping[str, Any] = field(default_factory=_nothing)
    forecast: Mapping[str, Any] = field(default_factory=_nothing)
    assumptions: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    front: tuple[Point, ...] | None = None
    memory_certainty: float = AIM
    warnings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    batches: tuple[BatchEffect, ...] = ()
    serving: Mapping[str, Any] = field(default_factory=_nothing)

    @property
    def days(self) -> float:
        """Wall time in days."""
        return self.seconds / _DAY

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON has it."""
        training = {"goodput": self.goodput, "seconds": self.seconds, "days": self.days}
        money = {"dollars": self.dollars, "kwh": self.kwh}
        cost = {**cost_to_dict(self.choice.cost, self.interval), "assumptions": list(self.assumptions)}
        cost["memory_certainty"] = self.memory_certainty
        sizes = {"model": self.model, "machine": machine_words(self.machine), "N": self.n_params, "D": self.tokens}
        return {
            "status": self.status,
            "choice": {**layout_to_dict(self.choice.layout), **sizes, "steps": self.steps, **self.chosen},
            "cost": {**cost, **training, **money},
            "forecast": dict(self.forecast),
            "binding": [*self.warnings, *self.binding],
            "runners_up": [_runner_dict(one) for one in self.runners_up],
            "nearest_feasible": {},
            "assumptions": list(self.assumptions),
            **({"changes": list(self.changes)} if self.changes else {}),
            **({"batches": [one.to_dict() for one in self.batches]} if self.batches else {}),
            **({"serving": dict(self.serving)} if self.serving else {}),
            **_front_dict(self.front),
            **self.origin,
        }


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Infeasible(Computed):
    """Why there is no plan, and the least change after which there is one.

    `change` maps what to change to its new value: `devices`, a field of `Layout`, or an argument of the planner
    (`seq_len`, `budget_dollars`, `deadline_seconds`, …); `nearest` says it in a sentence. `least` is the layout that
    came nearest to fitting, where memory is why. `front` is empty where it was asked for.
    """

    status: ClassVar[Literal["infeasible"]] = "infeasible"
    model: str
    machine: Machine
    reasons: tuple[str, ...]
    nearest: str
    change: Mapping[str, Any] = field(default_factory=_nothing)
    least: LayoutCandidate | None = None
    assumptions: tuple[str, ...] = ()
    front: tuple[Point, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it; what binds are the reasons."""
        return {
            "status": self.status,
            "choice": {},
            "cost": {},
            "forecast": {},
            "binding": list(self.reasons),
            "runners_up": [],
            "nearest_feasible": {
                "sentence": self.nearest,
                "change": dict(self.change),
                **({} if self.least is None else {"least_memory": _memory_dict(self.least)}),
            },
            "assumptions": list(self.assumptions),
            **_front_dict(self.front),
            **self.origin,
        }


def candidate_of(model: Model, machine: Machine, layout: Layout) -> LayoutCandidate:
    """The candidate of a single legal layout, its cost in plain numbers."""
    return LayoutCandidate(layout=layout, cost=_plain(evaluate(model, machine, layout)))


def machine_words(machine: Machine) -> str:
    """A machine as the user writes it: "1024 x h100-sxm"."""
    return f"{machine.devices} x {machine.chip.name}"


def _memory_dict(candidate: LayoutCandidate) -> dict[str, Any]:
    return {"layout": layout_to_dict(candidate.layout), "memory_bytes": memory_to_dict(candidate.cost.memory)}


def _front_dict(front: tuple[Point, ...] | None) -> dict[str, Any]:
    return {} if front is None else {"pareto": [point.to_dict() for point in front]}


def _runner_dict(runner: RunnerUp) -> dict[str, Any]:
    cost = runner.candidate.cost
    return {
        "layout": layout_to_dict(runner.candidate.layout),
        "step_seconds": cost.step_seconds,
        "mfu": cost.mfu,
        "memory_bytes": cost.memory.total,
        "fits": cost.fits,
        "why": runner.why,
    }


def _parts(parts: Any) -> dict[str, float]:
    return {one.name: float(getattr(parts, one.name)) for one in fields(parts)}


def _plain(cost: Cost) -> Cost:
    """The same cost with every array of one value as that value."""
    numbers = {
        one.name: np.asarray(getattr(cost, one.name)).item()
        for one in fields(cost)
        if one.name not in ("step", "memory")
    }
    step, memory = (
        replace(parts, **{name: float(value) for name, value in _parts(parts).items()})
        for parts in (cost.step, cost.memory)
    )
    return replace(cost, **numbers, step=step, memory=memory)
