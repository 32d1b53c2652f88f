"""Why no deployment does what is asked, and the least change after which one does, tried by a plan of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from froude.planning.serving.judging import Judged
from froude.planning.serving.question import ServingQuestion
from froude.planning.serving.ranking import RankedDeployments
from froude.planning.serving.reasons import LeastChange, broken, changed_limits, excess, least_factor
from froude.planning.serving.serving_plan import NoServingPlan
from froude.planning.serving.space import DeploymentGroup
from froude.quantity import format_seconds

QUALITIES = (0.01, 0.02, 0.03, 0.05)
"""Losses of quality that are tried."""

MORE = (2, 4, 8)
"""Times as many devices that are tried."""

TRIED = 5
"""Changes that are tried by a plan, the least first."""

NEAREST = 3
"""Groups in which a smaller load is tried."""

LOOSER = (1.0, 1.15, 1.4)
"""Factors on a limit that closed forms say is enough, where the simulation does not agree."""


def no_plan(question: ServingQuestion, ranked: RankedDeployments, judged: Judged) -> NoServingPlan:
    """The answer where nothing keeps the limits."""
    found = sorted(_changes(question, ranked, judged), key=lambda one: one.factor)
    working = next((done for one in found[:TRIED] if (done := _tried(question, ranked, one)) is not None), None)
    others = [one.words for one in found if working is None or one.change.keys() != working.change.keys()]
    nearest = "no single change of limits, devices, load or formats was found to be enough: name other chips"
    return NoServingPlan(
        model=question.model,
        load=question.load,
        limits=question.limits,
        reasons=tuple(_reasons(question, ranked, judged)),
        nearest=f"give {working.words}" if working is not None else nearest,
        change={} if working is None else working.change,
        changes=tuple(f"{one}, in closed form" for one in others),
        ranked=len(ranked),
        simulated=len(judged.candidates),
    )


def _reasons(question: ServingQuestion, ranked: RankedDeployments, judged: Judged) -> Iterator[str]:
    limits, most = question.limits, question.most_devices
    chips = ", ".join(question.chips)
    if not np.any(ranked.capacity > 0):
        yield f"the weights of {question.model.name} and one request fit on no replica of {chips}"
        return
    served = np.isfinite(ranked.tpot)
    if not np.any(served):
        top = float(np.max(ranked.capacity))
        yield f"{most:,} devices answer at most {top:.3g} requests/s, and {question.load.rate or 0:.3g} are asked for"
        return
    if judged.candidates:
        best = min(judged.candidates, key=lambda one: excess(one, limits))
        yield f"of {len(judged.candidates)} simulated none keeps the limits; of the best, " + " and ".join(
            broken(best, limits)
        )
        return
    for name, limit in (("ttft", limits.ttft), ("tpot", limits.tpot)):
        value = float(np.nanmin(getattr(ranked, name)))
        if limit is not None and value > limit:
            yield f"{name.upper()} is at least {format_seconds(value)} on average, above {format_seconds(limit)}"
    alone = [limit is None or np.nanmin(getattr(ranked, name)) <= limit for name, limit in
             (("ttft", limits.ttft), ("tpot", limits.tpot))]  # fmt: skip
    if all(alone):
        yield f"each limit is kept by some deployment of up to {most:,} devices, both by none"


def _changes(question: ServingQuestion, ranked: RankedDeployments, judged: Judged) -> Iterator[LeastChange]:
    first, each = (
        np.array([judged.tails.get(group.engine.name, (1.0, 1.0))[k] for group in ranked.groups])[ranked.group]
        for k in (0, 1)
    )
    yield from changed_limits(ranked, question.limits, ranked.ttft * first, ranked.tpot * each)
    for times in MORE:
        if _any_keeps(more := replace(question, most_devices=times * question.most_devices)):
            yield LeastChange(
                factor=float(times),
                words=f"--max-devices {more.most_devices}",
                change={"max_devices": more.most_devices},
            )
            break
    for loss in QUALITIES:
        if loss > question.quality_loss and _any_keeps(replace(question, quality_loss=loss)):
            words = f"--quality-loss {loss:.0%}"
            yield LeastChange(factor=1 + 20 * loss, words=words, change={"quality_loss": loss})
            break
    near = _nearest_groups(question, ranked)
    factor = least_factor(lambda share: _any_keeps(replace(question, load=question.load.times(share)), near))
    if factor is not None and question.load.arrival is None:
        text = _load_text(question, factor)
        yield LeastChange(factor=1 / factor, words=f'--load "{text}"', change={"load": text})


def _load_text(question: ServingQuestion, share: float) -> str:
    """A share of the load, rounded down to two digits."""
    load = question.load
    if load.users is not None:
        return f"{max(int(load.users * share), 1)} users"
    rate = (load.rate or 1.0) * share
    unit = 10.0 ** (np.floor(np.log10(rate)) - 1)
    return f"{np.floor(rate / unit + 1e-9) * unit:.2g}/s"


def _nearest_groups(question: ServingQuestion, ranked: RankedDeployments) -> list[DeploymentGroup]:
    """The groups that come nearest to the limits, or have the most capacity where none has enough."""
    off = question.limits.excess(ranked.ttft, ranked.tpot)
    order = np.lexsort((-ranked.capacity, off))
    found = dict.fromkeys(ranked.group[order[:: max(len(order) // 5000, 1)]].tolist())
    return [ranked.groups[index] for index in list(found)[:NEAREST]]


def _any_keeps(question: ServingQuestion, groups: list[DeploymentGroup] | None = None) -> bool:
    """Whether any deployment keeps the limits on average, in closed form."""
    ranked = question.ranked(groups)
    return bool(np.any(question.limits.excess(ranked.ttft, ranked.tpot) <= 1))


def _tried(question: ServingQuestion, ranked: RankedDeployments, change: LeastChange) -> LeastChange | None:
    """The change, a limit looser where it must be, if the simulation finds a plan after it."""
    name, value = next(iter(change.change.items()))
    if name in ("ttft", "tpot"):
        for looser in LOOSER:
            seconds = float(f"{value * looser:.2g}")
            asked = question.with_limits(**{name: seconds})
            if asked.judged(ranked).keeping(asked.limits, asked.objective):
                words = f"--{name} {format_seconds(seconds).replace(' ', '')}"
                return LeastChange(factor=change.factor * looser, words=words, change={name: seconds})
        return None
    if name == "load":
        for looser in LOOSER:
            text = _load_text(question, 1 / (change.factor * looser))
            amount = float(text.removesuffix("/s").removesuffix(" users"))
            share = amount / (question.load.users or question.load.rate or 1.0)
            asked = replace(question, load=question.load.times(share))
            if asked.judged(asked.ranked()).keeping(asked.limits, asked.objective):
                return LeastChange(factor=1 / share, words=f'--load "{text}"', change={"load": text})
        return None
    asked = replace(question, **{{"max_devices": "most_devices"}.get(name, name): value})
    return change if asked.judged(asked.ranked()).keeping(asked.limits, asked.objective) else None
