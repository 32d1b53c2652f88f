"""How fast layouts are searched: legal layouts, those computed in full, those pruned, CPU seconds and layouts a second.

A layout counts as computed when all parts of its memory and of its step time are; pruned ones are legal and need more
memory than there is by far. Every search runs in this one process on one core, median CPU time of five.
Command: OMP_NUM_THREADS=1 python benchmarks/planner_speed.py
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.training.assumptions import pins_under_stack
from froude.planning.layouts.layout_search import REACH, FoundLayouts, search
from froude.planning.layouts.space import CATEGORIES, NUMBERS, LayoutSpace, space_of
from record import record

TURNS = 5


@dataclass(frozen=True, kw_only=True)
class Case:
    """A search: what is trained where, the space in place of the planner's own, and how much is pruned."""

    title: str
    model: str
    machine: str
    seq_len: int
    global_batch: int
    options: Mapping[str, Any]
    reach: float = REACH
    stack: str = ""

    def space(self) -> LayoutSpace:
        """The layouts searched."""
        machine = get_machine(self.machine)
        task: dict[str, Any] = {"seq_len": self.seq_len, "global_batch": self.global_batch}
        fixed = pins_under_stack(machine, {"stack": self.stack}) if self.stack else None
        return replace(space_of(get_model(self.model), machine, **task, fixed=fixed), **self.options)

    def run(self, space: LayoutSpace) -> tuple[float, FoundLayouts]:
        """CPU seconds of one search, and what it found."""
        model, machine = get_model(self.model), get_machine(self.machine)
        start = time.process_time()
        found = search(
            model, machine, seq_len=self.seq_len, global_batch=self.global_batch, space=space, reach=self.reach
        )
        return time.process_time() - start, found


EVERYTHING = {
    "recompute": ("none", "selective", "operators", "full"),
    "offload_optimizer": ("device", "host", "nvme"),
    "offload_activations": ("device", "host"),
}
"""Dimensions that the planner leaves out unless asked."""

CASES = (
    Case(
        title="22B on 8 A100, every layout computed",
        **{"model": "megatron-22b", "machine": "8 x a100-80", "seq_len": 2048, "global_batch": 1920},
        options=EVERYTHING,
        reach=math.inf,
    ),
    Case(
        title="175B on 1,024 A100, every layout computed",
        **{"model": "gpt3-175b", "machine": "1024 x a100-80", "seq_len": 2048, "global_batch": 1536},
        options={},
        reach=math.inf,
    ),
    Case(
        title="175B on 1,024 A100 under the stack megatron, every layout computed",
        **{"model": "gpt3-175b", "machine": "1024 x a100-80", "seq_len": 2048, "global_batch": 1536},
        options={},
        reach=math.inf,
        stack="megatron",
    ),
    Case(
        title="DeepSeek-V3 on 2,048 H800, as planned",
        **{"model": "deepseek-v3", "machine": "2048 x h800", "seq_len": 4096, "global_batch": 15360},
        options={},
    ),
    Case(
        title="175B on 1,024 A100, as planned",
        **{"model": "gpt3-175b", "machine": "1024 x a100-80", "seq_len": 2048, "global_batch": 1536},
        options={},
    ),
)


def dimensions(space: LayoutSpace) -> dict[str, list[Any]]:
    """The options of every dimension of a space."""
    return {name: list(getattr(space, name)) for name in (*NUMBERS, *CATEGORIES)}


def row(case: Case, seconds: float, found: FoundLayouts) -> dict[str, Any]:
    """A line of the table."""
    layout = found.best[0].layout
    return {
        "search": case.title,
        "legal": f"{found.legal:,}",
        "computed": f"{found.computed:,}",
        "pruned": f"{found.pruned:,}",
        "CPU seconds": f"{seconds:.2f}",
        "computed a second": f"{found.computed / seconds:,.0f}",
        "found": f"tensor {layout.tensor}, pipeline {layout.pipeline} x {layout.interleave}, ZeRO {layout.zero}, "
        f"micro-batch {layout.micro_batch}, MFU {found.best[0].cost.mfu:.0%}",
    }


def main() -> None:
    """Times every case and records the table with the dimensions searched."""
    rows, spaces = [], {}
    for case in CASES:
        space = case.space()
        turns = [case.run(space) for _ in range(TURNS)]
        rows.append(row(case, median(seconds for seconds, _ in turns), turns[0][1]))
        spaces[case.title] = dimensions(space)
        print(rows[-1], flush=True)
    record(
        "planner_speed",
        "OMP_NUM_THREADS=1 python benchmarks/planner_speed.py",
        rows,
        notes=[
            "One process on one core, median CPU time of five. A layout is computed when its memory and its step "
            "time are, with all parts; the result's file lists the dimensions."
        ],
        dimensions=spaces,
    )


if __name__ == "__main__":
    main()
