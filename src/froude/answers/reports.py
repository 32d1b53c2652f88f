"""What is said of a report: a fit with its forecasts, the laws tried, the runs that lie farthest off, and pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from froude.answers.allocations import with_interval
from froude.answers.answer import Answer, Fact, Picture, Table
from froude.answers.fits import answer_of_choice, answer_of_fit, rows_text
from froude.answers.forecasts import answer_of_forecasts, times_text
from froude.answers.numbers import amount, loss_text, percent, signed_percent
from froude.answers.optimal import answer_of_compute_optimal
from froude.answers.sweeps import optima_table
from froude.fitting import ComputeOptimal, Fit, FitReport, Forecast
from froude.fitting.extrapolation import shipped
from froude.fitting.rules import setting_of
from froude.quantity import format_quantity

FORECASTS, LAWS, PARAMETERS, MINIMA, FARTHEST = (
    "Forecasts", "Laws tried", "Parameters", "Minima of equal compute", "Farthest off"
)  # fmt: skip
_FARTHEST_OFF = 8  # runs that are listed


def answer_of_fit_report(report: FitReport) -> Answer:
    """The fit in a sentence and in facts, its tables, and what each picture shows."""
    fit, tables = report.fit, tuple(_tables(report))
    forecasts = answer_of_forecasts(report.forecasts) if report.forecasts else None
    return Answer(
        headline=_headline(report),
        facts=tuple(_facts(report)),
        tables=tables,
        pictures=tuple(_pictures(report)),
        notes=(*_evidence(report), *(forecasts.notes if forecasts else ()), *report.missing),
        warnings=forecasts.warnings if forecasts else fit.warnings,
        data={
            **_fit_answer(report).to_dict(),
            "forecasts": [each.to_dict() for each in report.forecasts],
            "isoflop_minima": _minima_answer(report).data["isoflop_minima"] if report.minima else [],
            "farthest_off": list(_farthest_off(fit)),
            "checked_to": math.exp(shipped().farthest),
            "missing": list(report.missing),
            **report.origin,
        },
    )


def _headline(report: FitReport) -> str:
    fit = report.fit
    if len(report.forecasts) == 1:
        (each,) = report.forecasts
        value, interval = with_interval(each.mean, (each.lo, each.hi))
        return f"{fit.y} {value} forecast at {_place(each)}" + (f": {interval}" if interval else "")
    law = f"an average of {len(fit.law.members)} laws" if fit.law.members else fit.law.name
    return f"{fit.y} of {rows_text(fit)} by {law}, off by {_off(float(np.median(fit.errors)), fit)} in the median"


def _value(value: float) -> str:
    return loss_text(value) if abs(value) < 1e3 else amount(value)


def _place(forecast: Forecast) -> str:
    return ", ".join(f"{x} = {format_quantity(value)}" for x, value in forecast.at.items())


def _off(error: float, fit: Fit) -> str:
    return percent(error) if fit.law.is_relative else f"{error:.3g}"


def _facts(report: FitReport) -> Iterator[Fact]:
    fit = report.fit
    yield Fact("fitted", rows_text(fit))
    if fit.diverged:
        yield Fact("diverged", str(fit.diverged))
    yield Fact("off, median", _off(float(np.median(fit.errors)), fit))
    yield Fact("off, worst", _off(float(fit.errors.max()), fit))
    if report.choice is not None and report.choice.held_out:
        yield Fact("hold-outs", str(len(report.choice.held_out)))
    yield Fact("error gained for each factor e", percent(fit.drift))
    for each in report.forecasts[:1]:
        if each.distance is not None:
            yield Fact("beyond the runs", f"{times_text(each.distance)}×")


def _evidence(report: FitReport) -> Iterator[str]:
    """What the fit rests on, but for what the facts say."""
    yield from _fit_answer(report).notes
    yield (
        f"forecasts were checked on published runs up to {math.exp(shipped().farthest):.0f} times the largest "
        "run fitted; what lies beyond is not known to hold"
    )


def _fit_answer(report: FitReport) -> Answer:
    fit, choice = report.fit, report.choice
    if choice is not None and fit.law.members:
        return answer_of_choice(choice, runs=report.runs)
    optima = None if choice is None else choice.optima
    outcome = None if choice is None else choice.outcome
    return answer_of_fit(fit, outcome=outcome, runs=report.runs, optima=optima)


def _minima_answer(report: FitReport) -> Answer:
    return answer_of_compute_optimal(ComputeOptimal(y=report.fit.y, fit=None, allocations=(), minima=report.minima))


def _tables(report: FitReport) -> Iterator[Table]:
    fit, choice = report.fit, report.choice
    if report.forecasts:
        yield replace(answer_of_forecasts(report.forecasts).tables[0], title=FORECASTS)
    if choice is not None and choice.optima is not None:
        yield from (optima_table(choice.optima, name) for name in choice.optima.over)
    if choice is not None and fit.law.members:
        tried = answer_of_choice(choice).tables[0]
        yield replace(tried, title=f"{LAWS}: each by how well it predicts the largest runs from the others",
                      shares=choice.shares)  # fmt: skip
    if report.minima:
        yield replace(_minima_answer(report).tables[0], title=f"{MINIMA}: parabolas in log D through runs of equal C")
    yield _farthest_table(fit)
    yield replace(answer_of_fit(fit).tables[0], title=f"{PARAMETERS}: {_formula(fit)}")


def _formula(fit: Fit) -> str:
    """The law as a formula; an average by its members."""
    if fit.law.members:
        return "the average of " + ", ".join(f"{law.name} {percent(share, 0)}" for law, share in fit.law.members)
    return f"{fit.y} = {fit.law.formula}"


def _farthest_off(fit: Fit) -> Iterator[Mapping[str, Any]]:
    """The fitted runs that lie farthest off the law, with what was measured and what the law gives."""
    measured, predicted = fit.measured, fit.predicted
    for i in np.argsort(-fit.errors, kind="stable")[:_FARTHEST_OFF]:
        known = {} if measured is None or predicted is None else {
            "measured": float(measured[i]), "law": float(predicted[i]),
            "off": float(measured[i] / predicted[i] - 1) if predicted[i] else None,
        }  # fmt: skip
        yield {"row": int(fit.rows[i]) + 1, "at": {x: float(v[i]) for x, v in fit.inputs.items()}, **known}


def _farthest_table(fit: Fit) -> Table:
    inputs = [*fit.inputs]
    rows = [
        (
            str(each["row"]),
            *(format_quantity(each["at"][x]) for x in inputs),
            *(_value(each[name]) if name in each else "" for name in ("measured", "law")),
            "" if each.get("off") is None else signed_percent(each["off"]),
        )
        for each in _farthest_off(fit)
    ]
    return Table(
        title=f"{FARTHEST}: the runs that the law misses by most",
        columns=("run", *inputs, f"{fit.y} measured", "by the law", "off"),
        rows=tuple(rows),
        left=(),
    )


def _pictures(report: FitReport) -> Iterator[Picture]:
    """What each picture is of, by the name that `drawing` knows it by; which there are, the report says."""
    for name, title, caption in _captions(report):
        yield Picture(name=name, title=title, view=report, caption=caption)


def _captions(report: FitReport) -> Iterator[tuple[str, str, str]]:
    fit, level = report.fit, percent(report.fit.level, 0)
    optima = None if report.choice is None else report.choice.optima
    if report.forecasts:
        caption = f"Bars are intervals that hold {level} of single runs, dotted lines the law beyond the runs."
        yield "forecast", "The forecast", caption
    for name in () if optima is None else optima.over:
        caption = "A parabola goes through the runs near the best of each size; a diamond is its lowest point."
        yield f"sweep-{name}", f"The best {name} of each size", caption
    for x in (*fit.law.inputs, "C") if {*fit.law.inputs} == {"N", "D"} else fit.law.inputs:
        outcome = f"{fit.y[:1].upper()}{fit.y[1:]}" if setting_of(fit.law) is None else f"The best {fit.y}"
        title = f"{outcome} against {_INPUTS.get(x, x)}"
        yield f"over-{x}", title, f"The law and the {rows_text(fit)}; the band holds {level} of single runs."
    caption = "A parabola for each compute whose best size lies among its runs; a diamond is its lowest point."
    yield "isoflop", "Runs of equal compute", caption
    caption = "A pattern here, as a bow or a slope, says that the law's form is wrong."
    yield "residuals", "How far runs lie from the law", caption
    caption = (
        "Each cut of the table leaves its larger runs out and forecasts them. The band is the typical error that these "
        "cuts and published studies teach."
    )
    yield "held-out", "Larger runs, forecast from smaller ones", caption
    caption = f"The interval that holds {level} of single runs, as all inputs grow together from the largest run on."
    yield "reach", "How far a forecast reaches", caption


_INPUTS: Mapping[str, str] = {"N": "parameters", "D": "tokens", "C": "compute"}
