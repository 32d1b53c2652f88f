"""The least change that makes a plan possible, found by search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from froude.cost.machine.known_machines import catalogue
from froude.cost.machine.machine import Machine
from froude.planning.layouts.certain import memory_words, surest
from froude.planning.layouts.space import CATEGORIES, NUMBERS
from froude.planning.plans import Infeasible, LayoutCandidate, Plan
from froude.planning.training.pinned import PinnedTraining
from froude.quantity import format_quantity, format_seconds

Change = tuple[str, dict[str, Any]]
"""A sentence, and what to change to which value."""

_MOST_DEVICES = 2**17
_FINENESS = 16  # device counts that are tried between a count that does not fit and its double that does


def nearest_fit(task: PinnedTraining, least: LayoutCandidate) -> Change:
    """The least change with which a layout fits: where pins and certainty are kept none does.

    In this order: less certainty, where the `least` layout fits at all; one pin less; states, activations, or both in
    host memory; then more devices of the chip or shorter sequences, whichever is the smaller factor. An empty change
    where none of them is enough.
    """
    if (certainty := surest(least)) is not None:
        words = f"memory_certainty = {certainty:g} would do: {memory_words(least, task.machine)} at the least"
        return words, {"memory_certainty": certainty}
    for change in (*_without_pins(task), *_offloads(task)):
        if fitting := task.changed(pins={**task.pins, **change}).fastest():
            return f"{_assignments(change)} would fit: {memory_words(fitting, task.machine)}", change
    scaled = [*_more_devices(task), *_shorter(task)]
    if not scaled:
        return "no number of devices and no length of sequence was found with which it fits", {}
    _, sentence, values = min(scaled, key=lambda one: one[0])
    return sentence, values


def nearest_limits(
    plan: Plan, *, deadline_seconds: float | None = None, budget_dollars: float | None = None
) -> Plan | Infeasible:
    """The plan, where it meets both limits; otherwise what it misses, and the limits that it would meet.

    The fastest layout is also the cheapest on the same devices. More of them are less efficient each, so that no other
    change is smaller as a factor than that of the limit itself.
    """
    limits = {
        "deadline_seconds": (plan.seconds, deadline_seconds, format_seconds),
        "budget_dollars": (plan.dollars, budget_dollars, lambda value: f"${format_quantity(value)}"),
    }
    missed = {n: (need, at, write) for n, (need, at, write) in limits.items() if at is not None and need > at}
    if not missed:
        return plan
    reasons = [
        f"{name.split('_')[0]}: the fastest layout takes {write(need)}, and {write(at)} is the limit"
        for name, (need, at, write) in missed.items()
    ]
    change = {name: float(math.ceil(need)) for name, (need, *_) in missed.items()}
    share = min(at / need for need, at, _ in missed.values())
    raised = " and ".join(f"a {name.split('_')[0]} of {write(change[name])}" for name, (*_, write) in missed.items())
    return Infeasible(
        model=plan.model,
        machine=plan.machine,
        reasons=tuple(reasons),
        nearest=f"{raised}, or {format_quantity(plan.tokens * share)} tokens",
        change=change,
        assumptions=plan.assumptions,
    )


def _without_pins(task: PinnedTraining) -> Iterator[dict[str, Any]]:
    """For every pinned dimension the others with the fastest value of that one, if any fits."""
    for name in (*NUMBERS, *CATEGORIES):
        if name in task.pins:
            rest = {other: value for other, value in task.pins.items() if other != name}
            if fitting := task.changed(pins=rest).fastest():
                yield {name: getattr(fitting.layout, name)}


def _offloads(task: PinnedTraining) -> Iterator[dict[str, str]]:
    """What to keep in host memory, least first."""
    parts = ("offload_optimizer", "offload_activations")
    for names in ((parts[0],), (parts[1],), parts):
        if "host" in task.machine.tiers and not any(name in task.pins for name in names):
            yield dict.fromkeys(names, "host")


def _more_devices(task: PinnedTraining) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """The fewest devices on which a layout fits: doubled until one does, then whole nodes between."""
    grown = task.changed(machine=larger(task.machine, 2 * task.machine.devices))
    while not (fitting := grown.leanest()):
        if grown.machine.devices >= _MOST_DEVICES:
            return
        grown = grown.changed(machine=larger(grown.machine, 2 * grown.machine.devices))
    for devices in _between(grown.machine):
        smaller = grown.changed(machine=larger(grown.machine, devices))
        if fewer := smaller.leanest():
            grown, fitting = smaller, fewer
            break
    devices = grown.machine.devices
    words = f"{devices} devices would fit: {memory_words(fitting, grown.machine)}"
    yield devices / task.machine.devices, words, {"devices": devices}


def _between(machine: Machine) -> range:
    """Numbers of devices between half a machine and all of it, in steps of whole nodes."""
    half, node = machine.devices // 2, machine.devices_per_node
    step = node * math.ceil(half / node / _FINENESS)
    return range((half // step + 1) * step, machine.devices, step)


def _shorter(task: PinnedTraining) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """The longest of sequences halved again and again that fits."""
    seq_len = task.seq_len
    while seq_len % 2 == 0:
        seq_len //= 2
        if fitting := task.changed(seq_len=seq_len).leanest():
            words = f"sequences of {seq_len} would fit: {memory_words(fitting, task.machine)}"
            yield task.seq_len / seq_len, words, {"seq_len": seq_len}
            return


def larger(machine: Machine, devices: int) -> Machine:
    """The same machine with so many devices, its nodes filled where it was only a part of one."""
    known = catalogue().nodes.values() if machine.nodes == 1 else ()
    whole = [node.devices for node in known if node.title == machine.node]
    assumed = tuple(one for one in machine.assumed if not one.startswith("devices: "))
    node = min(devices, max([machine.devices_per_node, *whole]))
    return replace(machine, devices=devices, devices_per_node=node, assumed=assumed)


def _assignments(values: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} = {value}" for name, value in values.items())
