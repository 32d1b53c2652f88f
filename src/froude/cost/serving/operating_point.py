"""At what point a model is served where nobody says: where a token costs least, or on how many devices for a rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.model import Model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.engines import get_engine, known_engines, maker_of
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.cost.serving.number_formats import usual_kv
from froude.errors import InputError

MEMORY_SHARE = 0.9
"""Of a device, that engines take: the default of vLLM (as remembered)."""

MOST_SEQUENCES = 256
"""Sequences that are served at once at most: the default of vLLM's `max_num_seqs` (as remembered)."""

LOADED = 0.8
"""Share of its capacity that a fleet is loaded with at most: near all of it random arrivals queue without end (a
guess)."""

DOUBLINGS = 8
"""How often the devices of a replica are doubled at most, until a request has room beside the weights."""


@final
@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """How a model is served, and the requests a second that a replica answers, from which follows what a token costs.

    Half of a request's tokens are its prompt (a guess).
    """

    deployment: Deployment
    per_second: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second of a replica, those of prompts too."""
        return self.per_second * float(self.deployment.input + self.deployment.output)

    @property
    def device_seconds_per_token(self) -> float:
        """Seconds of one device for a token."""
        return float(self.deployment.devices) / self.tokens_per_second


def operating_point(
    model: Model, machine: Machine, *, context: int, kind: str, most_sequences: int = MOST_SEQUENCES
) -> OperatingPoint:
    """The point at which a token costs least under the newest engine that runs on the machine's chips.

    Weights, keys and values have the 16-bit (or fp32) type `kind`. Devices are 1, 2, 4, … up to a node, all
    tensor-parallel, or as many nodes as hold the weights and a request. As many users as there is room for, up to
    `most_sequences`, ask again as soon as they are answered; a request has `context` tokens with its answer. InputError
    where the chip lacks the type.
    """
    draft = _draft(model, machine, kind, input=context / 2, output=context / 2)
    tp = _groups(machine, float(draft.weight_bytes + draft.request_bytes))
    many = replace(draft, tp=tp, users=np.clip(replace(draft, tp=tp).largest_batch, 1, most_sequences))
    per_second = np.asarray(serving_seconds(many, serving_constants()).per_second)
    best = int(np.argmin(tp / per_second))
    chosen = replace(many, tp=int(tp[best]), users=int(np.asarray(many.users)[best]))
    return OperatingPoint(deployment=chosen, per_second=float(per_second[best]))


@final
@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Replicas that answer requests of a rate; `capacity` is the most requests a second of all of them."""

    deployment: Deployment
    capacity: float

    @property
    def replicas(self) -> int:
        """How many there are."""
        return int(self.deployment.dp)

    @property
    def devices(self) -> int:
        """Whole devices of all replicas."""
        return int(self.deployment.devices)

    @property
    def utilisation(self) -> float:
        """Requests a second that arrive, over the capacity."""
        return float(self.deployment.rate or 0.0) / self.capacity


def fleet_for(model: Model, machine: Machine, *, rate: float, input: float, output: float, kind: str) -> Fleet:
    """The fewest whole devices that answer `rate` requests a second with `LOADED` of their capacity at most.

    Replicas are as those of `operating_point`: 1, 2, 4, … devices up to a node, or the whole nodes that hold the
    weights and a request. However small the rate, there is one replica. InputError where the chip lacks the type, or a
    request has no room on any number of devices.
    """
    draft = _draft(model, machine, kind, input=input, output=output)
    groups = _groups(machine, float(draft.weight_bytes + draft.request_bytes))
    for factor in 2 ** np.arange(DOUBLINGS):
        tp = groups if factor == 1 else groups[-1:] * factor
        tp = tp[np.asarray(replace(draft, tp=tp, ep=tp).largest_batch) >= 1]
        if tp.size:
            break
    else:
        raise InputError(
            f"requests of {input:g} + {output:g} tokens: no number of {machine.chip.name} has room for one beside "
            f"{model.name}: take shorter ones"
        )
    capacity = np.asarray(capacity_per_second(replace(draft, tp=tp, ep=tp), serving_constants())) + 0.0 * tp
    replicas = np.maximum(np.ceil(rate / (LOADED * capacity) * (1 - 1e-12)), 1)
    best = int(np.argmin(tp * replicas))
    each, many = int(tp[best]), int(replicas[best])
    return Fleet(deployment=replace(draft, tp=each, ep=each, dp=many, rate=rate), capacity=many * float(capacity[best]))


def _draft(model: Model, machine: Machine, kind: str, *, input: float, output: float) -> Deployment:
    """A device under the newest engine that runs on the machine's chips, weights, keys and values of a type."""
    maker = maker_of(machine.chip)
    names = [one.name for one in known_engines() if maker in one.runs_on and kind in one.formats]
    return Deployment(
        model=model,
        machine=machine,
        engine=get_engine(names[0]),
        precision=kind,
        kv=usual_kv(kind),
        input=input,
        output=output,
    )


def _groups(machine: Machine, least_bytes: float) -> np.ndarray:
    """Numbers of devices that hold so many bytes: powers of two up to a node, or the whole nodes that are needed."""
    node = machine.devices_per_node
    needed = least_bytes / max(MEMORY_SHARE * machine.chip.memory_bytes - RUNTIME_BYTES, 1.0)
    within = 2 ** np.arange(int(np.log2(node)) + 1)
    enough = within[within > needed]
    return enough if enough.size else np.array([node * int(np.floor(needed / node) + 1)])
