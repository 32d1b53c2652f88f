"""Why a plan is as it is: what binds, why others lost, and the least change after which there would be one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.planning.serving.judging import excess, keeps, spent
from froude.planning.serving.ranking import Objective, RankedDeployments, ServingLimits
from froude.planning.serving.serving_plan import ServingCandidate, ServingRunnerUp
from froude.quantity import format_seconds

SHOWN = 6
"""Runners-up that are shown."""

NEAR = 0.9
"""Of a limit, from which on it binds."""


def runners_up(
    kept: list[ServingCandidate], others: list[ServingCandidate], limits: ServingLimits, objective: Objective
) -> tuple[ServingRunnerUp, ...]:
    """What nearly won and why it lost: the next that keep the limits, the best that break them, one of every chip."""
    choice = kept[0]
    cheaper = [one for one in others if not keeps(one, limits) and spent(one, objective) <= spent(choice, objective)]
    cheaper.sort(key=lambda one: (spent(one, objective), excess(one, limits)))
    found = [*cheaper[:2], *kept[1:]]
    places: set[tuple[Any, ...]] = {choice.place}
    first: list[ServingCandidate] = []
    for one in found:
        if one.place not in places:
            places.add(one.place)
            first.append(one)
    chips = {choice.deployment.machine.chip.name} | {one.deployment.machine.chip.name for one in first[:SHOWN]}
    of_others = [one for one in (*kept, *others) if one.deployment.machine.chip.name not in chips]
    last = {one.deployment.machine.chip.name: one for one in reversed(of_others)}
    return tuple(
        ServingRunnerUp(candidate=one, why=why_lost(one, choice, limits, objective))
        for one in sorted((*first[: SHOWN - len(last)], *last.values()), key=lambda each: spent(each, objective))
    )


def why_lost(one: ServingCandidate, choice: ServingCandidate, limits: ServingLimits, objective: Objective) -> str:
    """Why a deployment was not chosen, in a sentence."""
    if not keeps(one, limits):
        return " and ".join(broken(one, limits)) or "breaks the limits"
    mine, best = spent(one, objective), spent(choice, objective)
    if mine > best * (1 + 1e-9):
        unit = f"{mine:,.0f} devices, {mine / best:.2f} times as many" if objective == "devices" else (
            f"${mine:,.2f} an hour, {mine / best:.2f} times as much"
        )  # fmt: skip
        return f"takes {unit}"
    return f"takes as {'few' if objective == 'devices' else 'little'}, but comes nearer its limits"


def broken(one: ServingCandidate, limits: ServingLimits) -> Iterator[str]:
    """The limits that a simulated deployment breaks."""
    found = one.simulated
    for name, limit in (("ttft", limits.ttft), ("tpot", limits.tpot)):
        if found is not None and limit is not None:
            value = getattr(found, name)["limit"]
            if value > limit:
                at = f"p{100 * limits.at:g}"
                yield f"{name.upper()} is {format_seconds(value)} at {at}, above {format_seconds(limit)}"


def what_binds(
    choice: ServingCandidate,
    others: list[ServingCandidate],
    ranked: RankedDeployments,
    limits: ServingLimits,
    objective: Objective,
) -> tuple[str, ...]:
    """What keeps the plan from being smaller, in a sentence each."""
    found, deployment = choice.simulated, choice.deployment
    sentences = []
    for name, limit in (("ttft", limits.ttft), ("tpot", limits.tpot)):
        if found is not None and limit is not None:
            used = getattr(found, name)["limit"] / limit
            if used > NEAR:
                sentences.append(f"{name.upper()}: p{100 * limits.at:g} is {used:.0%} of its limit")
    places, taken = float(deployment.largest_batch), choice.running * float(deployment.dp)
    if taken > NEAR * places:
        is_limited = places >= int(deployment.engine.sequences) * float(deployment.dp)
        what = "the limit on requests at once" if is_limited else "memory"
        sentences.append(f"places: {taken:,.0f} of {places:,.0f} are taken, which {what} allows")
    if deployment.rate is not None and float(deployment.rate) > NEAR * choice.capacity:
        sentences.append(f"capacity: the load is {float(deployment.rate) / choice.capacity:.0%} of it")
    smaller = [one for one in others if spent(one, objective) < spent(choice, objective) * (1 - 1e-9)]
    if not smaller:
        return (*sentences, _less(choice, ranked, limits, objective))
    best = min(smaller, key=lambda one: excess(one, limits))
    much = f"{best.devices} devices" if objective == "devices" else f"${best.dollars_per_hour:,.2f} an hour"
    chip, engine = best.deployment.machine.chip.name, best.deployment.engine.name
    return (
        *sentences,
        f"less: of the best on less, {much} of {chip} under {engine}, {' and '.join(broken(best, limits))}",
    )


def _less(choice: ServingCandidate, ranked: RankedDeployments, limits: ServingLimits, objective: Objective) -> str:
    """What the best deployment that takes less lacks, in closed form."""
    less = np.flatnonzero(ranked.spent(objective) < spent(choice, objective) * (1 - 1e-9))
    served = less[np.isfinite(ranked.tpot[less])]
    if not served.size:
        return "less: no deployment that takes less has capacity for the load, or room for the model"
    best = served[np.argmin(limits.excess(ranked.ttft[served], ranked.tpot[served]))]
    parts = [
        f"{name.upper()} {format_seconds(float(value))} (limit {format_seconds(limit)})"
        for name, value, limit in (("ttft", ranked.ttft[best], limits.ttft), ("tpot", ranked.tpot[best], limits.tpot))
        if limit is not None
    ]
    much = f"{int(ranked.devices[best])} devices" if objective == "devices" else f"${ranked.dollars[best]:,.2f} an hour"
    chip = ranked.groups[int(ranked.group[best])].machine.chip.name
    return f"less: the best on {much}, of {chip}, has on average {' and '.join(parts)}"


@final
@dataclass(frozen=True, kw_only=True)
class LeastChange:
    """A change after which there would be a plan: by how much, relatively, in words, and as arguments."""

    factor: float
    words: str
    change: dict[str, Any]


def changed_limits(
    ranked: RankedDeployments, limits: ServingLimits, first: np.ndarray, each: np.ndarray
) -> Iterator[LeastChange]:
    """The least that a single limit must give way, by latencies `first` and `each` of the ranked deployments."""
    for name, mine, other, limit, kept in (
        ("ttft", first, each, limits.ttft, limits.tpot),
        ("tpot", each, first, limits.tpot, limits.ttft),
    ):
        able = np.isfinite(mine) & np.isfinite(other) & (other <= (np.inf if kept is None else kept))
        if limit is None or not np.any(able):
            continue
        needed = float(np.min(mine[able]))
        if needed > limit:
            rounded = _rounded_up(needed)
            words = f"--{name} {format_seconds(rounded).replace(' ', '')}"
            yield LeastChange(factor=needed / limit, words=words, change={name: rounded})


def least_factor(works: Callable[[float], bool], low: float = 1 / 4096, rounds: int = 9) -> float | None:
    """The most of the load, as a share, that works; None where not even `low` does."""
    if not works(low):
        return None
    high = 1.0
    for _ in range(rounds):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if works(middle) else (low, middle)
    return low


def _rounded_up(seconds: float) -> float:
    """Two digits, upwards."""
    unit = 10.0 ** (np.floor(np.log10(seconds)) - 1)
    return float(np.ceil(seconds / unit - 1e-9) * unit)
