"""One forward pass that decodes, on the roofs of a machine: each operator takes what its slowest resource needs.

seconds = max(bytes / bandwidth, FLOPs / peak), operator by operator (Williams et al. 2009,
doi:10.1145/1498765.1498785). Weights are read once a pass, however many positions go through it; keys and values once
for every sequence. Nothing is fitted: a kernel that stays below the roofs has its `efficiency`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group, reduce_seconds
from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.formats import BF16, Format, kv_bytes, matmul_bits, model_bytes
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Matmul, Number, Operator
from froude.cost.training.layout import Place
from froude.cost.training.memory.device_memory import RUNTIME_BYTES
from froude.cost.training.work import overlapped_seconds, peak_flops
from froude.errors import InputError

ROOFS = Constants.from_logs(np.zeros(len(fields(Constants))))
"""All constants one: links at the bandwidth that they are sold with."""

REDUCTIONS = 2
"""All-reduces a block of tensor parallelism: after attention and after the MLP (Shoeybi et al. 2019,
arXiv:1909.08053, section 3)."""


def _everywhere() -> Mapping[str, Number]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a pass decodes; numeric fields may be arrays that broadcast.

    `batch` sequences with `context` keys each; `tokens` positions of each go through the pass: 1, more where drafted
    ones are verified, all of them in a prefill. Blocks' matmuls are stored as `weights`, keys and values as `kv`, all
    else as `others`; activations have so many bytes. Matmuls have the number type `matmuls`, attention `scores`, and a
    product takes `products` of that type (bits times bits where binary units make it).

    The units turn `dequantised_per_s` weights a second into what they multiply. `overlap` is how far an operator's
    reading, multiplying and dequantising run at once: 1 the longest decides, 0 one follows the other. A low-rank branch
    that is not fused (`branch_fused`) reads inputs and updates outputs once more.

    `devices` work tensor-parallel. The share `fetched` of the weights comes from another memory of the machine
    (`weights_from`), in reads of `chunk_bytes` that each wait for its latency. `efficiency` is the share of its roof
    that an operator reaches, by name or by what stands before the point; 1 where nothing is said.
    """

    batch: Number = 1
    context: Number = 1
    tokens: Number = 1
    weights: Format = BF16
    others: Format = BF16
    kv: Format = BF16
    activations: Number = 2
    matmuls: str = "bf16"
    scores: str = "bf16"
    products: Number = 1
    dequantised_per_s: Number = np.inf
    overlap: Number = 1
    branch_fused: bool = True
    devices: Number = 1
    weights_from: Place = "device"
    fetched: Number = 1
    chunk_bytes: Number = np.inf
    efficiency: Mapping[str, Number] = field(default_factory=_everywhere)

    def __post_init__(self) -> None:
        for name in ("overlap", "fetched"):
            if np.any((np.asarray(getattr(self, name)) < 0) | (np.asarray(getattr(self, name)) > 1)):
                raise InputError(f"{name} is {getattr(self, name)}: give a share from 0 to 1")
        for name in ("batch", "context", "tokens", "devices"):
            if np.any(np.asarray(getattr(self, name)) <= 0):
                raise InputError(f"{name} is {getattr(self, name)}: give a positive number")

    @property
    def positions(self) -> Number:
        """Positions that go through the pass."""
        return np.multiply(self.batch, self.tokens)

    def reached(self, name: str) -> Number:
        """The share of its roof that an operator reaches."""
        return self.efficiency.get(name, self.efficiency.get(name.partition(".")[0], 1.0))


@final
@dataclass(frozen=True, kw_only=True)
class Busy:
    """Seconds that resources are busy with an operator, and those that it takes."""

    memory: Number = 0.0
    compute: Number = 0.0
    dequantising: Number = 0.0
    seconds: Number = 0.0

    def plus(self, other: Busy) -> Busy:
        """One after the other."""
        return Busy(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def times(self, count: Number) -> Busy:
        """The same, `count` times."""
        return Busy(**{name: value * count for name, value in vars(self).items()})


@final
@dataclass(frozen=True, kw_only=True)
class Pass:
    """What a pass takes: by operator, and on the network between devices."""

    operators: Mapping[str, Busy]
    network: Number

    @property
    def whole(self) -> Busy:
        """All operators, one after the other."""
        return _joined(self.operators.values())

    @property
    def seconds(self) -> Number:
        """Operators one after the other, each on its roof, and then the network."""
        return self.whole.seconds + self.network

    def part(self, group: str) -> Number:
        """Seconds of the operators of a group: what stands before the point in their names."""
        return _joined(b for name, b in self.operators.items() if group in (name, name.partition(".")[0])).seconds


def decode(model: Model, machine: Machine, serving: Serving) -> Pass:
    """What one pass of a model takes on a machine, elementwise over the serving's arrays.

    Wrong where there are more devices than heads of keys, which then hold copies; a mixture's positions are taken to
    choose their experts evenly. Latent attention is counted as it is trained, with keys and values written out.

    Raises InputError where the chip lacks the number type, or the machine the memory that weights come from.
    """
    found: dict[str, Busy] = {}
    for count, operator, stored in _stored(model, serving):
        busy = operator_busy(operator, machine, serving, stored).times(count)
        found[operator.name] = found.get(operator.name, Busy()).plus(busy)
    sent = serving.positions * model.hidden * serving.activations
    network = REDUCTIONS * model.layers * reduce_seconds(Group(size=serving.devices), sent, machine, ROOFS)
    return Pass(operators=found, network=network)


def operator_busy(operator: Operator, machine: Machine, serving: Serving, stored: Format) -> Busy:
    """What one operator takes, its weights in a format: the roofs of one of the devices."""
    if isinstance(operator, Matmul):
        return _matmul(operator, machine, serving, stored)
    if isinstance(operator, Attention):
        return _attention(operator, machine, serving)
    moved = operator.moved * serving.positions * serving.activations
    return _on_roof(operator.name, serving, memory=moved / machine.chip.memory_bandwidth_bytes_per_s)


def serving_bytes(model: Model, serving: Serving) -> Number:
    """Bytes that serving holds on all devices: weights, keys and values of the batch."""
    weights = model_bytes(model, serving.weights, others=serving.others)
    return weights + serving.batch * kv_bytes(model, serving.context, serving.kv)


def largest_batch(model: Model, machine: Machine, serving: Serving) -> Number:
    """Sequences whose keys and values the devices hold beside the weights and the runtime; 0 where these do not fit.

    Infinite for a model that keeps none. The batch of the serving does not matter. Activations of a decoding pass are
    small and left out.
    """
    room = serving.devices * (machine.chip.memory_bytes - RUNTIME_BYTES)
    left = room - model_bytes(model, serving.weights, others=serving.others)
    with np.errstate(divide="ignore"):
        return np.maximum(np.floor(np.divide(left, kv_bytes(model, serving.context, serving.kv))), 0)


def ridge_batch(machine: Machine, serving: Serving) -> Number:
    """Sequences at which a large matmul's multiplication takes as long as reading its weights.

    bits / 16 · peak / bandwidth, over the positions of a sequence and the products of a product; activations left out.
    """
    chip = machine.chip
    balance = peak_flops(chip, serving.matmuls) / chip.memory_bandwidth_bytes_per_s
    return serving.weights.bits_per_weight / 16 * balance / (serving.tokens * serving.products)


def accepted_tokens(acceptance: Number, drafted: Number) -> Number:
    """Tokens that a pass yields that verifies a chain: (1 - a^(k+1)) / (1 - a), its own next token among them.

    Each drafted token is accepted with probability a, all before it given. Leviathan et al. 2022, arXiv:2211.17192,
    eq. 1.
    """
    a = np.asarray(acceptance, dtype=float)
    apart = np.where(a < 1, 1 - a, 1.0)
    return np.where(a < 1, (1 - a ** (np.asarray(drafted) + 1)) / apart, np.asarray(drafted) + 1.0)


@final
@dataclass(frozen=True, kw_only=True)
class Stage:
    """Calls in a row of a model that makes a sample: over a context, a share of each call's work taken from a cache."""

    model: Model
    context: Number
    calls: Number = 1
    cached: Number = 0

    @property
    def flops(self) -> Number:
        """Matmul FLOPs of all its calls, each over the whole context."""
        return self.calls * (1 - self.cached) * self.context * self.model.forward_flops(self.context)


def staged_flops(stages: Iterable[Stage]) -> Number:
    """Matmul FLOPs of making one sample in several stages: sizes, resolutions or scales that change on the way."""
    return sum(stage.flops for stage in stages)


def _stored(model: Model, serving: Serving) -> Iterator[tuple[Number, Operator, Format]]:
    """Every operator with its count and the format of its weights."""
    yield from ((1, operator, serving.others) for operator in model.embedding)
    for block in model.blocks:
        yield from ((block.count, operator, serving.weights) for operator in block.operators)
    yield from ((1, operator, serving.others) for operator in model.head)


def _matmul(operator: Matmul, machine: Machine, serving: Serving, stored: Format) -> Busy:
    """Weights of the experts that the positions meet are read, inputs read, outputs written."""
    rows = serving.positions * operator.positions * operator.active
    # Routing is taken as uniform: an expert is met unless every position passes it by.
    met = 1 - (1 - np.divide(operator.active, operator.experts)) ** serving.positions
    weights = met * operator.experts * operator.inputs * operator.outputs / serving.devices
    bits = stored.matrix_bits(operator.inputs, operator.outputs) if operator.tied else matmul_bits(operator, stored)
    read = met * bits / 8 / serving.devices
    moved = rows * (operator.inputs + operator.outputs)
    if not serving.branch_fused:
        moved = moved + rows * (operator.inputs + 2 * stored.rank + 2 * operator.outputs)
    branch = 2 * rows * stored.branch_parameters(operator.inputs, operator.outputs)
    flops = serving.products * operator.forward_flops(serving.context) * serving.positions + branch
    inside = (read + moved * serving.activations / serving.devices) / machine.chip.memory_bandwidth_bytes_per_s
    return _on_roof(
        operator.name,
        serving,
        memory=np.maximum(inside, _fetching(read, machine, serving)),
        compute=flops / serving.devices / peak_flops(machine.chip, serving.matmuls),
        dequantising=weights / serving.dequantised_per_s,
    )


def _attention(operator: Attention, machine: Machine, serving: Serving) -> Busy:
    """Keys and values of every sequence are read once, and all positions are scored against them."""
    kept = serving.batch * operator.kept(serving.context) * serving.kv.bits_per_weight / 8
    flops = serving.positions * operator.forward_flops(serving.context)
    return _on_roof(
        operator.name,
        serving,
        memory=kept / serving.devices / machine.chip.memory_bandwidth_bytes_per_s,
        compute=flops / serving.devices / peak_flops(machine.chip, serving.scores),
    )


def _fetching(read_bytes: Number, machine: Machine, serving: Serving) -> Number:
    """Seconds on the link from where weights lie; they stream beside the device's own reading."""
    if serving.weights_from == "device":
        return 0.0
    if serving.weights_from not in machine.tiers:
        held = ", ".join(machine.tiers) or "none"
        raise InputError(f"the machine has no {serving.weights_from} memory to read weights from: it has {held}")
    link = machine.tiers[serving.weights_from].link
    fetched = serving.fetched * read_bytes
    return fetched / link.bandwidth_bytes_per_s + fetched / serving.chunk_bytes * link.latency_s


def _on_roof(name: str, serving: Serving, *, memory: Number, compute: Number = 0.0, dequantising: Number = 0.0) -> Busy:
    reached = serving.reached(name)
    busy = [np.divide(part, reached) for part in (memory, compute, dequantising)]
    seconds = overlapped_seconds(busy, serving.overlap)
    return Busy(memory=busy[0], compute=busy[1], dequantising=busy[2], seconds=seconds)


def _joined(all_busy: Iterable[Busy]) -> Busy:
    whole = Busy()
    for busy in all_busy:
        whole = whole.plus(busy)
    return whole
