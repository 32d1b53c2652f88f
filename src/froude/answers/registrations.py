"""What is said of registered forecasts: when each was written, and how it came out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from froude.answers.answer import Answer, Fact, Table
from froude.answers.forecasts import beyond_text
from froude.answers.numbers import count, number_and_interval, percent, plain_number, signed_percent
from froude.fitting import Registration
from froude.quantity import format_quantity

_DIGITS = 12  # of a hash


def answer_of_registration(registration: Registration) -> Answer:
    """One registered forecast, and how it came out where it was scored."""
    told = registration.forecast
    value, interval = number_and_interval(told.predicted, *told.interval)
    runs = ", ".join(each[:_DIGITS] for each in told.provenance.data_sha256)
    facts = [
        Fact("forecast", f"{value}, {told.level:.0%} interval {interval}, by {told.law}"),
        Fact("beyond", beyond_text(told.beyond)),
        Fact("written", f"{told.written}, by Froude {told.provenance.version}" + (f", of runs {runs}" if runs else "")),
        *([] if told.due is None else [Fact("due", told.due)]),
        Fact("file", f"{registration.path}, hash {told.sha256[:_DIGITS]}"),
    ]
    if registration.measured is not None:
        facts.insert(0, Fact("measured", f"{plain_number(registration.measured)}: {_outcome(registration)}"))
    steps = [f"when it is measured: froude register score {registration.path} --measured …"]
    return Answer(
        headline=f"{told.y} of {_RUNS[told.of]} at {_place(registration)}, forecast before it was measured",
        facts=tuple(facts),
        warnings=told.warnings,
        next_steps=tuple(steps) if registration.score is None else (),
        data=registration.to_dict(),
    )


_RUNS = {"run": "one run", "mean": "the mean of many runs"}


def answer_of_registrations(registrations: Sequence[Registration]) -> Answer:
    """Registered forecasts, a row each, and what came of those that were scored."""
    scored = [each for each in registrations if each.score is not None]
    today = datetime.now(UTC).date()
    data = {"forecasts": [each.to_dict() for each in registrations], "summary": _summary(registrations)}
    return Answer(
        headline=f"{count(len(registrations), 'registered forecast')}, {len(scored)} of them scored",
        facts=tuple(_facts(data["summary"])),
        tables=(
            Table(
                title="",
                columns=("file", "at", "forecast", "error", "score", "measured"),
                rows=tuple(_row(each, each.is_overdue(today)) for each in registrations),
                left=(0, 1, 5),
            ),
        ),
        data=data,
    )


def _facts(summary: dict[str, float]) -> list[Fact]:
    if not summary["scored"]:
        return []
    inside = (
        f"{summary['inside']} of {summary['scored']}, where the intervals' levels ask for {summary['expected']:.1f}"
    )
    return [
        Fact(
            "error", f"{percent(summary['mean_abs_error'])} on average, {signed_percent(summary['mean_error'])} signed"
        ),
        Fact("inside", inside),
        Fact("score", f"{percent(summary['mean_interval_score'])}, the mean interval score over the outcome"),
    ]


def _summary(registrations: Sequence[Registration]) -> dict[str, float]:
    """What came of all that were scored."""
    scored = [each for each in registrations if each.score is not None]
    if not scored:
        return {"scored": 0}
    errors = np.array([each.error for each in scored], dtype=float)
    return {
        "scored": len(scored),
        "mean_abs_error": float(np.abs(errors).mean()),
        "mean_error": float(errors.mean()),
        "inside": sum(bool(each.inside) for each in scored),
        "expected": sum(each.forecast.level for each in scored),
        "mean_interval_score": float(np.array([each.interval_score for each in scored], dtype=float).mean()),
    }


def _row(each: Registration, overdue: bool) -> tuple[str, ...]:
    told = each.forecast
    value, _ = number_and_interval(told.predicted, *told.interval)
    head = (each.path.name, _place(each), value)
    if each.measured is None or each.error is None or each.interval_score is None:
        due = "" if told.due is None else f"{'overdue' if overdue else 'due'} {told.due}"
        return *head, "", "", due
    where = "inside" if each.inside else "outside"
    measured = f"{plain_number(each.measured)}, {where}"
    return *head, signed_percent(each.error), percent(each.interval_score, 1), measured


def _place(registration: Registration) -> str:
    return ", ".join(f"{x}={format_quantity(value)}" for x, value in registration.forecast.at.items())


def _outcome(registration: Registration) -> str:
    where = "inside" if registration.inside else "outside"
    return (
        f"{percent(abs(registration.error or 0.0))} off, {where} the interval, "
        f"interval score {percent(registration.interval_score or 0.0)} of it"
    )
