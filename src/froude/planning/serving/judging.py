"""The best of a ranking simulated: which to simulate, what each keeps, and how far closed forms were off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.simulation import simulate
from froude.cost.serving.simulation.simulation import LEVELS, mean_and_levels
from froude.planning.serving.ranking import Objective, RankedDeployments, ServingLimits
from froude.planning.serving.served_load import ServedLoad
from froude.planning.serving.serving_plan import ServingCandidate, SimulatedService

BEST = 20
"""Deployments that are simulated at a time."""

HEADROOM = (1.0, 0.7, 0.45, 0.25)
"""Shares of the limits, and of the capacity, that means may take: the next where none that was simulated keeps them."""

POLISHED = 2
"""Times that what takes less than the best so far is simulated."""

LEAST_REQUESTS, MOST_REQUESTS = 600, 6000
"""Requests of a simulation."""

STAYS = 6
"""Times that a request is answered in the stretch that is simulated, so that what runs at once is steady."""

WARM_UP = 0.3
"""Share of requests that are not counted, as places fill while they come."""


@final
@dataclass(frozen=True, kw_only=True)
class Judged:
    """Deployments that were simulated, and how far the percentiles of each engine were above its closed-form means."""

    candidates: tuple[ServingCandidate, ...]
    tails: Mapping[str, tuple[float, float]]

    def keeping(self, limits: ServingLimits, objective: Objective) -> list[ServingCandidate]:
        """Those that keep the limits, the least objective first, then those that keep them best."""
        kept = [one for one in self.candidates if keeps(one, limits)]
        return sorted(kept, key=lambda one: (spent(one, objective), excess(one, limits), _smallness(one)))


def judge(
    ranked: RankedDeployments,
    load: ServedLoad,
    limits: ServingLimits,
    objective: Objective,
    constants: ServingConstants,
    seed: int,
) -> Judged:
    """Simulates the best in closed form; with ever more headroom while none keeps the limits, then what takes less.

    Percentiles lie above means, near the capacity by far, so that the first that keep the limits may have less headroom
    than they need: what takes less is simulated too, that with the most headroom first.
    """
    done: dict[tuple[object, ...], ServingCandidate] = {}
    judged = Judged(candidates=(), tails={})
    for headroom in HEADROOM:
        some = _order(ranked, limits, objective, headroom)
        found = chosen(ranked, load, some, set(done), failed=_failed(done.values(), limits))
        done |= {one.family: simulated(one, load, limits, constants, seed) for one in found}
        judged = Judged(candidates=tuple(done.values()), tails=_tails(done.values(), limits))
        if judged.keeping(limits, objective):
            break
    for _ in range(POLISHED):
        kept = judged.keeping(limits, objective)
        if not kept:
            break
        some = _less(ranked, limits, objective, spent(kept[0], objective))
        found = chosen(ranked, load, some, set(done), failed=_failed(done.values(), limits), alike=4, others=False)
        done |= {one.family: simulated(one, load, limits, constants, seed) for one in found}
        judged = Judged(candidates=tuple(done.values()), tails=_tails(done.values(), limits))
        if not found or spent(judged.keeping(limits, objective)[0], objective) == spent(kept[0], objective):
            break
    return judged


def strain(ranked: RankedDeployments, limits: ServingLimits) -> np.ndarray:
    """The share of the tighter limit that means take, or of the capacity where arrivals have a rate."""
    off = limits.excess(ranked.ttft, ranked.tpot)
    if not ranked.is_open:
        return off
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(off, np.where(ranked.capacity > 0, ranked.per_second / ranked.capacity, np.inf))


def _order(ranked: RankedDeployments, limits: ServingLimits, objective: Objective, headroom: float) -> np.ndarray:
    """Those with so much headroom, the least objective first, then the most headroom, wide limits of engines first."""
    off = strain(ranked, limits)
    good = np.flatnonzero(off <= headroom)
    return good[np.lexsort((-ranked.sequences[good], np.round(off[good], 2), ranked.spent(objective)[good]))]


def _less(ranked: RankedDeployments, limits: ServingLimits, objective: Objective, most: float) -> np.ndarray:
    """Those that take less and keep the limits on average, the most headroom first."""
    off = strain(ranked, limits)
    good = np.flatnonzero((off <= 1) & (ranked.spent(objective) < most * (1 - 1e-9)))
    return good[np.lexsort((-ranked.sequences[good], np.round(off[good], 2)))]


def chosen(
    ranked: RankedDeployments,
    load: ServedLoad,
    order: np.ndarray,
    known: set[tuple[object, ...]],
    *,
    failed: Mapping[tuple[object, ...], int],
    alike: int = 2,
    others: bool = True,
) -> list[ServingCandidate]:
    """The first of an order, one of each family and a few `alike` but for replicas, at most `BEST`.

    With `others` the best of every other chip too. What `failed` with so many replicas is not tried with fewer.
    """
    found: dict[tuple[object, ...], ServingCandidate] = {}
    places: dict[tuple[object, ...], int] = {}
    for index in order[: 200 * BEST]:
        one = candidate(ranked, int(index), load)
        if one.family in known or one.family in found or places.get(one.place, 0) >= alike:
            continue
        if int(one.deployment.dp) <= failed.get(one.place, 0):
            continue
        places[one.place] = places.get(one.place, 0) + 1
        found[one.family] = one
        if len(found) == BEST:
            break
    return [*found.values(), *(_of_other_chips(ranked, order, load, found, known) if others else ())]


def _failed(candidates: Iterable[ServingCandidate], limits: ServingLimits) -> dict[tuple[object, ...], int]:
    """By place the most replicas that broke the limits."""
    found: dict[tuple[object, ...], int] = {}
    for one in candidates:
        if not keeps(one, limits):
            found[one.place] = max(found.get(one.place, 0), int(one.deployment.dp))
    return found


def _of_other_chips(
    ranked: RankedDeployments,
    order: np.ndarray,
    load: ServedLoad,
    found: Mapping[tuple[object, ...], ServingCandidate],
    known: set[tuple[object, ...]],
) -> list[ServingCandidate]:
    """The best of every chip that is not among them, so that all that were asked for are compared."""
    seen = {family[0] for family in (*found, *known)}
    chips = np.array([group.machine.chip.name for group in ranked.groups])[ranked.group[order]]
    rest = [chip for chip in dict.fromkeys(chips.tolist()) if chip not in seen]
    return [candidate(ranked, int(order[np.argmax(chips == chip)]), load) for chip in rest]


def candidate(ranked: RankedDeployments, index: int, load: ServedLoad) -> ServingCandidate:
    """A ranked deployment in plain numbers."""
    return ServingCandidate(
        deployment=ranked.deployment(index, load),
        devices=int(ranked.devices[index]),
        dollars_per_hour=float(ranked.dollars[index]),
        ttft=float(ranked.ttft[index]),
        tpot=float(ranked.tpot[index]),
        per_second=float(ranked.per_second[index]),
        capacity=float(ranked.capacity[index]),
        running=float(ranked.running[index]),
    )


def simulated(
    one: ServingCandidate, load: ServedLoad, limits: ServingLimits, constants: ServingConstants, seed: int
) -> ServingCandidate:
    """The candidate with what a simulation finds of it."""
    stay = one.ttft + float(load.output) * one.tpot
    count = int(np.clip(STAYS * one.per_second * stay, LEAST_REQUESTS, MOST_REQUESTS))
    requests = load.requests(count, seed, in_step=one.deployment.engine.prompts != "beside")
    found = simulate(one.deployment, requests, constants=constants, seed=seed)
    counted = slice(int(WARM_UP * len(requests)), None)
    ttft, tpot = found.ttft[counted], found.tpot[counted]
    service = SimulatedService(
        at=limits.at,
        ttft=_shares(ttft, limits.at),
        tpot=_shares(tpot[np.isfinite(tpot)], limits.at),
        goodput=found.goodput(limits.ttft, limits.tpot, warm_up=WARM_UP),
        per_second=found.per_second,
        requests=len(ttft),
        seed=seed,
    )
    return replace(one, simulated=service)


def keeps(one: ServingCandidate, limits: ServingLimits) -> bool:
    """Whether a simulated deployment keeps the limits."""
    return one.simulated is not None and excess(one, limits) <= 1


def excess(one: ServingCandidate, limits: ServingLimits) -> float:
    """How many times the tighter limit the simulated percentiles are."""
    found = one.simulated
    if found is None:
        return np.inf
    return float(limits.excess(np.array(found.ttft["limit"]), np.array(found.tpot["limit"])))


def spent(one: ServingCandidate, objective: Objective) -> float:
    """What is to be least."""
    return float(one.devices) if objective == "devices" else one.dollars_per_hour


def _smallness(one: ServingCandidate) -> tuple[int, int]:
    return int(one.deployment.pp), int(one.deployment.tp)


def _shares(seconds: np.ndarray, at: float) -> dict[str, float]:
    """Mean, usual percentiles, and the one that is limited; of answers of one token, 0."""
    if not seconds.size:
        return dict.fromkeys(("mean", *LEVELS, "limit"), 0.0)
    return {**mean_and_levels(seconds), "limit": float(np.quantile(seconds, at))}


def _tails(candidates: Iterable[ServingCandidate], limits: ServingLimits) -> dict[str, tuple[float, float]]:
    """By engine, how many times its closed-form mean a percentile was of the one that came nearest to the limits."""
    found: dict[str, tuple[float, float]] = {}
    for one in sorted(candidates, key=lambda each: excess(each, limits)):
        if one.simulated is not None:
            pair = (one.simulated.ttft["limit"] / one.ttft, one.simulated.tpot["limit"] / one.tpot)
            found.setdefault(one.deployment.engine.name, pair)
    return found
