"""A layout from what somebody said of it: the rest is assumed, each assumption with its reason and its effect.

The interval of the answer has two parts, added as squares of logarithms: the model's own error on rows that it was not
calibrated on, and the effect of every assumption that has alternatives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, final

import numpy as np

from froude.cost.machine.assumption import Assumption, parse_assumptions
from froude.cost.machine.constants import between_stacks, held_out_error, unexplained
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Chip, Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.stack.known_stacks import get_stack, likely_stacks
from froude.cost.stack.stack import Stack, Uncertainty
from froude.cost.training.evaluation import Cost, evaluate
from froude.cost.training.layout import Layout, Precision, check_fields
from froude.cost.training.legal import check_legal, legal
from froude.cost.training.memory.certainty import verdict_certainty
from froude.cost.training.memory.device_memory import MemoryBytes
from froude.cost.training.memory.optimal_recompute import with_optimal_recompute
from froude.cost.training.names import by_field, no_field
from froude.cost.training.sensitivity import constants_error
from froude.errors import InputError
from froude.provenance import Computed, recorded

HALF_WIDTH = 1.645
"""Half-width of a 90% interval of a normal distribution, in standard deviations."""

BATCH_TOKENS = 4 * 2**20
"""Tokens of a step where nobody says: four million, as in GPT-3's largest and Llama's trainings."""

BATCH_IMAGES = 4096
"""Images of a step where nobody says, as in the training of the first vision transformers (Dosovitskiy et al. 2021)."""

PRECISIONS: Mapping[str, Precision] = {
    "bf16": Precision(),
    "fp16": Precision(matmuls="fp16", gradients=2, reduce=2),
    "fp32": Precision(matmuls="fp32", weights=4, master=0, activations=4),
    "tf32": Precision(matmuls="tf32", weights=4, master=0, activations=4),
    "fp8": Precision(matmuls="fp8"),
    "mxfp8": Precision(matmuls="mxfp8"),
    "nvfp4": Precision(matmuls="nvfp4"),
    "bf16-lean": Precision(gradients=2, reduce=2, optimizer=4),
    "bf16-8bit": Precision(optimizer=2),
}
"""Precisions by name: mixed ones keep fp32 master weights and Adam's states in fp32; "bf16-lean" has gradients and
states in bf16, "bf16-8bit" quantised states (Dettmers et al. 2021, arXiv:2110.02861). Where matmuls are narrower
("fp8"; "mxfp8", Mishra et al. 2025, arXiv:2506.08027; "nvfp4", NVIDIA 2025, arXiv:2509.25149) their inputs are cast on
the way, and weights and activations stay in bf16."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class TrainCost(Computed):
    """What one layout of a model costs on a machine, a 90% interval of its step seconds, and what was assumed.

    `adapter` says what is trained where that is not the whole model.
    """

    model: Model
    machine: Machine
    layout: Layout
    cost: Cost
    interval: tuple[float, float]
    assumptions: tuple[Assumption, ...]
    adapter: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON: seconds, rates, bytes by part with their total, the layout, and the assumptions."""
        return {
            **cost_to_dict(self.cost, self.interval),
            "layout": layout_to_dict(self.layout),
            **({} if self.adapter is None else {"adapter": dict(self.adapter)}),
            **self.origin,
            "assumptions": [
                {"name": one.name, "value": one.value, "why": one.why, "effect": list(one.effect)}
                for one in self.assumptions
            ],
        }


def cost_to_dict(cost: Cost, interval: tuple[float, float]) -> dict[str, Any]:
    """A single layout's cost as JSON, with an interval of its step seconds."""
    return {
        "step_seconds": float(cost.step_seconds),
        "interval": list(interval),
        "step_seconds_by_part": {name: float(value) for name, value in vars(cost.step).items()},
        "tokens_per_second": float(cost.tokens_per_second),
        "tflops_per_device": float(cost.flops_per_device) / 1e12,
        "mfu": float(cost.mfu),
        "hfu": float(cost.hfu),
        "memory_bytes": memory_to_dict(cost.memory),
        "fits": bool(cost.fits),
        "fits_probability": float(cost.fits_probability),
        "verdict_certainty": verdict_certainty(bool(cost.fits), float(cost.fits_probability)),
    }


def memory_to_dict(memory: MemoryBytes) -> dict[str, float]:
    """Bytes of a single layout by part, and what is allocated, reserved, and in all."""
    sums = {"allocated": memory.allocated, "reserved": memory.reserved, "total": memory.total}
    return {name: float(value) for name, value in (vars(memory) | sums).items()}


def layout_to_dict(layout: Layout) -> dict[str, Any]:
    """A single layout as JSON: counts as whole numbers, the precision by name."""
    apart = ("precision", "kept", "stack")
    plain = {field.name: getattr(layout, field.name) for field in fields(layout) if field.name not in apart}
    counts = {name: value if isinstance(value, str | bool) else _count(value) for name, value in plain.items()}
    kept = {"kept": vars(layout.kept)} if layout.recompute == "optimal" else {}
    stack = layout.stack.label if layout.stack else None
    return {**counts, "precision": precision_name(layout.precision), **kept, "stack": stack}


@recorded
def train_cost(
    model: Model | str, machine: Machine | str, *, stack: Stack | str | None = None, **given: Any
) -> TrainCost:
    """The cost of a training's layout of which `given` says some fields, the rest being assumed and listed.

    Names and values are those of `Layout`, or the short names tp, pp, cp and ep, `precision` by name:
    `train_cost(model, machine, tensor=8, zero=1)`. Model, machine and stack may be texts, as `get_model`, `get_machine`
    and `get_stack` read them. Where no stack is named the likeliest is taken, and the interval holds the others that
    are likely.
    InputError for a name that is not a field, and for layouts that do not exist.
    """
    if isinstance(model, Machine) or isinstance(machine, Model):
        raise InputError("froude.train_cost takes the model first, then the machine: write train_cost(model, machine)")
    model = get_model(model) if isinstance(model, str) else model
    machine = get_machine(machine) if isinstance(machine, str) else machine
    stack = get_stack(stack) if isinstance(stack, str) else stack
    layout, reasons = complete(model, machine, given, stack)
    check_legal(model, machine, layout)
    cost = evaluate(model, machine, layout)
    assumptions = [
        *([] if stack else [effect_of_stacks(model, machine, layout, given, float(cost.step_seconds))]),
        *(effect_of(model, machine, layout, name, why, float(cost.step_seconds)) for name, why in reasons.items()),
    ]
    return TrainCost(
        model=model,
        machine=machine,
        layout=layout,
        cost=cost,
        interval=interval(float(cost.step_seconds), assumptions, own_error(model, machine, layout)),
        assumptions=(*assumptions, *parse_assumptions(machine.assumed), *parse_assumptions(model.assumed)),
    )


def complete(
    model: Model, machine: Machine, given: Mapping[str, Any], stack: Stack | None = None
) -> tuple[Layout, dict[str, str]]:
    """The layout with every field set, and why each field has its value that neither user nor stack gave."""
    stack = stack or likely_stacks(machine.chip)[0][0]
    known = sorted({field.name for field in fields(Layout)} - {"devices", "kept", "stack"})
    given = by_field(given)
    for name in given:
        if name not in known:
            raise InputError(no_field(name, known))
    check_fields(given)
    chosen = {**stack.defaults(machine.chip), "devices": machine.devices, "stack": stack, **given}
    if "precision" in chosen:
        chosen["precision"] = under_stack(chosen["precision"], stack, machine.chip)
    reasons: dict[str, str] = {}
    for name, value, why in _defaults(model, machine, chosen):
        if name not in chosen:
            chosen[name], reasons[name] = value, why
    layout = Layout(**{"global_batch": 1, **chosen})
    if "global_batch" not in chosen:
        layout, reasons["global_batch"] = _usual_batch(model, layout)
    if "recompute" not in chosen:
        layout, reasons["recompute"] = _least_recompute(model, machine, layout)
    elif layout.recompute == "optimal":
        check_legal(model, machine, layout)
        layout = with_optimal_recompute(model, machine, layout)
    return layout, reasons


def get_precision(name: str | Precision) -> Precision:
    """The precision of a name; InputError lists the names."""
    if isinstance(name, Precision):
        return name
    if name not in PRECISIONS:
        raise InputError(f"no precision is called {name!r}: take one of {', '.join(PRECISIONS)}")
    return PRECISIONS[name]


def under_stack(precision: str | Precision, stack: Stack, chip: Chip) -> Precision:
    """A precision as a stack keeps its values on a chip, where it is given by name. InputError lists the names."""
    plain = get_precision(precision)
    return replace(plain, **stack.kept_bytes(precision, chip)) if isinstance(precision, str) else plain


def precision_name(precision: Precision) -> str:
    """The name of a precision, or its matmuls' type where it has none."""
    return next((name for name, one in PRECISIONS.items() if one == precision), precision.matmuls)


def own_error(model: Model, machine: Machine, layout: Layout) -> float:
    """Half-width of a 90% interval of log step seconds of a layout that is known: of its stack, where that has one.

    Where the stack says how well its constants are known, what is uncertain of them is added. Of a stack on which
    nobody measured that kind of model, constants are as uncertain as between any two stacks, and what no constant
    explains comes on top.
    """
    stack, kind = layout.stack, kind_of(model)
    if stack is None:
        return held_out_error()
    known = stack.uncertainty
    if known is None and kind in stack.errors:
        return stack.errors[kind]
    left = stack.errors.get(kind, HALF_WIDTH * unexplained()[kind])
    uncertain = constants_error(model, machine, layout, known or Uncertainty.of_spreads(between_stacks()))
    return float(np.hypot(left, HALF_WIDTH * uncertain))


def kind_of(model: Model) -> str:
    """The kind of model that errors are said of: a "mixture" of experts, or "dense"."""
    return "mixture" if float(np.max(model.experts)) > 1 else "dense"


def interval(step_seconds: float, assumptions: list[Assumption], error: float) -> tuple[float, float]:
    """A 90% interval of step seconds from the model's own error (see `own_error`) and the assumptions' effects."""
    own = error**2
    below = own + sum(min(np.log(one.effect[0]), 0.0) ** 2 for one in assumptions)
    above = own + sum(max(np.log(one.effect[1]), 0.0) ** 2 for one in assumptions)
    return float(step_seconds * np.exp(-np.sqrt(below))), float(step_seconds * np.exp(np.sqrt(above)))


def effect_of(model: Model, machine: Machine, layout: Layout, name: str, why: str, step_seconds: float) -> Assumption:
    """An assumption with the least and the most that its alternatives would take, over what was assumed."""
    value = getattr(layout, name)
    ratios = [1.0]
    for other in _alternatives(machine, layout, name):
        changed = replace(layout, **other)
        if bool(legal(model, machine, changed)):
            ratios.append(float(evaluate(model, machine, changed).step_seconds) / step_seconds)
    text = precision_name(value) if isinstance(value, Precision) else _text(value)
    return Assumption(name=name, value=text, why=why, effect=(min(ratios), max(ratios)))


def pins_under_stack(machine: Machine, fixed: Mapping[str, Any], precision: str | None = None) -> dict[str, Any]:
    """Pinned fields of a layout, a stack or its name among them, and what that stack or the likeliest sets beside them.

    `precision` is what is taken where none is pinned; by default the chip's 16-bit one.
    """
    named = fixed.get("stack") or likely_stacks(machine.chip)[0][0]
    stack = get_stack(named) if isinstance(named, str) else named
    kept = under_stack(fixed.get("precision", precision or usual_precision(machine.chip)), stack, machine.chip)
    return {**stack.defaults(machine.chip), **fixed, "stack": stack, "precision": kept}


def effect_of_stacks(
    model: Model, machine: Machine, layout: Layout, given: Collection[str], step_seconds: float
) -> Assumption:
    """The stack that was taken where nobody named one, with the least and the most that other likely ones take."""
    (taken, _), *others = likely_stacks(machine.chip)
    ratios = [1.0]
    for other, _ in others:
        free = {name: value for name, value in other.defaults(machine.chip).items() if name not in given}
        kind = layout.precision.matmuls
        usual = layout.precision == under_stack(kind, taken, machine.chip)
        kept = under_stack(kind, other, machine.chip) if usual else layout.precision
        changed = replace(layout, **free, stack=other, precision=kept)
        if bool(legal(model, machine, changed)):
            ratios.append(float(evaluate(model, machine, changed).step_seconds) / step_seconds)
    named = ", ".join(f"{stack.label} {share:.0%}" for stack, share in likely_stacks(machine.chip))
    why = f"nobody named one with --stack, and likely are {named}" if others else "the only one that is known"
    return Assumption(name="stack", value=taken.label, why=why, effect=(min(ratios), max(ratios)))


def _defaults(model: Model, machine: Machine, chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Fields in the order in which they are decided, with value and reason."""
    yield "seq_len", int(model.context), "the model's context"
    usual = under_stack(usual_precision(machine.chip), chosen["stack"], machine.chip)
    yield "precision", usual, "mixed precision with master weights in fp32"
    for name in ("tensor", "pipeline", "context", "expert", "interleave", "micro_batch"):
        yield name, 1, "the default"
    if int(chosen.get("pipeline", 1)) > 1:
        yield "pipeline_layout", "even", "equal parts of the layers"
    if int(chosen.get("tensor", 1)) > 1 and int(model.experts) > 1:
        yield "expert_tensor", 0, "experts divided as all else"
    parts = int(np.prod([int(chosen.get(name, 1)) for name in ("tensor", "pipeline", "context")]))
    several = machine.devices // max(parts, 1) > 1
    stage = (1 if parts > 1 else 3) if several else 0
    why = "states divided, as with other parallelism" if parts > 1 else "the only parallelism"
    yield "zero", stage, why if several else "one replica"
    yield "shard", 0, "all data-parallel devices"
    yield "sequence_parallel", int(chosen.get("tensor", 1)) > 1, "free with tensor parallelism"
    yield "schedule", "1f1b", "what frameworks take"
    for name, value in _OF_NO_STACK.items():
        yield name, value, "the stack does not say"


_OF_NO_STACK: Mapping[str, Any] = MappingProxyType(
    {"attention": "flash-2", "overlap": True, "overlap_tensor": False, "fused_loss": False, "compiled": False}
)
"""What a layout has where not even its stack says."""


def _alternatives(machine: Machine, layout: Layout, name: str) -> Iterator[dict[str, Any]]:
    """What else an assumed field could reasonably be."""
    if name == "precision" and layout.precision == PRECISIONS["bf16"]:
        yield {"precision": PRECISIONS["bf16-lean"]}
    elif name == "micro_batch":
        yield from ({"micro_batch": layout.micro_batch * times} for times in (2, 4))
    elif name == "pipeline_layout":
        yield {"pipeline_layout": "ends"}
    elif name == "expert_tensor":
        yield {"expert_tensor": 1}
    elif name == "zero" and int(layout.data_parallel) > 1:
        # Gathering weights for every micro-batch of a pipeline is nobody's choice.
        yield from ({"zero": stage} for stage in ((0, 1) if layout.pipeline > 1 else (1, 3)))
    elif name == "attention":
        yield from ({"attention": kernel} for kernel in ("flash", "flash-3"))
    elif name == "recompute":
        yield from ({"recompute": mode} for mode in ("none", "selective", "full"))
    elif name in ("overlap", "compiled", "fused_loss") or (
        name in ("overlap_tensor", "sequence_parallel") and layout.tensor > 1
    ):
        yield {name: not getattr(layout, name)}


def _usual_batch(model: Model, layout: Layout) -> tuple[Layout, str]:
    """A global batch near the usual number of tokens or images that replicas, micro-batches and pipeline divide."""
    unit = int(layout.data_parallel) * int(layout.micro_batch)
    if int(layout.interleave) > 1:
        unit *= int(layout.pipeline)
    of_images = model.description.get("family") in ("vit", "dit", "convnet", "unet")
    wanted = BATCH_IMAGES if of_images else BATCH_TOKENS / float(layout.seq_len)
    batch = max(round(wanted / max(unit, 1)), 1) * max(unit, 1)
    why = f"near {BATCH_IMAGES} images a step" if of_images else f"near {BATCH_TOKENS / 2**20:g} Mi tokens a step"
    return replace(layout, global_batch=batch), why


def _least_recompute(model: Model, machine: Machine, layout: Layout) -> tuple[Layout, str]:
    """The least recomputation with which the layout fits, if any does."""
    for mode in ("none", "selective", "operators", "full"):
        candidate = replace(layout, recompute=mode)
        if bool(legal(model, machine, candidate)) and bool(evaluate(model, machine, candidate).fits):
            return candidate, "the least that fits"
    return replace(layout, recompute="full"), "nothing less comes nearer to fitting"


def _count(value: Any) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
