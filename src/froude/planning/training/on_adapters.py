"""The best way to fine-tune adapters of a model on so many tokens: a frozen base, and a batch fit for fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from froude.bounds import MOST_SPENT, positive_number, share
from froude.cost.machine.machine import Machine
from froude.cost.machine.rates import usual_precision
from froude.cost.model.model import Model
from froude.cost.papers.fine_tuning import (
    BATCH_SEQUENCES,
    AdapterText,
    adapter_assumptions,
    adapter_cost,
    frozen_model,
    frozen_precision,
    parse_adapter,
    stack_assumptions,
)
from froude.cost.training.assumptions import get_precision, interval, own_error, pins_under_stack
from froude.cost.training.evaluation import Cost
from froude.cost.training.names import by_field
from froude.errors import InputError
from froude.planning.layouts.certain import is_sure, shortage_words, surest, unsure_words
from froude.planning.layouts.nearest import nearest_fit, nearest_limits
from froude.planning.layouts.reasons import binding, simplest_words, why_not_chosen
from froude.planning.layouts.simplicity import TOLERANCE, mechanisms
from froude.planning.layouts.space import divisors
from froude.planning.plans import AIM, Infeasible, LayoutCandidate, Plan, RunnerUp
from froude.planning.training.on_tokens import reliability_of
from froude.planning.training.pinned import PinnedTraining

_FAMILIES = 60
"""Kinds of layouts that are compared with adapters: the fastest of the frozen base, which adapters hardly reorder."""


def plan_adapters(
    model: Model,
    machine: Machine,
    adapter: str,
    *,
    tokens: float,
    seq_len: int | None = None,
    global_batch: int | None = None,
    fixed: Mapping[str, Any] | None = None,
    deadline_seconds: float | None = None,
    budget_dollars: float | None = None,
    memory_certainty: float | None = None,
    tolerance: float = TOLERANCE,
    keep: int = 5,
) -> Plan | Infeasible:
    """The simplest layout within a tolerance of the fastest that fits, of those that are best for the frozen base.

    Arguments are those of `plan_layout`; `adapter` is written as `parse_adapter` reads it. A step has about 64
    sequences where nobody says. InputError for adapters that there are not, and for pins that no layout has.
    """
    positive_number("tokens", tokens, MOST_SPENT)
    words, pins = parse_adapter(adapter, model), by_field(fixed or {})
    base = get_precision(pins.get("precision", usual_precision(machine.chip)))
    task = PinnedTraining(
        model=frozen_model(model, words.targets),
        machine=machine,
        tokens=tokens,
        seq_len=int(model.context) if seq_len is None else seq_len,
        global_batch=_batch(machine.devices) if global_batch is None else global_batch,
        pins=pins_under_stack(machine, {**pins, "precision": frozen_precision(model, base, words.is_quantised)}),
        memory_certainty=AIM if memory_certainty is None else share("memory certainty", memory_certainty),
    )

    def cost_of(one: LayoutCandidate) -> Cost:
        return adapter_cost(model, machine, one.layout, words, base)

    reserve = float(words.counted(model).state_bytes(base))
    every = _candidates(task, reserve, cost_of)
    warnings: tuple[str, ...] = ()
    fitting, least = _surely(every, task.memory_certainty), every[-1]
    if not fitting and memory_certainty is None and (certainty := surest(least)) is not None:
        warnings = (unsure_words(certainty, task.memory_certainty),)
        task = task.changed(memory_certainty=certainty)
        fitting = _surely(_candidates(task, reserve, cost_of), certainty)
    if not fitting:
        return _too_large(task, least)
    near = [one for one in fitting if one.step_seconds <= fitting[0].step_seconds * (1 + tolerance)]
    choice = min(near, key=lambda one: (int(mechanisms(one.layout)), one.step_seconds))
    given = {*pins, *(() if global_batch is None else ("global_batch",))}
    plan = _plan(model, task, words, choice, fitting[: keep + 1], tolerance, given)
    limits = {"deadline_seconds": deadline_seconds, "budget_dollars": budget_dollars}
    return nearest_limits(replace(plan, warnings=warnings), **limits)


def _candidates(
    task: PinnedTraining, reserve_bytes: float, cost_of: Callable[[LayoutCandidate], Cost]
) -> list[LayoutCandidate]:
    """The best of the frozen base with what they cost with adapters, the one of least memory last.

    They are looked for with and without room reserved for adapters, since recomputation fills what room there is.
    """
    chip = task.machine.chip
    smaller = replace(chip, memory_bytes=max(chip.memory_bytes - reserve_bytes, chip.memory_bytes / 2))
    roomy, tight = (
        task.changed(machine=replace(task.machine, chip=each)).layouts(keep=_FAMILIES) for each in (chip, smaller)
    )
    if roomy.least is None:
        raise InputError(f"no layout of {task.batches[0]} sequences is legal with what is fixed: change one of them")
    leanest = min((one for one in (roomy.least, tight.least) if one is not None), key=lambda one: one.memory_bytes)
    return [replace(one, cost=cost_of(one)) for one in (*roomy.best, *tight.best, leanest)]


def _surely(every: Sequence[LayoutCandidate], certainty: float) -> list[LayoutCandidate]:
    """Those that fit with a certainty, fastest first."""
    return sorted((one for one in every if is_sure(one, certainty)), key=lambda one: one.step_seconds)


def _batch(devices: int) -> int:
    """Sequences a step near the usual number: a divisor or a multiple of the devices."""
    if devices <= BATCH_SEQUENCES:
        return max(round(BATCH_SEQUENCES / devices), 1) * devices
    return min(divisors(devices), key=lambda n: abs(math.log(n / BATCH_SEQUENCES)))


def _plan(
    model: Model,
    task: PinnedTraining,
    words: AdapterText,
    choice: LayoutCandidate,
    fitting: Sequence[LayoutCandidate],
    tolerance: float,
    given: Collection[str],
) -> Plan:
    machine, layout = task.machine, choice.layout
    steps = math.ceil(task.tokens / float(layout.tokens))
    goodput = reliability_of(task.model, machine, layout).goodput
    seconds = steps * choice.step_seconds / goodput
    assumed = (
        *stack_assumptions(task.model, machine, layout, given),
        *adapter_assumptions(model, machine, layout, words, choice.cost, "global_batch" in given),
    )
    others = [one for one in fitting if one.family != choice.family or one.step_seconds < choice.step_seconds]
    simple = (simplest_words(choice, fitting[0], tolerance),) if fitting[0].step_seconds < choice.step_seconds else ()
    return Plan(
        model=model.name,
        machine=machine,
        n_params=float(model.n_params),
        choice=choice,
        interval=interval(choice.step_seconds, list(assumed), own_error(task.model, machine, layout)),
        tokens=task.tokens,
        steps=steps,
        seconds=seconds,
        goodput=goodput,
        dollars=machine.dollars(seconds),
        kwh=machine.kwh(seconds),
        runners_up=tuple(_runners_up(task, choice, others)),
        binding=(*simple, *binding(task.model, machine, choice, (), goodput)),
        chosen={"adapter": f"{words.form}:rank={words.rank}", "description": dict(model.description)},
        assumed=assumed,
        assumptions=(*map(str, assumed), *machine.assumed, *model.assumed),
        memory_certainty=task.memory_certainty,
    )


def _runners_up(task: PinnedTraining, choice: LayoutCandidate, others: Sequence[LayoutCandidate]) -> Iterator[RunnerUp]:
    for one in others:
        yield RunnerUp(candidate=one, why=why_not_chosen(choice, one, task.machine, task.memory_certainty))


def _too_large(task: PinnedTraining, least: LayoutCandidate) -> Infeasible:
    sentence, change = nearest_fit(task, least)
    sure = f" with {task.memory_certainty:.0%} certainty" if least.cost.fits else ""
    return Infeasible(
        model=task.model.name,
        machine=task.machine,
        reasons=(f"memory: no layout fits{sure}; the smallest {shortage_words(least, task.machine)}",),
        nearest=sentence,
        change=change,
        least=least,
        assumptions=(*task.machine.assumed, *task.model.assumed),
    )
