"""What fine-tuning of adapters costs: a frozen base, gradients and states of the adapters alone.

The base's weights are read and never updated: it has no gradients, master weights or optimizer states, gradients flow
through its matmuls (one pass of the two that backward has) and their inputs are kept only where an adapter stands on
them. Quantised bases are read in NF4 and written out in the activations' type before each use (Dettmers et al. 2023,
arXiv:2305.14314).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.bounds import MOST_DEVICES, whole_number
from froude.cost.machine.assumption import Assumption, parse_assumptions
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.model.operators import Matmul, Operator
from froude.cost.papers.adapters import QUERY_VALUE, Adapter, Projection, dora, lora, projections
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import Stack
from froude.cost.training.assumptions import TrainCost, complete, effect_of_stacks, get_precision, interval, own_error
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import Layout, Precision
from froude.cost.training.legal import check_legal
from froude.cost.training.memory.device_memory import FRAGMENTATION, MemoryBytes, fit_probability, fits
from froude.cost.training.names import by_field
from froude.cost.training.work import moving_seconds
from froude.errors import InputError, shown
from froude.provenance import recorded
from froude.quantity import format_quantity

NF4_BYTES = (4 + 0.127) / 8
"""Bytes a weight in NF4 with doubly quantised constants (Dettmers et al. 2023, arXiv:2305.14314, section 3)."""

BATCH_SEQUENCES = 64
"""Sequences of a step of fine-tuning where nobody says: between the 16 of Dettmers et al. 2023, table 9, and the 128 of
Hu et al. 2021, appendix D (as remembered); a step of pretraining would be the whole data of many fine-tunings."""

RANK = 16
"""The rank where nobody says (guess: between the 8 of PEFT's default and the 64 of QLoRA)."""

FORMS = {"lora": (lora, False), "qlora": (lora, True), "dora": (dora, False), "qdora": (dora, True)}
"""Adapters that are trained here: how each is counted, and whether its base is quantised."""

_FORWARD = (1, 3)
_BACKWARD = (4, 2)
"""Times that an unfused adapter moves the inputs and the outputs of its matrix: the input read for the first factor,
the base's output read and written again with the second's beside it; backward the output's gradient read twice, the
input read once, and the input's gradient added (counted)."""


@final
@dataclass(frozen=True, kw_only=True)
class AdapterText:
    """What a text says of adapters: their form, rank, and the matrices that they stand on."""

    form: str
    rank: int
    targets: tuple[str, ...]

    @property
    def is_quantised(self) -> bool:
        """Whether the base is stored in NF4."""
        return FORMS[self.form][1]

    def counted(self, model: Model) -> Adapter:
        """The adapter of a model."""
        return FORMS[self.form][0](model, rank=self.rank, targets=self.targets)


def parse_adapter(text: str, model: Model) -> AdapterText:
    """Adapters in words: "lora", "lora:rank=16", "qlora:rank=64,targets=all", "lora:targets=attention.query+mlp.out";
    a number alone is the rank of LoRA.

    Without targets LoRA stands on queries and values (Hu et al. 2021), QLoRA on all matrices of the blocks (Dettmers et
    al. 2023). InputError for other forms, names and values.
    """
    form, _, rest = (f"lora:rank={text.strip()}" if text.strip().isdigit() else text.strip()).partition(":")
    form = form.strip().lower()
    if form not in FORMS:
        raise InputError(f"no adapter is called {shown(form)}: take one of {', '.join(FORMS)}, as in lora:rank=16")
    given = dict(_assignments(rest, text))
    if unknown := [name for name in given if name not in ("rank", "targets")]:
        raise InputError(
            f"adapter {shown(text)}: {unknown[0]} is not known: give rank and targets, as in {form}:rank=16"
        )
    rank = given.get("rank", str(RANK))
    every = tuple(dict.fromkeys(one.name for one in projections(model) if not one.name.startswith("router")))
    usual = every if FORMS[form][1] else tuple(name for name in QUERY_VALUE if name in every) or every
    targets = given.get("targets")
    named = usual if targets is None else every if targets == "all" else tuple(targets.split("+"))
    return AdapterText(
        form=form,
        rank=whole_number("rank", float(rank) if rank.isdigit() else rank, 1, MOST_DEVICES),
        targets=named,
    )


@recorded
def fine_tune_cost(
    model: Model | str,
    machine: Machine | str,
    adapter: str = "lora",
    *,
    stack: Stack | str | None = None,
    **given: Any,
) -> TrainCost:
    """The cost of fine-tuning adapters of a model in a layout of which `given` says some fields, as for `train_cost`.

    `adapter` is written as `parse_adapter` reads it. A step has about `BATCH_SEQUENCES` sequences unless it is given.
    InputError for what `train_cost` refuses, and for adapters that there are not.
    """
    model = get_model(model) if isinstance(model, str) else model
    machine = get_machine(machine) if isinstance(machine, str) else machine
    stack = get_stack(stack) if isinstance(stack, str) else stack
    words = parse_adapter(adapter, model)
    given = by_field(given)
    base = get_precision(given.get("precision", usual_precision(machine.chip)))
    frozen = frozen_model(model, words.targets)
    precision = frozen_precision(model, base, words.is_quantised)
    batch = {} if "global_batch" in given else {"global_batch": _usual_batch(machine, given)}
    layout, reasons = complete(frozen, machine, {**given, **batch, "precision": precision}, stack)
    check_legal(frozen, machine, layout)
    cost = adapter_cost(model, machine, layout, words, base)
    counted = words.counted(model)
    assumptions = [
        *stack_assumptions(frozen, machine, layout, {*given, *(("stack",) if stack else ())}),
        *(Assumption(name=name, value=str(getattr(layout, name)), why=why) for name, why in reasons.items()),
        *adapter_assumptions(model, machine, layout, words, cost, "global_batch" in given),
    ]
    return TrainCost(
        model=model,
        machine=machine,
        layout=replace(layout, precision=precision),
        cost=cost,
        interval=interval(float(cost.step_seconds), assumptions, own_error(model, machine, layout)),
        assumptions=(*assumptions, *parse_assumptions(machine.assumed), *parse_assumptions(model.assumed)),
        adapter={
            "form": words.form,
            "rank": words.rank,
            "targets": list(words.targets),
            "trained_params": float(counted.trained),
            "n_params": float(model.n_params),
            "base_bytes_per_param": precision.weights,
        },
    )


def frozen_model(model: Model, targets: tuple[str, ...]) -> Model:
    """The model with the inputs of matmuls kept only where an adapter stands on them."""

    def kept(operator: Operator) -> Operator:
        if not isinstance(operator, Matmul) or operator.name in _fused(targets):
            return operator
        return replace(operator, saves_input=False)

    blocks = tuple(replace(block, operators=tuple(map(kept, block.operators))) for block in model.blocks)
    return replace(model, blocks=blocks)


def frozen_precision(model: Model, base: Precision, quantised: bool) -> Precision:
    """Bytes of a frozen base: weights alone, those of the blocks' matmuls in NF4 where they are quantised."""
    plain = base.weights if not quantised else _mean_bytes(model, base)
    return replace(base, weights=plain, gradients=0, master=0, optimizer=0, reduce=0)


def adapter_cost(model: Model, machine: Machine, layout: Layout, words: AdapterText, base: Precision) -> Cost:
    """What a step of a layout of the frozen base takes, with its adapters.

    One of the three passes of every matmul is left out, the weights' gradients, and with it that share of the
    pipeline's bubble. Adapters are divided as their matrices by tensor and pipeline parallelism, and copied over
    replicas.
    """
    whole = evaluate(frozen_model(model, words.targets), machine, layout)
    matmul = _share(model, layout)
    adapter, chip, rates = words.counted(model), machine.chip, layout.constants
    less = float(whole.step.compute) * matmul / 3
    busy = float(whole.step.compute) + float(whole.step.recompute) + float(whole.step.memory)
    tokens = float(layout.tokens) / float(layout.devices)
    moved = tokens * base.activations * _moved(model, words.targets)
    extra = float(moving_seconds(moved, chip, layout, rates))
    dequantised = _dequantise_seconds(model, machine, layout, base) if words.is_quantised else 0.0
    own = float(adapter.trained) / (float(layout.tensor) * float(layout.pipeline))
    update = float(moving_seconds(own * (base.gradients + 2 * (base.master + base.optimizer)), chip, layout, rates))
    step = replace(
        whole.step,
        compute=float(whole.step.compute) - less,
        memory=float(whole.step.memory) + extra + dequantised,
        bubble=float(whole.step.bubble) * (1 - less / busy + (extra + dequantised) / busy),
        optimizer=update,
    )
    memory = _with_adapters(whole.memory, own, base)
    flops = float(whole.model_flops) * (1 - matmul / 3) + 3 * float(adapter.flops) * float(layout.tokens)
    return replace(
        whole,
        step=step,
        memory=memory,
        model_flops=flops,
        hardware_flops=float(whole.hardware_flops) - float(whole.model_flops) + flops,
        fits=bool(fits(memory, machine)),
        fits_probability=fit_probability(memory, machine),
    )


def _with_adapters(memory: MemoryBytes, own: float, base: Precision) -> MemoryBytes:
    """The base's memory with a device's own adapters: weights, gradients, master weights and states."""
    added = {"weights": base.weights, "gradients": base.gradients, "optimizer": base.master + base.optimizer}
    parts = {name: float(getattr(memory, name)) + own * each for name, each in added.items()}
    return replace(memory, **parts, fragmentation=memory.fragmentation + FRAGMENTATION * own * sum(added.values()))


def _share(model: Model, layout: Layout) -> float:
    """Share of the forward FLOPs that are matmuls with weights."""
    matmuls = sum(
        count * operator.forward_flops(layout.seq_len)
        for count, operator in model.operator_counts()
        if isinstance(operator, Matmul)
    )
    return float(matmuls / model.forward_flops(layout.seq_len))


def _moved(model: Model, targets: tuple[str, ...]) -> float:
    """Values that adapters move for a token, forward and backward."""

    def values(one: Projection) -> float:
        ins, outs = (a + b for a, b in zip(_FORWARD, _BACKWARD, strict=True))
        return float(one.active * (ins * one.inputs + outs * one.outputs))

    return sum(values(one) for one in projections(model) if one.name in targets)


def _dequantise_seconds(model: Model, machine: Machine, layout: Layout, base: Precision) -> float:
    """Seconds a step of writing the blocks' weights out before each forward and backward pass of a micro-batch."""
    passes = 3 if layout.recompute in ("full", "operators") else 2
    weights = _block_weights(model) / (float(layout.tensor) * float(layout.pipeline))
    moved = weights * (NF4_BYTES + base.activations) * passes * float(layout.micro_batches)
    return float(moving_seconds(moved, machine.chip, layout, layout.constants))


def _block_weights(model: Model) -> float:
    """Parameters of the blocks' matmuls."""
    return float(sum(one.count * one.inputs * one.outputs for one in projections(model)))


def _mean_bytes(model: Model, base: Precision) -> float:
    """Bytes a parameter in the mean, where the blocks' matmuls are in NF4 and all else is not."""
    share = _block_weights(model) / float(model.n_params)
    return share * NF4_BYTES + (1 - share) * base.weights


def _fused(targets: tuple[str, ...]) -> set[str]:
    """Names of the matmuls that hold some targets: queries, keys and values are one, and so are a gate and what it
    gates."""
    parts = {"query": "in", "key": "in", "value": "in", "gate": "in"}
    groups = (name.partition(".") for name in targets)
    return {*targets, *(f"{group}.{parts.get(place, place)}" for group, _, place in groups)}


def _usual_batch(machine: Machine, given: Mapping[str, Any]) -> int:
    """A batch near the usual one of fine-tuning that replicas and micro-batches divide."""
    parallel = math.prod(int(given.get(name, 1)) for name in ("tensor", "pipeline", "context"))
    unit = max(machine.devices // max(parallel, 1), 1) * int(given.get("micro_batch", 1))
    if int(given.get("interleave", 1)) > 1:
        unit *= int(given.get("pipeline", 1))
    return max(round(BATCH_SEQUENCES / unit), 1) * unit


def stack_assumptions(frozen: Model, machine: Machine, layout: Layout, given: Collection[str]) -> Iterator[Assumption]:
    """The stack that was taken where it is not among what is given, with its effect on a step of the frozen base."""
    if "stack" not in given:
        seconds = float(evaluate(frozen, machine, layout).step_seconds)
        yield effect_of_stacks(frozen, machine, layout, given, seconds)


def adapter_assumptions(
    model: Model, machine: Machine, layout: Layout, words: AdapterText, cost: Cost, batch_given: bool
) -> Iterator[Assumption]:
    """What is trained, how the base is stored, and what of it was taken for granted."""
    trained, whole = float(words.counted(model).trained), float(model.n_params)
    yield Assumption(
        name="adapter",
        value=f"{words.form} of rank {words.rank}: {format_quantity(trained)} parameters trained, "
        f"{trained / whole:.2%} of the model's, on {', '.join(words.targets)}",
        why="",
    )
    base = f"frozen, {layout.precision.weights:.3g} bytes a parameter"
    yield Assumption(name="base", value=base, why="NF4 in the blocks" if words.is_quantised else "as it is read")
    if not batch_given:
        yield Assumption(
            name="global_batch",
            value=f"{layout.global_batch} sequences",
            why=f"near {BATCH_SEQUENCES}, usual in fine-tuning",
        )
    moved = float(layout.tokens) / float(layout.devices) * layout.precision.activations * _moved(model, words.targets)
    kernels = float(moving_seconds(moved, machine.chip, layout, layout.constants)) / float(cost.step_seconds)
    yield Assumption(name="adapter kernels", value="unfused", why="as in PEFT", effect=(1 - kernels, 1.0))


def _assignments(rest: str, text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise InputError(f"adapter {shown(text)}: {part!r} is no assignment: write it as in lora:rank=16")
        yield name.lower(), value
