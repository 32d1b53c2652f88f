"""What is said of a plan: the choice, where memory and time go, what nearly won, what binds; or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.costs import memory_table, memory_text, non_empty, sentences_table, speed_text, step_table
from froude.answers.numbers import energy, money, number, percent
from froude.planning.layouts.names import layout_label, layout_words
from froude.planning.plans import Infeasible, LayoutCandidate, Plan, Point, machine_words
from froude.planning.training.rules import rate_words
from froude.quantity import format_bytes, format_quantity, format_seconds


def answer_of_plan(plan: Plan | Infeasible) -> Answer:
    """A plan with the front of what else could be had, where it holds one; or why there is no plan."""
    if isinstance(plan, Infeasible):
        return answer_of_infeasible(plan)
    return Answer(
        headline=f"{plan.model} on {machine_words(plan.machine)}: {format_quantity(plan.tokens)} tokens in "
        f"{format_seconds(plan.seconds)} for {money(plan.dollars)}",
        facts=tuple(_facts(plan)),
        tables=non_empty(_tables(plan)),
        notes=plan.changes,
        warnings=(*plan.warnings, *plan.forecast.get("warnings", ())),
        data=plan.to_dict(),
    )


def answer_of_infeasible(plan: Infeasible) -> Answer:
    """Why there is no plan, and the least change after which there is one."""

    def tables() -> Iterator[Table]:
        if plan.least is not None:
            yield memory_table(plan.least.cost, plan.machine)
        yield sentences_table("Assumed", plan.assumptions)

    return Answer(
        headline=f"No plan for {plan.model} on {machine_words(plan.machine)}",
        facts=(*(Fact("because", reason) for reason in plan.reasons), Fact("nearest", plan.nearest)),
        tables=non_empty(tables()),
        data=plan.to_dict(),
    )


LOSS_DIGITS = 4
"""Decimals of a loss as plans are compared by."""


def planned_loss_text(loss: float) -> str:
    """A loss as plans are compared by."""
    return f"{loss:.{LOSS_DIGITS}f}"


def _facts(plan: Plan) -> Iterator[Fact]:
    """Layout, steps, speed, memory, energy, and what a law and its rules decided."""
    cost, (lo, hi) = plan.choice.cost, plan.interval
    step = f"{format_seconds(plan.choice.step_seconds)} ({format_seconds(lo)} to {format_seconds(hi)})"
    lost = percent(1 - plan.goodput, 1)
    yield Fact("layout", layout_words(plan.choice.layout))
    yield Fact("training", f"{plan.steps:,} steps of {step}; failures and checkpoints take {lost} of the time")
    yield Fact("speed", speed_text(cost))
    yield Fact("memory", memory_text(cost, plan.machine))
    yield Fact("energy", energy(plan.kwh))
    if plan.forecast:
        yield Fact("loss", _loss_text(plan.forecast))
    if plan.serving:
        yield Fact("serving", _serving_text(plan.serving))
    if plan.serving and plan.serving["without_serving"]:
        yield Fact("without it", _without_text(plan.forecast, plan.serving["without_serving"]))
    if "adapter" in plan.chosen:
        yield Fact(
            "trained", f"{plan.chosen['adapter']} on a frozen base of {format_quantity(plan.n_params)} parameters"
        )
    if "learning_rate" in plan.chosen:
        yield Fact(
            "settings",
            f"{format_quantity(plan.n_params)} parameters, {format_quantity(float(plan.choice.layout.tokens))} tokens "
            f"a step, {rate_words(plan.chosen)}",
        )


def _loss_text(forecast: Mapping[str, Any]) -> str:
    """The loss that is forecast, its interval or that there is none, and by which law."""
    text = f"{planned_loss_text(forecast['loss'])} {forecast['unit']}"
    if forecast.get("quantile"):
        text += f" at the {forecast['quantile']:g} quantile"
    if forecast["interval"]:
        lo, hi = map(planned_loss_text, forecast["interval"])
        text += f" ({lo} to {hi}, {percent(forecast['level'], 0)} interval)"
    else:
        text += ", a point without an interval"
    return f"{text}, by {forecast['law']}"


def _serving_text(serving: Mapping[str, Any]) -> str:
    """What is served, on how many devices, and what that takes of all that is spent."""
    tokens, price = format_quantity(serving["tokens"]), money(serving["dollars"])
    shares = [
        f"{percent(serving[f'share_of_{kind}'], 1)} of all {words}"
        for kind, words in (("dollars", "dollars"), ("flops", "FLOP"))
        if serving[f"share_of_{kind}"] is not None
    ]
    if serving["devices"] is None:
        return f"{tokens} tokens for {price}: {' and '.join(shares)}"
    years = "1 year" if serving["years"] == 1 else f"{serving['years']:g} years"
    return (
        f"{serving['requests_per_second']:g} requests/s of {serving['input']:,} + {serving['output']:,} tokens, "
        f"{tokens} tokens in {years}, on {serving['devices']:,} {serving['chip']} for {price}: {' and '.join(shares)}"
    )


def _without_text(forecast: Mapping[str, Any], without: Mapping[str, Any]) -> str:
    """What would be trained were nothing served, beside what is."""
    other, own = (f"{float(number(one['tokens_per_param'], 3)):,g}" for one in (without, forecast))
    return (
        f"{format_quantity(without['N'])} parameters on {format_quantity(without['D'])} tokens, loss "
        f"{planned_loss_text(without['loss'])}: {other} tokens a parameter in place of {own}"
    )


def _tables(plan: Plan) -> Iterator[Table]:
    yield memory_table(plan.choice.cost, plan.machine)
    yield step_table(plan.choice.cost)
    yield _runners_up(plan)
    yield sentences_table("What binds", plan.binding)
    if len(plan.batches) > 1:
        yield _batches(plan)
    if plan.front:
        yield _front(plan.front)
    yield sentences_table("Assumed", plan.assumptions)


def _runners_up(plan: Plan) -> Table:
    """What nearly won below the plan itself, and why it lost."""
    rows = [_candidate_row(plan.choice), *(_candidate_row(runner.candidate) for runner in plan.runners_up)]
    return Table(
        title="Runners-up",
        columns=("a step", "MFU", "memory", "layout"),
        rows=tuple(rows) if plan.runners_up else (),
        left=(3,),
        details=("the plan", *(runner.why for runner in plan.runners_up)),
    )


def _batches(plan: Plan) -> Table:
    """The same training with other batches."""
    own = int(plan.choice.layout.global_batch)
    return Table(
        title="The batch decides: the same tokens with others, each in the best of a few hundred layouts",
        columns=("tokens a step", "steps", "MFU", "time", "device hours", ""),
        rows=tuple(
            (
                format_quantity(float(one.batch_tokens)),
                f"{one.steps:,}",
                percent(one.mfu, 1),
                format_seconds(one.seconds),
                format_quantity(one.device_hours),
                "the plan" if one.global_batch == own else "",
            )
            for one in plan.batches
        ),
        left=(5,),
    )


def _candidate_row(candidate: LayoutCandidate) -> tuple[str, ...]:
    return (
        format_seconds(candidate.step_seconds),
        percent(float(candidate.cost.mfu), 1),
        format_bytes(candidate.memory_bytes),
        layout_label(candidate.layout),
    )


def _front(points: Sequence[Point]) -> Table:
    return Table(
        title="What can be had: no other training is better in loss, time, dollars and energy at once",
        columns=("model", "tokens", "devices", "loss", "time", "dollars", "energy", "MFU"),
        rows=tuple(map(_point_row, points)),
    )


def _point_row(point: Point) -> tuple[str, ...]:
    return (
        point.model,
        format_quantity(point.tokens),
        f"{point.devices:,}",
        planned_loss_text(point.loss),
        format_seconds(point.seconds),
        money(point.dollars),
        energy(point.kwh),
        percent(point.mfu, 1),
    )
