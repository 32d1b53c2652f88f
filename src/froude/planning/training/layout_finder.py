"""How fast a machine trains a model of any size: the best layout of each, with the batch that its data ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import PRECISIONS, get_precision, usual_precision
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws import get_law
from froude.planning.layouts.layout_search import FoundLayouts, search
from froude.planning.layouts.space import LayoutSpace, divisors, space_of
from froude.planning.plans import LayoutCandidate
from froude.planning.training.on_tokens import reliability_of
from froude.planning.training.shapes import n_non_embedding
from froude.quantity import format_quantity

BATCH_RULE, RATE_RULE, RULE_SET = "step-law-batch", "step-law-lr", "step-law-2025"
"""Best batch and learning rate: Li et al. 2025 (Step Law), arXiv:2503.04715, whose N leaves embeddings out."""

FP8_LOSS = 0.0025
"""Relative loss that fp8 matmuls cost at most: "consistently below 0.25%" against bf16 in DeepSeek-AI 2024,
arXiv:2412.19437, section 3.3 (as remembered)."""

NARROW_LOSS: Mapping[str, float] = {"fp8": FP8_LOSS, "mxfp8": FP8_LOSS, "nvfp4": 0.015}
"""Relative loss over bf16 by the matmuls' type, at most: mxfp8 taken as fp8; nvfp4 "slightly above 1.5%" at the end
of a 12B's 10T tokens, NVIDIA 2025, arXiv:2509.25149 (as remembered)."""

_NARROW: Mapping[str, tuple[Any, ...]] = {
    "micro_batch": (1, 2, 4),
    "interleave": (1, 2, 4),
    "context": (1, 2, 4, 8, 16, 32),
    "shard": (0,),
    "zero": (1, 3),
    "recompute": ("none", "full"),
    "schedule": ("1f1b",),
    "sequence_parallel": (True,),
}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LayoutFinder:
    """A machine, what is settled of a training on it, and the best layouts of the models that were asked about.

    Sequences have `seq_len` tokens; a step has `global_batch` of them, or as many as the rule says where that is None.
    `fixed` pins fields of `Layout`; `precisions` are the names to choose from. Unless the `whole` space is asked for,
    sizes are compared by a few options of each dimension, those that matter most: each takes a fraction of a second.
    """

    machine: Machine
    seq_len: int
    global_batch: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    precisions: tuple[str, ...] = ("bf16",)
    whole: bool = False
    searched: dict[tuple[Any, ...], FoundLayouts] = field(default_factory=dict, repr=False)

    def legal_batch(self, model: Model, tokens: float, precision: str) -> int:
        """Sequences a step for a training of so many tokens: the nearest to the rule for which there is a layout.

        Batches by the rule are divisors of the devices, or 2^k times them; where what is fixed asks for a larger one,
        the next larger.
        """
        batch = self.batch(tokens)
        if self.global_batch is not None:
            return batch
        larger = (n for n in (*divisors(self.machine.devices), 2 * self.machine.devices) if n > batch)
        return next((n for n in (batch, *larger) if self.layouts(model, n, precision).legal), batch)

    def batch(self, tokens: float) -> int:
        """Sequences a step by the rule, a divisor of the devices or 2^k times them; the given one if one is."""
        if self.global_batch is not None:
            return self.global_batch
        wanted, devices = max(best_batch(max(tokens, 1.0)) / self.seq_len, 1.0), self.machine.devices
        if wanted >= devices:
            return devices * 2 ** round(math.log2(wanted / devices))
        return min(divisors(devices), key=lambda n: abs(math.log(n / wanted)))

    def layouts(self, model: Model, global_batch: int, precision: str) -> FoundLayouts:
        """What the search finds for a model in one of the precisions."""
        key = (model.name, float(model.n_params), self.machine.devices, global_batch, precision, self.whole)
        if key not in self.searched:
            pins = {**self.fixed, "precision": get_precision(precision)}
            sizes = {"seq_len": self.seq_len, "global_batch": global_batch}
            space = space_of(model, self.machine, **sizes, fixed=pins)
            space = space if self.whole else narrow(space, self.fixed)
            self.searched[key] = search(model, self.machine, **sizes, space=space, keep=1, reach=1.0)
        return self.searched[key]

    def tokens_per_second(self, model: Model, candidate: LayoutCandidate) -> float:
        """Tokens a second of wall time, what failures and checkpoints take left out."""
        return float(candidate.cost.tokens_per_second) * reliability_of(model, self.machine, candidate.layout).goodput

    def on(self, machine: Machine) -> LayoutFinder:
        """The same training on another machine; what was searched is shared."""
        return replace(self, machine=machine)

    def of_all_layouts(self) -> LayoutFinder:
        """The same with the whole space of layouts; what was searched is shared."""
        return replace(self, whole=True)


def narrow(space: LayoutSpace, fixed: Mapping[str, Any]) -> LayoutSpace:
    """The space with the few options of each dimension that matter most; what is fixed stays."""

    def few_of(name: str, few: tuple[Any, ...]) -> tuple[Any, ...]:
        options = getattr(space, name)
        return options if name in fixed else tuple(o for o in options if o in few) or options[:1]

    return replace(space, **{name: few_of(name, few) for name, few in _NARROW.items()})


def best_batch(tokens: float) -> float:
    """Tokens a step that a training of so many tokens asks for (Step Law)."""
    rule = get_law(BATCH_RULE)
    return float(rule(D=tokens, **rule.published[RULE_SET]))


def best_learning_rate(model: Model, tokens: float) -> float:
    """The peak learning rate that a model and its tokens ask for (Step Law)."""
    rule = get_law(RATE_RULE)
    return float(rule(N=n_non_embedding(model), D=tokens, **rule.published[RULE_SET]))


def precisions_of(machine: Machine, precision: str | None) -> tuple[str, ...]:
    """Names of the precisions to choose from: the one that is given, or all that the chip trains in at a known loss."""
    if precision is not None:
        get_precision(precision)
        return (precision,)
    usual = usual_precision(machine.chip)
    return (usual, "fp8") if "fp8" in machine.chip.peak_flops else (usual,)


def loss_factor(precision: str) -> float:
    """The loss of a precision over that of bf16, at most."""
    return 1 + NARROW_LOSS.get(PRECISIONS[precision].matmuls, 0.0)


def rule_assumptions(model: Model, tokens: float, batch_by_rule: bool) -> Iterator[str]:
    """A sentence each on learning rate and batch: the rule, how far beyond its runs it is asked, what others say."""
    C = FLOP_PER_PARAM_TOKEN * float(model.n_active) * tokens
    rules = ((RATE_RULE, "compute-lr"), *(((BATCH_RULE, "compute-batch"),) if batch_by_rule else ()))
    for name, other in rules:
        rule, second = get_law(name), get_law(other)
        at = {"N": float(n_non_embedding(model)), "D": tokens}
        beyond = max(max(at[x] / rule.domain[x][1], rule.domain[x][0] / at[x]) for x in rule.inputs)
        far = f", asked {beyond:.2g} times beyond its runs" if beyond > 1 else ""
        values_by_set = {constants: float(second(C=C, **values)) for constants, values in second.published.items()}
        others = " and ".join(
            f"{f'{value:.3g}' if name == RATE_RULE else format_quantity(value) + ' tokens'} by {constants}"
            for constants, value in values_by_set.items()
        )
        head = "learning rate" if name == RATE_RULE else "batch"
        yield f"{head}: {rule.source}{far}; it would be {others}"
