"""Plans of given layouts, made without a search, and one that is infeasible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.cost.training.assumptions import effect_of, interval
from froude.cost.training.layout import Layout
from froude.planning.plans import Infeasible, Plan, Point, RunnerUp, candidate_of

MODEL, MACHINE = get_model("llama-3.1-8b"), get_machine("64 x h100")
PIPED = Layout(devices=64, global_batch=256, seq_len=4096, tensor=2, pipeline=4, interleave=4, zero=1, recompute="full")
FLAT = replace(PIPED, pipeline=1, interleave=1)


def planned(layout: Layout, **changed: Any) -> Plan:
    """A plan of a given layout, without the search."""
    choice = candidate_of(MODEL, MACHINE, layout)
    steps = 100_000
    made: dict[str, Any] = {
        "model": MODEL.name, "machine": MACHINE, "n_params": float(MODEL.n_params), "choice": choice,
        "interval": interval(choice.step_seconds, [], 0.08), "tokens": float(steps * layout.tokens), "steps": steps,
        "seconds": steps * choice.step_seconds / 0.98, "goodput": 0.98, "dollars": 123_456.0, "kwh": 98_765.0,
        "runners_up": (RunnerUp(candidate=candidate_of(MODEL, MACHINE, FLAT), why="slower by a planted amount"),),
        "binding": ("memory: planted reason",),
        "assumed": (effect_of(MODEL, MACHINE, layout, "attention", "what frameworks take", choice.step_seconds),),
        "assumptions": ("attention: flash-2 (what frameworks take)", "price: $2.50 a <device> hour"),
    }  # fmt: skip
    return Plan(**(made | changed))


def infeasible() -> Infeasible:
    """Why a model does not fit, with the layout that came nearest."""
    return Infeasible(
        model="m",
        machine=MACHINE,
        reasons=("memory: of 7 layouts none fits",),
        nearest="4096 devices would fit",
        change={"devices": 4096},
        least=candidate_of(get_model("llama-3.1-405b"), MACHINE, FLAT),
    )


def point(loss: float, seconds: float, dollars: float, devices: int) -> Point:
    return Point(
        model="m", n_params=1e9, tokens=2e10, devices=devices, loss=loss, seconds=seconds, dollars=dollars, kwh=5.0,
        tensor=1, pipeline=1, zero=1, global_batch=64, mfu=0.4,
    )  # fmt: skip


POINTS = (point(2.5, 2e5, 100.0, 8), point(2.5, 1e5, 150.0, 16), point(2.25, 4e5, 400.0, 16))
