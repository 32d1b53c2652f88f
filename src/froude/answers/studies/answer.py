"""The answer of a study: what its page shows, whole."""

from __future__ import annotations

from typing import Any

from froude.answers import Answer, Fact, Picture
from froude.answers.studies import sentences, tables
from froude.answers.studies.outcome import interval_words
from froude.answers.studies.record import StudyRecord
from froude.provenance import Provenance
from froude.quantity import format_seconds


def answer_of_study(record: StudyRecord) -> Answer:
    """What a study says at whatever stage it is.

    The view of each picture is the record itself. Titles of tables read "what it is: a sentence". `data` is the study's
    result, or its forecast before there is one.
    """
    return Answer(
        headline=sentences.headline(record),
        facts=facts(record),
        tables=(
            *tables.of_forecast(record),
            *tables.of_law(record),
            tables.of_runs(record),
            *tables.of_plan(record),
            *tables.of_provenance(record),
        ),
        pictures=pictures(record),
        notes=(sentences.opening(record), *sentences.about_held_out_text(record)),
        warnings=warnings(record),
        data=_origin(record) | dict(record.result or record.forecast or {}),
    )


def _origin(record: StudyRecord) -> dict[str, Any]:
    """How the forecast was made, by the command that wrote it down; where no fit says it, how its pilots are shown."""
    if record.fit is not None and record.fit.provenance is not None:
        return record.fit.origin
    seed = (record.plan or {}).get("seed")
    return {"provenance": Provenance.now(seed, (record.pilots.sha256,)).to_dict()}


def facts(record: StudyRecord) -> tuple[Fact, ...]:
    """The interval, how far the target lies beyond the pilots, and the time taken, as far as they are known."""
    rows: list[Fact] = []
    forecast = record.forecast
    if forecast:
        rows.append(Fact(f"{forecast['level']:.0%} interval", interval_words(forecast["interval"])))
        heads = {"params_ratio": "the largest pilot's size", "compute_ratio": "the costliest pilot's compute"}
        rows += [Fact(head, f"{forecast[key]:.3g}×") for key, head in heads.items() if key in forecast]
    result = record.result or {}
    seconds = result.get("pilot_seconds", 0.0) + result.get("target_seconds", 0.0)
    if "pilot_seconds" in result and seconds:
        rows.append(Fact("of training in all", format_seconds(seconds, 2)))
    return tuple(rows)


def pictures(record: StudyRecord) -> tuple[Picture, ...]:
    """Every picture there is at this stage, in the order of the page; all of them show the record."""
    captions: dict[str, tuple[str, str]] = {}
    forecast, fit, target = record.forecast, record.fit, record.target
    measured = bool(len(record.fitted))
    if measured and forecast and target:
        title = "forecast and measured loss on one axis"
        captions["headline"] = (title, sentences.about_headline(record, target))
    captions["curves"] = ("training loss against tokens", sentences.about_curves(record))
    if measured:
        captions["tokens"] = ("loss against tokens, with the law", sentences.about_tokens(record))
        captions["parameters"] = ("loss against parameters, with the law", sentences.about_parameters(record))
        captions["frontier"] = ("loss against compute, with the frontier", sentences.about_frontier(record))
    if measured and forecast:
        captions["parts"] = ("the parts of the interval", sentences.about_parts(forecast))
    if measured and fit:
        captions["residuals"] = ("measured loss against the law", sentences.about_residuals(record, fit))
    if measured and forecast and forecast.get("further"):
        captions["further"] = ("forecasts at more compute", sentences.about_further(forecast))
    return tuple(
        Picture(name=name, title=title, view=record, caption=caption) for name, (title, caption) in captions.items()
    )


def warnings(record: StudyRecord) -> tuple[str, ...]:
    """The warnings of the forecast, of the fit and of the readers of the runs, each once."""
    forecast = (record.forecast or {}).get("warnings", ())
    fit = record.fit.warnings if record.fit else ()
    return tuple(dict.fromkeys([*forecast, *fit, *record.pilots.notes]))
