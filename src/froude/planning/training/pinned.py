"""A training whose layout is looked for: what is trained where, for how long, under which pins and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.planning.layouts.certain import is_sure
from froude.planning.layouts.layout_search import REACH, FoundLayouts, search
from froude.planning.layouts.space import OFFLOADS, space_of, usual_batch
from froude.planning.plans import AIM, LayoutCandidate
from froude.planning.training.rules import batch_by_rule, larger_batches


@final
@dataclass(frozen=True, kw_only=True)
class PinnedTraining:
    """A model on so many tokens in sequences of a length, on a machine, with the `pins` of its layout.

    `global_batch` is what the user gave, in sequences; where it is None it follows from tokens, devices and length. A
    layout fits where it is sure by `memory_certainty`.
    """

    model: Model
    machine: Machine
    tokens: float
    seq_len: int
    global_batch: int | None
    pins: Mapping[str, Any]
    memory_certainty: float = AIM

    def changed(self, **changes: Any) -> PinnedTraining:
        """The same with some parts replaced."""
        return replace(self, **changes)

    def layouts(self, *, keep: int, reach: float = REACH, tolerance: float = 0.0) -> FoundLayouts:
        """What the search finds for the first batch for which there is a legal layout."""
        first, *larger = self.batches
        found = self._search(first, keep, reach, tolerance)
        for batch in larger:
            if found.legal:
                break
            found = self._search(batch, keep, reach, tolerance)
        return found

    @property
    def batches(self) -> tuple[int, ...]:
        """Sequences a step, in the order in which they are tried."""
        if self.global_batch is not None:
            return (self.global_batch,)
        if self.model.description.get("family", "decoder") != "decoder":
            return (usual_batch(self.machine.devices, self.seq_len),)
        batch = batch_by_rule(self.tokens, self.machine.devices, self.seq_len)
        return (batch, *larger_batches(batch, self.machine.devices))

    def fastest(self) -> LayoutCandidate | None:
        """The fastest layout that fits, None where none does."""
        return next(iter(self.layouts(keep=1, reach=1.0).best), None)

    def leanest(self) -> LayoutCandidate | None:
        """The layout of least memory if it fits; full recomputation is then as little as fits."""
        if any(self.pins.get(name, "device") != "device" for name in OFFLOADS):
            return self.fastest()  # the least on the device may be too much for the host
        least = self.layouts(keep=0, reach=0.0).least
        return least if least is not None and is_sure(least, self.memory_certainty) else None

    def _search(self, batch: int, keep: int, reach: float, tolerance: float) -> FoundLayouts:
        sizes: dict[str, Any] = {"seq_len": self.seq_len, "global_batch": batch}
        return search(
            self.model,
            self.machine,
            **sizes,
            space=space_of(self.model, self.machine, **sizes, fixed=self.pins),
            keep=keep,
            reach=reach,
            memory_certainty=self.memory_certainty,
            tolerance=tolerance,
        )
