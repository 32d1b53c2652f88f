"""The page of a fit: the answer of a report put into the template."""

from __future__ import annotations

from froude.answers import Answer, Table
from froude.answers.reports import FARTHEST, FORECASTS, LAWS, MINIMA, PARAMETERS, answer_of_fit_report
from froude.drawing.charts import chart
from froude.drawing.reports import views_of_report
from froude.fitting import FitReport
from froude.reporting.sheet import both_widths, fill

_TABLE_OF = {"forecast": FORECASTS, "isoflop": MINIMA, "residuals": FARTHEST, "held-out": LAWS}
"""The table that stands below a picture."""


def fit_page(report: FitReport, name: str) -> str:
    """The page as HTML. InputError where a library of `froude[report]` is missing."""
    answer, views = answer_of_fit_report(report), views_of_report(report)
    shown = [each for each in answer.pictures if each.name in views]
    svgs = {
        each.name: both_widths(each.name, each.title, lambda width, view=views[each.name]: chart(view, width))
        for each in shown
    }
    placed = {each.name: table for each in shown if (table := _table_below(answer, each.name)) is not None}
    below = [id(table) for table in placed.values()]
    return fill(
        "fit.html.j2",
        svgs,
        kind="fit",
        name=name,
        answer=answer,
        shown=shown,
        tables={name: _titled(table) for name, table in placed.items()},
        rest=[_titled(table) for table in answer.tables if id(table) not in below],
        formula=answer.table(PARAMETERS).title.partition(": ")[2],
    )


def _table_below(answer: Answer, name: str) -> Table | None:
    title = f"best {name.removeprefix('sweep-')} " if name.startswith("sweep-") else _TABLE_OF.get(name)
    return next((table for table in answer.tables if title and table.title.startswith(title)), None)


def _titled(table: Table) -> tuple[str, str, Table]:
    """A table with its title, and the sentence that goes on with it."""
    title, _, sentence = table.title.partition(": ")
    return title[:1].upper() + title[1:], sentence, table
