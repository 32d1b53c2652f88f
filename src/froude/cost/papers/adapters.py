"""What adapters of a model cost: parameters trained and stored, bytes of training state, FLOPs added to inference.

Counted from the model's own matmuls, matrix by matrix. A fused matmul (queries with keys and values, a gate with what
it gates) is taken apart first, because adapters stand on the matrices that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, final

import numpy as np

from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Elementwise, Matmul, Number, Operator, matrices
from froude.cost.training.layout import Precision
from froude.errors import InputError

QUERY_VALUE = ("attention.query", "attention.value")
"""The matrices that LoRA adapts unless others are given (Hu et al. 2021, arXiv:2106.09685, section 4.2)."""

Sharing = Literal["none", "layers", "values", "both"]
"""What scales of tasks are shared between: nothing, layers, the values of a layer, or both."""


@final
@dataclass(frozen=True, kw_only=True)
class Projection:
    """A matrix of a model's blocks, `count` times in the model, `active` of which a position passes."""

    name: str
    inputs: Number
    outputs: Number
    count: Number
    active: Number


@final
@dataclass(frozen=True, kw_only=True)
class Adapter:
    """An adapter of a model: `trained` parameters, `frozen` ones that it needs besides the model's.

    `flops` are added to the forward pass of one position that is decoded. An adapter that `merges` into the model's
    weights adds none once it is merged.
    """

    trained: Number
    flops: Number = 0.0
    frozen: Number = 0.0
    merges: bool = False

    def state_bytes(self, precision: Precision) -> Number:
        """Bytes that training keeps of it: weights, gradients, master weights and the optimizer's states."""
        state = precision.weights + precision.gradients + precision.master + precision.optimizer
        return self.trained * state + self.frozen * precision.weights


def projections(model: Model) -> tuple[Projection, ...]:
    """The matrices of all blocks, fused matmuls taken apart: the parts of attention.in are attention.query, .key and
    .value, those of a gated MLP mlp.gate and mlp.in. Experts count as often as there are."""
    return tuple(
        Projection(
            name=name,
            inputs=operator.inputs,
            outputs=outputs,
            count=block.count * operator.experts,
            active=block.count * operator.active * operator.positions,
        )
        for block in model.blocks
        for operator in block.operators
        if isinstance(operator, Matmul)
        for name, outputs in matrices(operator, block.operators)
    )


def lora(model: Model, *, rank: Number, targets: Sequence[str] = QUERY_VALUE) -> Adapter:
    """Low-rank adaptation: rank · (inputs + outputs) a matrix (Hu et al. 2021, arXiv:2106.09685)."""
    on = _targets(model, targets)
    return Adapter(trained=_sum_stored(on, _both(rank)), flops=2 * _sum_active(on, _both(rank)), merges=True)


def dora(model: Model, *, rank: Number, targets: Sequence[str] = QUERY_VALUE) -> Adapter:
    """LoRA and a magnitude for every output (Liu et al. 2024, arXiv:2402.09353)."""
    on, plain = _targets(model, targets), lora(model, rank=rank, targets=targets)
    return Adapter(trained=plain.trained + _sum_stored(on, lambda p: p.outputs), flops=plain.flops, merges=True)


def vera(model: Model, *, rank: Number, targets: Sequence[str] = QUERY_VALUE) -> Adapter:
    """Two vectors a matrix, rank + outputs, on random factors that all share (Kopiczko et al., arXiv:2310.11454)."""
    on = _targets(model, targets)
    widest = reduce(np.maximum, (p.inputs for p in on)) + reduce(np.maximum, (p.outputs for p in on))
    return Adapter(
        trained=_sum_stored(on, lambda p: rank + p.outputs),
        flops=2 * _sum_active(on, _both(rank)),
        frozen=rank * widest,
        merges=True,
    )


def loldu(model: Model, *, rank: Number, targets: Sequence[str] = QUERY_VALUE) -> Adapter:
    """The diagonal of a factorisation lower · diagonal · upper, `rank` entries a matrix; its two factors are frozen.

    Shi et al. 2024, arXiv:2410.13618. The one scale a matrix that it trains besides is left out.
    """
    on = _targets(model, targets)
    factors = _both(rank)
    return Adapter(
        trained=_sum_stored(on, lambda _: rank),
        flops=2 * _sum_active(on, factors),
        frozen=_sum_stored(on, factors),
        merges=True,
    )


def shards(model: Model, *, rank: Number, pool_rank: Number, targets: Sequence[str] = QUERY_VALUE) -> Adapter:
    """Low-rank factors of a `rank`, put together from a pool that the layers share and that a LoRA of `pool_rank` would
    fill: trained as that one, at work as the larger (MoS, Wang et al. 2024, arXiv:2410.00938)."""
    worked = lora(model, rank=rank, targets=targets)
    return Adapter(trained=lora(model, rank=pool_rank, targets=targets).trained, flops=worked.flops, merges=True)


def ia3(model: Model) -> Adapter:
    """A gain for every key, every value and every channel within an MLP (Liu et al. 2022, arXiv:2205.05638)."""
    scaled = [(p, p.outputs) for p in projections(model) if p.name in ("attention.key", "attention.value")]
    scaled += [(p, p.inputs) for p in projections(model) if p.name == "mlp.out"]
    return Adapter(trained=sum(p.count * width for p, width in scaled), merges=True)


def bitfit(model: Model) -> Adapter:
    """The model's own biases, those of norms too (Ben Zaken et al. 2021, arXiv:2106.10199); no FLOPs are added."""
    return Adapter(trained=sum(count * _biases(operator) for count, operator in model.operator_counts()), merges=True)


def bottleneck(model: Model, *, width: Number, per_block: int = 2) -> Adapter:
    """Down to a width, an activation, and up again, with biases, `per_block` times (Houlsby et al. 2019,
    arXiv:1902.00751)."""
    weights = 2 * model.hidden * width
    places = per_block * model.layers
    return Adapter(trained=places * (weights + width + model.hidden), flops=2.0 * places * weights)


def prompt(model: Model, *, length: Number) -> Adapter:
    """Trained tokens before the text (Lester et al. 2021, arXiv:2104.08691): keys that each position attends to."""
    return Adapter(trained=length * model.hidden, flops=_attention_flops(model, length))


def prefix(model: Model, *, length: Number) -> Adapter:
    """Trained keys and values in every layer, without the MLP that makes them in training (Li and Liang 2021,
    arXiv:2101.00190)."""
    trained = length * sum(n * o.cached for n, o in model.operator_counts() if isinstance(o, Attention))
    return Adapter(trained=trained, flops=_attention_flops(model, length))


def side_network(model: Model, *, reduction: Number) -> Adapter:
    """A ladder beside the model: its blocks `reduction` times narrower, a matrix and a gate from every block down to
    it, and one back up at the end (LST, Sung et al. 2022, arXiv:2206.06522)."""
    narrow = model.hidden / reduction
    own = sum(p.count * p.inputs * p.outputs for p in projections(model)) / reduction**2
    vectors = sum(n * (o.parameters if isinstance(o, Elementwise) else _biases(o)) for n, o in _within(model))
    ladder = (model.layers + 1) * model.hidden * narrow
    attended = sum(n * o.forward_flops(model.context) for n, o in _within(model) if isinstance(o, Attention))
    worked = sum(p.active * p.inputs * p.outputs for p in projections(model)) / reduction**2 + ladder
    return Adapter(trained=own + vectors / reduction + ladder + model.layers, flops=2 * worked + attended / reduction)


def channels(model: Model, *, share: Number) -> Adapter:
    """A share of the heads and of the MLP's channels, as rows of the matrices back to the hidden state: dense parts of
    the model's own weights, so that nothing is added (S2FT, Yang et al. 2024, arXiv:2412.06289)."""
    on = [p for p in projections(model) if p.name in ("attention.out", "mlp.out", "experts.out")]
    return Adapter(trained=share * sum(p.count * p.inputs * p.outputs for p in on), merges=True)


def task_scales(model: Model, *, tasks: Number, shared: Sharing = "none") -> Adapter:
    """Scales of the outputs of `tasks` trained adapters, by which a new task adds them (ScaLearn, Frohmann et al. 2023,
    arXiv:2310.01217): one for every task, layer and value, or shared between layers, values, or both."""
    layers = 1 if shared in ("layers", "both") else model.layers
    values = 1 if shared in ("values", "both") else model.hidden
    return Adapter(trained=tasks * layers * values, flops=2.0 * tasks * model.layers * model.hidden)


def fusion(model: Model, *, tasks: Number) -> Adapter:
    """Queries, keys and values over the outputs of `tasks` trained adapters in every layer (AdapterFusion, Pfeiffer et
    al. 2020, arXiv:2005.00247), without biases."""
    square = model.hidden**2
    attended = 2 * tasks * model.hidden
    flops = 2.0 * model.layers * ((1 + 2 * tasks) * square + attended)
    return Adapter(trained=3 * model.layers * square, flops=flops)


FAMILIES: Mapping[str, Callable[..., Adapter]] = {
    "lora": lora,
    "dora": dora,
    "vera": vera,
    "loldu": loldu,
    "shards": shards,
    "ia3": ia3,
    "bitfit": bitfit,
    "bottleneck": bottleneck,
    "prompt": prompt,
    "prefix": prefix,
    "side_network": side_network,
    "channels": channels,
    "task_scales": task_scales,
    "fusion": fusion,
}
"""Every family by name."""


def _targets(model: Model, names: Sequence[str]) -> list[Projection]:
    known = {p.name for p in projections(model)}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"{model.name} has no matrix {unknown[0]!r}: take one of {', '.join(sorted(known))}")
    return [p for p in projections(model) if p.name in names]


def _sum_stored(on: Sequence[Projection], each: Callable[[Projection], Number]) -> Number:
    return sum(p.count * each(p) for p in on)


def _sum_active(on: Sequence[Projection], each: Callable[[Projection], Number]) -> Number:
    return sum(p.active * each(p) for p in on)


def _both(rank: Number) -> Callable[[Projection], Number]:
    return lambda p: rank * (p.inputs + p.outputs)


def _within(model: Model) -> Iterator[tuple[Number, Operator]]:
    return ((block.count, operator) for block in model.blocks for operator in block.operators)


def _attention_flops(model: Model, length: Number) -> Number:
    """FLOPs of so many more keys for one position."""
    return sum(n * o.forward_flops(length) for n, o in model.operator_counts() if isinstance(o, Attention))


def _biases(operator: Operator) -> Number:
    if isinstance(operator, Matmul):
        return operator.experts * operator.outputs * operator.biased
    if not isinstance(operator, Elementwise):
        return 0
    # A norm moves its width twice: with as many parameters it has a gain and a bias, else a gain alone.
    has_bias = operator.name == "norm" and np.all(np.equal(operator.parameters, operator.moved))
    return operator.parameters / 2 if has_bias else operator.parameters * (operator.name == "head.bias")
