"""How fast a machine trains a model of any size: the best layout of each, with the batch that its data ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.model import Model
from froude.cost.training.assumptions import PRECISIONS, get_precision, pins_under_stack
from froude.planning.layouts.layout_search import FoundLayouts, search
from froude.planning.layouts.space import LayoutSpace, space_of
from froude.planning.plans import AIM, LayoutCandidate
from froude.planning.training.on_tokens import reliability_of
from froude.planning.training.rules import batch_by_rule, larger_batches

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
    `fixed` pins fields of `Layout`; `precisions` are the names to choose from; layouts fit with the
    `memory_certainty`. Unless the `whole` space is asked for,
    sizes are compared by a few options of each dimension, those that matter most: each takes a fraction of a second.
    """

    machine: Machine
    seq_len: int
    global_batch: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    precisions: tuple[str, ...] = ("bf16",)
    memory_certainty: float = AIM
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
        larger = larger_batches(batch, self.machine.devices)
        return next((n for n in (batch, *larger) if self.layouts(model, n, precision).legal), batch)

    def batch(self, tokens: float) -> int:
        """Sequences a step by the rule, a divisor of the devices or 2^k times them; the given one if one is."""
        if self.global_batch is not None:
            return self.global_batch
        return batch_by_rule(tokens, self.machine.devices, self.seq_len)

    def layouts(self, model: Model, global_batch: int, precision: str) -> FoundLayouts:
        """What the search finds for a model in one of the precisions."""
        key = (model.name, float(model.n_params), self.machine.devices, global_batch, precision, self.whole)
        key = (*key, self.memory_certainty)
        if key not in self.searched:
            pins = pins_under_stack(self.machine, self.fixed, precision)
            sizes = {"seq_len": self.seq_len, "global_batch": global_batch}
            space = space_of(model, self.machine, **sizes, fixed=pins)
            space = space if self.whole else narrow(space, self.fixed)
            certainty = self.memory_certainty
            self.searched[key] = search(
                model,
                self.machine,
                **sizes,
                space=space,
                keep=1,
                reach=1.0,
                memory_certainty=certainty,
                best_alone=True,
            )
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
