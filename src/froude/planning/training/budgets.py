"""What may be spent, and what a training with its lifetime of serving takes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import usual_precision
from froude.errors import InputError
from froude.planning.plans import LayoutCandidate
from froude.planning.training.layout_finder import LayoutFinder
from froude.quantity import format_quantity, format_seconds

SERVING_UTILISATION = 0.2
"""Model FLOPs of serving over the chips' peak, where nobody says: between the half of a long prompt and the few percent
of generating (guess)."""

FORWARD_FLOP_PER_PARAM = 2
"""FLOPs of serving a token for each active parameter: the forward pass without attention scores (Kaplan et al. 2020,
arXiv:2001.08361, table 1; so counted by Sardana et al. 2024, arXiv:2401.00448)."""

KINDS = ("flops", "dollars", "seconds")


@final
@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits on FLOPs and dollars of training with serving, and on seconds of training; inf where there is none.

    `inference_tokens` are served in the model's life, by chips of the training machine's kind and price of whose peak
    `serving_utilisation` is reached.
    """

    flops: float = np.inf
    dollars: float = np.inf
    seconds: float = np.inf
    inference_tokens: float = 0.0
    serving_utilisation: float = SERVING_UTILISATION

    def __post_init__(self) -> None:
        said = {name: getattr(self, name) for name in (*KINDS, "serving_utilisation")}
        for name, value in said.items():
            if not value > 0:
                raise InputError(f"budget of {name} {value:g}: give a number above 0")
        if not 0 <= self.inference_tokens < np.inf:
            raise InputError(f"inference tokens {self.inference_tokens:g}: give a finite number of at least 0")
        if self.serving_utilisation > 1:
            raise InputError(f"serving utilisation {self.serving_utilisation:g}: give a share up to 1")

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
    served = serving_flops(model, purse.inference_tokens)
    served_seconds = served / (machine.devices * purse.serving_utilisation * usual_peak(machine))
    return Price(
        per_token={
            "flops": float(model.training_flops(rates.seq_len)),
            "dollars": machine.dollars(seconds),
            "seconds": seconds,
        },
        serving={"flops": served, "dollars": machine.dollars(served_seconds), "seconds": 0.0},
    )


def serving_flops(model: Model, tokens: float) -> float:
    """FLOPs of serving so many tokens."""
    return FORWARD_FLOP_PER_PARAM * float(model.n_active) * tokens


def usual_peak(machine: Machine) -> float:
    """Peak FLOP/s of a device in the 16-bit type that it is served in, whatever it was trained in."""
    return machine.chip.peak_flops[usual_precision(machine.chip)]


def written(kind: str, amount: float) -> str:
    """An amount of a kind in words: "1e+24 FLOP", "$3M", "30 days"."""
    if kind == "seconds":
        return format_seconds(amount)
    return f"{amount:.3g} FLOP" if kind == "flops" else f"${format_quantity(amount)}"
