"""The page of a study: its answer put into the template and written beside its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from froude.answers import Answer, Table
from froude.answers.numbers import loss_text
from froude.answers.studies import StudyRecord, answer_of_study, read_study_record
from froude.errors import InputError
from froude.reporting.sheet import both_widths, fill, write_page
from froude.reporting.study.pictures import drawings
from froude.runs import Study


def write_report(study: Study) -> Path:
    """Write `report.html` into the study, from what is on disk at whatever stage it is, and return its path.

    The page holds all it needs: no network, script or other file. InputError where the study has no finished run or is
    one of growth, a document of it is damaged, a library of `froude[report]` is missing, or the page cannot be written.
    """
    if study.settings.get("kind") == "growth":
        path = str(study.path)
        raise InputError(
            f"{path!r} keeps timings of growth ({study.settings['title']!r}): give its froude grow again, with "
            f"--study {path} --page FILE.html; nothing kept is timed again"
        )
    return write_page(study.path / "report.html", render(read_study_record(study)))


def render(record: StudyRecord) -> str:
    """The page as HTML. InputError where a library of `froude[report]` is missing."""
    answer, draw = answer_of_study(record), drawings(record)
    return fill(
        "page.html.j2",
        {each.name: both_widths(each.name, each.title, draw[each.name]) for each in answer.pictures},
        kind="pilot study",
        name=record.name,
        unit=record.unit,
        answer=answer,
        headline=list(colour_headline(answer.headline, record)),
        captions={each.name: each.caption for each in answer.pictures},
        tables=tables_by_name(answer),
        checked=record.measured is not None,
        plan=json.dumps(record.plan, indent=2, ensure_ascii=False),
    )


def colour_headline(headline: str, record: StudyRecord) -> Iterator[tuple[str, str]]:
    """The headline in pieces, each with its role: "forecast" and "measured" for these losses, else ""."""
    losses = {"forecast": record.forecast["predicted"] if record.forecast else None, "measured": record.measured_loss}
    rest = headline
    for role, loss in losses.items():
        if loss is not None:
            before, number, rest = rest.partition(loss_text(loss))
            yield before, ""
            yield number, role
    yield rest, ""


def tables_by_name(answer: Answer) -> dict[str, tuple[str, Table]]:
    """Each table by what it is, with the sentence that its title goes on with."""
    tables: dict[str, tuple[str, Table]] = {}
    for table in answer.tables:
        name, _, sentence = table.title.partition(": ")
        tables[name] = (sentence, table)
    return tables
