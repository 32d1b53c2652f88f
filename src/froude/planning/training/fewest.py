"""How many devices a training needs: the fewest with which it ends in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from froude.bounds import MOST_DEVICES
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.planning.layouts.nearest import larger
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.layout_finder import LayoutFinder
from froude.quantity import format_seconds

AUTO: Literal["auto"] = "auto"
"""What is given in place of a number of devices that is to be found."""

_SURPLUS = 1.25  # of the time, within which the best of all layouts may still be enough where the best of a few is not


def fewest_devices(
    model: Model,
    finder: LayoutFinder,
    *,
    tokens: float,
    within_seconds: float,
    plan_on: Callable[[Machine], Plan | Infeasible],
) -> Plan | Infeasible:
    """The plan on the fewest devices of the finder's machine that end in time, or why no number of them does.

    Numbers are of whole nodes: powers of two, and three times such. `plan_on` plans without a limit of time on a
    machine. Of each number the best of a few layouts is looked at first, then the best of all.
    """
    before: str | None = None
    latest: Plan | Infeasible | None = None
    for machine in machines_of(finder.machine, _least_devices(model, finder, tokens, within_seconds)):
        seconds = _seconds_on(model, finder.on(machine), tokens)
        if seconds is None or seconds > _SURPLUS * within_seconds:
            before = _took(machine, seconds)
            continue
        latest = plan_on(machine)
        if isinstance(latest, Plan) and latest.seconds <= within_seconds:
            return replace(latest, binding=(_found(latest, within_seconds, before), *latest.binding))
        before = _took(machine, latest.seconds if isinstance(latest, Plan) else None)
    reason = f"deadline: no number of devices up to {MOST_DEVICES:,} ends within {format_seconds(within_seconds)}"
    return Infeasible(
        model=model.name,
        machine=finder.machine,
        reasons=(f"{reason}; {before}" if before else reason,),
        nearest="give more time, fewer tokens, or a larger global batch, which more devices can share",
        assumptions=finder.machine.assumed,
    )


def machines_of(machine: Machine, least: float) -> Iterator[Machine]:
    """Machines of the same nodes with at least so many devices: nodes are 2^k or 3·2^k."""
    whole = larger(machine, MOST_DEVICES)  # its nodes are filled
    node = whole.devices_per_node
    for k in range(MOST_DEVICES.bit_length()):
        for nodes in sorted({2**k, 3 * 2 ** (k - 1)} if k else {1}):
            if least <= nodes * node <= MOST_DEVICES:
                yield replace(whole, devices=nodes * node)


def _least_devices(model: Model, finder: LayoutFinder, tokens: float, within_seconds: float) -> float:
    """Devices that would do at the peak of the chip: with fewer no layout can."""
    chip = finder.machine.chip
    peak = max(chip.peak_flops.values())
    return float(model.training_flops(finder.seq_len)) * tokens / (peak * within_seconds)


def _seconds_on(model: Model, finder: LayoutFinder, tokens: float) -> float | None:
    """Seconds in the best of a few layouts; None where none fits."""
    (precision, *_) = finder.precisions
    found = finder.layouts(model, finder.legal_batch(model, tokens, precision), precision)
    return tokens / finder.tokens_per_second(model, found.best[0]) if found.best else None


def _took(machine: Machine, seconds: float | None) -> str:
    if seconds is None:
        return f"on {machine.devices:,} it does not fit"
    return f"{machine.devices:,} would take {format_seconds(seconds)}"


def _found(plan: Plan, within_seconds: float, before: str | None) -> str:
    words = f"devices: {plan.machine.devices:,} are the fewest that end within {format_seconds(within_seconds)}"
    rest = f"; {before}" if before else "; fewer could not at the peak of the chip"
    return f"{words}, of whole nodes, powers of two and three times such{rest}"
