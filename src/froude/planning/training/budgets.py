"""What may be spent, and what a training with its lifetime of serving takes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.serving.operating_point import OperatingPoint, operating_point
from froude.cost.training.assumptions import usual_precision
from froude.errors import InputError
from froude.planning.plans import LayoutCandidate
from froude.planning.training.layout_finder import LayoutFinder
from froude.quantity import format_quantity, format_seconds

SERVED_LENGTH = 2048
"""Tokens of prompt and answer that a served sequence holds, where the model saw as long ones (guess)."""

FORWARD_FLOP_PER_PARAM = 2
"""FLOPs of serving a token for each active parameter: the forward pass without attention scores (Kaplan et al. 2020,
arXiv:2001.08361, table 1; so counted by Sardana et al. 2024, arXiv:2401.00448)."""

KINDS = ("flops", "dollars", "seconds")


@final
@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits on FLOPs and dollars of training with serving, and on seconds of training; inf where there is none.

    `inference_tokens` are served in the model's life, by chips of the training machine's kind and price, at the point
    that `serving_point` says.
    """

    flops: float = np.inf
    dollars: float = np.inf
    seconds: float = np.inf
    inference_tokens: float = 0.0

    def __post_init__(self) -> None:
        for kind in KINDS:
            if not getattr(self, kind) > 0:
                raise InputError(f"budget of {kind} {getattr(self, kind):g}: give a number above 0")
        if not 0 <= self.inference_tokens < np.inf:
            raise InputError(f"inference tokens {self.inference_tokens:g}: give a finite number of at least 0")

    @property
    def limits(self) -> dict[str, float]:
        """Those that there are, by kind."""
        return {kind: getattr(self, kind) for kind in KINDS if np.isfinite(getattr(self, kind))}


@final
@dataclass(frozen=True, kw_only=True)
class Price:
    """What a token of training takes, and what all of serving takes, by kind."""

    per_token: Mapping[str, float]
    serving: Mapping[str, float]

    def needs(self, tokens: float) -> dict[str, float]:
        """FLOPs, dollars and seconds of training on so many tokens and serving."""
        return {kind: self.per_token[kind] * tokens + self.serving[kind] for kind in KINDS}

    def tokens_within(self, purse: Budget) -> float:
        """The most tokens that every limit allows; negative where serving alone takes more; inf without limits."""
        allowed = [
            (limit - self.serving[kind]) / self.per_token[kind] if self.per_token[kind] else np.inf
            for kind, limit in purse.limits.items()
        ]
        return min(allowed, default=np.inf)

    def overshoot(self, tokens: float, purse: Budget) -> float:
        """How many times the scarcest limit so many tokens would take; 0 without limits."""
        needs = self.needs(tokens)
        return max((needs[kind] / limit for kind, limit in purse.limits.items()), default=0.0)


def tariff(model: Model, candidate: LayoutCandidate, rates: LayoutFinder, purse: Budget) -> Price:
    """What training in a layout takes: exact model FLOPs without recomputation, wall seconds with failures, dollars."""
    machine = rates.machine
    seconds = 1 / rates.tokens_per_second(model, candidate)
    served = purse.inference_tokens
    return Price(
        per_token={
            "flops": float(model.training_flops(rates.seq_len)),
            "dollars": machine.dollars(seconds),
            "seconds": seconds,
        },
        serving={
            "flops": serving_flops(model, served),
            "dollars": serving_dollars(machine, serving_point(model, rates), served) if served else 0.0,
            "seconds": 0.0,
        },
    )


def serving_flops(model: Model, tokens: float) -> float:
    """FLOPs of serving so many tokens."""
    return FORWARD_FLOP_PER_PARAM * float(model.n_active) * tokens


def serving_point(model: Model, rates: LayoutFinder) -> OperatingPoint:
    """How the model is served: in the chips' 16-bit type whatever it was trained in, sequences of the usual length."""
    kind = usual_precision(rates.machine.chip)
    return operating_point(model, rates.machine, context=min(SERVED_LENGTH, rates.seq_len), kind=kind)


def serving_dollars(machine: Machine, point: OperatingPoint, tokens: float) -> float:
    """The price of the devices that serve so many tokens at an operating point."""
    return tokens * point.device_seconds_per_token / 3600 * machine.price_per_device_hour


def written(kind: str, amount: float) -> str:
    """An amount of a kind in words: "1e+24 FLOP", "$3M", "30 days"."""
    if kind == "seconds":
        return format_seconds(amount)
    return f"{amount:.3g} FLOP" if kind == "flops" else f"${format_quantity(amount)}"
