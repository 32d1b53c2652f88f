"""The page of a study: its answer put into the template and written beside its runs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from froude.answers import Answer, Table
from froude.answers.numbers import loss_text
from froude.answers.studies import StudyRecord, answer_of_study, read_study_record
from froude.answers.studies.tables import RUN_LETTERS
from froude.drawing.studies import drawings
from froude.errors import InputError
from froude.reporting.sheet import both_widths, fill, write_html
from froude.runs import Study

RUNS_UNFOLDED = 500
"""Rows of the table of runs up to which it stands whole; of more, groups of so many are folded."""

_RUN = re.compile(r"row \d+ \((?P<row>[0-9a-f]{16})\)|\b(?P<alone>[0-9a-f]{16})\b")
"""A run in a warning: by its row and its id, or by its id alone."""


def write_study_page(study: Study | str | Path) -> Path:
    """Write `report.html` into the study, from what is on disk at whatever stage it is, and return its path.

    The page holds all it needs: no network, script or other file. InputError where the study has no finished run or is
    one of growth, a document of it is damaged, a library of `froude[report]` is missing, or the page cannot be written.
    """
    study = study if isinstance(study, Study) else Study.open(study)
    if study.settings.get("kind") == "growth":
        path = str(study.path)
        raise InputError(
            f"{path!r} keeps timings of growth ({study.settings['title']!r}): give its froude grow again, with "
            f"--study {path} --page FILE.html; nothing kept is timed again"
        )
    return write_html(study.path / "report.html", render(read_study_record(study)))


def render(record: StudyRecord) -> str:
    """The page as HTML. InputError where a library of `froude[report]` is missing."""
    answer, draw = answer_of_study(record), drawings(record)
    tables = tables_by_name(answer)
    runs = {row[0] for row in tables["Every run"][1].rows}
    warnings = [list(link_runs(warning, runs)) for warning in answer.warnings]
    return fill(
        "study.html.j2",
        {each.name: both_widths(each.name, each.title, draw[each.name]) for each in answer.pictures},
        kind="pilot study",
        name=record.name,
        answer=answer,
        headline=list(colour_headline(answer.headline, record)),
        warnings=warnings,
        named=runs_named(warnings),
        heaviest=heaviest_row(tables["Laws tried"][1]) if "Laws tried" in tables else None,
        captions={each.name: each.caption for each in answer.pictures},
        tables=tables,
        run_groups=list(run_groups(tables["Every run"][1].rows)),
        checked=record.measured is not None,
        plan=json.dumps(record.plan, indent=2, ensure_ascii=False),
    )


def run_groups(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, Sequence[tuple[str, ...]]]]:
    """The rows of runs in groups that a browser lays out in a moment, each with a title to unfold; of few one, without.

    A browser takes many seconds to lay out a table of ten thousand rows, and none for what is folded.
    """
    if len(rows) <= RUNS_UNFOLDED:
        yield "", rows
        return
    for first in range(0, len(rows), RUNS_UNFOLDED):
        group = rows[first : first + RUNS_UNFOLDED]
        sizes = " to ".join(dict.fromkeys(row[1] for row in (group[0], group[-1])))
        yield f"Runs {first + 1:,} to {first + len(group):,}: {sizes} parameters", group


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


def link_runs(warning: str, runs: Collection[str]) -> Iterator[tuple[str, str]]:
    """A warning in pieces of text, each with the run that it names as the table of runs does, "" where it names none.

    "row 13 (eff007ba620c0495)" becomes "run eff007ba", as rows have no numbers on the page.
    """
    end = 0
    for match in _RUN.finditer(warning):
        run = (match["row"] or match["alone"])[:RUN_LETTERS]
        if run in runs:
            yield warning[end : match.start()], ""
            yield f"run {run}", run
            end = match.end()
    yield warning[end:], ""


def runs_named(warnings: Sequence[Sequence[tuple[str, str]]]) -> dict[str, list[int]]:
    """The numbers of the warnings, from 1, that name each run."""
    named: dict[str, list[int]] = {}
    for number, pieces in enumerate(warnings, start=1):
        for run in dict.fromkeys(run for _, run in pieces if run):
            named.setdefault(run, []).append(number)
    return named


def heaviest_row(table: Table) -> int:
    """The row with the largest share of the whole."""
    return max(range(len(table.rows)), key=lambda i: table.shares[i])


def tables_by_name(answer: Answer) -> dict[str, tuple[str, Table]]:
    """Each table by what it is, with the sentence that its title goes on with."""
    tables: dict[str, tuple[str, Table]] = {}
    for table in answer.tables:
        name, _, sentence = table.title.partition(": ")
        tables[name] = (sentence, table)
    return tables
