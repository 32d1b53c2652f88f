"""The best way to train a model on so many tokens with a machine: layout, time, money, and what nearly won."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.bounds import MOST_SPENT, finite_number, positive_number, share
from froude.cost.machine.assumption import Assumption, parse_assumptions
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import effect_of, effect_of_stacks, interval, own_error, pins_under_stack
from froude.cost.training.layout import Layout, check_fields
from froude.cost.training.legal import check_legal
from froude.cost.training.names import by_field
from froude.cost.training.reliability import best_interval, failure_rate, goodput
from froude.errors import InputError
from froude.planning.layouts.certain import shortage_words, surest, unsure_words
from froude.planning.layouts.layout_search import FoundLayouts
from froude.planning.layouts.nearest import nearest_fit, nearest_limits
from froude.planning.layouts.reasons import batch_gain, binding, simplest_words, why_not_chosen
from froude.planning.layouts.simplicity import TOLERANCE
from froude.planning.plans import AIM, Infeasible, LayoutCandidate, Plan, RunnerUp
from froude.planning.training.pinned import PinnedTraining
from froude.quantity import format_bytes, format_quantity, format_seconds

WRITE_BYTES_PER_S = 2e12 / 16384
"""Bytes a second and device at which checkpoints are written: a storage of 2 TB/s sustained for up to 16,384 devices
(Grattafiori et al. 2024, arXiv:2407.21783, section 3.3)."""

RESTART_SECONDS = 600.0
"""From a failure to the next step: find the device, take another, load the checkpoint (guess)."""

_CHOSEN = ("overlap",)  # who follows the plan has it: it is not uncertain, though nobody asked for it
_SAME = 5e-4  # relative: nobody measures a smaller difference of step times
_BEYOND = 2  # runners-up that do not fit: more would crowd out those that do


@final
@dataclass(frozen=True, kw_only=True)
class Reliable:
    """What failures and checkpoints take: goodput, seconds of one checkpoint and of work between two."""

    goodput: float
    checkpoint_bytes: float
    checkpoint_seconds: float
    every_seconds: float

    def sentence(self) -> str:
        """What was assumed, and what it takes."""
        size, seconds = format_bytes(self.checkpoint_bytes), format_seconds(self.checkpoint_seconds)
        every = f"every {format_seconds(self.every_seconds)}" if math.isfinite(self.every_seconds) else "at the end"
        rate = f"{format_bytes(WRITE_BYTES_PER_S)}/s a device, as in the training of Llama 3"
        return (
            f"checkpoints: {size} written in {seconds} {every} ({rate}), restarts in {format_seconds(RESTART_SECONDS)} "
            f"(guess); with failures they take {1 - self.goodput:.1%} of the time"
        )


def plan_layout(
    model: Model,
    machine: Machine,
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
    """The simplest layout within a tolerance of the fastest that fits, and the training it makes; or the least change.

    `fixed` pins fields of `Layout`. Where they are not given, sequences are as long as the model's context, and a step
    has as many tokens as the rule of the best batch says for so many in all. At most `keep` runners-up are shown. A
    plan that misses the deadline or the budget is infeasible. A layout fits where memory suffices with the
    `memory_certainty`; where none is given 95% is aimed at, and where no layout is as sure the plan is of the surest,
    with a warning. `tolerance` is the share of step time that simplicity may cost: 0 asks for the fastest.
    InputError for sizes that are not positive, and for pins that no layout has.
    """
    length = int(model.context) if seq_len is None else seq_len
    for name, value in (("tokens", tokens), ("deadline", deadline_seconds), ("budget of dollars", budget_dollars)):
        if value is not None:
            positive_number(name, value, MOST_SPENT)
    finite_number("tolerance", tolerance, 0, 1)
    check_fields({"seq_len": length} | ({} if global_batch is None else {"global_batch": global_batch}))
    task = PinnedTraining(
        model=model,
        machine=machine,
        tokens=tokens,
        seq_len=length,
        global_batch=global_batch,
        pins=_pins(machine, fixed),
        memory_certainty=AIM if memory_certainty is None else share("memory certainty", memory_certainty),
    )
    layouts = task.layouts(keep=keep + 1, tolerance=tolerance)
    least = layouts.least
    if least is None:
        raise InputError(_no_layout(model, machine, length, task.batches[0], task.pins))
    given = {"seq_len": seq_len, "global_batch": global_batch, **by_field(fixed or {})}
    stated_fields = frozenset(name for name, value in given.items() if value is not None)
    warnings: tuple[str, ...] = ()
    if not layouts.best and memory_certainty is None and (certainty := surest(least)) is not None:
        warnings = (unsure_words(certainty, task.memory_certainty),)
        task = task.changed(memory_certainty=certainty)
        layouts = task.layouts(keep=keep + 1, tolerance=tolerance)
    if layouts.simplest is None:
        return _too_large(task, least, layouts.legal)
    limits = {"deadline_seconds": deadline_seconds, "budget_dollars": budget_dollars}
    said = {"given": stated_fields, "warnings": warnings}
    simplest = plan_of(task, layouts, layouts.simplest, tolerance=tolerance, **said)
    within = nearest_limits(simplest, **limits)
    # What the simplest takes too much of, the fastest may not.
    return within if within is simplest else nearest_limits(plan_of(task, layouts, layouts.best[0], **said), **limits)


def plan_of(
    task: PinnedTraining,
    layouts: FoundLayouts,
    choice: LayoutCandidate,
    *,
    given: frozenset[str],
    tolerance: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> Plan:
    """The plan of a layout that was found; `given` names what the user gave of layout, batch and sequence."""
    model, machine, layout = task.model, task.machine, choice.layout
    steps = math.ceil(task.tokens / layout.tokens)
    reliable = reliability_of(model, machine, layout)
    seconds = steps * choice.step_seconds / reliable.goodput
    assumed = list(_assumed(model, machine, choice, given))
    fastest = layouts.best[0]
    is_slower = choice.step_seconds > fastest.step_seconds * (1 + _SAME)
    simple = (simplest_words(choice, fastest, tolerance),) if is_slower else ()
    return Plan(
        model=model.name,
        machine=machine,
        n_params=float(model.n_params),
        choice=choice,
        interval=interval(
            choice.step_seconds,
            [one for one in assumed if one.name not in _CHOSEN],
            own_error(model, machine, choice.layout),
        ),
        tokens=task.tokens,
        steps=steps,
        seconds=seconds,
        goodput=reliable.goodput,
        dollars=machine.dollars(seconds),
        kwh=machine.kwh(seconds),
        runners_up=runners_up(machine, layouts, choice, task.memory_certainty),
        binding=(*simple, *binding(model, machine, choice, layouts.beyond, reliable.goodput)),
        assumed=tuple(assumed),
        assumptions=(*map(str, assumed), *_sentences(model, machine, choice, given, reliable)),
        memory_certainty=task.memory_certainty,
        warnings=warnings,
    )


def reliability_of(model: Model, machine: Machine, layout: Layout) -> Reliable:
    """Goodput at the best interval between checkpoints that all devices write together while the job stands still."""
    precision = layout.precision
    state = float(model.n_params) * (precision.weights + precision.master + precision.optimizer)
    seconds = state / (machine.devices * WRITE_BYTES_PER_S)
    rate = failure_rate(machine.devices, machine.failures_per_device_hour)
    every = best_interval(rate, seconds)
    share = goodput(every, rate, seconds, RESTART_SECONDS + seconds)  # it is read again as fast as it was written
    return Reliable(
        goodput=float(share), checkpoint_bytes=state, checkpoint_seconds=seconds, every_seconds=float(every)
    )


def runners_up(
    machine: Machine, layouts: FoundLayouts, choice: LayoutCandidate, memory_certainty: float
) -> tuple[RunnerUp, ...]:
    """The best of other families, fastest first, a few of which nothing fits among them, and why each lost.

    The fastest of all is shown even where it is of the choice's own family.
    """
    fastest, *rest = layouts.best
    others = [one for one in rest if one.family != choice.family]
    others = others if fastest.layout == choice.layout else [fastest, *others]
    fitting = {choice.family, *(one.family for one in layouts.best)}
    beyond = [one for one in layouts.beyond if one.family not in fitting][:_BEYOND]
    most = len(layouts.best) - 1
    shown = sorted((*beyond, *others[: max(most - len(beyond), 1)][:most]), key=lambda one: one.step_seconds)
    return tuple(RunnerUp(candidate=one, why=why_not_chosen(choice, one, machine, memory_certainty)) for one in shown)


def _too_large(task: PinnedTraining, least: LayoutCandidate, legal: int) -> Infeasible:
    sentence, change = nearest_fit(task, least)
    sure = f" with {task.memory_certainty:.0%} certainty" if least.cost.fits else ""
    reason = (
        f"memory: of {format_quantity(legal)} layouts none fits{sure}; the smallest "
        f"{shortage_words(least, task.machine)}"
    )
    return Infeasible(
        model=task.model.name,
        machine=task.machine,
        reasons=(reason,),
        nearest=sentence,
        change=change,
        least=least,
        assumptions=(*task.machine.assumed, *task.model.assumed),
    )


def _pins(machine: Machine, fixed: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is fixed, the precision by its own value, or that of the chip where nobody says."""
    pins = {} if fixed is None else by_field(fixed)
    check_fields(pins)
    return pins_under_stack(machine, pins)


def _assumed(model: Model, machine: Machine, choice: LayoutCandidate, given: frozenset[str]) -> Iterator[Assumption]:
    """Fields of the layout that neither the user gave nor the search chose, with the effect of their alternatives."""
    if "stack" not in given:
        yield effect_of_stacks(model, machine, choice.layout, given, choice.step_seconds)
    if "precision" not in given:
        why = "mixed precision with master weights in fp32"
        yield effect_of(model, machine, choice.layout, "precision", why, choice.step_seconds)


def _sentences(
    model: Model, machine: Machine, choice: LayoutCandidate, given: frozenset[str], reliable: Reliable
) -> Iterator[str]:
    """What else was assumed, a sentence each."""
    layout = choice.layout
    if "seq_len" not in given:
        yield f"seq_len: {layout.seq_len} (the model's context)"
    if "global_batch" not in given:
        more = batch_gain(model, machine, layout)
        yield (
            f"global_batch: {layout.global_batch} (near the best for so many tokens by the Step Law, a multiple or a "
            f"divisor of the devices); in this layout twice as many would train {more:+.1%} tokens a second"
        )
    yield reliable.sentence()
    yield from map(str, (*parse_assumptions(machine.assumed), *parse_assumptions(model.assumed)))


def _no_layout(model: Model, machine: Machine, seq_len: int, batch: int, pins: Mapping[str, Any]) -> str:
    """Why no layout is legal: the rule that the pins break, all else being 1, or that the batch does not divide."""
    try:
        check_legal(model, machine, Layout(devices=machine.devices, seq_len=seq_len, global_batch=batch, **pins))
    except InputError as error:
        return f"no legal layout has what is fixed; with 1 for all else: {error}"
    return f"no layout of {batch} sequences of {seq_len} on {machine.devices} devices is legal: change the global batch"
