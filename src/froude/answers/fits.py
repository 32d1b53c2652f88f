"""What is said of a fit: the numbers of its law or the laws that were averaged, and what it rests on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import count, number_and_interval, percent
from froude.answers.sweeps import about_sweep, optima_table, optima_to_dict
from froude.fitting import Choice, Fit, SweepOptima
from froude.fitting.fitted_rows import as_rows
from froude.fitting.outcomes import KINDS, Outcome, an
from froude.fitting.rules import setting_of
from froude.fitting.shares import is_percent
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

_MISSED = 0.01


def answer_of_fit(
    fit: Fit,
    *,
    outcome: Outcome | None = None,
    runs: Runs | None = None,
    saved: str | None = None,
    optima: SweepOptima | None = None,
) -> Answer:
    """A law with numbers and intervals.

    `outcome` is what the outcome was taken for, `runs` the table that was fitted, of which renamed and derived columns
    are named, `saved` the file that the fit was saved to, and `optima` the best settings of each size that a rule was
    fitted to.
    """
    table = Table(
        title="",
        columns=("parameter", "value", f"{fit.level:.0%} interval"),
        rows=tuple(
            (name, *number_and_interval(value, *fit.intervals.get(name, ()))) for name, value in fit.params.items()
        ),
    )
    return Answer(
        headline=f"{fit.law.name}: {fit.y} = {fit.law.formula}",
        tables=(table, *([optima_table(optima, fit.y)] if optima else [])),
        notes=(*_evidence(fit, outcome, None if optima else runs), *(about_sweep(optima, runs) if optima else ())),
        warnings=fit.warnings,
        next_steps=(_next_step(fit, saved),) if saved is not None else (),
        data=_to_dict(fit, outcome, runs, saved) if optima is None else _to_dict_of_rule(fit, outcome, optima, saved),
    )


def answer_of_choice(choice: Choice, *, runs: Runs | None = None, saved: str | None = None) -> Answer:
    """The laws that were tried and what came of each; `runs` and `saved` are those of `answer_of_fit`."""
    fit, outcome = choice.fit, choice.outcome
    candidates = zip(choice.candidates, choice.shares, strict=True)
    table = Table(
        title="",
        columns=("law", "share", "error held out", "hold-outs"),
        rows=tuple(
            (
                each.fit.law.name,
                percent(share, 0),
                percent(each.error) if each.held_out else "not known",
                str(len(each.held_out)),
            )
            for each, share in candidates
        ),
    )
    return Answer(
        headline=f"auto: {fit.y} = the average of laws, each by how well it predicts the largest runs from the others",
        tables=(table,),
        notes=tuple(_evidence(fit, outcome, runs)),
        warnings=fit.warnings,
        next_steps=(_next_step(fit, saved),) if saved is not None else (),
        data={**_to_dict(fit, outcome, runs, saved), "choice": choice.candidates_to_dict()},
    )


def rows_text(fit: Fit) -> str:
    """How many runs were fitted, or sizes where the law is a rule that was fitted to their optima."""
    return count(fit.n, "run" if setting_of(fit.law) is None else "size")


def _to_dict(fit: Fit, outcome: Outcome | None, runs: Runs | None, saved: str | None) -> dict[str, Any]:
    return {
        **fit.to_dict(),
        **({"kind": outcome.kind} if outcome is not None else {}),
        **({"derived": list(_origins(fit, runs)), "notes": list(runs.notes)} if runs is not None else {}),
        **({"saved": saved} if saved is not None else {}),
        **({"rows": as_rows(fit.columns(runs))} if runs is not None else {}),
    }


def _to_dict_of_rule(fit: Fit, outcome: Outcome | None, optima: SweepOptima, saved: str | None) -> dict[str, Any]:
    return {**_to_dict(fit, outcome, optima.runs, saved), "optima": optima_to_dict(optima)}


def _evidence(fit: Fit, outcome: Outcome | None, runs: Runs | None) -> Iterator[str]:
    """What a fit rests on."""
    if outcome is not None and (outcome.kind != "loss" or outcome.is_open):
        yield _kind(fit, outcome, runs)
    typical = float(np.median(fit.errors)), float(fit.errors.max())
    middle, worst = (percent(error) if fit.law.is_relative else f"{error:.3g}" for error in typical)
    yield f"{rows_text(fit)} fitted; the law is off by {middle} in the median, {worst} at worst"
    if (starts := about_starts(fit)) is not None:
        yield starts
    if fit.bias:
        yield (
            f"large runs weigh more; such laws come out {percent(abs(fit.bias), 1)} too "
            f"{'high' if fit.bias > 0 else 'low'} for each factor e of size beyond their runs, which forecasts take out"
        )
    others = "pilots before" if fit.of_tank else "published studies"
    own = "hold-outs" if fit.hold_outs is None else count(fit.hold_outs, "hold-out")
    yield (
        f"beyond these runs errors grow by {percent(fit.drift)} for each factor e of size, "
        f"as learned from {'' if fit.hold_outs == 0 else f'{own} of them and from '}{others}"
    )
    if runs is not None:
        yield from runs.notes
    if runs is not None and (origins := tuple(_origins(fit, runs))):
        yield "; ".join(origins)


def _kind(fit: Fit, outcome: Outcome, runs: Runs | None) -> str:
    """What the outcome was taken for, why, and how to say otherwise."""
    why = outcome.why
    if outcome.is_open:
        better = "clearly" if outcome.kind == "loss" else "not clearly"
        why = f"it stays below 1, and laws of losses predict the larger runs {better} better"
    of_shares = runs is not None and fit.law.output.most == 1 and is_percent(runs, fit.y)
    unit = "; its percentages are taken as shares of 1" if of_shares else ""
    others = " or ".join(f"--kind {each}" for each in KINDS if each != outcome.kind)
    return f"{fit.y} is taken for {an(outcome.kind)} ({why}){unit}; {others} says otherwise"


def _origins(fit: Fit, runs: Runs) -> Iterator[str]:
    """Which columns of the table are what the law takes, and which were derived."""
    runs = with_optional_roles(runs, fit.law.inputs)
    for column, role in runs.read_as.items():
        if not any(note.startswith(f"{role} is ") and repr(column) in note for note in runs.notes):
            yield f"{role} is the column {column!r}"
    yield from (f"{sentence}, derived" for sentence in runs.derived)


def about_starts(fit: Fit) -> str | None:
    """What the random starts of the solver say for the fit; None where that is not enough, which is warned of."""
    agree, tried = fit.starts_agree, fit.starts_tried
    least = "at least " if fit.law.members else ""
    if agree == tried:
        return f"all {tried} random starts end at these numbers"
    # A better minimum that is as easy to reach would have been missed with this probability.
    if fit.converged and (1 - agree / tried) ** tried < _MISSED:
        return f"{least}{agree} of {tried} random starts end at these numbers, the others elsewhere: that is enough"
    return None


def _next_step(fit: Fit, saved: str) -> str:
    """What to do with a saved fit. A schedule is no quantity to type: it is forecast from Python."""
    if any(mark.domain == "history" for mark in fit.law.marks.values()):
        return f"saved: froude.Fit.load({saved!r}).along(Schedule(…)) in Python"
    return f"saved: froude predict {shlex.quote(saved)} --at {','.join(f'{name}=…' for name in fit.law.inputs)}"
