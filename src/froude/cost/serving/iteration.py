"""One iteration of serving: a pass in which sequences decode and prompts enter, by what it takes of each resource.

An operator takes what its slowest resource needs, max(bytes / bandwidth, FLOPs / rate) (Williams et al. 2009,
doi:10.1145/1498765.1498785), and operators follow one another. Weights are read once a pass, however many positions go
through it; keys and values once for every sequence. With `Serving.overlap_operators` operators that need different
resources run side by side, up to the bound of NanoFlow (Zhu et al. 2024, arXiv:2408.12757): the busiest resource
decides. Resources work at the roofs of the data sheet unless calibrated `Serving.constants` are given, by which kernels
also take time to start, few rows reach less, and small all-reduces are flat; a kernel that stays below them has its
`efficiency`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group, reduce_seconds
from froude.cost.machine.constants import ROOFS
from froude.cost.machine.machine import Chip, Machine, Place
from froude.cost.machine.rates import USUAL_CORES, cores_of, matmul_share, overlapped_seconds, peak_flops
from froude.cost.model.formats import BF16, Format, matmul_bits
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Block, Elementwise, Matmul, Number, Operator
from froude.cost.serving.constants import ServingConstants
from froude.errors import InputError

REDUCTIONS = 2
"""All-reduces a block of tensor parallelism: after attention and after the MLP (Shoeybi et al. 2019,
arXiv:1909.08053, section 3)."""

EXCHANGES = 2
"""All-to-alls a block of experts on several replicas: tokens to their experts, and what these made of them back
(Lepikhin et al. 2020, arXiv:2006.16668, section 3.1)."""

DEPTH, DEPTH_POWER = 4096, 0.4
"""Inputs of a matmul, or keys of a sequence, at which `depth` seconds are those of summing over them, and how these
grow: chosen on matmuls of six GPUs (benchmarks/kernels.py)."""

DECODE_KERNELS = 5
"""Kernels of decode attention: keys appended, sequences divided, scored, and put together (a guess)."""

CACHED, FROM_CACHE = 0.8, 0.5
"""Share of a chip's cache into which activations fit, and their time over that from memory (from the same matmuls)."""

CAUSAL_SHARE = 0.5
"""Share of a prompt's scores that a causal kernel computes: the keys before each position."""


def _no_efficiencies() -> Mapping[str, Number]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True)
class Serving:
    """What goes through an iteration, and how it is computed; numeric fields may be arrays that broadcast.

    `batch` sequences with `context` keys each; `tokens` positions of each go through the pass: 1, more where drafted
    ones are verified, all of them in a prefill. Beside them `prefilled` positions enter, of prompts as long as the
    context or of `prompt` tokens. Only the last position of a prompt passes the head. Blocks' matmuls are stored as
    `weights`, keys and values as `kv`, all else as `others`; activations have so many bytes, which `casts` kernels
    before a matmul turn into its number type (0 where that is fused). Matmuls have the number
    type `matmuls`, attention `scores`, and a product takes `products` of that type (bits times bits where binary units
    make it).

    The units turn `dequantised_per_s` weights a second into what they multiply. `overlap` is how far an operator's
    reading, multiplying and dequantising run at once: 1 the longest decides, 0 one follows the other. By
    `overlap_operators` operators that need different resources, the network among them, run at once: 0 one follows the
    other, 1 the busiest resource of the iteration decides. A low-rank branch that is not fused (`branch_fused`) reads
    inputs and updates outputs once more.

    `devices` work tensor-parallel. Experts are besides divided among `replicas` of them, each of which has as many
    positions. The share `fetched` of the weights comes from another memory of the machine (`weights_from`), in reads of
    `chunk_bytes` that each wait for its latency.

    `constants` are what `froude.cost.serving.constants` says of kernels, memory and links; without them all work at the
    roofs of the data sheet and start at once; where matmuls are `narrow`, of 4 bits, they count. `graphs` is the share
    of kernels that a graph starts. `efficiency` is besides the share that an operator reaches, by name or by what
    stands before the point; 1 where nothing is said.
    """

    batch: Number = 1
    context: Number = 1
    tokens: Number = 1
    prefilled: Number = 0
    prompt: Number | None = None
    weights: Format = BF16
    others: Format = BF16
    kv: Format = BF16
    activations: Number = 2
    casts: Number = 0
    matmuls: str = "bf16"
    scores: str = "bf16"
    narrow: Number = 0
    products: Number = 1
    dequantised_per_s: Number = np.inf
    overlap: Number = 1
    overlap_operators: Number = 0
    branch_fused: bool = True
    devices: Number = 1
    replicas: Number = 1
    graphs: Number = 1
    weights_from: Place = "device"
    fetched: Number = 1
    chunk_bytes: Number = np.inf
    constants: ServingConstants | None = None
    efficiency: Mapping[str, Number] = field(default_factory=_no_efficiencies)

    def __post_init__(self) -> None:
        for name in ("overlap", "overlap_operators", "fetched"):
            if np.any((np.asarray(getattr(self, name)) < 0) | (np.asarray(getattr(self, name)) > 1)):
                raise InputError(f"{name} is {getattr(self, name)}: give a share from 0 to 1")
        for name in ("context", "tokens", "devices"):
            if np.any(np.asarray(getattr(self, name)) <= 0):
                raise InputError(f"{name} is {getattr(self, name)}: give a positive number")
        if np.any(np.asarray(self.prefilled) < 0):
            raise InputError(f"prefilled is {self.prefilled}: give a number of at least 0")
        if np.any(np.add(self.batch, self.prefilled) <= 0) or np.any(np.asarray(self.batch) < 0):
            raise InputError(f"batch is {self.batch}: give a positive number")

    @property
    def decoded(self) -> Number:
        """Positions of the sequences that decode."""
        return np.multiply(self.batch, self.tokens)

    @property
    def positions(self) -> Number:
        """Positions that go through the pass."""
        return self.decoded + self.prefilled

    @property
    def prompt_length(self) -> Number:
        """Tokens of a prompt that enters."""
        return self.context if self.prompt is None else self.prompt

    def reached(self, name: str) -> Number:
        """The share of its rate that an operator reaches."""
        return self.efficiency.get(name, self.efficiency.get(name.partition(".")[0], 1.0))

    def flops_per_s(self, chip: Chip, kind: str) -> Number:
        """FLOP/s of one device's matmuls of a number type. InputError where the chip has none."""
        peak = peak_flops(chip, kind)
        if self.constants is None:
            return peak
        narrow = np.where(np.asarray(self.narrow) > 0, self.constants.fp4, 1.0) if kind == self.matmuls else 1.0
        return peak * matmul_share(chip, kind) * self.constants.matmul * narrow

    def bytes_per_s(self, chip: Chip) -> Number:
        """Bytes a second of one device's memory."""
        return chip.memory_bandwidth_bytes_per_s * (1.0 if self.constants is None else self.constants.bandwidth)

    def start_seconds(self, chip: Chip, kernels: Number = 1, depth: Number = 0) -> Number:
        """Seconds until kernels work, and after them; those of one that sums over a `depth` of values in turn.

        The device's part goes by its clock. A sum over more values takes longer than its work alone, as few of the
        units share it: as `DEPTH_POWER` of the depth.
        """
        if self.constants is None:
            return 0.0
        slower = USUAL_CORES.clock_hz / cores_of(chip).clock_hz
        deep = self.constants.depth * (np.asarray(depth) / DEPTH) ** DEPTH_POWER
        return (kernels * self.constants.kernel + deep) * slower + (1 - np.asarray(self.graphs)) * self.constants.eager

    def passed_bytes(self, chip: Chip, passed: Number) -> Number:
        """Bytes of activations that pass the memory: those that fit into the chip's cache take half of their time."""
        if self.constants is None:
            return passed
        cached = np.asarray(passed) < CACHED * cores_of(chip).cache_bytes
        return np.where(cached, FROM_CACHE, 1.0) * passed


@final
@dataclass(frozen=True, kw_only=True)
class Busy:
    """Seconds that resources are busy with an operator, those until its kernels start, and those that it takes."""

    memory: Number = 0.0
    compute: Number = 0.0
    dequantising: Number = 0.0
    starting: Number = 0.0
    seconds: Number = 0.0

    def plus(self, other: Busy) -> Busy:
        """One after the other."""
        return Busy(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def added(self) -> Busy:
        """The sum over the first axis."""
        return Busy(**{name: np.sum(value, axis=0) for name, value in vars(self).items()})

    def times(self, count: Number) -> Busy:
        """The same, `count` times."""
        return Busy(**{name: value * count for name, value in vars(self).items()})


@final
@dataclass(frozen=True, kw_only=True)
class Iteration:
    """What an iteration takes: by operator, and on the network between devices; `overlap` is that of operators."""

    operators: Mapping[str, Busy]
    network: Number
    overlap: Number = 0.0

    @property
    def whole(self) -> Busy:
        """All operators, one after the other."""
        return reduce(Busy.plus, self.operators.values(), Busy())

    @property
    def resources(self) -> dict[str, Number]:
        """Seconds that each resource is busy: compute, memory, the network, and units that dequantise."""
        whole = self.whole
        return {
            "compute": whole.compute,
            "memory": whole.memory,
            "network": self.network,
            "dequantising": whole.dequantising,
        }

    @property
    def seconds(self) -> Number:
        """The iteration: operators and then the network without overlap, the busiest resource with all of it."""
        serial = self.whole.seconds + self.network
        return serial - self.overlap * (serial - reduce(np.maximum, self.resources.values()))

    def part(self, group: str) -> Number:
        """Seconds of the operators of a group: what stands before the point in their names."""
        parts = (b for name, b in self.operators.items() if group in (name, name.partition(".")[0]))
        return reduce(Busy.plus, parts, Busy()).seconds


def price_iteration(model: Model, machine: Machine, serving: Serving) -> Iteration:
    """What one iteration of serving a model takes on a machine, elementwise over the serving's arrays.

    Devices beyond the heads of keys hold copies of them, and each device all of a latent. A mixture's positions are
    taken to choose their experts evenly. Sequences that decode with latent attention score the latent itself
    (DeepSeek-AI 2024, arXiv:2405.04434, section 2.1.2); prompts have keys and values written out, which are taken to
    stay on the chip while they are scored.

    Raises InputError where the chip lacks the number type, or the machine the memory that weights come from.
    """
    return Iteration(
        operators=price_operators(model, machine, serving),
        network=network_seconds(model, machine, serving),
        overlap=serving.overlap_operators,
    )


def network_seconds(model: Model, machine: Machine, serving: Serving) -> Number:
    """Seconds of an iteration's collectives: all-reduces of every block, and what experts on other replicas take."""
    found = model.layers * reduction_seconds(model, machine, serving)
    for block in model.blocks:
        routed = next((o for o in block.operators if isinstance(o, Matmul) and o.routed), None)
        if routed is not None:
            found = found + np.sum(block.count) * exchange_seconds(model, routed, machine, serving)
    return found


def price_operators(model: Model, machine: Machine, serving: Serving) -> dict[str, Busy]:
    """What the operators of an iteration take, by name.

    A count of shape (n, 1) is that of n operators, which are added (see `merged_operators`).
    """
    operators: dict[str, Busy] = {}
    for count, operator, stored, passed in _operators(model, serving):
        busy = operator_busy(operator, machine, passed, stored).times(count)
        busy = busy.added() if np.ndim(count) == 2 else busy
        operators[operator.name] = operators.get(operator.name, Busy()).plus(busy)
    return operators


def reduction_seconds(model: Model, machine: Machine, serving: Serving) -> Number:
    """Seconds of a block's all-reduces: flat while small (the kernels of serving engines), then by the link."""
    sent = serving.positions * model.hidden * serving.activations
    group = Group(size=serving.devices)
    if serving.constants is None:
        return REDUCTIONS * reduce_seconds(group, sent, machine, ROOFS)
    several = np.where(np.asarray(serving.devices) > 1, 1.0, 0.0)
    inside = group.inside(machine)
    bandwidth = np.where(
        inside < serving.devices, machine.fabric.bandwidth_bytes_per_s, machine.node_link.bandwidth_bytes_per_s
    )
    moved = 2 * sent * (serving.devices - 1) / serving.devices / (bandwidth * serving.constants.link)
    return REDUCTIONS * several * (serving.constants.reduction + moved)


def exchange_seconds(model: Model, routed: Matmul, machine: Machine, serving: Serving) -> Number:
    """Seconds of a block's two all-to-alls between replicas that divide experts: tokens go out, and come back.

    A position chooses its experts evenly among R replicas, so that it goes to (R - 1)·(1 - (1 - 1/R)^active) others,
    once to each; the devices of a replica share what it sends.
    """
    replicas = np.maximum(np.asarray(serving.replicas, dtype=float), 1.0)
    copies = (replicas - 1) * (1 - (1 - 1 / replicas) ** routed.active)
    sent = copies * serving.positions * model.hidden * serving.activations / serving.devices
    inside = Group(size=replicas * serving.devices).inside(machine)
    near, far = machine.node_link.bandwidth_bytes_per_s, machine.fabric.bandwidth_bytes_per_s
    crossing = 1 - inside / (replicas * serving.devices)
    share, start = (1.0, 0.0) if serving.constants is None else (serving.constants.link, serving.constants.reduction)
    seconds = np.maximum(sent * (1 - crossing) / near, sent * crossing / far) / share
    return EXCHANGES * np.where(replicas > 1, start + seconds, 0.0)


def merged_operators(model: Model) -> Model:
    """A model whose blocks' matmuls are one operator of many sizes, and so are their elementwise ones: priced sooner.

    Experts stay apart. Only `price_operators` knows such a model.
    """
    counted = [(block.count, operator) for block in model.blocks for operator in block.operators]
    kinds: dict[tuple[type, bool], list[tuple[Number, Operator]]] = {}
    for count, operator in counted:
        alone = isinstance(operator, Matmul) and operator.routed
        kinds.setdefault((type(operator), alone), []).append((count, operator))
    blocks = []
    for (kind, _), pairs in kinds.items():
        if kind not in (Matmul, Elementwise):
            blocks += [Block(name="one", count=count, operators=(operator,)) for count, operator in pairs]
            continue
        names = ("inputs", "outputs", "biased", "experts", "active", "positions") if kind is Matmul else ("moved",)
        fields = {name: np.array([[float(getattr(o, name))] for _, o in pairs]) for name in names}
        merged = replace(pairs[0][1], name="matmuls" if kind is Matmul else "elementwise", **fields)
        blocks.append(Block(name="merged", count=np.array([[count] for count, _ in pairs]), operators=(merged,)))
    return replace(model, blocks=tuple(blocks))


def operator_busy(operator: Operator, machine: Machine, serving: Serving, stored: Format) -> Busy:
    """What one operator takes on one of the devices, its weights in a format."""
    if isinstance(operator, Matmul):
        return _matmul(operator, machine, serving, stored)
    if isinstance(operator, Attention):
        return _attention(operator, machine, serving)
    moved = operator.moved * serving.positions * serving.activations
    start = serving.start_seconds(machine.chip)
    return _on_roof(operator.name, serving, memory=moved / serving.bytes_per_s(machine.chip), start=start)


def ridge_batch(machine: Machine, serving: Serving) -> Number:
    """Sequences at which a large matmul's multiplication takes as long as reading its weights.

    bits / 16 · peak / bandwidth, over the positions of a sequence and the products of a product; activations left out.
    """
    chip = machine.chip
    balance = serving.flops_per_s(chip, serving.matmuls) / serving.bytes_per_s(chip)
    return serving.weights.bits_per_weight / 16 * balance / (serving.tokens * serving.products)


def _operators(model: Model, serving: Serving) -> Iterator[tuple[Number, Operator, Format, Serving]]:
    """Every operator with its count, its weights' format, and what passes it: of prompts the head sees one token."""
    ends = replace(serving, prefilled=serving.prefilled / serving.prompt_length)
    yield from ((1, operator, serving.others, serving) for operator in model.embedding)
    for block in model.blocks:
        yield from ((block.count, operator, serving.weights, serving) for operator in block.operators)
    yield from ((1, operator, serving.others, ends) for operator in model.head)


def _matmul(operator: Matmul, machine: Machine, serving: Serving, stored: Format) -> Busy:
    """Weights of the experts that the positions meet are read, inputs read, outputs written."""
    rows = serving.positions * operator.positions * operator.active
    shared = serving.replicas if operator.routed else 1.0
    # Routing is taken as uniform: an expert is met unless every position passes it by.
    met = 1 - (1 - np.divide(operator.active, operator.experts)) ** (serving.positions * shared)
    weights = met * operator.experts * operator.inputs * operator.outputs / serving.devices / shared
    bits = stored.matrix_bits(operator.inputs, operator.outputs) if operator.tied else matmul_bits(operator, stored)
    read = met * bits / 8 / serving.devices / shared
    moved = rows * (operator.inputs + operator.outputs)
    if not serving.branch_fused:
        moved = moved + rows * (operator.inputs + 2 * stored.rank + 2 * operator.outputs)
    branch = 2 * rows * stored.branch_parameters(operator.inputs, operator.outputs)
    flops = serving.products * operator.forward_flops(serving.context) * serving.positions + branch
    chip = machine.chip
    passed = serving.passed_bytes(chip, moved * serving.activations / serving.devices)
    if serving.casts:
        passed = passed + rows * operator.inputs * (serving.activations + stored.bits_per_weight / 8) / serving.devices
    return _on_roof(
        operator.name,
        serving,
        memory=np.maximum((read + passed) / serving.bytes_per_s(chip), _fetching(read, machine, serving)),
        compute=flops / serving.devices / serving.flops_per_s(chip, serving.matmuls),
        dequantising=weights / serving.dequantised_per_s,
        start=serving.start_seconds(chip, 1 + serving.casts, operator.inputs),
        overlap=serving.overlap if serving.constants is None else np.minimum(serving.constants.overlap, 1.0),
    )


def _attention(operator: Attention, machine: Machine, serving: Serving) -> Busy:
    """Keys and values of every sequence are read once, and its positions are scored against all of them.

    Of a prompt that enters each position is scored against the keys before it.
    """
    cached = serving.batch * operator.cache_values(serving.context) * serving.kv.bits_per_weight / 8
    latent = np.asarray(operator.cached) < operator.kv_heads * (operator.score_width + operator.value_width)
    holders = np.where(latent, 1.0, np.minimum(serving.devices, np.maximum(operator.kv_heads, 1)))
    entering = serving.prefilled * (CAUSAL_SHARE if operator.causal else 1.0)
    # Queries carried into the latent's space score and gather the latent, both as wide as it is.
    wider = np.where(
        latent & (np.asarray(serving.tokens) < serving.context),
        2 * operator.cached / (operator.score_width + operator.value_width),
        1.0,
    )
    decoded = serving.decoded * wider * operator.forward_flops(serving.context)
    flops = decoded + entering * operator.forward_flops(serving.prompt_length)
    constants, chip = serving.constants, machine.chip
    if constants is None:
        memory = cached / holders / serving.bytes_per_s(chip)
        compute = flops / serving.devices / serving.flops_per_s(chip, serving.scores)
        return _on_roof(operator.name, serving, memory=memory, compute=compute)
    rate = peak_flops(chip, serving.scores) * constants.attention_compute
    queries = serving.decoded * operator.heads * (operator.score_width + operator.value_width) / serving.devices
    read = cached / holders + queries * serving.activations
    # A unit takes the heads of keys of one sequence after the other, and each has its own start.
    waves = serving.batch * np.where(latent, 1.0, operator.kv_heads) / holders / cores_of(chip).units
    decodes = np.asarray(serving.batch) > 0
    kernels = np.where(decodes, DECODE_KERNELS + waves, 1.0)
    return _on_roof(
        operator.name,
        serving,
        memory=read / (chip.memory_bandwidth_bytes_per_s * constants.attention_memory),
        compute=flops / serving.devices / rate,
        start=serving.start_seconds(
            chip, kernels, np.where(np.asarray(serving.batch) > 0, operator.keys(serving.context), 0)
        ),
    )


def _fetching(read_bytes: Number, machine: Machine, serving: Serving) -> Number:
    """Seconds on the link from where weights lie; they stream beside the device's own reading."""
    if serving.weights_from == "device":
        return 0.0
    if serving.weights_from not in machine.tiers:
        tiers = ", ".join(machine.tiers) or "none"
        raise InputError(f"the machine has no {serving.weights_from} memory to read weights from: it has {tiers}")
    link = machine.tiers[serving.weights_from].link
    fetched = serving.fetched * read_bytes
    return fetched / link.bandwidth_bytes_per_s + fetched / serving.chunk_bytes * link.latency_s


def _on_roof(
    name: str,
    serving: Serving,
    *,
    memory: Number,
    compute: Number = 0.0,
    dequantising: Number = 0.0,
    start: Number = 0.0,
    overlap: Number | None = None,
) -> Busy:
    reached = serving.reached(name)
    busy = [np.divide(part, reached) for part in (memory, compute, dequantising)]
    seconds = overlapped_seconds(busy, serving.overlap if overlap is None else overlap) + start
    return Busy(memory=busy[0], compute=busy[1], dequantising=busy[2], starting=start, seconds=seconds)
