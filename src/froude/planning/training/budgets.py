"""What may be spent, and what a training with its lifetime of serving takes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from froude.bounds import MOST_SPENT, finite_number, positive_number
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.model import Model
from froude.cost.serving.operating_point import Fleet, OperatingPoint, fleet_for, operating_point
from froude.errors import InputError
from froude.fitting.tokens import FORWARD_FLOP_PER_PARAM
from froude.planning.plans import LayoutCandidate
from froude.planning.training.layout_finder import LayoutFinder
from froude.planning.training.lifetime import LifetimeLoad
from froude.quantity import format_quantity, format_seconds

SERVED_LENGTH = 2048
"""Tokens of prompt and answer that a served sequence holds, where the model saw as long ones (guess)."""

KINDS = ("flops", "dollars", "seconds")


@final
@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits on FLOPs and dollars of training with serving, and on seconds of training, where there are any.

    In the model's life chips of the training machine's kind and price serve either `inference_tokens`, at the point
    that `serving_point` says and for the hours that they take, or a `load` of a rate, by the whole devices of
    `fleet_of` in all its years.
    """

    flops: float | None = None
    dollars: float | None = None
    seconds: float | None = None
    inference_tokens: float = 0.0
    load: LifetimeLoad | None = None

    def __post_init__(self) -> None:
        for kind, limit in self.limits.items():
            positive_number(f"budget of {kind}", limit, MOST_SPENT)
        finite_number("inference tokens", self.inference_tokens, 0, MOST_SPENT)
        if self.load is not None and self.inference_tokens:
            raise InputError(
                f"serve load {self.load.per_second:g}/s and {self.inference_tokens:g} inference tokens both say what "
                "is served: give one of them"
            )

    @property
    def served_tokens(self) -> float:
        """Tokens of prompts and answers that are served; 0 where nothing is."""
        return self.inference_tokens if self.load is None else self.load.tokens

    @property
    def without_serving(self) -> Budget:
        """The same limits where nothing is served."""
        return replace(self, inference_tokens=0.0, load=None)

    @property
    def limits(self) -> dict[str, float]:
        """Those that there are, by kind."""
        limits = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: limit for kind, limit in limits.items() if limit is not None and limit != math.inf}


@final
@dataclass(frozen=True, kw_only=True)
class Price:
    """What a token of training takes, and what all of serving takes, by kind."""

    per_token: Mapping[str, float]
    serving: Mapping[str, float]

    def needs(self, tokens: float) -> dict[str, float]:
        """FLOPs, dollars and seconds of training on so many tokens and serving."""
        return {kind: self.per_token[kind] * tokens + self.serving[kind] for kind in KINDS}

    def tokens_within(self, budget: Budget) -> float:
        """The most tokens that every limit allows; negative where serving alone takes more; inf without limits."""
        allowed = [
            (limit - self.serving[kind]) / self.per_token[kind] if self.per_token[kind] else math.inf
            for kind, limit in budget.limits.items()
        ]
        return min(allowed, default=math.inf)

    def overshoot(self, tokens: float, budget: Budget) -> float:
        """How many times the scarcest limit so many tokens would take; 0 without limits."""
        needs = self.needs(tokens)
        return max((needs[kind] / limit for kind, limit in budget.limits.items()), default=0.0)


def price_of(model: Model, candidate: LayoutCandidate, finder: LayoutFinder, budget: Budget) -> Price:
    """What training in a layout takes: exact model FLOPs without recomputation, wall seconds with failures, dollars."""
    machine = finder.machine
    seconds = 1 / finder.tokens_per_second(model, candidate)
    return Price(
        per_token={
            "flops": float(model.training_flops(finder.seq_len)),
            "dollars": machine.dollars(seconds),
            "seconds": seconds,
        },
        serving={
            "flops": serving_flops(model, budget.served_tokens),
            "dollars": lifetime_dollars(model, finder, budget),
            "seconds": 0.0,
        },
    )


def serving_flops(model: Model, tokens: float) -> float:
    """FLOPs of serving so many tokens."""
    return FORWARD_FLOP_PER_PARAM * float(model.n_active) * tokens


def lifetime_dollars(model: Model, finder: LayoutFinder, budget: Budget) -> float:
    """The price of all that is served: of whole devices for the years of a load, or of the share that tokens take."""
    if budget.load is not None:
        return fleet_dollars(finder.machine, fleet_of(model, finder, budget.load), budget.load)
    if budget.inference_tokens:
        return serving_dollars(finder.machine, serving_point(model, finder), budget.inference_tokens)
    return 0.0


def fleet_of(model: Model, finder: LayoutFinder, load: LifetimeLoad) -> Fleet:
    """The devices that serve a load, in the chips' 16-bit type. InputError for requests beyond the model's context."""
    longest, tokens = max(finder.seq_len, int(model.context)), load.input + load.output
    if tokens > longest:
        raise InputError(
            f"serve input {load.input} and output {load.output} are {tokens} tokens, more than the {longest} that the "
            f"model takes: give shorter ones, or --seq-len {tokens}"
        )
    kind = usual_precision(finder.machine.chip)
    rate, lengths = load.per_second, {"input": load.input, "output": load.output}
    return fleet_for(model, finder.machine, rate=rate, **lengths, kind=kind)


def fleet_dollars(machine: Machine, fleet: Fleet, load: LifetimeLoad) -> float:
    """The price of a fleet for the years of a load, busy or not."""
    return fleet.devices * load.hours * machine.price_per_device_hour


def serving_point(model: Model, finder: LayoutFinder) -> OperatingPoint:
    """How the model is served: in the chips' 16-bit type whatever it was trained in, sequences of the usual length."""
    kind = usual_precision(finder.machine.chip)
    return operating_point(model, finder.machine, context=min(SERVED_LENGTH, finder.seq_len), kind=kind)


def serving_dollars(machine: Machine, point: OperatingPoint, tokens: float) -> float:
    """The price of the devices that serve so many tokens at an operating point."""
    return tokens * point.device_seconds_per_token / 3600 * machine.price_per_device_hour


def amount_text(kind: str, amount: float) -> str:
    """An amount of a kind in words: "1e+24 FLOP", "$3M", "30 days"."""
    if kind == "seconds":
        return format_seconds(amount)
    return f"{amount:.3g} FLOP" if kind == "flops" else f"${format_quantity(amount)}"
