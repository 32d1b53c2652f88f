"""The tables of a study: laws, forecasts further out, runs, trainings, and what it takes to repeat it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from froude.answers import Table
from froude.answers.numbers import count, loss_text, percent, plain_number, power_of_ten, signed_percent
from froude.answers.studies.outcome import held_out_error, interval_words
from froude.answers.studies.record import StudyRecord
from froude.answers.studies.sentences import about_law, about_runs, about_starts
from froude.answers.studies.values import law_value
from froude.quantity import format_bytes, format_quantity, format_seconds
from froude.runs import Runs

Tables = tuple[Table, ...]

RUN_LETTERS = 8
"""Letters of a run's id by which tables name it."""
_UNKNOWN = ("unknown", "unknown")  # ends of an interval that there is none of


def of_forecast(record: StudyRecord) -> Tables:
    """The laws between which the forecast chose, and the forecasts at more compute."""
    forecast = record.forecast
    if forecast is None:
        return ()
    tables = []
    if choice := forecast.get("choice"):
        rows = tuple(
            (
                law["law"],
                held_out_error(law),
                loss_text(law["predicted"]),
                f"{law['share']:.0%}",
            )
            for law in choice
        )
        columns = ("law", "missed held-out pilots by", "its own forecast", "share")
        shares = tuple(law["share"] for law in choice)
        average = "The forecast is their average, each with its share." if max(shares) < 1 else "The best is taken."
        title = (
            "Laws tried: Each was fitted without the largest pilots and judged by how far it missed them; its own "
            f"forecast of the target stands beside. {average}"
        )
        tables.append(Table(title=title, columns=columns, rows=rows, shares=shares))
    if further := forecast.get("further"):
        columns = ("compute", "forecast", _level(forecast), "half of it", "parameters", f"{record.unit}s", "FLOPs")
        rows = tuple(map(_further_row, further))
        tables.append(Table(title="Further out", columns=columns, rows=rows))
    return tuple(tables)


def _level(forecast: Mapping[str, Any]) -> str:
    return f"{forecast['level']:.0%} interval"


def _further_row(step: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = step["interval"]
    return (
        f"{step['factor']:g}×",
        loss_text(step["mean"]),
        interval_words(step["interval"]),
        "±" + percent((high - low) / 2 / step["mean"]),
        format_quantity(step["N"]),
        format_quantity(step["D"]),
        power_of_ten(step["C"]),
    )


def of_law(record: StudyRecord) -> Tables:
    """The law with its formula, or the laws with their shares; and the parameters, for those who want them."""
    fit = record.fit
    if fit is None:
        return ()
    columns = ("law", "share", "loss =") if fit.law.members else ("law", "loss =")
    laws = [(law.name, f"{share:.0%}", law.formula) for law, share in fit.law.members] or [
        (fit.law.name, fit.law.formula)
    ]
    left = (0, len(columns) - 1)
    rows = tuple(
        (name, plain_number(value), *(map(plain_number, fit.intervals[name]) if name in fit.intervals else _UNKNOWN))
        for name, value in fit.params.items()
    )
    heads = ("parameter", "value", f"{fit.level:.0%} from", "to")
    return (
        Table(title=f"The law, fitted: {about_law(fit)}", columns=columns, rows=tuple(laws), left=left),
        Table(title=f"Parameters: {about_starts(fit)}", columns=heads, rows=rows),
    )


def of_runs(record: StudyRecord) -> Table:
    """A row for each finished run, smallest first, the target last."""
    unit = record.unit
    law = ("law", "off") if record.fit else ()
    columns = ("run", "parameters", f"{unit}s", "loss", *law, f"{unit}s per parameter", "FLOPs", "seed", "lr", "time")
    rows = tuple(
        _run_row(record, runs, int(i), "target" if runs is record.targets else str(runs["id"][i])[:RUN_LETTERS])
        for runs in (record.pilots, record.targets)
        for i in np.lexsort((runs["D"], runs["N"]))
    )
    return Table(title=f"Every run: {about_runs(record)}", columns=columns, rows=rows)


def _run_row(record: StudyRecord, runs: Runs, i: int, name: str) -> tuple[str, ...]:
    N, D, C, loss = (float(runs[role][i]) for role in ("N", "D", "C", "loss"))
    finite = math.isfinite(loss)
    law: tuple[str, ...] = ()
    if record.fit:
        value = float(law_value(record.fit, N, D, C))
        law = (loss_text(value), signed_percent(loss / value - 1) if finite else "")
    return (
        name,
        format_quantity(N),
        format_quantity(D),
        loss_text(loss) if finite else "diverged",
        *law,
        format_quantity(D / N),
        power_of_ten(C),
        _cell(runs, "seed", i, lambda v: f"{v:g}"),
        _cell(runs, "lr", i, lambda v: f"{v:g}"),
        _cell(runs, "seconds", i, lambda v: format_seconds(v, 2)),
    )


def _cell(runs: Runs, name: str, i: int, show: Callable[[Any], str]) -> str:
    """A value of a column that the study may lack; nothing where it is missing."""
    value = runs[name][i] if name in runs else math.nan
    return "" if isinstance(value, float) and math.isnan(value) else show(value)


def of_plan(record: StudyRecord) -> Tables:
    """The trainings of the plan, a row each."""
    design = (record.plan or {}).get("design", {})
    trunks = [("pilot", trunk) for trunk in design.get("pilots", ())]
    trunks += [("target", design["target"])] if "target" in design else []
    if not trunks:
        return ()
    columns = (
        *("training", "width", "layers", "heads", "context", f"lengths in {record.unit}s"),
        *("batch", "lr", "seed", "precision"),
    )
    rows = tuple(
        (
            kind,
            *(str(trunk["decoder"][name]) for name in ("width", "layers", "heads", "context")),
            ", ".join(format_quantity(tokens) for tokens in trunk["tokens"]),
            str(trunk["batch"]),
            f"{trunk['lr']:g}",
            str(trunk["seed"]),
            trunk["precision"],
        )
        for kind, trunk in trunks
    )
    title = (
        "The plan: One training a row; each writes a run for every length it lists. Save the plan below as plan.json "
        "and give it to froude pilot --plan plan.json to train the same runs elsewhere."
    )
    return (Table(title=title, columns=columns, rows=rows),)


def of_provenance(record: StudyRecord) -> Tables:
    """What one needs to repeat the study, name and value, as far as the documents tell."""
    plan, machine, forecast = record.plan or {}, record.environment or {}, record.forecast or {}
    corpus = plan.get("corpus", {})
    rows = (
        *_named(plan, {"command": "command", "seed": "seed"}, str),
        *_named(plan, {"planned": "written"}, _date),
        *_named(forecast, {"forecast written": "written"}, _date),
        *_named(plan, {"time given": "minutes"}, lambda minutes: f"{minutes:g} min"),
        *_times(record.result),
        *_named(corpus, {"corpus hash": "hash"}, str),
        *_corpus_bytes(corpus),
        *_named(machine, {"device": "device", "processor": "processor", "cores": "cores", "platform": "platform"}, str),
        *_named(machine, {"memory": "memory_bytes"}, format_bytes),
        *_named(machine or plan, {"froude": "froude"}, str),
        *_named(machine, {"python": "python", "torch": "torch", "numpy": "numpy"}, str),
    )
    return (Table(title="To repeat it", columns=(), rows=rows, left=(0, 1)),) if rows else ()


Row = tuple[str, str]


def _named(document: Mapping[str, Any], keys: Mapping[str, str], show: Callable[[Any], str]) -> Iterable[Row]:
    return ((title, show(document[key])) for title, key in keys.items() if document.get(key) is not None)


def _times(result: Mapping[str, Any] | None) -> Iterable[Row]:
    """How long pilots and target took, as far as that is known."""
    if result:
        known = (("pilots", "pilot_seconds"), ("target", "target_seconds"))
        yield "time taken", ", ".join(f"{who} {format_seconds(result[key], 2)}" for who, key in known if key in result)


def _date(written: str) -> str:
    """An ISO time as people write it: "2026-11-21 22:31:47 UTC"."""
    return written.replace("T", " ").replace("Z", " UTC")


def _corpus_bytes(corpus: Mapping[str, Any]) -> Iterable[Row]:
    for title, part in (("corpus kept", "kept"), ("corpus dropped as copies", "dropped")):
        if f"{part}_bytes" in corpus:
            yield title, f"{format_bytes(corpus[f'{part}_bytes'])} in {count(corpus[f'{part}_files'], 'file')}"
    if "validation_bytes" in corpus:
        train, score = (format_bytes(corpus[f"{side}_bytes"]) for side in ("train", "validation"))
        yield "split", f"{train} to train, {score} to score"
    if corpus.get("unreadable_files"):
        yield "unreadable", count(corpus["unreadable_files"], "file")
